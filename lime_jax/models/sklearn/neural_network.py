"""Multi-layer perceptrons."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import NO_SUM, apply, linked
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import Link, softmax, two_sigmoids
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.sklearn.linear import refuse_many_labels
from lime_jax.typing import AnyArray, Array, Estimator, pytree, static

ACTIVATIONS: dict[str, Link] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "logistic": jax.nn.sigmoid,
    "exp": jnp.exp,
    "softmax": softmax,
}


@register_converter("sklearn.MLPClassifier", methods=("predict_proba",), why_not=NO_SUM)
@register_converter("sklearn.MLPRegressor", methods=("predict",), why_not=NO_SUM)
def convert_perceptron(model: Estimator, method: str, features: Features) -> Converted:
    """The layers, and probabilities of what they return if it classifies."""
    classifies = method == "predict_proba"
    if classifies:
        refuse_many_labels(model)
    if model.activation not in ("identity", *ACTIVATIONS):
        raise NotConvertibleError(f"{type(model).__name__}: activation={model.activation!r}")
    weights = tuple(np.asarray(w, np.float64) for w in model.coefs_)
    biases = tuple(np.asarray(b, np.float64) for b in model.intercepts_)
    layers = apply(Layers(weights, biases, model.activation), features)
    last = model.out_activation_
    if last == "identity":
        return layers
    link = two_sigmoids if classifies and last == "logistic" else ACTIVATIONS[last]
    return linked(layers, link, layers.why_not_exact)


@pytree
class Layers:
    """Dense layers, each but the last followed by the same activation."""

    weights: tuple[Any, ...]  # of the layers, (inputs, outputs)
    biases: tuple[Any, ...]
    activation: str = static()  # a name in `ACTIVATIONS`, or "identity"

    def __call__(self, inputs: AnyArray) -> Array:
        """(samples, columns) -> (samples, outputs), before the output activation."""
        last, outputs = len(self.weights) - 1, jnp.asarray(inputs)
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            outputs = jnp.matmul(outputs, weight, precision="highest") + bias
            if k < last and self.activation != "identity":
                outputs = ACTIVATIONS[self.activation](outputs)
        return outputs
