"""Trees of Spark ML as arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64


@dataclasses.dataclass(frozen=True)
class CategorySet:
    """Categories that a node sends to one side."""

    categories: frozenset[float]
    left: bool  # which side; all other numbers, NaN too, go to the other one

    def goes_left(self, numbers: np.ndarray) -> np.ndarray:
        """Which numbers it sends left."""
        return np.isin(numbers, list(self.categories)) == self.left


@dataclasses.dataclass(frozen=True, eq=False)
class FittedTrees:
    """Trees as Spark numbers them, one behind the other; a number at or below a threshold is left.

    Attributes:
        feature: that a node tests; -1 at a leaf.
        threshold: of a test of numbers, NaN elsewhere.
        missing_left: where a missing number goes.
        sets: by node, of tests of categories, which say so themselves.
        value: (nodes, width) what a leaf adds to the outputs.
    """

    feature: Int64[np.ndarray, " nodes"]
    threshold: Float64[np.ndarray, " nodes"]
    missing_left: Bool[np.ndarray, " nodes"]
    left: Int64[np.ndarray, " nodes"]
    right: Int64[np.ndarray, " nodes"]
    roots: Int64[np.ndarray, " trees"]
    sets: dict[int, CategorySet]
    value: Float64[np.ndarray, "nodes width"]


def fitted_trees(
    trees: Sequence[Sequence[Mapping[str, Any]]], weights: Sequence[float], shares: bool
) -> FittedTrees:
    """Trees of the nodes that Spark's files hold.

    Args:
        trees: of each, its nodes in the order of their ids, the first its root.
        weights: of each tree.
        shares: whether leaves hold counts of classes, else predictions.
    """
    nodes = [node for tree in trees for node in tree]
    sizes = [len(tree) for tree in trees]
    first = np.cumsum([0, *sizes[:-1]])
    start, weight = np.repeat(first, sizes), np.repeat(np.asarray(weights, np.float64), sizes)
    inner = np.array([node["leftChild"] >= 0 for node in nodes])
    split = [node["split"] for node in nodes]
    left, right = (
        np.where(inner, start + [node[name] for node in nodes], -1)
        for name in ("leftChild", "rightChild")
    )
    is_set = inner & np.array([one["numCategories"] != -1 for one in split])
    threshold = [
        one["leftCategoriesOrThreshold"][0] if by_number else np.nan
        for one, by_number in zip(split, inner & ~is_set, strict=True)
    ]
    if shares:
        value = np.array([node["impurityStats"] for node in nodes], np.float64)
        value = value / np.maximum(value.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    else:
        value = np.array([[node["prediction"]] for node in nodes], np.float64)
    return FittedTrees(
        feature=np.where(inner, [one["featureIndex"] for one in split], -1),
        threshold=np.array(threshold, np.float64),
        missing_left=np.zeros(len(nodes), bool),
        left=left,
        right=right,
        roots=first,
        sets={int(k): _category_set(split[k]) for k in np.flatnonzero(is_set)},
        value=np.where(inner[:, None], 0.0, value * weight[:, None]),
    )


def _category_set(split: Mapping[str, Any]) -> CategorySet:
    """As Spark asks it: of both sides the smaller one is listed."""
    left, count = frozenset(split["leftCategoriesOrThreshold"]), split["numCategories"]
    if len(left) <= count // 2:
        return CategorySet(left, True)
    return CategorySet(frozenset(map(float, range(count))) - left, False)
