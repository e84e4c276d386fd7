"""Calibrated classifiers: another model's margin or probability through a fitted curve."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.convert.column_map import put
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import average
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import softmax
from lime_jax.models.registry import Converted, convert_on, register_converter
from lime_jax.typing import AnyArray, Array, Estimator, pytree, static

_WHY = "its probabilities are calibrated, not a sum over trees or over columns"
_STEEPEST = 1e-4  # what a curve may change by within the device's precision of its input


@register_converter("sklearn.CalibratedClassifierCV", methods=("predict_proba",), why_not=_WHY)
def convert_calibrated(model: Estimator, method: str, features: Features) -> Converted:
    """The mean of the classifiers of all folds, each behind its curves."""
    members = [_convert_fold(fold, features) for fold in model.calibrated_classifiers_]
    mean = average(members, np.full(len(members), 1 / len(members)))
    return dataclasses.replace(mean, structure=None, why_not_exact=_WHY)


def _convert_fold(fold: Estimator, features: Features) -> Converted:
    inner = fold.estimator
    method = "decision_function" if hasattr(inner, "decision_function") else "predict_proba"
    if len(inner.classes_) != len(fold.classes):
        raise NotConvertibleError("CalibratedClassifierCV: one fold has not seen all classes")
    scores = convert_on(inner, method, features)
    if fold.method == "temperature":
        beta = np.asarray(fold.calibrators[0].beta_, np.float64)
        link: Any = Temperature(beta, method == "predict_proba")
    else:
        skip = int(len(fold.classes) == 2 and method == "predict_proba")
        link = Calibration(tuple(_curve(c) for c in fold.calibrators), skip)
    return scores.then(put(link), _WHY)


def _curve(calibrator: Estimator) -> Any:
    if type(calibrator).__name__ == "_SigmoidCalibration":
        return Partial(_sigmoid, np.float64(calibrator.a_), np.float64(calibrator.b_))
    points = np.asarray(calibrator.X_thresholds_, np.float64)
    values = np.asarray(calibrator.y_thresholds_, np.float64)
    rounding = 2 * float(jnp.finfo(jnp.result_type(float)).eps) * np.abs(points).max()
    jump = np.diff(values) * np.minimum(1, rounding / np.diff(points))
    if jump.size and jump.max() > _STEEPEST:
        raise NotConvertibleError(
            "CalibratedClassifierCV: its isotonic curve has steps that are too steep for the "
            "device's precision"
        )
    return Partial(_straight_lines, points, values)


def _sigmoid(slope: Array, offset: Array, scores: AnyArray) -> Array:
    """Platt's curve."""
    return jax.nn.sigmoid(-(slope * scores + offset))


def _straight_lines(points: Array, values: Array, scores: AnyArray) -> Array:
    """Lines between points, constant outside."""
    return jnp.interp(scores, points, values)


@pytree
class Calibration:
    """One curve per class, made to sum to 1."""

    curves: tuple[Any, ...]  # of the second of two classes, or of each class
    skip: int = static()  # how many scores are left out, from the first

    def __call__(self, scores: AnyArray) -> Array:
        """Probabilities, (samples, scores) -> (samples, classes)."""
        scores = scores[:, self.skip :]
        curves = [curve(scores[:, k]) for k, curve in enumerate(self.curves)]
        if len(curves) == 1:
            return jnp.stack([1 - curves[0], curves[0]], axis=1)
        each = jnp.stack(curves, axis=1)
        total = each.sum(axis=1, keepdims=True)
        return jnp.where(total == 0, 1 / len(curves), each / jnp.where(total == 0, 1, total))


@pytree
class Temperature:
    """Scores of all classes times one number, then softmax."""

    beta: Any
    probabilities: bool = static()  # whether the scores are probabilities

    def __call__(self, scores: AnyArray) -> Array:
        """Probabilities, (samples, scores) -> (samples, classes)."""
        if self.probabilities:
            scores = jnp.log(scores + 1e-12)
        elif scores.shape[1] == 1:
            scores = jnp.concatenate([-scores, scores], axis=1)
        return softmax(self.beta * scores)
