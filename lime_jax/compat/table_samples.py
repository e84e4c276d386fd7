"""Samples of a table as `lime` draws them: its numbers for the same random state, in less time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lime_jax.compat.discretize import undiscretize
from lime_jax.compat.table_state import TableExplainer

_FEW = 16
"""Values up to which a number is compared with each of their chances."""


def drawn(
    owner: TableExplainer, row: np.ndarray, count: int, sampling: str
) -> tuple[np.ndarray, np.ndarray]:
    """(samples, columns) as the surrogate and as the model sees them; the first is the row."""
    shape = count, len(row)
    if owner.discretizer is None:
        center = row if owner.sample_around_instance else owner.scaler.mean_
        data = _gaussians(owner.random_state, shape, sampling) * owner.scaler.scale_ + center
        data = np.asfortranarray(data)
        data[0] = row
        inverse, columns, first = data.copy(order="F"), owner.categorical_features, row
    else:  # columns are what is worked on
        data, inverse = np.empty(shape, order="F"), np.empty(shape, order="F")
        columns, first = range(shape[1]), owner.discretizer.discretize(row)
    for k in columns:
        values, shares = owner.feature_values[k], owner.feature_frequencies[k]
        inverse[:, k] = _chosen(owner.random_state, values, shares, count)
        data[:, k] = inverse[:, k] == first[k]
        data[0, k] = 1
    if owner.discretizer is not None:
        undiscretize(owner.discretizer, inverse[1:])
    inverse[0] = row
    return data, inverse


def _chosen(
    random: np.random.RandomState, values: Sequence[object], shares: np.ndarray, count: int
) -> np.ndarray:
    """The numbers of `random.choice(values, count, p=shares)`."""
    ends = np.cumsum(shares)
    ends /= ends[-1]
    drawn = random.random_sample(count)
    if len(ends) > _FEW:
        return np.asarray(values)[ends.searchsorted(drawn, side="right")]
    places = np.zeros(count, np.int8)
    for end in ends[:-1]:
        places += drawn >= end
    return np.asarray(values).take(places)


def _gaussians(random: Any, shape: tuple[int, int], sampling: str) -> np.ndarray:
    """Standard normal numbers, each by itself, or spread evenly over every column."""
    if sampling == "gaussian":
        return random.normal(0, 1, shape[0] * shape[1]).reshape(shape)
    from scipy.stats import norm

    strata = np.stack([random.permutation(shape[0]) for _ in range(shape[1])], axis=1)
    return norm.ppf((strata + random.uniform(size=shape)) / shape[0])


def scaled(data: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Samples in units of the columns' scales."""
    if not mean.any() and (scale == 1).all():
        return data
    return (data - mean) / scale


def distances(data: np.ndarray, metric: Any) -> np.ndarray:
    """(samples,) from the first one."""
    if metric == "euclidean":
        squares = np.zeros(len(data))
        for column in data.T:  # column by column, which a processor keeps at hand
            away = column - column[0]
            squares += away * away
        return np.sqrt(squares)
    from sklearn.metrics import pairwise_distances

    return pairwise_distances(data, data[:1], metric=metric).ravel()
