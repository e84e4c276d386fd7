"""What a `lime` explainer of tables knows of its training rows, as statistics of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from lime_jax.compat.discretize import BaseDiscretizer
from lime_jax.tabular.stats import CategoricalColumn, NumericColumn, TabularStats

_LEAST = 2e-11
"""A standard deviation up to this is that of one value."""


def edges_of(discretizer: Any, feature: int) -> np.ndarray | None:
    """Where the bins of a column end; None: somebody else's function says it."""
    bins_of = discretizer.lambdas.get(feature)
    is_own = isinstance(bins_of, partial) and bins_of.func is np.searchsorted
    return np.asarray(bins_of.args[0], np.float64) if is_own and len(bins_of.args) == 1 else None


def is_known(discretizer: object) -> bool:
    """Whether a discretizer bins and draws as `BaseDiscretizer` does."""
    if not isinstance(discretizer, BaseDiscretizer):
        return False
    names = ("discretize", "undiscretize", "get_undiscretize_values")
    changed = any(getattr(type(discretizer), n) is not getattr(BaseDiscretizer, n) for n in names)
    edges = [edges_of(discretizer, feature) for feature in discretizer.lambdas]
    return not changed and all(ends is not None for ends in edges)


def stats_of(
    discretizer: Any,
    feature_values: Mapping[int, Sequence[object]],
    feature_frequencies: Mapping[int, object],
    numbers: Mapping[int, tuple[float, float, float, float]],
) -> TabularStats:
    """Statistics of all columns.

    Args:
        feature_values: by column, levels, or bins that have rows.
        feature_frequencies: their shares.
        numbers: of columns that are not in bins: mean, scale, least and largest.
    """
    columns: list[NumericColumn | CategoricalColumn] = []
    for feature in range(len(feature_values) + len(numbers)):
        if feature in numbers:
            columns.append(_undivided(*numbers[feature]))
            continue
        values = np.asarray(feature_values[feature], np.float64)
        shares = np.asarray(feature_frequencies[feature], np.float64)
        if discretizer is not None and feature in discretizer.lambdas:
            columns.append(_in_bins(discretizer, feature, values.astype(int), shares))
        else:
            order = np.argsort(values)
            columns.append(CategoricalColumn(values[order], shares[order]))
    return TabularStats.from_columns(columns)


def _undivided(mean: float, scale: float, low: float, high: float) -> NumericColumn:
    return NumericColumn(
        edges=[],
        frequencies=[1.0],
        means=[mean],
        stds=[scale],
        lower=[low],
        upper=[high],
        mean=mean,
        std=scale,
    )


def _in_bins(discretizer: Any, feature: int, bins: np.ndarray, shares: np.ndarray) -> NumericColumn:
    edges = edges_of(discretizer, feature)
    assert edges is not None
    frequencies = np.bincount(bins, shares, minlength=len(edges) + 1)
    means = np.array(discretizer.means[feature], np.float64)
    stds = np.array(discretizer.stds[feature], np.float64)
    stds = np.where(stds <= _LEAST, 0.0, stds)
    mean = float(frequencies @ means)
    variance = float(frequencies @ (stds**2 + (means - mean) ** 2))
    return NumericColumn(
        edges=edges,
        frequencies=frequencies,
        means=means,
        stds=stds,
        lower=np.array(discretizer.mins[feature], np.float64),
        upper=np.array(discretizer.maxs[feature], np.float64),
        mean=mean,
        std=variance**0.5,
    )
