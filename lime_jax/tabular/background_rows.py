"""The rows that hidden columns take their values from, all of them or a few that stand for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from lime_jax.arguments import check_whole
from lime_jax.typing import Column


def learn_background(
    values: Float64[np.ndarray, "rows features"],
    categorical: Bool[np.ndarray, " features"],
    sample_weight: Column | None = None,
    summarize: float | int | None = None,
    seed: int = 0,
) -> tuple[Float64[np.ndarray, "background features"], Float64[np.ndarray, " background"]]:
    """Background rows and their weights.

    Args:
        summarize: how many rows are to stand for all; None: all do.

    Returns:
        Rows of the table, and weights that add up to 1. A summary takes of every k-means cluster
        the row nearest to its center, with the weight of the cluster: so the model is only asked
        about rows that exist, whatever the columns hold. (`shap.kmeans` takes the centers.)

    Example:
        >>> rows = np.array([[0.0], [0.1], [5.0], [5.1], [5.2]])
        >>> background, weights = learn_background(rows, np.array([False]), summarize=2)
        >>> sorted(zip(background[:, 0].tolist(), weights.tolist()))
        [(0.0, 0.4), (5.1, 0.6)]
    """
    weights = np.ones(len(values))
    if sample_weight is not None:
        weights = np.asarray(sample_weight)
        usable = weights.dtype.kind in "biuf" and weights.shape == (len(values),)
        usable = usable and bool(np.isfinite(weights).all() and (weights >= 0).all())
        if not usable or weights.sum() <= 0:
            raise ValueError(
                f"`sample_weight`: expected {len(values)} finite numbers, none negative and not "
                f"all 0, got shape {weights.shape}, dtype {weights.dtype}: {weights[:5]!r}"
            )
        weights = weights.astype(np.float64)
    if summarize is not None:
        check_whole("summarize", summarize, 1, len(values))
        chosen, weights = _nearest_to_centers(values, categorical, weights, int(summarize), seed)
        values = values[chosen]
    weighed = weights > 0
    return values[weighed], weights[weighed] / weights.sum()


def _nearest_to_centers(
    values: np.ndarray, categorical: np.ndarray, weights: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """A row of each k-means cluster, and the clusters' weights."""
    from sklearn.cluster import KMeans

    points = _points(values, categorical, weights)
    count = min(count, len(np.unique(points[weights > 0], axis=0)))
    fitted: Any = KMeans(count, random_state=seed).fit(points, sample_weight=weights)
    distance = ((points - fitted.cluster_centers_[fitted.labels_]) ** 2).sum(1)
    distance[weights == 0] = np.inf
    chosen = [
        int(mine[distance[mine].argmin()])
        for mine in (np.flatnonzero(fitted.labels_ == number) for number in range(count))
    ]
    return np.array(chosen), np.bincount(fitted.labels_, weights, count)


def _points(values: np.ndarray, categorical: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rows where distances mean something: standard deviations, and levels one by one."""
    parts = []
    for column, is_level in zip(values.T, categorical, strict=True):
        missing = np.isnan(column)
        if is_level:
            parts += [(column == level) / np.sqrt(2) for level in np.unique(column)]
            continue
        shares = np.where(missing, 0, weights)
        total = shares.sum()
        mean = (shares * np.where(missing, 0, column)).sum() / total if total else 0.0
        centered = np.where(missing, 0, column - mean)
        scale = np.sqrt((shares * centered**2).sum() / total) if total else 0.0
        parts.append(centered / scale if scale > 0 else centered * 0)
        if missing.any():
            parts.append(missing.astype(np.float64))
    return np.stack(parts, axis=1)
