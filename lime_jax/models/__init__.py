"""A model as the engine calls it: on the device as a pytree, or on the host as it is."""

from lime_jax.models.host import host_predict
from lime_jax.models.predict import DevicePredict, Model, as_predict_fn, jax_predict

__all__ = ["DevicePredict", "Model", "as_predict_fn", "host_predict", "jax_predict"]
