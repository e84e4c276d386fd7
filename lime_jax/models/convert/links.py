"""Links: what classifiers and regressors make of their margins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.typing import Array

Link: TypeAlias = Callable[[Array], Array]
"""A JAX function of (samples, outputs), always the same object, so that it compiles once."""

LOWEST_MARGIN = -np.log(np.finfo(np.float64).max)  # below it, scikit-learn's sigmoid is 0


def sigmoid(margin: Array) -> Array:
    """Probabilities of the second class."""
    return jax.nn.sigmoid(margin)


def two_sigmoids(margin: Array) -> Array:
    """Both probabilities of a binary classifier from the margin of the second class."""
    return jnp.concatenate([jax.nn.sigmoid(-margin), jax.nn.sigmoid(margin)], axis=1)


def softmax(margins: Array) -> Array:
    """Probabilities from the margins of all classes."""
    return jax.nn.softmax(margins, axis=1)


def signed_square(margin: Array) -> Array:
    """Targets whose square root was fitted."""
    return jnp.sign(margin) * margin * margin


def two_symmetric(margin: Array) -> Array:
    """Both probabilities where the first class's margin is minus that of the second."""
    return two_sigmoids(2 * margin)


def two_clipped(margin: Array) -> Array:
    """Both probabilities of a binary classifier with the modified Huber loss."""
    share = (jnp.clip(margin, -1, 1) + 1) / 2
    return jnp.concatenate([1 - share, share], axis=1)


def normalized_clipped(margins: Array) -> Array:
    """The same for more classes, one against the rest; where none has a share, all are equal."""
    share = (jnp.clip(margins, -1, 1) + 1) / 2
    share = jnp.where(share.sum(1, keepdims=True) == 0, 1, share)
    return share / share.sum(1, keepdims=True)


def normalized_sigmoids(margins: Array) -> Array:
    """Probabilities of binary classifiers of each class against the rest, divided by their sum.

    By logarithms, because float32 has no numbers for odds that float64 has numbers for. Where even
    float64 has none, scikit-learn takes all classes for equal.
    """
    lost = (margins < LOWEST_MARGIN).all(axis=1, keepdims=True)
    return jax.nn.softmax(jnp.where(lost, 0, jax.nn.log_sigmoid(margins)), axis=1)
