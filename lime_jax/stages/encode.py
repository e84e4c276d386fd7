"""Interpretable variables: how x sees a sample."""

from __future__ import annotations

import jax.numpy as jnp

from lime_jax.typing import Array, Float, Int


def same_bin(
    bins: Int[Array, "*batch features"], own_bins: Int[Array, " features"]
) -> Float[Array, "*batch features"]:
    """1 where a sample falls in x's own bin (or has x's level), else 0.

    Args:
        bins: of the samples.
        own_bins: of x; -1 (a bin without training mass) matches nothing.

    Returns:
        0/1 columns; x itself is all ones.

    Example:
        >>> same_bin(jnp.array([[0, 3], [1, 3]]), jnp.array([1, 3]))
        Array([[0., 1.],
               [1., 1.]], dtype=float32)

    Equals `lime`'s binary columns.
    """
    return (bins == own_bins).astype(jnp.result_type(float))


def standardize(
    values: Float[Array, "*batch features"],
    mean: Float[Array, " features"],
    scale: Float[Array, " features"],
) -> Float[Array, "*batch features"]:
    """Distance from the column mean in standard deviations.

    Args:
        values: in the columns' units.
        mean: of the columns.
        scale: population standard deviations, never 0.

    Returns:
        `(values - mean) / scale`.

    Example:
        >>> standardize(jnp.array([3.0]), jnp.array([1.0]), jnp.array([4.0]))
        Array([0.5], dtype=float32)

    Equals scikit-learn's `StandardScaler`.
    """
    return (values - mean) / scale
