"""A coefficient as a difference of two weighted means, and its error from left-out replicates."""

from __future__ import annotations

import jax.numpy as jnp

from lime_jax.fits.jackknife import jackknife_standard_error
from lime_jax.typing import Array, Float, pytree


@pytree
class Sums:
    """Weighted sums over the samples, for one row; `hits` are in x's own bin."""

    hits: Float[Array, "*batch replicates features"]
    products: Float[Array, "*batch replicates outputs features"]
    weight: Float[Array, "*batch replicates"]
    residual: Float[Array, "*batch replicates outputs"]
    squares: Float[Array, "*batch"]
    residual_squared: Float[Array, "*batch replicates outputs"]
    products_of_parts: Float[Array, "*batch replicates outputs"]


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
) -> tuple[Array, Array, Array, Array]:
    """Coefficients before shrinkage, their errors, which features rest on rare bins, left-out ones.

    Rare are bins that some replicate never met: their errors come from the pooled samples. The last
    are the coefficients without each replicate, (replicates, outputs, features).
    """
    parts = (sums.hits, sums.products, sums.weight, sums.residual)
    pooled = [part.sum(0) for part in parts]
    others = [whole - part for whole, part in zip(pooled, parts, strict=True)]
    whole, left_out = _difference(*pooled), _difference(*others)
    other_slopes = (slope.sum(0) - slope) / (slope.shape[0] - 1)
    beta = whole + slope.mean(0)
    # A left-out set that never met x's bin says nothing about it.
    known = jnp.where(others[0][:, None] > 0, left_out, whole)
    error = jackknife_standard_error(beta, known + other_slopes)

    weight = jnp.maximum(pooled[2], jnp.finfo(beta.dtype).tiny)
    effective = weight**2 / jnp.maximum(sums.squares, jnp.finfo(beta.dtype).tiny)
    spread = jnp.sqrt(sums.residual_squared.sum(0) / weight)[:, None]
    count = jnp.maximum(pooled[0] / weight * effective, 1)
    rare = (sums.hits <= 0).any(0)
    error = jnp.where(rare, spread / jnp.sqrt(count), error)
    return beta, error, rare, left_out + other_slopes


def output_variance(
    sums: Sums,
    mean: Float[Array, "replicates outputs"],
    variance: Float[Array, "replicates outputs"],
) -> Float[Array, " outputs"]:
    """The variance of the outputs, whose additive part is known and needs no samples.

    `mean` is of the additive functions under the kernel, exact, with the outputs' own constant.
    With few samples the variance, of all replicates together, can be negative.
    """
    tiny = jnp.finfo(mean.dtype).tiny
    weight = jnp.maximum(sums.weight, tiny)[:, None]
    share = weight / weight.sum()
    residual = sums.residual / weight
    whole = mean.mean(0) + (share * residual).sum(0)
    square = (sums.residual_squared + 2 * sums.products_of_parts) / weight
    away = mean - whole
    return (share * (variance + square + away * (away + 2 * residual))).sum(0)


def unexplained_variance(
    sums: Sums,
    total: Float[Array, " outputs"],
    slope: Float[Array, "outputs features"],
    drawn: Float[Array, "outputs features"],
    v: Float[Array, " features"],
) -> Float[Array, " outputs"]:
    """The variance of what a surrogate leaves, from the same samples as the total.

    What the additive functions explain (`slope`, 0 if not kept) is taken away under the exact law,
    under which their variance is known; what their residuals explain, under that of the samples.
    """
    weight = jnp.maximum(sums.weight.sum(), jnp.finfo(v.dtype).tiny)
    hits = sums.hits.sum(0) / weight
    of_samples = hits * (1 - hits)
    explained = slope**2 * v + (2 * slope + drawn) * drawn * of_samples
    return jnp.maximum(total - explained.sum(-1), 0)


def held_out_excess(
    sums: Sums,
    slope: Float[Array, "replicates outputs features"],
    mean: Float[Array, "replicates outputs"],
    coef: Float[Array, "replicates outputs features"],
    drawn: Float[Array, "replicates outputs features"],
    q: Float[Array, " features"],
) -> Float[Array, " outputs"]:
    """What surrogates explain of the variance in samples that they were not fitted to.

    The mean square that a surrogate `b + β z` (`coef`, 0 where not selected) leaves is
    `Var y - 2 β·Cov(z, y) + Σ v β² + (E y - b - β·q)²`.
    Of each replicate's own samples it needs the covariance. That too has the exact part of the
    additive function and the sampled part of its residual; both are fair to a surrogate of the
    other replicates, whose additive function it is. As in `unexplained_variance` the variance `v`
    of the samples goes with the sampled part.
    Negative where they are worse than the mean.
    """
    tiny = jnp.finfo(coef.dtype).tiny
    replicates, total = sums.weight.shape[0], jnp.maximum(sums.weight.sum(), tiny)
    v = q * (1 - q)
    share = sums.weight[:, None] / total
    weight = jnp.maximum(sums.weight, tiny)[:, None]
    rest = jnp.maximum(total - sums.weight, tiny)[:, None]
    others = (sums.residual.sum(0) - sums.residual) / rest
    # Centered at the mean of the others: at the replicate's own, few samples would fit themselves.
    covariance = (
        sums.products
        - q * sums.residual[..., None]
        - others[..., None] * (sums.hits - q * sums.weight[:, None])[:, None]
    ) / total + share[..., None] * v * slope
    hits = sums.hits / weight
    of_samples = (hits * (1 - 2 * q) + q**2)[:, None]
    square = v * coef**2 + (of_samples - v) * drawn**2
    explained = (2 * coef * covariance - share[..., None] * square).sum((0, 2))
    own_mean = mean + sums.residual / weight
    other_mean = (mean.sum(0) - mean) / (replicates - 1) + others
    # A replicate's own mean is as uncertain as the others' times their number.
    return explained - (share * (own_mean - other_mean) ** 2).sum(0) / replicates
