"""A coefficient as a difference of two weighted means, and its error from left-out replicates."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp

from lime_jax.fits.jackknife import jackknife_standard_error
from lime_jax.typing import Array, Float, Int, pytree


@pytree
class Sums:
    """Weighted sums over the samples, for one row.

    Attributes:
        hits: of the samples in x's own bin.
        products: of their residuals.
        weight: of all samples.
        residual: of all residuals.
        squares: of the squared weights.
        output: of the outputs.
        output_squared: of their squares.
        residual_squared: of the squared residuals.
    """

    hits: Float[Array, "*batch replicates features"]
    products: Float[Array, "*batch replicates outputs features"]
    weight: Float[Array, "*batch replicates"]
    residual: Float[Array, "*batch replicates outputs"]
    squares: Float[Array, "*batch"]
    output: Float[Array, "*batch outputs"]
    output_squared: Float[Array, "*batch outputs"]
    residual_squared: Float[Array, "*batch outputs"]


def take_outputs(sums: Sums, labels: Int[Array, " labels"]) -> Sums:
    """The sums of some outputs.

    Args:
        sums: of all outputs.
        labels: which to take.

    Returns:
        The sums of these.
    """

    def of_outputs(leaf: Array) -> Array:
        return jnp.take(leaf, labels, axis=-1)

    return dataclasses.replace(
        sums,
        products=jnp.take(sums.products, labels, axis=1),
        residual=of_outputs(sums.residual),
        output=of_outputs(sums.output),
        output_squared=of_outputs(sums.output_squared),
        residual_squared=of_outputs(sums.residual_squared),
    )


def _difference(
    hits: Float[Array, "*batch features"],
    products: Float[Array, "*batch outputs features"],
    weight: Float[Array, "*batch"],
    residual: Float[Array, "*batch outputs"],
) -> Float[Array, "*batch outputs features"]:
    """Mean residual in x's own bin less the mean outside it; 0 where one of them is empty."""
    inside, outside = hits[..., None, :], (weight[..., None] - hits)[..., None, :]
    # A bin that holds all samples leaves rounding, not weight, outside.
    real = (inside > 0) & (outside > 1e-5 * weight[..., None, None])
    difference = products / jnp.where(real, inside, 1) - (
        residual[..., None] - products
    ) / jnp.where(real, outside, 1)
    return jnp.where(real, difference, 0)


def estimate(
    sums: Sums, slope: Float[Array, "replicates outputs features"]
) -> tuple[Array, Array, Array]:
    """Coefficients before shrinkage.

    Args:
        sums: of the residuals that the additive functions leave.
        slope: the additive functions' own coefficients, one per replicate.

    Returns:
        Coefficients (outputs, features), their standard errors, and which features rest on bins
        that some replicate never met: their errors come from the pooled samples.
    """
    parts = (sums.hits, sums.products, sums.weight, sums.residual)
    pooled = [part.sum(0) for part in parts]
    others = [whole - part for whole, part in zip(pooled, parts, strict=True)]
    whole, left_out = _difference(*pooled), _difference(*others)
    # A left-out set that never met x's bin says nothing about it.
    left_out = jnp.where(others[0][:, None] > 0, left_out, whole)
    beta = whole + slope.mean(0)
    left_out = left_out + (slope.sum(0) - slope) / (slope.shape[0] - 1)
    error = jackknife_standard_error(beta, left_out)

    weight = jnp.maximum(pooled[2], jnp.finfo(beta.dtype).tiny)
    effective = weight**2 / jnp.maximum(sums.squares, jnp.finfo(beta.dtype).tiny)
    spread = jnp.sqrt(sums.residual_squared / weight)[:, None]
    count = jnp.maximum(pooled[0] / weight * effective, 1)
    rare = (sums.hits <= 0).any(0)
    return beta, jnp.where(rare, spread / jnp.sqrt(count), error), rare
