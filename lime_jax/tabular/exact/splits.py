"""The splits of trees, level by level: what one pass over a model for one row needs.

A split parts what its node's earlier tests leave of one column: of an interval the part up to its
threshold, of a set of levels those that it sends left. Ends of intervals and sets of levels are
marks; whatever adds up along a column (a share of samples, a count) is known for every split once
it is known at the marks. So a row costs a few operations a split, whatever the number of columns,
and what depends on the model alone is made in a fraction of the time that its boxes take.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt8

from lime_jax.models.structure import TreeSum, stable_order
from lime_jax.tabular.exact.boxes import Sets

_FEW_COLUMNS = 32  # of which every node of a level holds its last split


@dataclasses.dataclass(frozen=True, eq=False)
class Marks:
    """What is known of columns where splits are.

    Attributes:
        thresholds: of each column, ascending between two infinities; empty where none is tested.
        first: mark of each column's first threshold.
        set_column: column of the sets of levels, ascending; their marks come behind all others.
        sets: flags by code, packed into bytes, the last for unknown codes; the first one is empty.
    """

    thresholds: tuple[Float64[np.ndarray, " _"], ...]
    first: Int[np.ndarray, " features_plus_1"]
    set_column: Int[np.ndarray, " sets"]
    sets: UInt8[np.ndarray, "sets bytes"]

    def __len__(self) -> int:
        return int(self.first[-1]) + len(self.set_column)

    def of_column(self, k: int) -> slice:
        """Marks of a column's thresholds."""
        return slice(int(self.first[k]), int(self.first[k + 1]))

    def sets_of(self, k: int) -> slice:
        """A column's sets."""
        return slice(*np.searchsorted(self.set_column, [k, k + 1]).tolist())


@dataclasses.dataclass(frozen=True, eq=False)
class Splits:
    """A sum of trees; splits and nodes come level by level.

    In each level come all left children, then all right ones, in the order of their parents.

    Attributes:
        inner: of each level, places of the nodes that are split.
        start: first split of each level, and of none.
        lower: of each split, mark where what earlier tests leave of its column begins.
        test: mark where it is parted.
        upper: mark where it ends.
        missing: 1 or 0: missing numbers can come here, and go left or not; -1: none can.
        column: of each split.
        output: first of the outputs that each split's tree adds to; those of the roots behind.
        value: by output within the tree, then of each node in its level; 0 where it is split.
        nodes: first node of each level, and of none.
    """

    marks: Marks
    inner: tuple[Int[np.ndarray, " _"], ...]
    start: Int[np.ndarray, " levels_plus_1"]
    lower: Int[np.ndarray, " splits"]
    test: Int[np.ndarray, " splits"]
    upper: Int[np.ndarray, " splits"]
    missing: Int[np.ndarray, " splits"]
    column: Int[np.ndarray, " splits"]
    output: Int[np.ndarray, " splits_and_trees"]
    value: Float64[np.ndarray, "width nodes"]
    nodes: Int[np.ndarray, " levels_plus_2"]
    base: Float64[np.ndarray, " outputs"]

    def __len__(self) -> int:
        return len(self.column)

    def levels(self) -> Iterator[tuple[slice, np.ndarray]]:
        """The splits of each level, and the places of their nodes in it."""
        for number, inner in enumerate(self.inner):
            yield slice(int(self.start[number]), int(self.start[number + 1])), inner


def splits_of(trees: TreeSum, may_miss: Bool[np.ndarray, " features"]) -> Splits:
    """The splits of a sum of trees.

    Args:
        may_miss: columns in which a number can be missing.
    """
    levels, inner = _levels(trees)
    few = trees.num_features <= _FEW_COLUMNS
    before, from_left = _tests_so_far(trees, levels, inner) if few else _earlier_tests(trees)
    thresholds, first, place = _thresholds(trees)
    sets = Sets(trees.level_sets)
    lower, test, upper = np.zeros((3, len(trees.column)), np.int32)  # half the memory to go through
    start = first.astype(np.int32)
    missing = np.full(len(lower), -1, np.int8)
    order = [level[where] for level, where in zip(levels, inner, strict=False)]
    for node in order:
        column, earlier, left = trees.column[node], before[node], from_left[node]
        fresh, by_set = earlier < 0, trees.level_set[node] >= 0
        lower[node] = np.where(fresh, start[column], np.where(left, lower[earlier], test[earlier]))
        upper[node] = np.where(
            fresh, start[column + 1] - 1, np.where(left, test[earlier], upper[earlier])
        )
        test[node] = np.clip(place[node], lower[node], upper[node])
        come = np.where(fresh, may_miss[column], missing[earlier] == left)
        missing[node] = np.where(come & ~by_set, trees.missing_left[node], -1)
        if by_set.any():
            child, parent = node[by_set], earlier[by_set]
            above = np.where(parent < 0, 0, np.where(left[by_set], test[parent], lower[parent]))
            # For now the numbers of sets: what comes, what goes left, what goes right.
            upper[child] = above
            test[child], _ = sets.narrow(above, trees.level_set[child], True)
            lower[child], _ = sets.narrow(above, trees.level_set[child], False)
    node = np.concatenate([np.zeros(0, np.int64), *order])
    by_set = node[trees.level_set[node] >= 0]
    marks = Marks(thresholds, first, *_set_marks(trees.column[by_set], test, upper, by_set, sets))
    for mark in (test, upper):
        mark[by_set] += first[-1]
    lower[by_set] = first[-1]
    return Splits(
        marks,
        tuple(inner),
        np.append(0, np.cumsum([len(some) for some in inner], dtype=np.int64)),
        lower[node].astype(np.int64),
        test[node].astype(np.int64),
        upper[node].astype(np.int64),
        missing[node],
        trees.column[node].astype(np.int64),
        _outputs(trees, np.append(node, trees.roots)),
        np.ascontiguousarray(trees.value[np.concatenate(levels)].T),
        np.append(0, np.cumsum([len(level) for level in levels])),
        trees.base,
    )


def _levels(trees: TreeSum) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The nodes of each level; and the places of those that are split, where there are any."""
    levels, inner = [trees.roots.astype(np.int64)], []
    while len(where := np.flatnonzero(trees.column[levels[-1]] >= 0)):
        node = levels[-1][where]
        inner.append(where)
        levels.append(np.concatenate([trees.left[node], trees.right[node]]).astype(np.int64))
    return levels, inner


def _outputs(trees: TreeSum, node: np.ndarray) -> Int[np.ndarray, " _"]:
    """First of the outputs that the tree of each node adds to."""
    tree = np.searchsorted(np.sort(trees.roots), node, side="right") - 1
    return trees.output[np.argsort(trees.roots)][tree].astype(np.int64)


def _by_number(trees: TreeSum) -> Int[np.ndarray, " splits"]:
    return np.flatnonzero((trees.column >= 0) & (trees.level_set < 0))


def _tests_so_far(
    trees: TreeSum, levels: list[np.ndarray], inner: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """What `_earlier_tests` finds, from the top down: each node holds the last split by column."""
    before = np.full(len(trees.column), -1, np.int32)
    from_left = np.zeros(len(before), bool)
    last = np.full((len(trees.roots), trees.num_features), -1, np.int64)
    for level, where in zip(levels, inner, strict=False):
        node, place = level[where], np.arange(len(where))
        column, last = trees.column[node], last[where]
        earlier = last[place, column]  # twice its number, and 1 where this lies left of it
        before[node] = earlier >> 1
        from_left[node] = (earlier >= 0) & (earlier & 1 == 1)
        last = np.concatenate([last, last])
        last[place, column] = 2 * node + 1
        last[len(node) + place, column] = 2 * node
    return before, from_left


def _earlier_tests(trees: TreeSum) -> tuple[np.ndarray, np.ndarray]:
    """The last split of the same column above each (-1: none), and whether it lies left of it."""
    nodes = len(trees.column)
    parent, is_left = np.full(nodes, -1, np.int32), np.zeros(nodes, bool)
    split = np.flatnonzero(trees.column >= 0).astype(np.int32)
    parent[trees.left[split]] = parent[trees.right[split]] = split
    is_left[trees.left[split]] = True
    before, from_left = np.full(nodes, -1, np.int32), np.zeros(nodes, bool)
    below = split
    while len(split):
        above = parent[below]
        inside = above >= 0
        split, below, above = split[inside], below[inside], above[inside]
        found = trees.column[above] == trees.column[split]
        before[split[found]] = above[found]
        from_left[split[found]] = is_left[below[found]]
        split, below = split[~found], above[~found]
    return before, from_left


def _thresholds(trees: TreeSum) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """Thresholds of each column, their first marks, and the mark of each node's threshold."""
    place = np.zeros(len(trees.column), np.int32)
    known, first = [], np.zeros(trees.num_features + 1, np.int64)
    nodes = _by_number(trees)
    nodes = nodes[stable_order(trees.column[nodes], trees.num_features)]
    ends = np.searchsorted(trees.column[nodes], np.arange(trees.num_features + 1))
    for k, group in enumerate(np.split(nodes, ends[1:-1])):
        values, number = np.unique(trees.threshold[group], return_inverse=True)
        place[group] = first[k] + 1 + number
        known.append(np.concatenate([[-np.inf], values, [np.inf]]) if len(group) else values)
        first[k + 1] = first[k] + len(known[-1])
    return tuple(known), first, place


def _set_marks(
    column: np.ndarray, test: np.ndarray, upper: np.ndarray, node: np.ndarray, sets: Sets
) -> tuple[np.ndarray, np.ndarray]:
    """The sets that splits are about, column by column; their numbers become marks, in place."""
    if not len(node):
        return np.zeros(0, np.int64), np.zeros((0, 0), np.uint8)
    size = len(sets.packed)
    code = np.append(column, column) * size + np.append(test[node], upper[node])
    known, number = np.unique(code, return_inverse=True)
    test[node], upper[node] = np.split(number + 1, 2)
    none = np.zeros((1, sets.packed.shape[1]), np.uint8)
    packed = np.concatenate([none, sets.packed[known % size]])
    return np.append(-1, known // size), packed
