"""All that a linear fit needs of its samples, in a form that merges exactly."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lime_jax.typing import Array, Bool, Float, pytree


@pytree
class Moments:
    """Weight, weighted means and centred co-moments of interpretable variables and outputs.

    The co-moments are sums, not averages, and centred, because raw second moments lose their
    digits in float32 as soon as a mean is large beside its spread.

    Attributes:
        weight: sum of the weights.
        weight_squared: sum of the squared weights.
        mean_z: weighted mean of the interpretable variables.
        mean_y: weighted mean of the outputs.
        zz: sum of `w (z - mean_z) (z - mean_z)ᵀ`.
        zy: sum of `w (z - mean_z) (y - mean_y)ᵀ`.
        yy: sum of `w (y - mean_y)²`, for every output by itself.
    """

    weight: Float[Array, "*batch"]
    weight_squared: Float[Array, "*batch"]
    mean_z: Float[Array, "*batch features"]
    mean_y: Float[Array, "*batch outputs"]
    zz: Float[Array, "*batch features features"]
    zy: Float[Array, "*batch features outputs"]
    yy: Float[Array, "*batch outputs"]


def empty_moments(
    num_features: int, num_outputs: int, dtype: jax.typing.DTypeLike = float
) -> Moments:
    """Moments of no samples: the neutral element of `merge`."""
    dtype = jax.dtypes.canonicalize_dtype(dtype)
    return Moments(
        weight=jnp.zeros((), dtype),
        weight_squared=jnp.zeros((), dtype),
        mean_z=jnp.zeros(num_features, dtype),
        mean_y=jnp.zeros(num_outputs, dtype),
        zz=jnp.zeros((num_features, num_features), dtype),
        zy=jnp.zeros((num_features, num_outputs), dtype),
        yy=jnp.zeros(num_outputs, dtype),
    )


def weighted_moments(
    z: Float[Array, "samples features"],
    y: Float[Array, "samples outputs"],
    weights: Float[Array, " samples"],
) -> Moments:
    """Sum weighted samples up: centre first, then square.

    Args:
        z: interpretable variables, `(samples, features)`.
        y: outputs of the model, `(samples, outputs)`.
        weights: how much each sample counts, `(samples,)`, not negative. If all are 0, so are
            the moments.

    Returns:
        The moments; `zz / weight` equals `numpy.cov(z.T, aweights=weights, ddof=0)`.

    Example:
        >>> import jax.numpy as jnp
        >>> z, y = jnp.array([[0.0], [2.0]]), jnp.array([[1.0], [5.0]])
        >>> moments = weighted_moments(z, y, jnp.ones(2))
        >>> float(moments.zz[0, 0]), float(moments.zy[0, 0])
        (2.0, 4.0)
    """
    weight = weights.sum()
    share = _divide(weights, weight)
    mean_z, centred_z = _centre(z, share)
    mean_y, centred_y = _centre(y, share)
    weighted_z = weights[:, None] * centred_z
    return Moments(
        weight=weight,
        weight_squared=(weights**2).sum(),
        mean_z=mean_z,
        mean_y=mean_y,
        zz=jnp.matmul(weighted_z.T, centred_z, precision="highest"),
        zy=jnp.matmul(weighted_z.T, centred_y, precision="highest"),
        yy=(weights[:, None] * centred_y**2).sum(0),
    )


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of the samples of `a` and of `b` together, without the samples.

    Exact up to rounding, associative and commutative; `empty_moments` changes nothing.

    Args:
        a: moments of some samples.
        b: moments of other samples, same features and outputs.

    Returns:
        What `weighted_moments` gives for all samples at once (Chan, Golub and LeVeque, 1983).

    Example:
        >>> import jax.numpy as jnp
        >>> low = weighted_moments(jnp.zeros((1, 1)), jnp.zeros((1, 1)), jnp.ones(1))
        >>> high = weighted_moments(jnp.ones((1, 1)), jnp.ones((1, 1)), jnp.ones(1))
        >>> float(merge(low, high).zz[0, 0])
        0.5
    """
    weight = a.weight + b.weight
    share = _divide(b.weight, weight)
    step_z = b.mean_z - a.mean_z
    step_y = b.mean_y - a.mean_y
    between = a.weight * share
    return Moments(
        weight=weight,
        weight_squared=a.weight_squared + b.weight_squared,
        mean_z=a.mean_z + share * step_z,
        mean_y=a.mean_y + share * step_y,
        zz=a.zz + b.zz + between * jnp.outer(step_z, step_z),
        zy=a.zy + b.zy + between * jnp.outer(step_z, step_y),
        yy=a.yy + b.yy + between * step_y**2,
    )


def pool(
    stacked: Moments, include: Float[Array, " replicates"] | Bool[Array, " replicates"]
) -> Moments:
    """Merge the included replicates at once.

    Args:
        stacked: moments whose leaves have a leading replicate axis, `(replicates, ...)`.
        include: 1 (or True) for the replicates that count, else 0, `(replicates,)`.

    Returns:
        What `merge` gives, one after the other; under `vmap` over `include`, all left-out fits
        come from one matrix product.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> z = jnp.arange(6.0).reshape(3, 2, 1)
        >>> stacked = jax.vmap(weighted_moments)(z, z, jnp.ones((3, 2)))
        >>> float(pool(stacked, jnp.array([True, True, False])).mean_z[0])
        1.5
    """
    include = include.astype(stacked.weight.dtype)
    weights = include * stacked.weight
    between = weighted_moments(stacked.mean_z, stacked.mean_y, weights)

    def within(leaf: Float[Array, " replicates *shape"]) -> Float[Array, "*shape"]:
        return jnp.einsum("r,r...->...", include, leaf, precision="highest")

    return Moments(
        weight=between.weight,
        weight_squared=within(stacked.weight_squared),
        mean_z=between.mean_z,
        mean_y=between.mean_y,
        zz=within(stacked.zz) + between.zz,
        zy=within(stacked.zy) + between.zy,
        yy=within(stacked.yy) + between.yy,
    )


def varying(moments: Moments) -> Bool[Array, " features"]:
    """Which interpretable variables vary over the samples by more than rounding.

    False for a column that is constant (or without any weight).
    """
    return jnp.diagonal(moments.zz) > rounding(moments.mean_z, moments.weight)


def rounding(mean: Float[Array, " columns"], weight: Float[Array, ""]) -> Float[Array, " columns"]:
    """The largest sum of squares that a constant column leaves behind when it is centred."""
    # Each of the two centring steps is wrong by at most one unit in the last place of the mean.
    return weight * (4 * jnp.finfo(mean.dtype).eps * mean) ** 2


def _centre(
    values: Float[Array, "rows columns"], share: Float[Array, " rows"]
) -> tuple[Float[Array, " columns"], Float[Array, "rows columns"]]:
    """The weighted mean, and the values less it."""
    mean = jnp.matmul(share, values, precision="highest")
    centred = values - mean
    # The mean of many values is itself rounded; what is left of it after centring is small, and
    # so is known to many more digits.
    rest = jnp.matmul(share, centred, precision="highest")
    return mean + rest, centred - rest


def _divide(
    numerator: Float[Array, "*shape"], denominator: Float[Array, ""]
) -> Float[Array, "*shape"]:
    """The quotient, and 0 where nothing is divided by nothing; safe under `grad`."""
    positive = denominator > 0
    return jnp.where(positive, numerator / jnp.where(positive, denominator, 1), 0)
