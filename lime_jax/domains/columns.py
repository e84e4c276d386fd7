"""What a table's columns look like: `TabularStats`, learned from rows or given as numbers.

On the host, in float64. Of the training rows nothing is kept but bins, frequencies and moments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float64, Shaped
from numpy.typing import ArrayLike
from scipy.special import ndtr

from lime_jax.stages.bins import DECILES, QUARTILES, entropy_edges, weighted_percentiles
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


@dataclasses.dataclass(frozen=True)
class CategoricalColumn:
    """Statistics of one categorical column.

    Attributes:
        levels: the numbers that stand for the levels, ascending.
        frequencies: share of the rows with each level.
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
        discrete: which columns only take single values: levels, or bins without width.
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
        cdf_lower: normal CDF of the standardized `bin_lower`.
        cdf_upper: normal CDF of the standardized `bin_upper`.
        max_bins: of the widest column (static).
    """

    center: Shaped[Any, " features"]
    mean: Shaped[Any, " features"]
    scale: Shaped[Any, " features"]
    categorical: Shaped[Any, " features"]
    discrete: Shaped[Any, " features"]
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
    cdf_lower: Shaped[Any, " bins"]
    cdf_upper: Shaped[Any, " bins"]
    max_bins: int = static()

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
        return _stack([_bins_of(column, k) for k, column in enumerate(columns)])


def fit_tabular(
    X_train: ArrayLike,
    *,
    discretizer: str | Sequence[Any] | Mapping[int, Any] | None = "quartile",
    categorical_features: Sequence[int] = (),
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> TabularStats:
    """Learn the bins, frequencies and moments of a table.

    Args:
        X_train: (rows, features) numbers; NaN is a missing value.
        discretizer: "quartile", "decile", "entropy" (needs `y`), None (not discretized), one
            sequence of edges per column, or a mapping from column to edges (the others: quartiles).
        categorical_features: columns whose numbers are levels.
        y: (rows,) classes, for "entropy".
        sample_weight: (rows,) non-negative.

    Returns:
        The statistics, a pytree.

    Raises:
        ValueError: if the table is empty or holds infinities, or an argument does not fit it.

    Example:
        >>> stats = fit_tabular(np.arange(12.0).reshape(6, 2))
        >>> stats.num_features, stats.num_bins
        (2, 8)
    """
    X = np.asarray(X_train, dtype=np.float64)
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(f"`X_train`: expected (rows, features), neither 0, got shape {X.shape}")
    infinite = np.flatnonzero(np.isinf(X).any(axis=0))
    if infinite.size:
        raise ValueError(
            f"`X_train`: expected finite numbers or NaN, got an infinity in column {infinite[0]}; "
            "replace or drop these rows"
        )
    weight = _check_weight(sample_weight, len(X))
    classes = None if y is None else np.asarray(y).reshape(-1)
    edges_of = _edges_by_column(discretizer, X.shape[1], classes, len(X))
    outside = [k for k in categorical_features if k not in range(-X.shape[1], X.shape[1])]
    if outside:
        raise ValueError(
            f"`categorical_features`: expected columns 0 to {X.shape[1] - 1}, got {outside[0]!r}"
        )
    categorical = {range(X.shape[1])[k] for k in categorical_features}
    columns: list[NumericColumn | CategoricalColumn] = []
    for k in range(X.shape[1]):
        if k in categorical:
            columns.append(_summarize_levels(X[:, k], weight))
        else:
            columns.append(_summarize_numbers(X[:, k], weight, classes, edges_of(k)))
    return TabularStats.from_columns(columns)


def _check_weight(sample_weight: ArrayLike | None, rows: int) -> np.ndarray | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (rows,) or not np.all(weight >= 0) or not 0 < weight.sum() < np.inf:
        raise ValueError(
            f"`sample_weight`: expected {rows} non-negative numbers, one per row, not all 0, "
            f"got shape {weight.shape}"
        )
    return weight


def _edges_by_column(discretizer: Any, features: int, y: np.ndarray | None, rows: int) -> Any:
    """A function from column to a discretizer's name, its edges, or None."""
    if discretizer is None or isinstance(discretizer, str):
        if discretizer is not None and discretizer not in DISCRETIZERS:
            raise ValueError(
                f"`discretizer`: expected one of {DISCRETIZERS}, None or edges per column, "
                f"got {discretizer!r}"
            )
        if discretizer == "entropy" and (y is None or len(y) != rows):
            got = "none" if y is None else f"{len(y)}"
            raise ValueError(f"`y`: entropy bins need the class of each of {rows} rows, got {got}")
        return lambda k: discretizer
    if isinstance(discretizer, Mapping):
        unknown = [k for k in discretizer if k not in range(features)]
        if unknown:
            raise ValueError(f"`discretizer`: no column {unknown[0]!r} among {features} columns")
        return lambda k: discretizer.get(k, "quartile")
    if len(discretizer) != features:
        raise ValueError(
            f"`discretizer`: expected edges for each of {features} columns, got {len(discretizer)}"
        )
    return lambda k: discretizer[k]


def _summarize_levels(values: np.ndarray, weight: np.ndarray | None) -> CategoricalColumn:
    levels, codes = np.unique(values, return_inverse=True)
    counts = np.bincount(codes, weights=weight, minlength=len(levels))
    return CategoricalColumn(levels, counts / counts.sum())


def _summarize_numbers(
    values: np.ndarray, weight: np.ndarray | None, y: np.ndarray | None, edges: Any
) -> NumericColumn:
    present = ~np.isnan(values)
    if weight is not None:
        present &= weight > 0
    total = float(len(values)) if weight is None else float(weight.sum())
    values, w = values[present], None if weight is None else weight[present]
    if len(values) == 0:  # nothing but missing values
        zero = np.zeros(1)
        return NumericColumn(zero[:0], zero, zero, zero, zero, zero, 0.0, 0.0, 1.0)
    edges = _resolve_edges(edges, values, w, None if y is None else y[present])
    codes, bins = np.searchsorted(edges, values, side="left"), len(edges) + 1
    first = values.min()  # sums start here, so that equal values have a spread of exactly 0
    middle = float(first + np.average(values - first, weights=w))
    mass = np.bincount(codes, weights=w, minlength=bins).astype(np.float64)
    safe = np.where(mass > 0, mass, 1.0)

    def average(x: np.ndarray) -> np.ndarray:
        return np.bincount(codes, weights=x if w is None else x * w, minlength=bins) / safe

    lowest = np.full(bins, np.inf)
    np.minimum.at(lowest, codes, values)
    lowest = np.where(mass > 0, lowest, 0.0)
    means = lowest + average(values - lowest[codes])
    stds = np.sqrt(average(np.square(values - means[codes])))
    return NumericColumn(
        edges=edges,
        frequencies=mass / total,
        means=means,
        stds=stds,
        lower=np.concatenate([[values.min()], edges]),
        upper=np.concatenate([edges, [values.max()]]),
        mean=middle,
        std=float(np.sqrt(np.average(np.square(values - middle), weights=w))),
        missing=1.0 - float(mass.sum()) / total if not present.all() else 0.0,
    )


def _resolve_edges(
    edges: Any, values: np.ndarray, weight: np.ndarray | None, y: np.ndarray | None
) -> Float64[np.ndarray, " edges"]:
    if edges is None:
        return np.zeros(0)
    if isinstance(edges, str):
        if edges == "entropy":
            assert y is not None  # checked at the door
            return entropy_edges(values, y, weight)
        return np.unique(
            weighted_percentiles(values, QUARTILES if edges == "quartile" else DECILES, weight)
        )
    given = np.unique(np.asarray(edges, dtype=np.float64).reshape(-1))
    if not np.isfinite(given).all():
        raise ValueError(f"`discretizer`: expected finite edges, got {edges!r}")
    return given


def _bins_of(column: NumericColumn | CategoricalColumn, k: int) -> dict[str, Any]:
    """One column's entries of `TabularStats`, in the column's own units."""
    if isinstance(column, CategoricalColumn):
        levels = np.asarray(column.levels, np.float64)
        p = _check_frequencies(column.frequencies, len(levels), 0.0, k)
        if np.any(np.diff(levels) <= 0):
            raise ValueError(f"`columns`: levels of column {k} must be ascending, got {levels}")
        zero = np.zeros(len(levels))
        missing = bool(np.isnan(levels[-1]))  # NaN is a level, and the last one
        return _entries(levels, p, levels, zero, levels, levels, 0.0, 0.0, 1.0, True, missing)
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
    if missing:
        p, uppers = np.append(p, column.missing), np.append(uppers, np.inf)
        parts = [np.append(parts[0], np.nan), np.append(parts[1], 0.0)]
        limits = [np.append(a, np.nan) for a in limits]
    scale = column.std if column.std > 0 else 1.0
    # Near 0 the numbers keep more digits as they are; this far from it the difference is exact.
    mean = float(column.mean)
    center = mean if abs(mean) > FAR_FROM_ZERO * column.std else 0.0
    return _entries(uppers, p, *parts, *limits, center, mean, scale, False, missing)


def _check_frequencies(values: Any, bins: int, missing: float, k: int) -> np.ndarray:
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
    center: float,
    mean: float,
    scale: float,
    categorical: bool,
    missing: bool,
) -> dict[str, Any]:
    wide = bin_std > 0
    safe = np.where(wide, bin_std, 1.0)
    cumulative = np.cumsum(probability)
    cumulative[np.flatnonzero(probability)[-1] :] = 1.0  # whatever rounding left
    return dict(
        upper_edge=upper_edge - center,
        probability=probability,
        cumulative=cumulative,
        bin_mean=bin_mean - center,
        bin_std=bin_std,
        bin_lower=np.where(wide, bin_lower, bin_mean) - center,
        bin_upper=np.where(wide, bin_upper, bin_mean) - center,
        cdf_lower=np.where(wide, ndtr((bin_lower - bin_mean) / safe), 0.0),
        cdf_upper=np.where(wide, ndtr((bin_upper - bin_mean) / safe), 1.0),
        center=center,
        mean=mean - center,
        scale=scale,
        categorical=categorical,
        discrete=bool(np.all(~wide[probability > 0])),
        missing=missing,
    )


def _stack(columns: Sequence[dict[str, Any]]) -> TabularStats:
    sizes = np.array([len(c["probability"]) for c in columns])
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    flat = ("upper_edge", "probability", "cumulative", "bin_mean", "bin_std", "bin_lower")
    flat += ("bin_upper", "cdf_lower", "cdf_upper")
    scalar = ("center", "mean", "scale", "categorical", "discrete")
    missing = np.array([c["missing"] for c in columns])
    return TabularStats(
        **{name: np.concatenate([c[name] for c in columns]) for name in flat},
        **{name: np.array([c[name] for c in columns]) for name in scalar},
        missing_bin=np.where(missing, offsets[1:] - 1, -1).astype(np.int32),
        offsets=offsets,
        bin_feature=np.repeat(np.arange(len(columns), dtype=np.int32), sizes),
        max_bins=int(sizes.max()),
    )
