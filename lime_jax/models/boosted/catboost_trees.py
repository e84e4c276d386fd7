"""The trees of CatBoost's JSON form.

CatBoost rounds a number to float32 and goes right above a border. A level goes right if it is the
one of the split, or if its statistic is above a border: counts of training targets by level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int

from lime_jax.models.convert.columns import LevelColumn, NotConvertibleError
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.tree_sums import LevelSets
from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.thresholds import after_rounding

_FACTOR = 0x4906BA494954CB65
_Test = tuple[int, float, bool, int]
"""Of a node: column, threshold, whether missing numbers go left, number of the level set."""


def tree_sum(form: dict[str, Any], features: Features) -> TreeSum:
    """The sum of trees, with level sets by the table's codes."""
    sets = LevelSets()
    test = _Tests(form, features, sets)
    scale, bias = form["scale_and_bias"]
    if "oblivious_trees" in form:
        trees = _symmetric(form["oblivious_trees"], len(bias), test)
    else:
        trees = [_other(tree, len(bias), test) for tree in form["trees"]]
    sizes = np.array([len(tree["left"]) for tree in trees])
    roots = np.cumsum(sizes) - sizes
    joined = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    first = np.repeat(roots, sizes)
    kinds = np.array(test.tests, dtype=[("c", int), ("t", float), ("m", bool), ("s", int)])
    inner = joined["left"] >= 0
    at = (
        kinds[np.where(inner, joined["test"], 0)]
        if len(kinds)
        else np.zeros(len(inner), kinds.dtype)
    )
    return TreeSum(
        column=np.where(inner, at["c"], -1).astype(np.int32),
        threshold=np.where(inner, at["t"], np.nan),
        missing_left=inner & at["m"],
        level_set=np.where(inner, at["s"], -1).astype(np.int32),
        left=np.where(inner, joined["left"] + first, -1).astype(np.int32),
        right=np.where(inner, joined["right"] + first, -1).astype(np.int32),
        value=joined["value"] * scale,
        roots=roots.astype(np.int32),
        output=np.zeros(len(trees), np.int32),
        level_sets=sets.all(),
        base=np.asarray(bias, np.float64),
        num_features=len(features),
        cover=None if np.isnan(joined.get("cover", np.nan)).any() else joined["cover"],
    )


class _Tests:
    """The splits of a model by number, each read when a tree uses it.

    Attributes:
        tests: of those that were used.
    """

    def __init__(self, form: dict[str, Any], features: Features, sets: LevelSets) -> None:
        info = form["features_info"]
        self._features, self._sets = features, sets
        self._tables = form.get("ctr_data", {})
        self._hash = {
            part["value"]: int(part["hash"]) for part in info.get("cat_features_hash", [])
        }
        self._categorical = info.get("categorical_features", [])
        self._read: list[Callable[[], _Test]] = []
        for part in info.get("float_features", []):
            for border in part["borders"]:
                self._read.append(lambda part=part, border=border: self._number(part, border))
        for part in self._categorical:
            for value in part.get("values", []):
                self._read.append(lambda part=part, value=value: self._level(part, value))
        for part in info.get("ctrs", []):
            for border in part["borders"]:
                self._read.append(lambda part=part, border=border: self._statistic(part, border))
        self.tests: list[_Test] = []
        self._known: dict[int, int] = {}

    def __call__(self, split: dict[str, Any]) -> int:
        """The number of a split in `tests`."""
        number = split["split_index"]
        if split["split_type"] not in ("FloatFeature", "OneHotFeature", "OnlineCtr"):
            raise NotConvertibleError(f"CatBoost: it splits by {split['split_type']}")
        if number not in self._known:
            self._known[number] = len(self.tests)
            self.tests.append(self._read[number]())
        return self._known[number]

    def _number(self, part: dict[str, Any], border: float) -> _Test:
        threshold = float(after_rounding(np.array([border]))[0])
        return part["flat_feature_index"], threshold, part["nan_value_treatment"] != "AsTrue", -1

    def _level(self, part: dict[str, Any], value: int) -> _Test:
        column = part["flat_feature_index"]
        return self._by_level(column, self._hashes(column) == value % 2**32)

    def _statistic(self, part: dict[str, Any], border: float) -> _Test:
        if len(part["elements"]) > 1 or "cat_feature_index" not in part["elements"][0]:
            raise NotConvertibleError(
                "CatBoost: it has statistics of several columns together "
                "(`max_ctr_complexity=1` makes it look at each alone)"
            )
        number = part["elements"][0]["cat_feature_index"]
        column = self._categorical[number]["flat_feature_index"]
        table = self._tables[part["identifier"]]
        value = level_statistics(part, table, self._hashes(column))
        return self._by_level(column, value > np.float32(border))

    def _by_level(self, column: int, goes_right: Bool[np.ndarray, " levels"]) -> _Test:
        return column, np.nan, False, self._sets.number(~goes_right)

    def _hashes(self, column: int) -> Int[np.ndarray, " levels"]:
        """Of each level; -1 for one that is missing."""
        source = self._features.columns[column]
        assert isinstance(source, LevelColumn)
        return np.array([-1 if v is None else self._hash.get(str(v), -1) for v in source.values])


def level_statistics(
    part: dict[str, Any], table: dict[str, Any], hashes: Int[np.ndarray, " levels"]
) -> Float32[np.ndarray, " levels"]:
    """What CatBoost puts in the place of levels: a share of training rows, with a prior.

    Args:
        part: what the statistic is.
        table: of counts, by hash.
    """
    stride, flat = table["hash_stride"], table["hash_map"]
    counts = {
        int(flat[k]): np.array(flat[k + 1 : k + stride], np.float64)
        for k in range(0, len(flat), stride)
    }
    never = np.zeros(stride - 1)
    found = np.stack([counts.get(_key(int(value)), never) for value in hashes])
    kind, border = part["ctr_type"], part.get("target_border_idx", 0)
    if kind == "Borders":
        share, whole = found[:, border + 1 :].sum(1), found.sum(1)
    elif kind == "Buckets":
        share, whole = found[:, border], found.sum(1)
    elif kind in ("BinarizedTargetMeanValue", "FloatTargetMeanValue"):
        share, whole = found.T
    elif kind in ("Counter", "FeatureFreq"):
        share, whole = found[:, 0], np.full(len(found), table["counter_denominator"])
    else:
        raise NotConvertibleError(f"CatBoost: it has statistics of the kind {kind}")
    prior = part["prior_numerator"], part["prior_denomerator"]
    ratio = (share + prior[0]).astype(np.float32) / (whole + prior[1]).astype(np.float32)
    return (ratio + np.float32(part["shift"])) * np.float32(part["scale"])


def _key(level: int) -> int:
    """By which a level's counts are found: its hash as a signed number, hashed once more."""
    signed = level - 2**32 if level >= 2**31 else level
    return _FACTOR * _FACTOR * signed % 2**64 if level >= 0 else -1


def _symmetric(
    trees: Sequence[dict[str, Any]], outputs: int, test: _Tests
) -> list[dict[str, np.ndarray]]:
    """Trees with one test a level, the last one at the root: bits of a leaf's number."""
    made = []
    for tree in trees:
        splits = [test(split) for split in reversed(tree["splits"] or [])]
        depth = len(splits)
        inner = np.arange(2**depth - 1)
        leaves = np.full(2**depth, -1)
        made.append(
            {
                "test": np.concatenate([np.repeat(splits, 2 ** np.arange(depth)), leaves]).astype(
                    int
                ),
                "left": np.concatenate([2 * inner + 1, leaves]),
                "right": np.concatenate([2 * inner + 2, leaves]),
                "value": _values(tree["leaf_values"], 2**depth, outputs),
            }
        )
        if all("leaf_weights" in tree for tree in trees):
            made[-1]["cover"] = _covers(tree["leaf_weights"])
    return made


def _covers(weights: Sequence[float | int]) -> Float64[np.ndarray, " nodes"]:
    """Of all nodes, from those of the leaves."""
    levels = [np.asarray(weights, np.float64)]
    while len(levels[-1]) > 1:
        levels.append(levels[-1].reshape(-1, 2).sum(1))
    return np.concatenate(levels[::-1])


def _values(
    values: Sequence[float | int], leaves: int, outputs: int
) -> Float64[np.ndarray, "nodes outputs"]:
    """Of the leaves, behind as many inner nodes less one."""
    of_leaves = np.asarray(values, np.float64).reshape(leaves, outputs)
    return np.concatenate([np.zeros((leaves - 1, outputs)), of_leaves])


def _other(tree: dict[str, Any], outputs: int, test: _Tests) -> dict[str, np.ndarray]:
    """A tree with tests of its own at every node."""
    tests, left, right, value, cover, todo = [], [], [], [], [], [tree]
    for node in todo:
        is_leaf = "split" not in node
        tests.append(-1 if is_leaf else test(node["split"]))
        left.append(-1 if is_leaf else len(todo))
        right.append(-1 if is_leaf else len(todo) + 1)
        value.append(np.broadcast_to(node["value"] if is_leaf else 0.0, outputs))
        cover.append(float(node.get("weight", np.nan)) if is_leaf else 0.0)
        if not is_leaf:
            todo += [node["left"], node["right"]]
    for node in range(len(todo) - 1, -1, -1):
        if left[node] >= 0:
            cover[node] = cover[left[node]] + cover[right[node]]
    made = {
        "test": np.array(tests),
        "left": np.array(left),
        "right": np.array(right),
        "value": np.array(value, np.float64),
        "cover": np.array(cover),
    }
    return made
