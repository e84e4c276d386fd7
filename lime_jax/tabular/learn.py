"""`fit_tabular`: the statistics of a table from its rows, on the host in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from lime_jax.arguments import Column, column_number, column_numbers
from lime_jax.stages.bins import (
    DECILES,
    FEW_VALUES,
    QUARTILES,
    entropy_edges,
    isolate_spikes,
    value_edges,
    weighted_percentiles,
)
from lime_jax.tabular.stats import CategoricalColumn, NumericColumn, TabularStats, multiples

DISCRETIZERS = ("quartile", "decile", "entropy")


def fit_tabular(
    X_train: ArrayLike,
    *,
    discretizer: str | Sequence[Any] | Mapping[Any, Any] | None = "quartile",
    categorical_features: Sequence[Column] = (),
    integer_columns: Sequence[Column] | Mapping[object, float | int] = (),
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> TabularStats:
    """Learn the bins, frequencies and moments of a table.

    A column of few values has them as bins, and so has every value that more of the mass sits on
    than one bin would have (a quarter; a tenth with "decile"); edges that are given stay.

    Args:
        X_train: (rows, features) numbers; NaN is a missing value.
        discretizer: "quartile", "decile", "entropy" (needs `y`), None (not discretized), one
            sequence of edges per column, or a mapping from column to edges (the others: quartiles).
        categorical_features: columns whose numbers are levels.
        integer_columns: columns of whole numbers, whose samples are whole; or a mapping from
            column to what its numbers are multiples of, such as 86,400 s for dates.
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
    columns = tuple(map(str, range(X.shape[1])))
    edges_of = _edges_by_column(discretizer, columns, classes, len(X))
    categorical = column_numbers(columns, categorical_features, "categorical_features")
    steps = _steps_by_column(integer_columns, X, columns)
    summaries: list[NumericColumn | CategoricalColumn] = []
    for k in range(X.shape[1]):
        if k in categorical:
            summaries.append(_summarize_levels(X[:, k], weight))
        else:
            summaries.append(_summarize_numbers(X[:, k], weight, classes, edges_of(k), steps[k]))
    return TabularStats.from_columns(summaries)


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


def _steps_by_column(integer_columns: Any, X: np.ndarray, columns: Sequence[str]) -> np.ndarray:
    """What each column's numbers are multiples of; 0: of nothing."""
    step_of = integer_columns
    step_of = step_of if isinstance(step_of, Mapping) else dict.fromkeys(step_of, 1.0)
    steps = np.zeros(X.shape[1])
    for column, step in step_of.items():
        k = column_number(columns, column, "integer_columns")
        if not step >= 0:
            raise ValueError(
                f"`integer_columns`: expected steps of at least 0, got {step!r} in column {k}"
            )
        steps[k] = step
        units = X[:, k] / step if step > 0 else np.zeros(1)
        off = np.abs(units - np.round(units)) > 1e-6
        if off.any():
            raise ValueError(
                f"`integer_columns`: expected multiples of {step:g} in column {k}, got "
                f"{X[off, k][0]:g}"
            )
    return steps


def _edges_by_column(
    discretizer: Any, columns: Sequence[str], y: np.ndarray | None, rows: int
) -> Any:
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
        edges = {column_number(columns, k, "discretizer"): v for k, v in discretizer.items()}
        return lambda k: edges.get(k, "quartile")
    if len(discretizer) != len(columns):
        raise ValueError(
            f"`discretizer`: expected edges for each of {len(columns)} columns, "
            f"got {len(discretizer)}"
        )
    return lambda k: discretizer[k]


def _summarize_levels(values: np.ndarray, weight: np.ndarray | None) -> CategoricalColumn:
    levels, codes = np.unique(values, return_inverse=True)
    counts = np.bincount(codes, weights=weight, minlength=len(levels))
    return CategoricalColumn(levels, counts / counts.sum())


def _summarize_numbers(
    values: np.ndarray,
    weight: np.ndarray | None,
    y: np.ndarray | None,
    discretizer: Any,
    step: float,
) -> NumericColumn:
    present = ~np.isnan(values)
    if weight is not None:
        present &= weight > 0
    total = float(len(values)) if weight is None else float(weight.sum())
    values, w = values[present], None if weight is None else weight[present]
    if len(values) == 0:  # nothing but missing values
        zero = np.zeros(1)
        return NumericColumn(zero[:0], zero, zero, zero, zero, zero, 0.0, 0.0, 1.0)
    edges, spikes = _resolve_edges(discretizer, values, w, None if y is None else y[present], step)
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
    last_whole = first_whole = edges
    if step > 0:
        number = np.floor(edges / step + 1e-9)
        last_whole, first_whole = multiples(number, step), multiples(number + 1, step)
    return NumericColumn(
        edges=edges,
        frequencies=mass / total,
        means=means,
        stds=stds,
        lower=np.concatenate([[values.min()], first_whole]),
        upper=np.concatenate([last_whole, [values.max()]]),
        mean=middle,
        std=float(np.sqrt(np.average(np.square(values - middle), weights=w))),
        missing=1.0 - float(mass.sum()) / total if not present.all() else 0.0,
        step=step,
        spikes=spikes,
    )


def _resolve_edges(
    discretizer: Any,
    values: np.ndarray,
    weight: np.ndarray | None,
    y: np.ndarray | None,
    step: float,
) -> tuple[Float64[np.ndarray, " edges"], Float64[np.ndarray, " spikes"]]:
    """Edges, and the values that are bins by themselves."""
    none = np.zeros(0)
    if discretizer is None:
        return none, none
    if not isinstance(discretizer, str):
        everywhere = np.unique(np.asarray(discretizer, dtype=np.float64).reshape(-1))
        if not np.isfinite(everywhere).all():
            raise ValueError(f"`discretizer`: expected finite edges, got {discretizer!r}")
        return everywhere, none
    is_entropy = discretizer == "entropy"  # whose bins are to part classes, not values
    distinct, mass, rows = _masses(values, weight)
    edges = value_edges(distinct, rows, 2 if is_entropy else FEW_VALUES)
    if edges is not None:
        return edges, distinct
    if is_entropy:
        assert y is not None  # checked at the door
        edges = entropy_edges(values, y, weight)
    else:
        percentiles = QUARTILES if discretizer == "quartile" else DECILES
        edges = np.unique(weighted_percentiles(values, percentiles, weight))
    if step > 0:  # between two whole numbers the lower one parts them just as well
        edges = np.unique(multiples(np.floor(edges / step + 1e-9), step))
    return isolate_spikes(edges, distinct, mass, 0.1 if discretizer == "decile" else 0.25)


def _masses(
    values: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, float | int]:
    """The distinct values, the mass of each, and how many rows that stands for."""
    if weight is None:
        return *np.unique(values, return_counts=True), len(values)
    distinct, code = np.unique(values, return_inverse=True)
    is_count = np.array_equal(weight, np.round(weight))  # 2 counts as the row twice
    rows = float(weight.sum()) if is_count else len(values)
    return distinct, np.bincount(code, weights=weight), rows
