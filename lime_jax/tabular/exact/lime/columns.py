"""The tilted law, column by column: samples weighted by the kernel stay independent.

Under a product kernel a column's variable has a law of its own. All that an explanation needs of it
is its mean and variance, where x is on it, and how much weight the samples have.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import ndtr

from lime_jax.stages.encode import standardize
from lime_jax.tabular.config import TabularConfig
from lime_jax.tabular.domain import TabularInstance
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import Array, Bool, Float, Int, Support, pytree


@pytree
class Columns:
    """Every column's variable under the tilted law, for some rows.

    A variable is 0 or 1 (`matched`: is the sample in x's own bin?) or in standard deviations.

    Attributes:
        untilted: chance of a match without the kernel; 0 where nothing is matched.
        normal_mean: of standardized values that are drawn from a normal law, after the part of the
            kernel that depends on them.
        low: of x's own bin, in standard deviations; -inf where nothing is matched.
        varies: False for a column that is held, or whose variable is constant.
        support: what is known of x's bin, a `Support`.
    """

    mean: Float[Array, "*batch features"]
    variance: Float[Array, "*batch features"]
    row_value: Float[Array, "*batch features"]
    untilted: Float[Array, "*batch features"]
    normal_mean: Float[Array, "*batch features"]
    normal_std: Float[Array, "*batch features"]
    low: Float[Array, "*batch features"]
    high: Float[Array, "*batch features"]
    weight: Float[Array, "*batch features"]
    weight_squared: Float[Array, "*batch features"]
    varies: Bool[Array, "*batch features"]
    support: Int[Array, "*batch features"]


@pytree
class Setting:
    """What an explanation in closed form depends on besides model and row.

    Attributes:
        stats: of the table, on the device.
        config: the choices that a form depends on, with a number for `kernel_width`.
        num_samples: that the samples' weights are told in.
        effective_num_samples: of the finite run whose shrinkage is wanted; None: none.
    """

    stats: TabularStats
    config: TabularConfig
    perturbed: Bool[Array, " features"]
    num_samples: Float[Array, ""]
    effective_num_samples: Float[Array, ""] | None = None


def columns_of(instances: TabularInstance, setting: Setting) -> Columns:
    """The tilted law of every column; it depends on neither the model nor the other columns."""
    stats, config, perturbed = setting.stats, setting.config, setting.perturbed
    units = standardize(instances.values, jnp.asarray(stats.mean), jnp.asarray(stats.scale))
    width = jnp.asarray(config.kernel_width, units.dtype)
    met = instances.bins >= 0
    is_level = jnp.broadcast_to(jnp.asarray(stats.categorical), met.shape)
    matched = is_level | (config.encoding == "same_bin")
    by_units = ~is_level & ("standardized" in (config.encoding, config.distance_space))
    units = jnp.where(is_level, 0, units)

    # The kernel in standardized distance: a normal law times a normal curve around x.
    square = width**2
    before = units if config.sampling == "around" else jnp.zeros_like(units)
    normal_mean = jnp.where(by_units, (before * square + units) / (1 + square), before)
    normal_std = jnp.where(by_units, jnp.sqrt(square / (1 + square)), 1)
    apart = (units - before) ** 2

    # The kernel by mismatches: another bin than x's own costs a constant factor.
    low, high = _own_bin(instances.bins, stats)
    low, high = jnp.where(matched, low, -jnp.inf), jnp.where(matched, high, jnp.inf)
    limits = (low - normal_mean) / normal_std, (high - normal_mean) / normal_std
    p = jnp.where(matched, _chance(instances.bins, *limits, setting), 0).astype(units.dtype)
    miss = jnp.where(by_units, 1, jnp.exp(-0.5 / square))
    q = p / jnp.where(p > 0, p + (1 - p) * miss, 1)

    def weight(square: Array, miss: Array) -> Array:
        near = jnp.sqrt(square / (1 + square)) * jnp.exp(-0.5 * apart / (1 + square))
        both = jnp.where(by_units, near, p + (1 - p) * miss)
        return jnp.where(perturbed, both, 1)

    variance = jnp.where(matched, q * (1 - q), normal_std**2)
    known = met | ~matched
    return Columns(
        mean=jnp.where(matched, q, normal_mean),
        variance=variance,
        row_value=jnp.where(matched, 1, units),
        untilted=p,
        normal_mean=normal_mean,
        normal_std=normal_std,
        low=low,
        high=high,
        weight=weight(square, miss),
        weight_squared=weight(square / 2, miss**2),
        varies=perturbed & known & (variance > 0),
        support=jnp.where(known | ~perturbed, Support.FULL, Support.NONE).astype(jnp.int32),
    )


def _chance(bins: Array, low: Array, high: Array, setting: Setting) -> Array:
    """Of x's own bin without the kernel: its frequency, or what a normal law has within limits."""
    stats = setting.stats
    frequency = jnp.where(bins >= 0, jnp.asarray(stats.probability)[bins], 0)
    drawn = jnp.asarray(stats.drawn_by_frequency) | (setting.config.sampling == "bins")
    return jnp.where(drawn, frequency, interval(low, high))


def interval(low: Float[Array, "*batch"], high: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Standard normal probability of an interval, precise in both tails."""
    flip = low > 0
    a, b = jnp.where(flip, -high, low), jnp.where(flip, -low, high)
    return jnp.maximum(ndtr(b) - ndtr(a), 0)


def _own_bin(bins: Int[Array, "*batch features"], stats: TabularStats) -> tuple[Array, Array]:
    """Limits of x's own bin in standard deviations; nothing is between those of no bin.

    Those of samples before they are rounded, where they are.
    """
    upper = jnp.asarray(stats.upper_edge)
    if stats.whole_columns:
        feature = jnp.asarray(stats.bin_feature)
        step, highest = jnp.asarray(stats.step)[feature], jnp.asarray(stats.highest)[feature]
        whole = jnp.floor(upper / jnp.where(step > 0, step, 1))
        moved = jnp.where(upper >= highest, jnp.inf, (whole + 0.5) * step)
        upper = jnp.where(step > 0, moved, upper)
    before = jnp.concatenate([jnp.full(1, -jnp.inf, upper.dtype), upper[:-1]])
    is_first = bins == jnp.asarray(stats.offsets)[:-1]
    mean, scale = jnp.asarray(stats.mean), jnp.asarray(stats.scale)
    low = (jnp.where(is_first, -jnp.inf, before[bins]) - mean) / scale
    high = (upper[bins] - mean) / scale
    return jnp.where(bins < 0, jnp.inf, low), jnp.where(bins < 0, jnp.inf, high)
