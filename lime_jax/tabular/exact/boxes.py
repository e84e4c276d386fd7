"""Trees as sums of boxes: a number times a product of conditions, one per column.

A tree is usually read as the sum of its leaves. Here every inner node takes over the value of one
of its children, and a node only counts by how much it differs from its parent. That is the same
function, with one box less per inner node whose children agree, and with shorter products: a
forest of pure leaves keeps a third of its leaves.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

from lime_jax.models.structure import TreeSum


@dataclasses.dataclass(frozen=True, eq=False)
class Conditions:
    """Unique conditions on single columns, sorted by column.

    A numeric condition is `low < value <= high`, or the value is missing and `missing` says yes. A
    condition with a `level_set` asks for one of its codes.

    Attributes:
        column: that each condition is about.
        missing: whether a missing number meets it.
        level_set: row of `sets`; -1 for numeric conditions.
        sets: flags by code, packed into bytes.
    """

    column: Int[np.ndarray, " conditions"]
    low: Float64[np.ndarray, " conditions"]
    high: Float64[np.ndarray, " conditions"]
    missing: Bool[np.ndarray, " conditions"]
    level_set: Int[np.ndarray, " conditions"]
    sets: Shaped[np.ndarray, "sets bytes"]


@dataclasses.dataclass(frozen=True, eq=False)
class Boxes:
    """`base` plus the sum of `value` over the boxes that a row is in.

    Attributes:
        first: box b has the entries `first[b]:first[b + 1]`.
        entry: numbers of conditions, at most one per column in each box.
    """

    conditions: Conditions
    first: Int[np.ndarray, " boxes_plus_1"]
    entry: Int[np.ndarray, " entries"]
    value: Float64[np.ndarray, "boxes outputs"]
    base: Float64[np.ndarray, " outputs"]


def boxes_of(trees: TreeSum, may_miss: Bool[np.ndarray, " features"]) -> Boxes:
    """The boxes of a sum of trees.

    Args:
        may_miss: columns in which a number can be missing; what only missing numbers reach is left
            out in the others.

    Returns:
        Boxes that are not empty, with at least one condition.
    """
    levels = _by_depth(trees)
    same_value = _shared_values(trees, levels)
    walk = _Walk(trees, may_miss)
    for _ in levels[1:]:
        walk.down(same_value)
    return walk.boxes(same_value)


def without_last(boxes: Boxes) -> tuple[Boxes, float | None]:
    """Probabilities add up to 1, so one output follows from the others."""
    if boxes.value.shape[1] < 2:
        return boxes, None
    scale = np.abs(boxes.value).max(initial=0)
    if np.abs(boxes.value.sum(1)).max(initial=0) > 1e-12 * scale:
        return boxes, None
    fewer = Boxes(boxes.conditions, boxes.first, boxes.entry, boxes.value[:, :-1], boxes.base[:-1])
    return fewer, float(boxes.base.sum())


def _by_depth(trees: TreeSum) -> list[np.ndarray]:
    levels = [trees.roots.astype(np.int64)]
    while True:
        inner = levels[-1][trees.column[levels[-1]] >= 0]
        if not len(inner):
            return levels
        levels.append(np.concatenate([trees.left[inner], trees.right[inner]]).astype(np.int64))


def _value_numbers(value: Float64[np.ndarray, "nodes width"]) -> Int[np.ndarray, " nodes"]:
    """A number per row; equal rows have equal numbers."""
    number = np.zeros(len(value), np.int64)
    for column in value.T:
        values, code = np.unique(column, return_inverse=True)
        number = np.unique(number * len(values) + code, return_inverse=True)[1]
    return number


def _shared_values(trees: TreeSum, levels: list[np.ndarray]) -> Int[np.ndarray, " nodes"]:
    """For every node the leaf whose value it takes, so that few children differ (Fitch, 1971).

    Of the values that serve a node equally well two are remembered.
    """
    number = _value_numbers(trees.value)
    leaf_of = np.zeros(number.max() + 1, np.int64)
    leaves = np.flatnonzero(trees.column < 0)
    leaf_of[number[leaves]] = leaves
    first, second = number.copy(), np.full(len(number), -1)
    for level in reversed(levels):
        inner = level[trees.column[level] >= 0]
        left, right = trees.left[inner], trees.right[inner]
        a, b, c, d = first[left], second[left], first[right], second[right]
        first_shared = (a == c) | (a == d)
        second_shared = (b >= 0) & ((b == c) | (b == d))
        first[inner] = np.where(first_shared | ~second_shared, a, b)
        both = first_shared & second_shared
        second[inner] = np.where(both, b, np.where(first_shared | second_shared, -1, c))
    for level in levels:
        inner = level[trees.column[level] >= 0]
        for child in (trees.left[inner], trees.right[inner]):
            from_above = first[inner]
            first[child] = np.where(second[child] == from_above, from_above, first[child])
    return leaf_of[first]


class _Walk:
    """All trees at once, from the roots down, one depth at a time.

    A node changes the condition on one column, that of its parent's test. So conditions are kept
    by the node that made them, and a path is a list of nodes: the last one for each column.
    """

    def __init__(self, trees: TreeSum, may_miss: np.ndarray) -> None:
        self.trees = trees
        self.may_miss = may_miss
        self.thresholds, self.rank = _ranks(trees)
        self.top = len(self.thresholds) - 1
        nodes = len(trees.column)
        self.column, self.low, self.high, self.level_set = np.full((4, nodes), -1, np.int64)
        self.missing = np.zeros(nodes, bool)
        self.sets = Sets(trees.level_sets)
        self.frontier = trees.roots.astype(np.int64)
        self.tree = np.arange(len(trees.roots))
        self.path = np.full((len(self.frontier), 0), -1, np.int64)
        self.found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def down(self, same_value: Int[np.ndarray, " nodes"]) -> None:
        """One depth further; children whose value differs from their parent's are found."""
        trees = self.trees
        inner = trees.column[self.frontier] >= 0
        node, path, tree = self.frontier[inner], self.path[inner], self.tree[inner]
        column = trees.column[node]
        same = (path >= 0) & (self.column[path] == column[:, None])
        known = same.any(1)
        slot = np.where(known, same.argmax(1), (path >= 0).sum(1)) if path.size else 0 * node
        if len(slot) and slot.max() == path.shape[1]:
            path = np.pad(path, ((0, 0), (0, 1)), constant_values=-1)
        before = np.where(known, path[np.arange(len(node)), slot], -1)
        frontier = []
        for children, goes_left in ((trees.left, True), (trees.right, False)):
            child = children[node].astype(np.int64)
            reached = self._narrow(child, node, before, goes_left)
            child, below = child[reached], path[reached]
            below[np.arange(len(child)), slot[reached]] = child
            differs = same_value[child] != same_value[node[reached]]
            self.found.append((child[differs], below[differs], tree[reached][differs]))
            frontier.append((child, below, tree[reached]))
        self.frontier, self.path, self.tree = map(np.concatenate, zip(*frontier, strict=True))

    def _narrow(
        self, child: np.ndarray, node: np.ndarray, before: np.ndarray, goes_left: bool
    ) -> np.ndarray:
        """Note the condition of every child; says which can be met."""
        trees, fresh = self.trees, before < 0
        column = trees.column[node]
        low = np.where(fresh, 0, self.low[before])
        high = np.where(fresh, self.top, self.high[before])
        missing = np.where(fresh, self.may_miss[column], self.missing[before])
        missing &= trees.missing_left[node] == goes_left
        if goes_left:
            high = np.minimum(high, self.rank[node])
        else:
            low = np.maximum(low, self.rank[node])
        empty = low >= high
        self.column[child] = column
        self.low[child], self.high[child] = np.where(empty, 0, low), np.where(empty, 0, high)
        self.missing[child] = missing
        reached = ~empty | missing
        tests_levels = trees.level_set[node] >= 0
        if tests_levels.any():
            parents = np.where(fresh, 0, self.level_set[before])[tests_levels]
            number, some = self.sets.narrow(parents, trees.level_set[node[tests_levels]], goes_left)
            self.level_set[child[tests_levels]] = number
            reached[tests_levels] = some
        return reached

    def boxes(self, same_value: Int[np.ndarray, " nodes"]) -> Boxes:
        """The boxes that were found."""
        trees = self.trees
        none = np.zeros(0, np.int64)
        node = np.concatenate([none, *(nodes for nodes, _, _ in self.found)])
        tree = np.concatenate([none, *(trees for _, _, trees in self.found)])
        count = np.concatenate([none, *((path >= 0).sum(1) for _, path, _ in self.found)])
        flat = np.concatenate([none, *(path[path >= 0] for _, path, _ in self.found)])
        conditions, number = self._conditions(flat)
        parent = np.full(len(trees.column), -1)
        inner = np.flatnonzero(trees.column >= 0)
        parent[trees.left[inner]] = parent[trees.right[inner]] = inner
        step = trees.value[same_value[node]] - trees.value[same_value[parent[node]]]
        outputs = trees.output[:, None] + np.arange(trees.value.shape[1])
        base = trees.base.copy()
        np.add.at(base, outputs, trees.value[same_value[trees.roots]])
        value = np.zeros((len(node), trees.num_outputs))
        value[np.arange(len(node))[:, None], outputs[tree]] = step
        # Neighbors in a tree share conditions: libraries number nodes from the left to the right.
        order = np.argsort(node, kind="stable")
        start = np.cumsum(count) - count
        entry = np.repeat(start[order] - (np.cumsum(count[order]) - count[order]), count[order])
        entry = number[flat][entry + np.arange(len(flat))]
        first = np.append(0, np.cumsum(count[order]))
        return Boxes(conditions, first, entry, value[order], base)

    def _conditions(self, flat: np.ndarray) -> tuple[Conditions, np.ndarray]:
        """The unique ones among those of some nodes, and their number for every node."""
        used = np.zeros(len(self.column), bool)
        used[flat] = True
        node = np.flatnonzero(used)
        packed, same_set = _unique_rows(self.sets.packed)
        level_set = (
            np.where(self.level_set >= 0, same_set[self.level_set], -1)
            if len(same_set)
            else self.level_set
        )
        size = max(self.top, len(packed)) + 2
        code = np.zeros(len(node), np.int64)
        for part in (self.column, level_set + 1, self.low, self.high, self.missing):
            code = code * size + part[node]
            code = np.unique(code, return_inverse=True)[1]
        number = np.full(len(self.column), -1)
        number[node] = code
        one = np.zeros(code.max(initial=-1) + 1, np.int64)
        one[code] = node
        return Conditions(
            self.column[one],
            self.thresholds[self.low[one]],
            self.thresholds[self.high[one]],
            self.missing[one],
            level_set[one],
            packed,
        ), number


class Sets:
    """Sets of codes, packed into bytes; equal sets that are made at one depth have one number."""

    def __init__(self, level_sets: tuple[np.ndarray, ...]) -> None:
        # One flag more, in the last bit: where a code goes that the model does not know.
        longest = -(-(max((len(flags) for flags in level_sets), default=-1) + 1) // 8) * 8
        flags = np.zeros((2, len(level_sets), longest), bool)
        flags[0] = True
        for k, levels in enumerate(level_sets):
            flags[0, k, : len(levels)] = ~levels
            flags[1, k, : len(levels)] = levels
        self.tested = np.packbits(flags, axis=2)
        self.packed = np.full((1, self.tested.shape[2]), 255, np.uint8)  # all codes

    def narrow(
        self, parents: np.ndarray, tested: np.ndarray, goes_left: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of what is left of the parents' sets (0: all codes), and whether it is any."""
        left = self.tested[int(goes_left), tested]
        left = left & self.packed[parents]
        unique, number = _unique_rows(left)
        number += len(self.packed)
        self.packed = np.concatenate([self.packed, unique])
        return number, np.asarray(left.any(1))


def _unique_rows(rows: Shaped[np.ndarray, "rows bytes"]) -> tuple[np.ndarray, np.ndarray]:
    """The unique ones, and for every row its number among them."""
    if rows.shape[1] == 0:
        return rows[:1], np.zeros(len(rows), np.int64)
    if rows.shape[1] <= 8:  # numbers are sorted far faster than bytes
        padded = np.zeros((len(rows), 8), np.uint8)
        padded[:, : rows.shape[1]] = rows
        whole = padded.view(">u8")[:, 0].astype(np.uint64)
    else:
        whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1])))[:, 0]
    _, first, number = np.unique(whole, return_index=True, return_inverse=True)
    return rows[first], number


def _ranks(trees: TreeSum) -> tuple[np.ndarray, np.ndarray]:
    """All thresholds in order between two infinities, and the rank of each node's."""
    numeric = np.flatnonzero((trees.column >= 0) & (trees.level_set < 0))
    ends = [-np.inf, np.inf]
    values, code = np.unique(np.append(trees.threshold[numeric], ends), return_inverse=True)
    rank = np.zeros(len(trees.column), np.int64)
    rank[numeric] = code[:-2]
    return values, rank
