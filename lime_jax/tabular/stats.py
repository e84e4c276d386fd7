"""What a table's columns look like: `TabularStats`, and the numbers it is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float64, Shaped
from scipy.special import ndtr

from lime_jax.typing import pytree, static

DISCRETIZERS = ("quartile", "decile", "entropy")

FAR_FROM_ZERO = 16.0
"""A column whose mean is more standard deviations from 0 is centered for the device's float32."""

Numbers: TypeAlias = Sequence[float | int] | np.ndarray


@dataclasses.dataclass(frozen=True)
class NumericColumn:
    """Statistics of one numeric column; everything in the column's own units.

    Attributes:
        edges: between the bins, ascending; empty for a column that is not discretized.
        frequencies: share of the rows in each of the `len(edges) + 1` bins.
        means: of each bin.
        stds: population standard deviation of each bin.
        lower: smallest value a sample of the bin may take.
        upper: largest.
        mean: of the column.
        std: population standard deviation of the column.
        missing: share of rows without a value; they are a bin of their own.
        step: what all numbers are multiples of, such as 1 for whole numbers; 0: of nothing.
        spikes: values that are bins by themselves, and are called by their value.

    Example:
        >>> column = NumericColumn(
        ...     edges=[10], frequencies=[0.5, 0.5], means=[5, 15], stds=[1, 1], lower=[0, 10],
        ...     upper=[10, 20], mean=10.0, std=5.0,
        ... )
        >>> TabularStats.from_columns([column]).num_features
        1
    """

    edges: Numbers
    frequencies: Numbers
    means: Numbers
    stds: Numbers
    lower: Numbers
    upper: Numbers
    mean: float | int
    std: float | int
    missing: float | int = 0.0
    step: float | int = 0.0
    spikes: Numbers = ()


@dataclasses.dataclass(frozen=True)
class CategoricalColumn:
    """Statistics of one categorical column.

    Attributes:
        levels: the numbers that stand for the levels, ascending.
        frequencies: share of the rows with each level.

    Example:
        >>> TabularStats.from_columns([CategoricalColumn([3, 7], [0.5, 0.5])]).num_features
        1
    """

    levels: Numbers
    frequencies: Numbers


@pytree
class TabularStats:
    """Fitted summary of a table, all that an explanation needs of the training rows.

    The bins of all columns lie one after the other: column k owns the flat bins
    `offsets[k]:offsets[k + 1]`. `bin_mean`, `bin_lower` and `bin_upper` are relative to `center`,
    so that float32 on the device does not lose the digits of an epoch timestamp.

    Attributes:
        center: number subtracted from each column on the device; 0 unless its mean is far from 0.
        mean: column mean relative to `center` (0 for a categorical column).
        scale: population standard deviation, 0 replaced by 1 (1 for a categorical column).
        categorical: which columns have levels in place of numbers.
        step: what a column's numbers are multiples of, 1 for whole numbers; 0: of nothing.
        drawn_by_frequency: columns that are drawn from their values whatever the sampling.
        lowest: number of a column with a step, relative to `center`; -inf without.
        highest: likewise; inf.
        missing_bin: flat bin of the missing values, -1 where there were none.
        offsets: first flat bin of every column.
        bin_feature: column of every flat bin.
        upper_edge: bins end here, inclusive; +inf for a column's last one, relative to `center`.
        probability: training frequency of every bin.
        cumulative: running sum of `probability` within a column.
        bin_mean: relative to `center`.
        bin_std: population standard deviation; 0: every value is `bin_mean`.
        bin_lower: smallest value, relative to `center`.
        bin_upper: largest value, relative to `center`.
        bin_value: the one value of a bin without width, in the column's own units; NaN elsewhere.
        is_spike: which bins are called by their value.
        cdf_lower: normal CDF of where the bin's law starts, half a step below `bin_lower`.
        cdf_upper: normal CDF of where it ends, half a step above `bin_upper`.
        max_bins: of the widest column (static).
        categorical_columns: numbers of the categorical columns (static).
        discrete_columns: numbers of the columns whose bins only hold single values (static).
        valued_columns: of them the numeric ones with several values, drawn like levels (static).
        whole_columns: numeric columns whose samples are rounded to a step (static).

    Example:
        >>> from lime_jax import fit_tabular
        >>> fit_tabular(np.arange(8.0)[:, None]).categorical.tolist()
        [False]
    """

    center: Shaped[Any, " features"]
    mean: Shaped[Any, " features"]
    scale: Shaped[Any, " features"]
    categorical: Shaped[Any, " features"]
    drawn_by_frequency: Shaped[Any, " features"]
    step: Shaped[Any, " features"]
    lowest: Shaped[Any, " features"]
    highest: Shaped[Any, " features"]
    missing_bin: Shaped[Any, " features"]
    offsets: Shaped[Any, " features_plus_1"]
    bin_feature: Shaped[Any, " bins"]
    upper_edge: Shaped[Any, " bins"]
    probability: Shaped[Any, " bins"]
    cumulative: Shaped[Any, " bins"]
    bin_mean: Shaped[Any, " bins"]
    bin_std: Shaped[Any, " bins"]
    bin_lower: Shaped[Any, " bins"]
    bin_upper: Shaped[Any, " bins"]
    bin_value: Shaped[Any, " bins"]
    is_spike: Shaped[Any, " bins"]
    cdf_lower: Shaped[Any, " bins"]
    cdf_upper: Shaped[Any, " bins"]
    max_bins: int = static()
    categorical_columns: tuple[int, ...] = static()
    discrete_columns: tuple[int, ...] = static()
    valued_columns: tuple[int, ...] = static()
    whole_columns: tuple[int, ...] = static()

    @property
    def num_features(self) -> int:
        """Number of columns."""
        return self.center.shape[0]

    @property
    def num_bins(self) -> int:
        """Number of bins of all columns together."""
        return self.bin_feature.shape[0]

    @classmethod
    def from_columns(cls, columns: Sequence[NumericColumn | CategoricalColumn]) -> TabularStats:
        """Build the statistics from numbers, without any training rows.

        Args:
            columns: one entry per column, in order.

        Returns:
            What `fit_tabular` returns for such a table.

        Raises:
            ValueError: if `columns` is empty or the entries of a column do not fit together.

        Example:
            >>> stats = TabularStats.from_columns([CategoricalColumn([0, 1], [0.25, 0.75])])
            >>> stats.num_bins
            2
        """
        if not columns:
            raise ValueError("`columns`: expected at least one column, got none")
        return _stack(
            [
                _bins_of_levels(column, k)
                if isinstance(column, CategoricalColumn)
                else _bins_of_numbers(column, k)
                for k, column in enumerate(columns)
            ]
        )


def multiples(
    numbers: Float64[np.ndarray, "*batch"], step: float | int | np.ndarray
) -> Float64[np.ndarray, "*batch"]:
    """Whole numbers times a step, as one would write it: 0.57, not 57 * 0.01.

    Example:
        >>> multiples(np.array([57.0]), 0.01).tolist(), 57 * 0.01
        ([0.57], 0.5700000000000001)
    """
    step = np.asarray(step, np.float64)
    parts = 1 / step
    whole = np.round(parts)
    is_part = (whole > 1) & (np.abs(parts - whole) < 1e-9 * parts)
    return np.where(is_part, numbers / np.where(is_part, whole, 1), numbers * step)


def _bins_of_levels(column: CategoricalColumn, k: int) -> dict[str, Any]:
    """One column's entries of `TabularStats`, in the column's own units."""
    levels = np.asarray(column.levels, np.float64)
    p = _check_frequencies(column.frequencies, len(levels), 0.0, k)
    if np.any(np.diff(levels) <= 0):
        raise ValueError(f"`columns`: levels of column {k} must be ascending, got {levels}")
    zero = np.zeros(len(levels))
    missing = bool(np.isnan(levels[-1]))  # NaN is a level, and the last one
    bins = (levels, p, levels, zero, levels, levels)
    return _entries(*bins, center=0.0, mean=0.0, scale=1.0, categorical=True, missing=missing)


def _bins_of_numbers(column: NumericColumn, k: int) -> dict[str, Any]:
    edges = np.asarray(column.edges, np.float64)
    p = _check_frequencies(column.frequencies, len(edges) + 1, column.missing, k)
    if np.any(np.diff(edges) <= 0):
        raise ValueError(f"`columns`: edges of column {k} must be ascending, got {edges}")
    parts = [np.asarray(a, np.float64) for a in (column.means, column.stds)]
    limits = [np.asarray(a, np.float64) for a in (column.lower, column.upper)]
    if any(len(a) != len(p) for a in (*parts, *limits)):
        raise ValueError(
            f"`columns`: column {k} has {len(edges)} edges, so expected {len(p)} means, stds, "
            f"lower and upper limits, got {[len(a) for a in (*parts, *limits)]}"
        )
    uppers = np.append(edges, np.inf)
    missing = column.missing > 0
    spike = np.isin(parts[0], np.asarray(column.spikes, np.float64)) & (parts[1] == 0) & (p > 0)
    if missing:
        spike = np.append(spike, False)
        p, uppers = np.append(p, column.missing), np.append(uppers, np.inf)
        parts = [np.append(parts[0], np.nan), np.append(parts[1], 0.0)]
        limits = [np.append(a, np.nan) for a in limits]
    scale = column.std if column.std > 0 else 1.0
    # Near 0 the numbers keep more digits as they are; this far from it the difference is exact.
    mean = float(column.mean)
    center = mean if abs(mean) > FAR_FROM_ZERO * column.std else 0.0
    if column.step > 0:
        center = float(multiples(np.round([center / column.step]), column.step)[0])
    bins = (uppers, p, parts[0], parts[1], limits[0], limits[1])
    entries = _entries(
        *bins,
        center=center,
        mean=mean,
        scale=scale,
        categorical=False,
        missing=missing,
        step=float(column.step),
    )
    return {**entries, "is_spike": spike}


def _check_frequencies(values: Numbers, bins: int, missing: float, k: int) -> np.ndarray:
    p = np.asarray(values, np.float64)
    if p.shape != (bins,) or np.any(p < 0) or not np.isclose(p.sum() + missing, 1.0, atol=1e-6):
        raise ValueError(
            f"`columns`: expected {bins} frequencies of column {k} that, with the share of "
            f"missing values, sum to 1, got {p} and {missing}"
        )
    return p


def _entries(
    upper_edge: np.ndarray,
    probability: np.ndarray,
    bin_mean: np.ndarray,
    bin_std: np.ndarray,
    bin_lower: np.ndarray,
    bin_upper: np.ndarray,
    *,
    center: float,
    mean: float,
    scale: float,
    categorical: bool,
    missing: bool,
    step: float = 0.0,
) -> dict[str, Any]:
    wide, met = bin_std > 0, probability > 0
    safe = np.where(wide, bin_std, 1.0)
    lower, upper = (np.where(wide, ends, bin_mean) for ends in (bin_lower, bin_upper))
    start, stop = lower - step / 2, upper + step / 2
    has_step = step > 0 and bool((met & ~np.isnan(lower)).any())
    values = len(np.unique(bin_mean[met]))
    cumulative = np.cumsum(probability)
    cumulative[np.flatnonzero(probability)[-1] :] = 1.0  # whatever rounding left
    return {
        "upper_edge": upper_edge - center,
        "probability": probability,
        "cumulative": cumulative,
        "bin_mean": bin_mean - center,
        "bin_std": bin_std,
        "bin_lower": lower - center,
        "bin_upper": upper - center,
        "bin_value": np.where(wide, np.nan, bin_mean),
        "is_spike": np.zeros(len(wide), bool),
        "cdf_lower": np.where(wide, ndtr((start - bin_mean) / safe), 0.0),
        "cdf_upper": np.where(wide, ndtr((stop - bin_mean) / safe), 1.0),
        "center": center,
        "mean": mean - center,
        "scale": scale,
        "categorical": categorical,
        "step": step,
        "lowest": np.nanmin(lower[met]) - center if has_step else -np.inf,
        "highest": np.nanmax(upper[met]) - center if has_step else np.inf,
        "discrete": not np.any(wide & met),
        "valued": not categorical and values > 1 and not np.any(wide & met),
        "whole": step > 0 and bool(np.any(wide & met)),
        "missing": missing,
    }


def _stack(columns: Sequence[dict[str, Any]]) -> TabularStats:
    sizes = np.array([len(c["probability"]) for c in columns])
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    flat = ("upper_edge", "probability", "cumulative", "bin_mean", "bin_std", "bin_lower")
    flat += ("bin_upper", "bin_value", "is_spike", "cdf_lower", "cdf_upper")
    scalar = ("center", "mean", "scale", "categorical", "step", "lowest", "highest")
    missing = np.array([c["missing"] for c in columns])
    return TabularStats(
        **{name: np.concatenate([c[name] for c in columns]) for name in flat},
        **{name: np.array([c[name] for c in columns]) for name in scalar},
        drawn_by_frequency=np.array([c["categorical"] or c["valued"] for c in columns]),
        missing_bin=np.where(missing, offsets[1:] - 1, -1).astype(np.int32),
        offsets=offsets,
        bin_feature=np.repeat(np.arange(len(columns), dtype=np.int32), sizes),
        max_bins=int(sizes.max()),
        categorical_columns=_numbers_of(columns, "categorical"),
        discrete_columns=_numbers_of(columns, "discrete"),
        valued_columns=_numbers_of(columns, "valued"),
        whole_columns=_numbers_of(columns, "whole"),
    )


def _numbers_of(columns: Sequence[dict[str, Any]], fact: str) -> tuple[int, ...]:
    return tuple(k for k, column in enumerate(columns) if column[fact])
