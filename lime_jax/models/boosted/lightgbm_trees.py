"""The trees of LightGBM's text form.

LightGBM compares in float64 and goes left at or below the threshold, or if the code is in a
categorical split's set; what it takes for missing differs by column.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int, Int32

from lime_jax.models.convert.tree_sums import LevelSets
from lime_jax.models.structure import TreeSum

_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of a decision type; the two above are what is missing
_ZERO = 1  # what is missing: 0 stands for none, 1 for zero, 2 for NaN

SMALL = float(np.float32(1e-35))
"""Up to here LightGBM takes a number, or its negative, for 0."""


@dataclasses.dataclass(frozen=True)
class ModelText:
    """The text form of a model."""

    header: dict[str, str]  # what it says of the whole model; flags without a value are ""
    trees: list[dict[str, str]]  # what it says of each tree
    objective: str
    parameters: dict[str, str]  # of the objective; flags without a value are ""


def read_text(text: str) -> ModelText:
    """Take the text form of a model apart."""
    body = text.partition("\nend of trees")[0]
    parts = [
        {name: value for name, _, value in (line.partition("=") for line in part.splitlines())}
        for part in body.split("\nTree=")
    ]
    header, trees = parts[0], parts[1:]
    name, *rest = header.get("objective", "custom").split()
    parameters = {key: value for key, _, value in (word.partition(":") for word in rest)}
    return ModelText(header, trees, name, parameters)


@dataclasses.dataclass(frozen=True)
class _Nodes:
    """The nodes of all trees: of each tree the inner ones, then the leaves."""

    trees: Sequence[dict[str, str]]
    inner: Int[np.ndarray, " trees"]  # how many inner nodes each tree has; it has one more leaf

    @classmethod
    def of(cls, trees: Sequence[dict[str, str]]) -> _Nodes:
        """The nodes of the trees."""
        return cls(trees, np.array([int(tree["num_leaves"]) - 1 for tree in trees], np.int64))

    @cached_property
    def first(self) -> Int[np.ndarray, " trees"]:
        """The first node of each tree."""
        sizes = 2 * self.inner + 1
        return np.cumsum(sizes) - sizes

    @cached_property
    def is_leaf(self) -> Bool[np.ndarray, " nodes"]:
        """Which nodes are leaves."""
        kinds = np.stack([self.inner, self.inner + 1], axis=1).reshape(-1)
        return np.repeat(np.tile([False, True], len(self.inner)), kinds)

    def column(self, name: str, dtype: type) -> np.ndarray:
        """What the text says of the inner nodes, or of the leaves."""
        words = " ".join(tree.get(name, "") for tree in self.trees).split()
        return np.array(words, np.float64 if dtype is float else np.int64)

    def spread(self, values: np.ndarray, fill: float | int | bool) -> np.ndarray:
        """Values of the inner nodes for all nodes."""
        out = np.full(len(self.is_leaf), fill, np.result_type(values, type(fill)))
        out[~self.is_leaf] = values
        return out

    def children(self, name: str) -> Int32[np.ndarray, " nodes"]:
        """One child of each node; -1 at a leaf. LightGBM's child -1 is leaf 0."""
        child, inner = self.column(name, int), np.repeat(self.inner, self.inner)
        child = np.where(child < 0, inner + ~child, child) + np.repeat(self.first, self.inner)
        return self.spread(child, -1).astype(np.int32)


def tree_sum(
    trees: Sequence[dict[str, str]], outputs: int, num_features: int
) -> tuple[TreeSum, Bool[np.ndarray, " features"]]:
    """A sum of trees, level sets by LightGBM's own codes, and in which columns 0 is missing."""
    nodes = _Nodes.of(trees)
    split, kind = nodes.column("split_feature", int), nodes.column("decision_type", int)
    threshold = _around_zero(nodes.column("threshold", float))
    is_set, missing = (kind & _CATEGORICAL).astype(bool), kind >> 2
    default_left = (kind & _DEFAULT_LEFT).astype(bool)
    # Without a missing value in training, NaN is 0; in a set it never is.
    missing_left = np.where(missing == 0, threshold >= 0, default_left) & ~is_set
    level_set, level_sets = _category_sets(trees, nodes.inner, is_set, threshold)
    value = np.zeros((len(nodes.is_leaf), 1))
    value[nodes.is_leaf, 0] = nodes.column("leaf_value", float)
    zero = np.zeros(num_features, bool)
    zero[split[(missing == _ZERO) & ~is_set]] = True
    sum_ = TreeSum(
        column=nodes.spread(split, -1).astype(np.int32),
        threshold=nodes.spread(np.where(is_set, np.nan, threshold), np.nan),
        missing_left=nodes.spread(missing_left, False),
        level_set=nodes.spread(level_set, -1).astype(np.int32),
        left=nodes.children("left_child"),
        right=nodes.children("right_child"),
        value=value,
        roots=nodes.first.astype(np.int32),
        output=(np.arange(len(trees)) % outputs).astype(np.int32),
        level_sets=level_sets,
        base=np.zeros(outputs),
        num_features=num_features,
        cover=_counts(nodes),
    )
    return sum_, zero


def _counts(nodes: _Nodes) -> Float64[np.ndarray, " nodes"] | None:
    """How many training rows came to each node; None: the text does not say."""
    words = " ".join(tree.get("leaf_count") or "1" for tree in nodes.trees).split()
    splits = nodes.column("internal_count", float)
    if len(splits) != nodes.inner.sum() or len(words) != nodes.is_leaf.sum():
        return None
    count = nodes.spread(splits, 0.0)
    count[nodes.is_leaf] = np.array(words, np.float64)
    return count


def _around_zero(threshold: np.ndarray) -> np.ndarray:
    """Thresholds that do what LightGBM does to values next to 0: it reads them as 0."""
    negative = (threshold >= -SMALL) & (threshold < 0)
    positive = (threshold >= 0) & (threshold < SMALL)
    threshold = np.where(negative, np.nextafter(-SMALL, -1), threshold)
    return np.where(positive, SMALL, threshold)


def _category_sets(
    trees: Sequence[dict[str, str]],
    inner: np.ndarray,
    is_set: np.ndarray,
    threshold: Float64[np.ndarray, " nodes"],
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """The number of each node's set of codes, and the sets, which are bits of 32-bit words."""
    flags, sets = [], LevelSets()
    stop = np.cumsum(inner)
    for tree, begin, end in zip(trees, stop - inner, stop, strict=True):
        if not is_set[begin:end].any():
            continue
        words = np.array(tree["cat_threshold"].split(), np.uint32)
        bounds = np.array(tree["cat_boundaries"].split(), np.int64)
        for k in threshold[begin:end][is_set[begin:end]].astype(np.int64):
            bits = words[bounds[k] : bounds[k + 1]].astype("<u4")
            flags.append(np.unpackbits(bits.view(np.uint8), bitorder="little").astype(bool))
    level_set = np.full(len(is_set), -1, np.int64)
    level_set[is_set] = sets.numbers(flags)
    return level_set, sets.all()
