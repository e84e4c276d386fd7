"""Gradient boosting, by exact splits or by histograms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.convert.compose import average, linked, sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import softmax, two_sigmoids
from lime_jax.models.registry import Converted, convert_on, register_converter
from lime_jax.models.sklearn.histograms import sum_of_histograms
from lime_jax.models.sklearn.trees import join
from lime_jax.typing import Array, Estimator

WHY_PROBABILITIES = (
    "its probabilities are not a sum over trees; "
    "its margin is: output='margin' or decision_function"
)


@register_converter(
    *("sklearn.GradientBoostingClassifier", "sklearn.HistGradientBoostingClassifier"),
    methods=("predict_proba", "decision_function"),
    exact=("decision_function",),
    why_not=WHY_PROBABILITIES,
)
def convert_classifier(model: Estimator, method: str, features: Features) -> Converted:
    """The margins, one of two classes or one for each, and probabilities made of them."""
    margin = _sum(model, features)
    if method == "decision_function":
        return margin
    if model.loss == "exponential":
        return linked(margin, _of_half_margin, WHY_PROBABILITIES)
    return linked(margin, two_sigmoids if len(model.classes_) == 2 else softmax, WHY_PROBABILITIES)


@register_converter(
    *("sklearn.GradientBoostingRegressor", "sklearn.HistGradientBoostingRegressor"),
    methods=("predict",),
    exact=("predict",),
    why_not="for losses of counts and amounts it is the exponential of a sum over trees",
)
def convert_regressor(model: Estimator, method: str, features: Features) -> Converted:
    """The sum itself, or its exponential for the losses of counts and amounts."""
    total = _sum(model, features)
    if model.loss in ("poisson", "gamma"):
        why = f"its prediction for the {model.loss} loss is the exponential of a sum over trees"
        return linked(total, jnp.exp, why)
    return total


def _sum(model: Estimator, features: Features) -> Converted:
    if type(model).__name__.startswith("Hist"):
        return sum_of_histograms(model, features)
    trees = [tree.tree_ for tree in model.estimators_.ravel()]
    rounds, outputs = model.estimators_.shape
    value = np.concatenate([tree.value[:, 0, :] for tree in trees]) * model.learning_rate
    output = np.tile(np.arange(outputs), rounds)
    is_same = _starts_alike(model.init_)
    start = _start(model, len(features)) if is_same else np.zeros(outputs)
    structure = join(trees, value, len(features), output, start)
    total = sum_of_trees(structure, features, rounds_inputs=True)
    return total if is_same else average([_first(model, features), total], [1.0, 1.0])


def _starts_alike(init: Estimator | str) -> bool:
    """Whether the margins before the first tree are the same for all rows."""
    is_dummy = type(init).__name__ in ("DummyClassifier", "DummyRegressor")
    return isinstance(init, str) or (is_dummy and getattr(init, "strategy", "") != "stratified")


def _start(model: Estimator, num_features: int) -> np.ndarray:
    """The margins before the first tree: the priors, clipped, through the link of its loss."""
    return model._raw_predict_init(np.zeros((1, num_features), np.float32))[0]


def _first(model: Estimator, features: Features) -> Converted:
    """What a model of the user's own says before the first tree, as a margin."""
    why = f"its `init` is a {type(model.init_).__name__}, whose probabilities are no sum"
    if not hasattr(model, "classes_"):
        return convert_on(model.init_, "predict", features)
    probabilities = convert_on(model.init_, "predict_proba", features)
    if model.loss == "exponential":
        return probabilities.then(Partial(_half_log_odds), why)
    return probabilities.then(Partial(_log_odds if len(model.classes_) == 2 else _logs), why)


def _clipped(probabilities: Array) -> Array:
    least = jnp.finfo(jnp.float32).eps
    return jnp.clip(probabilities, least, 1 - least)


def _log_odds(probabilities: Array) -> Array:
    second = _clipped(probabilities[:, 1:])
    return jnp.log(second) - jnp.log1p(-second)


def _half_log_odds(probabilities: Array) -> Array:
    return _log_odds(probabilities) / 2


def _logs(probabilities: Array) -> Array:
    log = jnp.log(_clipped(probabilities))
    return log - log.mean(1, keepdims=True)


def _of_half_margin(margin: Array) -> Array:
    """The exponential loss estimates half the log-odds."""
    return jnp.concatenate([jax.nn.sigmoid(-2 * margin), jax.nn.sigmoid(2 * margin)], axis=1)
