"""A linear model of bins and levels, as one tree for each raw column that finds the bin."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from lime_jax.models.convert.columns import LevelColumn, NotConvertibleError, NumberColumn
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.tree_sums import LevelSets
from lime_jax.models.structure import TreeSum


def sum_of_steps(
    coef: Float64[np.ndarray, "outputs columns"],
    intercept: Float64[np.ndarray, " outputs"],
    features: Features,
    used: Sequence[int],
) -> TreeSum | None:
    """A linear model whose numbers come by their bins; None: some come as they are."""
    by_raw: dict[int, list[int]] = {}
    for k in used:
        by_raw.setdefault(features.columns[k].raw, []).append(k)
    numbers = [c for k in used if isinstance(c := features.columns[k], NumberColumn)]
    if not numbers or not all(c.is_stepwise and _rises(_before_bins(c)) for c in numbers):
        return None
    build = _Trees(len(intercept))
    for raw, of_raw in by_raw.items():
        columns = [features.columns[k] for k in of_raw]
        if isinstance(columns[0], LevelColumn):
            tables = [c.numbers() for c in columns if isinstance(c, LevelColumn)]
            build.levels(raw, np.stack(tables, axis=1) @ coef[:, of_raw].T)
        else:
            steps = [c for c in columns if isinstance(c, NumberColumn)]
            breaks = np.unique(np.concatenate([_breaks(c) for c in steps]))
            places = np.append(breaks, np.nextafter(breaks[-1], np.inf) if len(breaks) else 0.0)
            values = np.stack([c.values(places) for c in steps], axis=1)
            missing = np.array([c.missing for c in steps]) @ coef[:, of_raw].T
            build.numbers(raw, breaks, values @ coef[:, of_raw].T, missing)
    return build.done(intercept, features.num_raw)


def _breaks(column: NumberColumn) -> Float64[np.ndarray, " breaks"]:
    """The raw numbers above which a new bin begins."""
    before = _before_bins(column)
    edges = np.asarray(column.steps[len(before.steps)][1], np.float64)
    breaks = before.pull_back(edges[np.isfinite(edges)])
    return breaks[np.isfinite(breaks)]


def _before_bins(column: NumberColumn) -> NumberColumn:
    place = next(k for k, step in enumerate(column.steps) if step[0] == "bins")
    return dataclasses.replace(column, steps=column.steps[:place])


def _rises(column: NumberColumn) -> bool:
    """Whether it never decreases, so that its thresholds are thresholds of the raw column."""
    if column.goes_down:
        return False
    try:
        column.guard()
    except NotConvertibleError:
        return False
    return True


class _Trees:
    """One tree after the other, node by node."""

    def __init__(self, outputs: int) -> None:
        self._none = np.zeros(outputs)
        self._nodes: list[tuple[int, float, bool, int, int, int]] = []
        self._values: list[np.ndarray] = []
        self._roots: list[int] = []
        self._sets = LevelSets()

    def numbers(
        self, raw: int, breaks: np.ndarray, values: np.ndarray, missing: np.ndarray
    ) -> None:
        """A tree that finds a number among breaks, or a missing one that has a value."""
        self._roots.append(len(self._nodes))
        if not np.isnan(missing).any():
            root = self._add(raw, np.inf, -1)
            self._link(root, self._search(raw, breaks, values), self._leaf(missing))
        else:
            self._search(raw, breaks, values)

    def levels(self, raw: int, values: np.ndarray) -> None:
        """A tree that finds a level among those of other values."""
        self._roots.append(len(self._nodes))
        each, group = np.unique(values, axis=0, return_inverse=True)
        self._search(raw, None, each, np.ravel(group))

    def _search(
        self,
        raw: int,
        breaks: np.ndarray | None,
        values: np.ndarray,
        group: np.ndarray | None = None,
        start: int = 0,
    ) -> int:
        """The root of a tree over the pieces from `start`, as many as values."""
        if len(values) == 1:
            return self._leaf(values[0])
        half = len(values) // 2
        if breaks is None:
            assert group is not None
            root = self._add(raw, np.nan, self._sets.number((group >= 0) & (group < start + half)))
        else:
            root = self._add(raw, float(breaks[start + half - 1]), -1)
        left = self._search(raw, breaks, values[:half], group, start)
        right = self._search(raw, breaks, values[half:], group, start + half)
        return self._link(root, left, right)

    def _leaf(self, value: np.ndarray) -> int:
        self._nodes.append((-1, np.nan, False, -1, -1, -1))
        self._values.append(value)
        return len(self._nodes) - 1

    def _add(self, raw: int, threshold: float, level_set: int) -> int:
        self._nodes.append((raw, threshold, False, level_set, -1, -1))
        self._values.append(self._none)
        return len(self._nodes) - 1

    def _link(self, node: int, left: int, right: int) -> int:
        self._nodes[node] = (*self._nodes[node][:4], left, right)
        return node

    def done(self, base: Float64[np.ndarray, " outputs"], num_features: int) -> TreeSum:
        """All trees."""
        column, threshold, missing_left, level_set, left, right = map(
            np.array, zip(*self._nodes, strict=True)
        )
        return TreeSum(
            column=column.astype(np.int32),
            threshold=threshold.astype(np.float64),
            missing_left=missing_left.astype(bool),
            level_set=level_set.astype(np.int32),
            left=left.astype(np.int32),
            right=right.astype(np.int32),
            value=np.stack(self._values),
            roots=np.array(self._roots, np.int32),
            output=np.zeros(len(self._roots), np.int32),
            level_sets=self._sets.all(),
            base=base,
            num_features=num_features,
        )
