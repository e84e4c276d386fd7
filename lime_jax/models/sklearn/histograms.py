"""Histogram gradient boosting: missing values, and splits that are sets of categories."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.compose import linked, sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.sklearn.boosting import probabilities
from lime_jax.models.sklearn.categories import CodedColumn, code_columns
from lime_jax.models.structure import TreeSum
from lime_jax.typing import Estimator


@register_converter(
    "sklearn.HistGradientBoostingClassifier", methods=("predict_proba", "decision_function")
)
def convert_classifier(model: Estimator, method: str, features: Features) -> Converted:
    """The margins, one of two classes or one for each, and probabilities made of them."""
    margin = _sum(model, features)
    if method == "decision_function":
        return margin
    return probabilities(margin, len(model.classes_))


@register_converter("sklearn.HistGradientBoostingRegressor", methods=("predict",))
def convert_regressor(model: Estimator, method: str, features: Features) -> Converted:
    """The sum itself, or its exponential for the losses of counts and amounts."""
    total = _sum(model, features)
    if model.loss in ("poisson", "gamma"):
        why = f"its prediction for the {model.loss} loss is the exponential of a sum over trees"
        return linked(total, jnp.exp, why)
    return total


def _sum(model: Estimator, features: Features) -> Converted:
    features, coded = code_columns(model, features)
    return sum_of_trees(_join(model, coded, len(features)), features)


def _join(model: Estimator, coded: dict[int, CodedColumn], num_features: int) -> TreeSum:
    trees = [tree for round_ in model._predictors for tree in round_]
    base = np.asarray(model._baseline_prediction, np.float64).reshape(-1)
    sizes = np.array([len(tree.nodes) for tree in trees])
    roots = np.cumsum(sizes) - sizes
    first = np.repeat(roots, sizes)
    nodes = np.concatenate([tree.nodes for tree in trees])
    leaf = nodes["is_leaf"] != 0
    by_set = (nodes["is_categorical"] != 0) & ~leaf
    level_set, level_sets = _level_sets(trees, nodes, by_set, coded)
    return TreeSum(
        column=np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf | by_set, np.nan, nodes["num_threshold"]),
        missing_left=(nodes["missing_go_to_left"] != 0) & ~leaf & ~by_set,
        level_set=level_set,
        left=np.where(leaf, -1, nodes["left"] + first).astype(np.int32),
        right=np.where(leaf, -1, nodes["right"] + first).astype(np.int32),
        value=np.where(leaf, nodes["value"], 0.0)[:, None],
        roots=roots.astype(np.int32),
        output=np.tile(np.arange(len(base)), len(model._predictors)).astype(np.int32),
        level_sets=level_sets,
        base=base,
        num_features=num_features,
    )


def _level_sets(
    trees: list[Any], nodes: np.ndarray, by_set: np.ndarray, coded: dict[int, CodedColumn]
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Which levels go left at the nodes `by_set`: their numbers in the sets, and the sets."""
    level_set = np.full(len(nodes), -1, np.int32)
    if not by_set.any():
        return level_set, ()
    words = np.concatenate([tree.raw_left_cat_bitsets for tree in trees]).astype(np.uint32)
    of_tree = np.array([len(tree.raw_left_cat_bitsets) for tree in trees])
    first = np.repeat(np.cumsum(of_tree) - of_tree, [len(tree.nodes) for tree in trees])
    where = np.flatnonzero(by_set)
    words = words[nodes["bitset_idx"][where] + first[where]]
    bits = (words[:, :, None] >> np.arange(32, dtype=np.uint32)) & 1
    goes_left = bits.reshape(len(where), -1).astype(bool)
    known: dict[tuple[int, bytes], int] = {}
    sets: list[np.ndarray] = []
    for node, left in zip(where, goes_left, strict=True):
        column = coded[int(nodes["feature_idx"][node])]
        flags = column.levels_left(left, bool(nodes["missing_go_to_left"][node]))
        number = known.setdefault((len(flags), flags.tobytes()), len(sets))
        if number == len(sets):
            sets.append(flags)
        level_set[node] = number
    return level_set, tuple(sets)
