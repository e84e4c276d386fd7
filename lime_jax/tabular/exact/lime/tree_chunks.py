"""Trees in chunks for passes of many rows at once: what goes up and down are whole slices.

In each level of a chunk come first the splits whose left child alone is split, then those with
both, with the right one alone, with none: the twigs. So the children that are split are a slice on
each side, and so are the leaves.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from jaxtyping import Float64, Int

from lime_jax.tabular.exact.splits import Splits

_SPLITS_AT_ONCE = 2**13
"""Whose numbers for a block of rows a CPU's caches hold, more or less."""


@dataclasses.dataclass(frozen=True, eq=False)
class Level:
    """The splits of one level of a chunk.

    Attributes:
        part: of the chunk.
        lefts: those whose left child is split, within the level; `rights` likewise. Behind both
            come twigs.
        come: of each split, its place among the left children above, then the right ones of
            `rights`; empty for roots.
        left: where in the next level the children of `lefts` are; `right` likewise.
        left_leaf: values of the other left children, but for twigs, by output.
        right_leaf: of the other right ones.
    """

    part: slice
    lefts: slice
    rights: slice
    come: Int[np.ndarray, " _"]
    left: Int[np.ndarray, " _"]
    right: Int[np.ndarray, " _"]
    left_leaf: Float64[np.ndarray, "width _"]
    right_leaf: Float64[np.ndarray, "width _"]


@dataclasses.dataclass(frozen=True, eq=False)
class Chunk:
    """Some trees.

    Attributes:
        split: the numbers of its splits, column by column, in each output by output.
        columns: which of them are about each column that is tested.
        groups: which of them are about each column and output, as (column, output, slice).
        by_level: place in `split` of each split, level by level; `by_column` the other way.
        start: of each split, column by column: a twig's value on the right, by output, 0 for
            others; `step` what is more on the left, 1 for others.
        root_output: first of the outputs of each split of the first level.
    """

    levels: tuple[Level, ...]
    split: Int[np.ndarray, " splits"]
    columns: tuple[tuple[int, slice], ...]
    groups: tuple[tuple[int, int, slice], ...]
    by_level: Int[np.ndarray, " splits"]
    by_column: Int[np.ndarray, " splits"]
    start: Float64[np.ndarray, "width splits"]
    step: Float64[np.ndarray, "width splits"]
    root_output: Int[np.ndarray, " roots"]

    @property
    def widest(self) -> int:
        """Most splits of a level."""
        return max(level.part.stop - level.part.start for level in self.levels)


def chunks_of(splits: Splits) -> tuple[Chunk, ...]:
    """All trees but those that are a leaf alone, in their order."""
    if not len(splits):
        return ()
    family = _Family(splits)
    return tuple(family.chunk(some) for some in family.chunks())


class _Family:
    """Splits and their children.

    Attributes:
        level: of each split.
        kind: 0 to 3, which of its children are split: the left, both, the right, none.
        left: node of its left child; `left_split`: the child's split, -1 for none.
    """

    def __init__(self, splits: Splits) -> None:
        self.splits = splits
        self.level = np.repeat(np.arange(len(splits.inner)), np.diff(splits.start))
        split, tree = np.full(splits.nodes[-1], -1), np.zeros(splits.nodes[-1], np.int64)
        tree[: splits.nodes[1]] = np.arange(splits.nodes[1])
        self.left, self.right, self.tree = np.zeros((3, len(splits)), np.int64)
        for number, (part, inner) in enumerate(splits.levels()):
            node = splits.nodes[number] + inner
            split[node] = np.arange(part.start, part.stop)
            self.tree[part] = tree[node]
            self.left[part] = splits.nodes[number + 1] + np.arange(len(inner))
            self.right[part] = self.left[part] + len(inner)
            tree[self.left[part]] = tree[self.right[part]] = self.tree[part]
        self.left_split, self.right_split = split[self.left], split[self.right]
        has_left, has_right = self.left_split >= 0, self.right_split >= 0
        self.kind = np.where(has_left, np.where(has_right, 1, 0), np.where(has_right, 2, 3))
        self.place = np.zeros(len(splits), np.int64)

    def chunks(self) -> list[np.ndarray]:
        """Splits of neighboring trees."""
        size = np.bincount(self.tree)
        chunk = (np.cumsum(size) - size) // _SPLITS_AT_ONCE
        of_split = chunk[self.tree]
        order = np.argsort(of_split, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(of_split[order])) + 1)

    def chunk(self, some: np.ndarray) -> Chunk:
        """A chunk of some splits."""
        some = some[np.lexsort((self.kind[some], self.level[some]))]
        column, output = self.splits.column[some], self.splits.output[some]
        by_column = np.lexsort((output, column))
        column, output = column[by_column], output[by_column]
        columns, groups = _runs(column), _runs(column * len(self.splits.base) + output)
        roots, split = some[self.level[some] == 0], some[by_column]
        twig = self.kind[split] == 3
        left, right = (self.splits.value[:, side[split]] for side in (self.left, self.right))
        return Chunk(
            self._levels(some),
            split,
            tuple((int(column[run.start]), run) for run in columns),
            tuple((int(column[run.start]), int(output[run.start]), run) for run in groups),
            np.argsort(by_column),
            by_column,
            np.where(twig, right, 0),
            np.where(twig, left - right, 1),
            self.splits.output[roots],
        )

    def _levels(self, some: np.ndarray) -> tuple[Level, ...]:
        depth = self.level[some[-1]] + 1
        kinds = np.bincount(4 * self.level[some] + self.kind[some], minlength=4 * depth)
        kinds = kinds.reshape(depth, 4)
        stops = np.cumsum(kinds.sum(1))
        for split in np.split(some, stops[:-1]):
            self.place[split] = np.arange(len(split))
        come, levels, value = np.zeros(0, np.int64), [], self.splits.value
        for stop, (only_left, both, only_right, none) in zip(stops, kinds.tolist(), strict=True):
            lefts = slice(0, only_left + both)
            rights = slice(only_left, lefts.stop + only_right)
            part = slice(int(stop) - rights.stop - none, int(stop))
            split = some[part]
            left = self.place[self.left_split[split[lefts]]]
            right = self.place[self.right_split[split[rights]]]
            left_leaf = value[:, self.left[split[lefts.stop : rights.stop]]]
            right_leaf = value[:, self.right[split[: rights.start]]]
            levels.append(Level(part, lefts, rights, come, left, right, left_leaf, right_leaf))
            come = np.zeros(len(left) + len(right), np.int64)
            come[left], come[right] = np.arange(len(left)), rights.stop + np.arange(len(right))
        return tuple(levels)


def _runs(code: np.ndarray) -> list[slice]:
    """Slices of equal numbers."""
    ends = [0, *(np.flatnonzero(np.diff(code)) + 1).tolist(), len(code)]
    return [slice(*pair) for pair in itertools.pairwise(ends)]
