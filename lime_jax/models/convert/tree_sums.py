"""Sums of trees on the host: moved to other columns, merged, scaled."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int32

from lime_jax.models.convert.columns import Column, LevelColumn, NumberColumn
from lime_jax.models.convert.features import Features
from lime_jax.models.structure import TreeSum, stable_order


class LevelSets:
    """Sets of levels, each once."""

    def __init__(self) -> None:
        self._number: dict[tuple[int, bytes], int] = {}

    def number(self, flags: Bool[np.ndarray, " levels"]) -> int:
        """The number of a set, new or known."""
        return self._number.setdefault((len(flags), flags.tobytes()), len(self._number))

    def numbers(self, sets: Iterable[np.ndarray]) -> Int32[np.ndarray, " sets"]:
        """The numbers of some sets."""
        return np.array([self.number(flags) for flags in sets], np.int32)

    def all(self) -> tuple[np.ndarray, ...]:
        """The sets in the order of their numbers."""
        return tuple(np.frombuffer(flags, bool) for _, flags in self._number)


def move(trees: TreeSum, features: Features, unmoved: Sequence[int]) -> TreeSum:
    """Trees on the raw columns, and behind them on those that stay `unmoved`."""
    moved = dataclasses.replace(
        trees,
        column=trees.column.copy(),
        threshold=trees.threshold.copy(),
        missing_left=trees.missing_left.copy(),
        level_set=trees.level_set.copy(),
        num_features=features.width + len(unmoved),
    )
    sets = LevelSets()
    known = sets.numbers(trees.level_sets)
    has_set = trees.level_set >= 0
    moved.level_set[has_set] = known[trees.level_set[has_set]]
    places = {k: features.width + i for i, k in enumerate(unmoved)}
    for k, nodes in nodes_by_column(trees):
        source = features.columns[k]
        moved.column[nodes] = places.get(k, source.raw)
        if k not in places or (isinstance(source, NumberColumn) and not source.goes_down):
            _move_tests(moved, nodes[~has_set[nodes]], source, sets)
    return dataclasses.replace(moved, level_sets=sets.all())


def nodes_by_column(trees: TreeSum) -> list[tuple[int, np.ndarray]]:
    """The columns that are tested, and the nodes that test each."""
    order = stable_order(trees.column + 1, trees.num_features + 1)
    columns, first = np.unique(trees.column[order], return_index=True)
    groups = np.split(order, first[1:])
    return [(int(k), group) for k, group in zip(columns, groups, strict=True) if k >= 0]


def _move_tests(trees: TreeSum, nodes: np.ndarray, source: Column, sets: LevelSets) -> None:
    """Numeric tests of one column, in place, as tests of the raw one."""
    if isinstance(source, NumberColumn):
        threshold, which = np.unique(trees.threshold[nodes], return_inverse=True)
        if not np.isnan(source.missing):
            trees.missing_left[nodes] = source.missing <= trees.threshold[nodes]
        trees.threshold[nodes] = source.pull_back(threshold)[which]
        return
    assert isinstance(source, LevelColumn)
    numbers = source.numbers()
    missing = np.isnan(numbers)
    for missing_left in (False, True):
        alike = nodes[trees.missing_left[nodes] == missing_left]
        threshold, which = np.unique(trees.threshold[alike], return_inverse=True)
        number = sets.numbers((numbers <= t) | (missing & missing_left) for t in threshold)
        trees.level_set[alike] = number[which]
    trees.threshold[nodes] = np.nan
    trees.missing_left[nodes] = False


def merge_trees(parts: Sequence[TreeSum], weights: Float64[np.ndarray, " parts"]) -> TreeSum:
    """A weighted sum; values are as wide as the outputs unless all parts are of one width."""
    one_width = len({p.value.shape[1] for p in parts}) == 1
    all_covered = all(p.cover is not None for p in parts)
    sets = LevelSets()
    columns: dict[str, list[np.ndarray]] = {}
    nodes = 0
    for part, weight in zip(parts, weights, strict=True):
        known = sets.numbers(part.level_sets)
        part = part if one_width else _widened(part)
        fields = {name: getattr(part, name) for name in ("column", "threshold", "missing_left")}
        fields["level_set"] = part.level_set.copy()
        has_set = part.level_set >= 0
        fields["level_set"][has_set] = known[part.level_set[has_set]]
        fields["left"] = np.where(part.left < 0, -1, part.left + nodes).astype(np.int32)
        fields["right"] = np.where(part.right < 0, -1, part.right + nodes).astype(np.int32)
        fields["roots"] = (part.roots + nodes).astype(np.int32)
        fields["value"], fields["output"] = part.value * weight, part.output
        if all_covered:
            fields["cover"] = np.asarray(part.cover)
        for name, array in fields.items():
            columns.setdefault(name, []).append(array)
        nodes += len(part.column)
    return TreeSum(
        **{name: np.concatenate(arrays) for name, arrays in columns.items()},
        level_sets=sets.all(),
        base=np.sum([p.base * w for p, w in zip(parts, weights, strict=True)], axis=0),
        num_features=parts[0].num_features,
    )


def trees_beside(parts: Sequence[TreeSum]) -> TreeSum:
    """The outputs of all parts side by side."""
    widths = [part.num_outputs for part in parts]
    ends = np.cumsum(widths)
    wide = []
    for part, width, end in zip(parts, widths, ends, strict=True):
        room = (int(end) - width, int(ends[-1] - end))
        part = dataclasses.replace(part, base=np.pad(part.base, room))
        if part.value.shape[1] == 1:
            part = dataclasses.replace(part, output=(part.output + room[0]).astype(np.int32))
        else:
            part = dataclasses.replace(part, value=np.pad(part.value, ((0, 0), room)))
        wide.append(part)
    return merge_trees(wide, np.ones(len(wide)))


def scale_trees(
    trees: TreeSum, scale: Float64[np.ndarray, " outputs"], shift: Float64[np.ndarray, " outputs"]
) -> TreeSum:
    """Every output times a number, plus a number."""
    value = trees.value * scale[outputs_of_nodes(trees)]
    return dataclasses.replace(trees, value=value, base=trees.base * scale + shift)


def _widened(trees: TreeSum) -> TreeSum:
    """The same with values for all outputs in every leaf."""
    value = np.zeros((len(trees.column), trees.num_outputs))
    np.put_along_axis(value, outputs_of_nodes(trees), trees.value, axis=1)
    return dataclasses.replace(trees, value=value, output=np.zeros_like(trees.output))


def outputs_of_nodes(trees: TreeSum) -> np.ndarray:
    """The output that each value adds to, (nodes, width); the nodes of a tree are neighbors."""
    by_root = np.argsort(trees.roots)
    tree = np.searchsorted(trees.roots[by_root], np.arange(len(trees.column)), side="right") - 1
    first = trees.output[by_root][tree]
    return first[:, None] + np.arange(trees.value.shape[1])
