"""AdaBoost of trees: votes of classifiers, the weighted median of regressors."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.convert.column_map import put
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import linked, sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import softmax, two_sigmoids
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.sklearn.boosting import WHY_PROBABILITIES
from lime_jax.models.sklearn.trees import join, refuse_several_targets
from lime_jax.typing import AnyArray, Array, Estimator

_WHY_MEDIAN = "its prediction is the weighted median of its trees, not their sum"


@register_converter(
    "sklearn.AdaBoostClassifier",
    methods=("predict_proba", "decision_function"),
    exact=("decision_function",),
    why_not=WHY_PROBABILITIES,
)
def convert_classifier(model: Estimator, method: str, features: Features) -> Converted:
    """Weighted votes of trees, each for one class and against the others (SAMME)."""
    _refuse_unless_trees(model, "DecisionTreeClassifier", "ExtraTreeClassifier")
    votes = _votes(model)
    trees = [member.tree_ for member in model.estimators_]
    margin = sum_of_trees(join(trees, votes, len(features)), features, rounds_inputs=True)
    if method == "decision_function":
        return margin
    link = two_sigmoids if len(model.classes_) == 2 else _softmax_of_votes
    return linked(margin, link, WHY_PROBABILITIES)


@register_converter("sklearn.AdaBoostRegressor", methods=("predict",), why_not=_WHY_MEDIAN)
def convert_regressor(model: Estimator, method: str, features: Features) -> Converted:
    """The weighted median of the trees."""
    _refuse_unless_trees(model, "DecisionTreeRegressor", "ExtraTreeRegressor")
    trees = [member.tree_ for member in model.estimators_]
    value = np.concatenate([tree.value[:, 0, :] for tree in trees])
    each = np.arange(len(trees))
    structure = join(trees, value, len(features), each, np.zeros(len(trees)))
    apart = sum_of_trees(structure, features, rounds_inputs=True)
    median = put(Partial(_weighted_median, _whole_weights(model.estimator_weights_[: len(trees)])))
    return apart.then(median, _WHY_MEDIAN)


def _weighted_median(weights: Array, outputs: AnyArray) -> Array:
    """The least output of each row at which half the weight is reached, (samples, 1)."""
    order = jnp.argsort(outputs, axis=1)
    weight = jnp.cumsum(weights[order], axis=1)
    first = jnp.argmax(2 * weight >= weight[:, -1:], axis=1)[:, None]
    return jnp.take_along_axis(outputs, jnp.take_along_axis(order, first, axis=1), axis=1)


def _votes(model: Estimator) -> np.ndarray:
    """What a node adds to the margins: its tree's weight for the class that it predicts."""
    refuse_several_targets(model)
    kind, classes = type(model).__name__, len(model.classes_)
    if getattr(model, "algorithm", "SAMME") == "SAMME.R":
        raise NotConvertibleError(f"{kind}: the algorithm SAMME.R has no JAX form here; use SAMME")
    if classes < 2:
        raise NotConvertibleError(f"{kind}: it has seen one class only")
    if not all(np.array_equal(m.classes_, model.classes_) for m in model.estimators_):
        raise NotConvertibleError(f"{kind}: one of its members has not seen all classes")
    trees = [member.tree_ for member in model.estimators_]
    weights = model.estimator_weights_[: len(trees)]
    weight = np.repeat(weights / weights.sum(), [tree.node_count for tree in trees])
    best = np.concatenate([tree.value[:, 0, :].argmax(axis=1) for tree in trees])
    voted = best[:, None] == np.arange(classes)
    votes = np.where(voted, 1.0, -1 / (classes - 1)) * weight[:, None]
    return votes[:, 1:] - votes[:, :1] if classes == 2 else votes


def _refuse_unless_trees(model: Estimator, *kinds: str) -> None:
    for member in model.estimators_:
        if type(member).__name__ not in kinds:
            raise NotConvertibleError(
                f"{type(model).__name__}: its members are {type(member).__name__}, not trees"
            )


def _whole_weights(weights: np.ndarray) -> np.ndarray:
    """Weights as int32, whose sums are exact: units of 2^-29; twice the sum still fits."""
    return np.round(weights / weights.sum() * 2.0**29).astype(np.int32)


def _softmax_of_votes(margin: Array) -> Array:
    return softmax(margin / (margin.shape[1] - 1))
