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
    grams: Float[Array, "replicates bins bins"],
    bin_feature: Int[Array, " bins"],
    num_samples: int,
) -> Float[Array, "replicates bins bins"]:
    """For every replicate a root of the inverse Gram matrix of all the others.

    The bins of a column add up to 1, so each column but the first leaves its first bin out: what
    is left is not singular, also in float32.

    Args:
        grams: one-hot Gram matrix of each replicate.
        bin_feature: column of each bin, ascending.
        num_samples: of all replicates.

    Returns:
        Matrices `A` such that `Aᵀ A` is the inverse, 0 for what is left out: so each model costs
        products only.
    """
    first = jnp.concatenate([jnp.zeros(1, bool), bin_feature[1:] != bin_feature[:-1]])
    kept = ~first
    diagonal = jnp.diag(jnp.where(kept, PENALTY * num_samples, 1).astype(grams.dtype))

    def one(gram: Float[Array, "bins bins"]) -> Float[Array, "bins bins"]:
        factor = jnp.linalg.cholesky(jnp.where(kept[:, None] & kept, gram, 0) + diagonal)
        root = solve_triangular(factor, jnp.eye(gram.shape[0], dtype=gram.dtype), lower=True)
        return jnp.where(kept[:, None], root, 0)

    # One after the other: XLA solves a batch of triangular systems on a CPU far slower than
    # LAPACK solves each.
    return jax.lax.map(one, grams.sum(0) - grams)


def fit_values(
    root: Float[Array, "replicates bins bins"], sides: Float[Array, "replicates bins outputs"]
) -> Float[Array, "replicates bins outputs"]:
    """For every replicate the additive function of all the others: a value for every bin.

    Args:
        root: of `inverse_root`.
        sides: of each replicate, the outputs summed over the samples of every bin.

    Returns:
        The ridge regression of the outputs on the one-hot bins.
    """
    half = jnp.matmul(root, sides.sum(0) - sides, precision="highest")
    return jnp.matmul(jnp.swapaxes(root, 1, 2), half, precision="highest")


def slopes(
    values: Float[Array, "replicates bins outputs"],
    probability: Float[Array, " bins"],
    bin_feature: Int[Array, " bins"],
    num_features: int,
) -> tuple[Float[Array, "replicates outputs bins"], Float[Array, "replicates outputs bins"]]:
    """The exact explanation of additive functions.

    Args:
        values: of every bin.
        probability: training frequency of the bins.
        bin_feature: their columns.
        num_features: how many columns there are.

    Returns:
        For x in each bin, the coefficient: the bin's value less the mean over the column's other
        bins; and that mean.
    """
    p = probability[:, None]

    def column_mean(values: Float[Array, "bins outputs"]) -> Float[Array, "bins outputs"]:
        sums = jax.ops.segment_sum(p * values, bin_feature, num_segments=num_features)
        return sums[bin_feature]

    mean = jax.vmap(column_mean)(values)
    others = jnp.where(p < 1, (mean - p * values) / jnp.where(p < 1, 1 - p, 1), 0)
    return jnp.swapaxes(values - others, 1, 2), jnp.swapaxes(others, 1, 2)
