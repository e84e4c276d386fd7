"""Trees that ask whether a bucket is in a set, as trees that compare numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lime_jax.models.convert.columns import Column, NotConvertibleError, NumberColumn
from lime_jax.models.spark.trees import FittedTrees

_MOST_NODES = 2**20


def without_sets_of_bins(trees: FittedTrees, columns: Sequence[Column]) -> FittedTrees:
    """The same trees, where sets of buckets are thresholds, one for each change of side."""
    of_bins = [isinstance(c, NumberColumn) and c.is_stepwise for c in columns]
    numbers = {node for node in trees.sets if of_bins[trees.feature[node]]}
    return _Copy(trees, numbers).trees() if numbers else trees


@dataclasses.dataclass
class _Node:
    """A node of the new trees; `old` is the one it was, -1 where it is new."""

    feature: int
    threshold: float
    old: int
    missing_left: bool = False
    left: int = -1
    right: int = -1


class _Copy:
    """New trees, put together node by node."""

    def __init__(self, trees: FittedTrees, by_bucket: set[int]) -> None:
        self._old, self._by_bucket = trees, by_bucket
        self._nodes: list[_Node] = []

    def trees(self) -> FittedTrees:
        """All of them."""
        roots = [self._copy(int(root)) for root in self._old.roots]
        old = np.array([node.old for node in self._nodes])
        feature = np.array([node.feature for node in self._nodes])
        sets = self._old.sets
        return FittedTrees(
            feature=feature,
            threshold=np.array([node.threshold for node in self._nodes]),
            missing_left=np.array([node.missing_left for node in self._nodes]),
            left=np.array([node.left for node in self._nodes]),
            right=np.array([node.right for node in self._nodes]),
            roots=np.array(roots),
            sets={k: sets[one] for k, one in enumerate(old.tolist()) if one in sets},
            value=np.where((feature < 0)[:, None], self._old.value[old], 0.0),
        )

    def _add(self, feature: int, threshold: float, old: int) -> int:
        self._nodes.append(_Node(feature, threshold, old))
        if len(self._nodes) > _MOST_NODES:
            raise NotConvertibleError("its trees ask for too many sets of buckets")
        return len(self._nodes) - 1

    def _copy(self, old: int) -> int:
        if old in self._by_bucket:
            return self._buckets(old, 0.0)
        number = self._add(int(self._old.feature[old]), float(self._old.threshold[old]), old)
        if self._old.feature[old] >= 0:
            self._nodes[number].left = self._copy(int(self._old.left[old]))
            self._nodes[number].right = self._copy(int(self._old.right[old]))
        return number

    def _buckets(self, old: int, first: float) -> int:
        """What a node does with buckets from the first on: up to a change of side, and behind."""
        asked = self._old.sets[old]
        buckets = np.arange(first, max(asked.categories, default=first) + 2)
        sides = asked.goes_left(buckets)
        child = int((self._old.left if sides[0] else self._old.right)[old])
        if (sides == sides[0]).all():
            return self._copy(child)
        change = float(buckets[int(np.argmax(sides != sides[0]))])
        number = self._add(int(self._old.feature[old]), change - 0.5, -1)
        self._nodes[number].missing_left = bool(asked.goes_left(np.array([np.nan]))[0] == sides[0])
        self._nodes[number].left = self._copy(child)
        self._nodes[number].right = self._buckets(old, change)
        return number
