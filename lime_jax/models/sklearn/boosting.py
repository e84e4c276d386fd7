"""Gradient boosting, by exact splits or by histograms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import linked, sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import softmax, two_sigmoids
from lime_jax.models.registry import Converted, register_converter
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
    structure = join(trees, value, len(features), output, _start(model, len(features)))
    return sum_of_trees(structure, features, rounds_inputs=True)


def _start(model: Estimator, num_features: int) -> np.ndarray:
    """The margins before the first tree, where they are the same for all rows."""
    init = model.init_
    dummy = type(init).__name__ in ("DummyClassifier", "DummyRegressor")
    if not (isinstance(init, str) or (dummy and getattr(init, "strategy", "") != "stratified")):
        raise NotConvertibleError(
            f"{type(model).__name__}: its `init` is a {type(init).__name__}, which is not the same "
            "for all rows"
        )
    # scikit-learn's own: the priors, clipped, through the link of its loss.
    return model._raw_predict_init(np.zeros((1, num_features), np.float32))[0]


def _of_half_margin(margin: Array) -> Array:
    """The exponential loss estimates half the log-odds."""
    return jnp.concatenate([jax.nn.sigmoid(-2 * margin), jax.nn.sigmoid(2 * margin)], axis=1)
