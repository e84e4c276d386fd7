"""Decision trees and forests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Float64, Int

from lime_jax.models.convert.column_map import put
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.thresholds import after_rounding
from lime_jax.typing import Array, Estimator


@register_converter(
    "sklearn.DecisionTreeClassifier",
    "sklearn.ExtraTreeClassifier",
    "sklearn.RandomForestClassifier",
    "sklearn.ExtraTreesClassifier",
    methods=("predict_proba",),
    exact=("predict_proba",),
)
def convert_classifier(model: Estimator, method: str, features: Features) -> Converted:
    """The mean over trees of the share of each class in the leaf, target after target."""
    trees = _trees(model)
    share = np.concatenate([_shares(tree.value, model.n_classes_) for tree in trees])
    return sum_of_trees(
        join(trees, share / len(trees), len(features)), features, rounds_inputs=True
    )


@register_converter(
    "sklearn.DecisionTreeRegressor",
    "sklearn.ExtraTreeRegressor",
    "sklearn.RandomForestRegressor",
    "sklearn.ExtraTreesRegressor",
    methods=("predict",),
    exact=("predict",),
)
def convert_regressor(model: Estimator, method: str, features: Features) -> Converted:
    """The mean over trees of the leaf's value, for one or several targets."""
    trees = _trees(model)
    value = np.concatenate([tree.value[:, :, 0] for tree in trees])
    return sum_of_trees(
        join(trees, value / len(trees), len(features)), features, rounds_inputs=True
    )


_WHY_POWER = "its score is a power of a sum over trees"


@register_converter("sklearn.IsolationForest", methods=("decision_function",), why_not=_WHY_POWER)
def convert_isolation_forest(model: Estimator, method: str, features: Features) -> Converted:
    """A power of the mean depth at which trees set a row apart."""
    trees = _trees(model)
    depth = np.concatenate([_depths(tree) for tree in trees])[:, None]
    total = join(trees, depth, len(features))
    first = np.repeat(np.arange(len(trees)), [tree.node_count for tree in trees])
    columns = np.stack(model.estimators_features_)  # columns of each tree
    inner = total.column >= 0
    total.column[inner] = columns[first[inner], total.column[inner]]
    usual = len(trees) * float(_path_length(np.array([model._max_samples]))[0])
    link = put(Partial(_outlying, np.array(usual), np.array(float(model.offset_))))
    return sum_of_trees(total, features, rounds_inputs=True).then(link, _WHY_POWER)


def _outlying(usual: Array, offset: Array, depth: Array) -> Array:
    return -jnp.exp2(jnp.where(usual > 0, -depth / jnp.where(usual > 0, usual, 1), -1.0)) - offset


def _depths(tree: Any) -> np.ndarray:
    """Of each node, splits above it, and those that would set its training rows apart."""
    depth, todo = np.zeros(tree.node_count), [0]
    for node in todo:
        if tree.children_left[node] >= 0:
            below = [tree.children_left[node], tree.children_right[node]]
            depth[below] = depth[node] + 1
            todo += below
    return depth + _path_length(tree.n_node_samples)


def _path_length(count: np.ndarray) -> np.ndarray:
    """The mean depth of one of so many rows in a tree that splits at random (Liu et al. 2008)."""
    some = np.maximum(count, 3).astype(np.float64)
    many = 2 * (np.log(some - 1) + np.euler_gamma) - 2 * (some - 1) / some
    return np.where(count > 2, many, np.where(count == 2, 1.0, 0.0))


def _shares(value: np.ndarray, counts: Sequence[int] | int | np.integer) -> np.ndarray:
    """(nodes, classes of all targets) from (nodes, targets, classes of the largest)."""
    flat = np.atleast_1d(np.asarray(counts))
    return np.concatenate([value[:, k, :count] for k, count in enumerate(flat)], axis=1)


def join(
    trees: Sequence[Any],
    value: Float64[np.ndarray, "nodes width"],
    num_features: int,
    output: Int[np.ndarray, " trees"] | None = None,
    base: Float64[np.ndarray, " outputs"] | None = None,
) -> TreeSum:
    """Trees of scikit-learn as one sum; `value` is what each node would add if it were a leaf.

    They round a row to float32 and send it left if it is at or below the threshold.
    """
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.cumsum(sizes) - sizes

    def of_nodes(name: str) -> np.ndarray:
        return np.concatenate([getattr(tree, name) for tree in trees])

    leaf = of_nodes("children_left") < 0
    first = np.repeat(roots, sizes)
    threshold = of_nodes("threshold")
    threshold[leaf], threshold[~leaf] = np.nan, after_rounding(threshold[~leaf])
    return TreeSum(
        column=np.where(leaf, -1, of_nodes("feature")).astype(np.int32),
        threshold=threshold,
        missing_left=(of_nodes("missing_go_to_left") != 0) & ~leaf,
        level_set=np.full(len(leaf), -1, np.int32),
        left=np.where(leaf, -1, of_nodes("children_left") + first).astype(np.int32),
        right=np.where(leaf, -1, of_nodes("children_right") + first).astype(np.int32),
        value=np.where(leaf[:, None], value, 0.0),
        roots=roots.astype(np.int32),
        output=(np.zeros(len(trees)) if output is None else output).astype(np.int32),
        level_sets=(),
        base=np.zeros(value.shape[1]) if base is None else base,
        num_features=num_features,
        cover=of_nodes("weighted_n_node_samples").astype(np.float64),
    )


def refuse_several_targets(model: Estimator) -> None:
    """Classifiers of several targets return a list of arrays, which is not one output."""
    if isinstance(model.classes_, list):
        raise NotConvertibleError(
            f"{type(model).__name__}: it has {len(model.classes_)} targets; hand over a "
            "classifier of one"
        )


def _trees(model: Estimator) -> list[Any]:
    return [tree.tree_ for tree in getattr(model, "estimators_", [model])]
