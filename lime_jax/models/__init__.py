"""A model as the engine calls it: on the device as a pytree, or on the host as it is."""

from lime_jax.models.functions import jax_predict
from lime_jax.models.host import host_predict
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import DevicePredict, Model
from lime_jax.models.support_table import SupportedModel, supported
from lime_jax.models.unchanging import unchanging

__all__ = [
    "DevicePredict",
    "Model",
    "SupportedModel",
    "as_predict_fn",
    "host_predict",
    "jax_predict",
    "supported",
    "unchanging",
]
