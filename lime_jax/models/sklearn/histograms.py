"""Trees of histogram gradient boosting: missing values, and splits that are sets of categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from lime_jax.models.convert.compose import sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.tree_sums import LevelSets
from lime_jax.models.registry import Converted
from lime_jax.models.sklearn.categories import code_columns
from lime_jax.models.structure import TreeSum
from lime_jax.typing import Estimator


def sum_of_histograms(model: Estimator, features: Features) -> Converted:
    """What the trees of a model sum to, from its baseline on."""
    features, coded = code_columns(model, features)
    return sum_of_trees(_join(model, coded, len(features)), features)


def _join(model: Estimator, coded: dict[int, np.ndarray], num_features: int) -> TreeSum:
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
        cover=nodes["count"].astype(np.float64),
    )


def _level_sets(
    trees: list[Any], nodes: np.ndarray, by_set: np.ndarray, coded: dict[int, np.ndarray]
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

    def levels_left(node: np.void, left: np.ndarray) -> np.ndarray:
        category = coded[node["feature_idx"]]  # unknown ones are taken for missing
        return np.where(category < 0, bool(node["missing_go_to_left"]), left[category])

    sets = LevelSets()
    level_set[where] = sets.numbers(map(levels_left, nodes[where], goes_left))
    return level_set, sets.all()
