"""The additive function of the bins that stands in for the model: fitted, and explained exactly."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from lime_jax.typing import Array, Float, Int

PENALTY = 1e-6
"""On the squared values, per sample: against bins that the samples never met. Any penalty leaves
the explanation unbiased."""


def inverse_root(
    grams: Float[Array, "replicates bins bins"], bin_feature: Int[Array, " bins"], num_samples: int
) -> Float[Array, "replicates bins bins"]:
    """For every replicate a root `A` of the inverse Gram matrix `Aᵀ A` of all the others.

    The bins of a column add up to 1, so each column but the first leaves its first bin out (0 in
    `A`): what is left is not singular, also in float32. So each model costs products only.
    """

    def one(gram: Float[Array, "bins bins"]) -> Float[Array, "bins bins"]:
        return root_of(gram, bin_feature, num_samples)

    # One after the other: XLA solves a batch of triangular systems on a CPU far slower than
    # LAPACK solves each.
    return jax.lax.map(one, grams.sum(0) - grams)


def root_of(
    gram: Float[Array, "bins bins"], bin_feature: Int[Array, " bins"], num_samples: int
) -> Float[Array, "bins bins"]:
    """The same of one Gram matrix."""
    free = ~jnp.concatenate([jnp.zeros(1, bool), bin_feature[1:] != bin_feature[:-1]])
    diagonal = jnp.diag(jnp.where(free, PENALTY * num_samples, 1).astype(gram.dtype))
    factor = jnp.linalg.cholesky(jnp.where(free[:, None] & free, gram, 0) + diagonal)
    root = solve_triangular(factor, jnp.eye(gram.shape[0], dtype=gram.dtype), lower=True)
    return jnp.where(free[:, None], root, 0)


def fit_values(
    root: Float[Array, "replicates bins bins"], sides: Float[Array, "replicates bins outputs"]
) -> Float[Array, "replicates bins outputs"]:
    """For every replicate the additive function of all the others: a value for every bin.

    The ridge regression on the one-hot bins, from the outputs summed over each bin's samples.
    """
    half = jnp.matmul(root, sides.sum(0) - sides, precision="highest")
    return jnp.matmul(jnp.swapaxes(root, 1, 2), half, precision="highest")


def centered(
    values: Float[Array, "*batch bins outputs"],
    probability: Float[Array, " bins"],
    bin_feature: Int[Array, " bins"],
    num_features: int,
) -> tuple[Array, Array, Array]:
    """An additive function as constants and functions of the columns whose means are 0.

    Third come the variances of these, of training bins: (*batch, features, outputs).
    """

    def column_sum(terms: Array) -> Array:
        by_bin = jnp.moveaxis(probability[:, None] * terms, -2, 0)
        return jnp.moveaxis(jax.ops.segment_sum(by_bin, bin_feature, num_features), 0, -2)

    mean = column_sum(values)
    around = values - mean[..., bin_feature, :]
    return mean.sum(-2), around, column_sum(around**2)


def tilted_moments(
    value: Float[Array, "*batch outputs features"],
    spread: Float[Array, "*batch outputs features"],
    p: Float[Array, " features"],
    q: Float[Array, " features"],
) -> tuple[Float[Array, "*batch outputs features"], Float[Array, "*batch outputs features"]]:
    """Means and variances of functions of the columns where the kernel favors x's own bins.

    `value` and the training frequency `p` are 0 where x has no bin. Those of an additive function
    are their sums, exactly, because columns are independent.
    """
    others = jnp.where(p < 1, (1 - q) / jnp.where(p < 1, 1 - p, 1), 0)
    mean = value * (q - p * others)
    square = (q - p * others) * value**2 + others * spread
    return mean, jnp.maximum(square - mean**2, 0)
