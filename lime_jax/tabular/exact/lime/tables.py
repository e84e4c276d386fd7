"""Chances of conditions, bin by bin, in float64: what trees' tables are made of."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float64, Int
from scipy.special import ndtr

from lime_jax.tabular.exact.boxes import Conditions
from lime_jax.tabular.stats import TabularStats


@dataclasses.dataclass(frozen=True, eq=False)
class ConditionTable:
    """Chances of conditions on columns whose samples come from bins or levels.

    Attributes:
        mean: chance over all bins, for x in none of them.
        gain: for x in each bin: the chance there less that in the other bins; of the conditions one
            after the other, each with as many numbers as its column has bins.
        first: entry of `gain` for a condition's first bin.
    """

    mean: Float64[np.ndarray, " conditions"]
    gain: Float64[np.ndarray, " entries"]
    first: np.ndarray
    bins: np.ndarray


def condition_table(
    conditions: Conditions,
    chosen: np.ndarray,
    stats: TabularStats,
    held: Bool[np.ndarray, " features"],
) -> ConditionTable:
    """The table of some conditions.

    Args:
        held: columns that keep x's value; there `gain` is 1 or 0: whether x meets the condition,
            less `mean`: whether an unknown level does.
    """
    column = conditions.column[chosen]
    bins = np.diff(stats.offsets)[column]
    first = np.cumsum(bins) - bins
    mean, gain = np.zeros(len(chosen)), np.zeros(int(bins.sum()))
    for k in np.unique(column):
        mine = np.flatnonzero(column == k)
        of_column = slice(stats.offsets[k], stats.offsets[k + 1])
        chance = chance_in_bins(conditions, chosen[mine], stats, int(k))
        if held[k]:
            unknown = _unknown_level(conditions, chosen[mine])
            mean[mine], step = unknown, chance - unknown[:, None]
        else:
            p = stats.probability[of_column]
            mean[mine] = chance @ p
            others = np.where(p < 1, 1 - p, np.inf)  # a single bin gains nothing
            step = (chance - mean[mine][:, None]) / others
        gain[first[mine][:, None] + np.arange(bins[mine[0]])] = step
    return ConditionTable(mean, gain, first, bins)


def chance_in_bins(
    conditions: Conditions, chosen: np.ndarray, stats: TabularStats, k: int
) -> Float64[np.ndarray, "conditions bins"]:
    """Chance that a sample of each bin of column `k` meets each condition.

    Returns:
        Between 0 and 1; 0 or 1 where a bin is a single value.
    """
    bins = slice(stats.offsets[k], stats.offsets[k + 1])
    ends = np.stack([conditions.low[chosen], conditions.high[chosen]])
    ends = before_rounding(ends, np.full(len(chosen), k), stats) - stats.center[k]
    below = _cdf(ends[..., None], stats, bins)
    chance = np.where(ends[0, :, None] < ends[1, :, None], below[1] - below[0], 0.0)
    values = stats.bin_mean[bins]
    missing = np.isnan(values)
    if stats.missing_bin[k] >= 0:
        missing[stats.missing_bin[k] - stats.offsets[k]] = True
    chance[:, missing] = conditions.missing[chosen][:, None]
    of_levels = np.flatnonzero(conditions.level_set[chosen] >= 0)
    if len(of_levels):
        packed = conditions.sets[conditions.level_set[chosen[of_levels]]]
        flags = np.unpackbits(packed, axis=1)
        chance[of_levels] = flags[:, np.minimum(level_codes(stats, k), flags.shape[1] - 1)]
    return chance


def level_codes(stats: TabularStats, k: int) -> Int[np.ndarray, " bins"]:
    """Codes of the levels of column `k`; a missing one without a number of its own is the last."""
    values = stats.bin_mean[stats.offsets[k] : stats.offsets[k + 1]]
    codes = np.where(np.isnan(values), len(values) - 1, values + stats.center[k])
    return np.maximum(codes, 0).astype(np.int64)


def cdf_in_bin(
    ends: Float64[np.ndarray, " ends"], stats: TabularStats, bin_: int
) -> tuple[int, Float64[np.ndarray, " inside"]]:
    """Chance of a value up to each of some ascending ends, in one bin.

    Args:
        ends: before rounding, relative to `center`.

    Returns:
        How many ends have none of the bin below them, and the chance at those that come next; the
        bin is below the rest.
    """
    k, middle = stats.bin_feature[bin_], stats.bin_mean[bin_]
    if bin_ == stats.missing_bin[k] or np.isnan(middle):
        return len(ends), ends[:0]
    half = stats.step[k] / 2
    begin = np.searchsorted(ends, min(stats.bin_lower[bin_] - half, middle))
    stop = np.searchsorted(ends, max(stats.bin_upper[bin_] + half, middle), side="right")
    inside = _cdf(ends[begin:stop, None], stats, slice(bin_, bin_ + 1))[:, 0]
    return int(begin), inside


def before_rounding(
    ends: Float64[np.ndarray, "*batch conditions"], column: np.ndarray, stats: TabularStats
) -> Float64[np.ndarray, "*batch conditions"]:
    """Thresholds of what samples are drawn from, before they are rounded to a column's step.

    A whole number is at most 2.7 where what it was rounded from is at most 2.5; and no sample is
    outside of the column's range.

    Returns:
        The thresholds; those of columns without a step as they are.
    """
    step = stats.step[column]
    safe = np.where(step > 0, step, 1.0)
    low, high = (stats.center + ends_of for ends_of in (stats.lowest, stats.highest))
    with np.errstate(invalid="ignore"):
        whole = np.floor(ends / safe + 1e-9)  # multiples of 0.01 are not exact
        moved = (whole + 0.5) * safe
        moved = np.where(whole * safe >= high[column] - safe / 4, np.inf, moved)
        moved = np.where(moved < low[column], -np.inf, moved)
    return np.where(step > 0, moved, ends)


def _unknown_level(conditions: Conditions, chosen: np.ndarray) -> np.ndarray:
    """Whether a level that no set knows meets the conditions: the sets' last flag."""
    number = conditions.level_set[chosen]
    if not conditions.sets.shape[1]:
        return np.zeros(len(chosen))
    return np.where(number >= 0, conditions.sets[number, -1] & 1, 0).astype(float)


def _cdf(t: np.ndarray, stats: TabularStats, bins: slice) -> np.ndarray:
    """Chance of a value up to `t`, (..., 1), in each bin; relative to `center`."""
    middle, std = stats.bin_mean[bins], stats.bin_std[bins]
    half = stats.step[stats.bin_feature[bins]] / 2
    lower, upper = stats.bin_lower[bins] - half, stats.bin_upper[bins] + half
    wide = std > 0
    safe = np.where(wide, std, 1.0)
    a, b = (lower - middle) / safe, (upper - middle) / safe
    with np.errstate(invalid="ignore"):
        # Far in a tail differences of chances only keep their digits on the side near 0.
        side = np.where(a > 0, -1.0, 1.0)
        mass = ndtr(side * b) - ndtr(side * a)
        inside = (ndtr(side * (t - middle) / safe) - ndtr(side * a)) / np.where(mass == 0, 1, mass)
        narrow = ~wide | (mass == 0)
        below = np.where(
            narrow, middle <= t, np.where(t >= upper, 1.0, np.where(t <= lower, 0.0, inside))
        )
    return np.clip(np.nan_to_num(below), 0, 1)
