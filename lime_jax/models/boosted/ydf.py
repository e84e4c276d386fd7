"""YDF's models, which are called with columns by name; they stay on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from lime_jax.models.registry import HostMethod, keep_on_host, register_methods
from lime_jax.typing import Estimator, Table

keep_on_host("ydf.GenericModel", why="its trees are not read here")


@register_methods("ydf.GenericModel")
def ydf_method(model: Estimator, method: str) -> HostMethod | None:
    """How YDF is called on the host: it has a `predict` alone."""
    classifies = model.task().name == "CLASSIFICATION"
    if method == "predict_proba" and classifies:
        return lambda batch: _of_all_classes(model.predict(_named(model, batch))), "probability"
    if method == "predict" and classifies:
        return ydf_method(model, "predict_proba")
    if method == "predict":
        return lambda batch: model.predict(_named(model, batch)), "value"
    return None


def _named(model: Estimator, batch: Table) -> Any:
    """A batch as columns by name."""
    if not isinstance(batch, np.ndarray):
        return batch
    names = model.input_feature_names()
    return {name: batch[:, k] for k, name in enumerate(names)}


def _of_all_classes(predicted: np.ndarray) -> np.ndarray:
    """Probabilities of both classes, of which YDF says that of the second."""
    return np.stack([1 - predicted, predicted], axis=1) if predicted.ndim == 1 else predicted
