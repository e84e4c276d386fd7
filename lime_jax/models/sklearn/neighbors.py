"""Nearest neighbors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.compose import apply
from lime_jax.models.features import Features, NotConvertibleError
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.sklearn.distances import (
    centered,
    distances,
    float32_center,
    in_blocks,
)
from lime_jax.models.sklearn.linear import refuse_many_labels
from lime_jax.typing import Array, pytree, static

POWERS = {"euclidean": 2.0, "l2": 2.0, "sqeuclidean": 2.0, "manhattan": 1.0, "cityblock": 1.0}
POWERS |= {"l1": 1.0, "chebyshev": np.inf, "infinity": np.inf}


@register_converter("sklearn.KNeighborsClassifier", methods=("predict_proba",))
def convert_neighbors_classifier(model: Any, method: str, features: Features) -> Converted:
    """The shares of the classes among a row's nearest neighbors.

    Among points at the same distance those that come first in the training data count as nearer;
    scikit-learn's own choice depends on its search.

    Args:
        model: fitted.
        method: "predict_proba".
        features: its columns.

    Returns:
        The model; no sum over columns.

    Raises:
        NotConvertibleError: for another metric or weighting, several labels, or sparse data.
    """
    refuse_many_labels(model)
    one_hot = np.eye(len(model.classes_))[np.ravel(model._y)]
    return _neighbors(model, one_hot, features)


@register_converter("sklearn.KNeighborsRegressor", methods=("predict",))
def convert_neighbors_regressor(model: Any, method: str, features: Features) -> Converted:
    """The mean of a row's nearest neighbors; ties as for the classifier.

    Args:
        model: fitted.
        method: "predict".
        features: its columns.

    Returns:
        The model; no sum over columns.

    Raises:
        NotConvertibleError: for another metric or weighting, or sparse data.
    """
    targets = np.asarray(model._y, np.float64)
    return _neighbors(model, targets.reshape(len(targets), -1), features)


def _neighbors(model: Any, targets: np.ndarray, features: Features) -> Converted:
    kind, points = type(model).__name__, model._fit_X
    if not isinstance(points, np.ndarray):
        raise NotConvertibleError(f"{kind}: it was fitted on a sparse matrix")
    if model.weights not in ("uniform", "distance", None):
        raise NotConvertibleError(f"{kind}: its weights are a function")
    power = _power(model)
    points = points.astype(np.float64)
    center = float32_center(points)
    # Rounded before and after, as the device does: a row that is a point is at distance 0 from it.
    float_ = jnp.result_type(float)
    near = Neighbors(
        points.astype(float_) - center.astype(float_),
        targets,
        count=int(model.n_neighbors),
        power=power,
        squared=model.effective_metric_ == "sqeuclidean",
        by_distance=model.weights == "distance",
    )
    return apply(near, centered(features, center))


def _power(model: Any) -> float:
    kind, metric = type(model).__name__, model.effective_metric_
    options = {k: v for k, v in (model.effective_metric_params_ or {}).items() if v is not None}
    power = options.pop("p", None)
    if options:
        raise NotConvertibleError(
            f"{kind}: its metric has weights of its own ({', '.join(options)})"
        )
    if metric in ("minkowski", "p") and power is not None:
        return float(power)
    if not isinstance(metric, str) or metric not in POWERS:
        name = metric if isinstance(metric, str) else "a function"
        raise NotConvertibleError(f"{kind}: its metric is {name}")
    return POWERS[metric]


@pytree
class Neighbors:
    """Weighted means of the targets of the nearest points.

    Attributes:
        points: (points, columns).
        targets: (points, outputs).
        count: of neighbors (static, as all below).
        power: of the differences; see `distances`.
        squared: whether the metric itself is the sum of squares.
        by_distance: whether neighbors count by one over their distance.
    """

    points: Any
    targets: Any
    count: int = static()
    power: float = static()
    squared: bool = static()
    by_distance: bool = static()

    def __call__(self, inputs: Any) -> Array:
        """(samples, columns) -> (samples, outputs)."""
        return in_blocks(self._block, inputs, len(self.points))

    def _block(self, inputs: Any) -> Array:
        away = distances(inputs, self.points, self.power)
        nearest, index = jax.lax.top_k(-away, self.count)
        targets = self.targets[index]
        if not self.by_distance:
            return targets.mean(axis=1)
        distance = -nearest
        if not self.squared and self.power not in (1.0, np.inf):
            distance = distance ** (1 / self.power)
        # Points at distance 0 are all there is; else one over the distance, the nearest's being 1.
        here = distance == 0
        weights = jnp.where(here.any(axis=1, keepdims=True), here, distance[:, :1] / distance)
        weights = weights / weights.sum(axis=1, keepdims=True)
        return (weights[:, :, None] * targets).sum(axis=1)
