"""Numbers as codes that all tests of a sum of trees are comparisons of: ranks, and sides of levels.

A number's code in its column is one more than the thresholds below it. Missing numbers have the
least code where a test sends them left, and the greatest where it sends them right, so there are
two codes for each column. A test of levels has a column of its own: 1 on its left, 2 on its right.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

from lime_jax.models.structure import TreeSum

Known = tuple[Shaped[np.ndarray, "_ _"], bool]
"""Codes of rows, and whether numbers are missing: then each column has two codes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Codes:
    """What the tests of a sum of trees know of a row.

    Attributes:
        columns: that are tested by numbers.
        thresholds: of each, ascending.
        level_column: column of each test of levels.
        goes_left: flags of each such test by code; the last is for unknown ones.
        kind: unsigned whole numbers that hold all codes.
        place: of each node, its test's place among the codes; -1 at a leaf.
        most: of each node, the greatest code that goes left.
        when_right: added to the place of a test that sends missing numbers right.
    """

    columns: Int[np.ndarray, " numeric"]
    thresholds: tuple[Float64[np.ndarray, " _"], ...]
    level_column: Int[np.ndarray, " by_level"]
    goes_left: Bool[np.ndarray, "by_level codes"]
    kind: np.dtype
    place: Int[np.ndarray, " nodes"]
    most: Shaped[np.ndarray, " nodes"]
    when_right: Int[np.ndarray, " nodes"]

    def __call__(self, values: Float64[np.ndarray, "rows features"]) -> Known:
        """Codes of rows."""
        numeric, rows = len(self.columns), len(values)
        first = np.empty((numeric + len(self.level_column), rows), self.kind)
        numbers = np.ascontiguousarray(values.T[self.columns])
        for code, known, column in zip(first, self.thresholds, numbers, strict=False):
            np.add(np.searchsorted(known, column), 1, out=code, casting="unsafe")
        last = self.goes_left.shape[1] - 1
        for code, flags, k in zip(first[numeric:], self.goes_left, self.level_column, strict=True):
            level = np.nan_to_num(values[:, k], nan=-1)
            level = np.where((level >= 0) & (level < last), level, last).astype(np.int64)
            np.subtract(2, flags[level], out=code, casting="unsafe")
        missing = np.isnan(numbers)
        if not missing.any():
            return first, False
        second = first.copy()
        first[:numeric][missing] = 0
        second[:numeric][missing] = np.iinfo(self.kind).max
        return np.concatenate([first, second]), True


def codes_of(trees: TreeSum) -> Codes:
    """The codes for a sum of trees."""
    inner = trees.column >= 0
    numeric = np.flatnonzero(inner & (trees.level_set < 0))
    columns, column = np.unique(trees.column[numeric], return_inverse=True)
    place, most = np.full(len(inner), -1), np.zeros(len(inner), np.int64)
    place[numeric] = column
    thresholds = []
    for number in range(len(columns)):
        nodes = numeric[column == number]
        limits = trees.threshold[nodes]
        known = np.unique(limits[~np.isnan(limits)])  # no number passes a threshold that is none
        most[nodes] = np.where(np.isnan(limits), 0, np.searchsorted(known, limits) + 1)
        thresholds.append(known)
    level_column, goes_left = _levels(trees, inner, place, most, len(columns))
    largest = max((len(known) for known in thresholds), default=0) + 2
    kind = next(k for k in (np.uint8, np.uint16, np.uint32) if largest < np.iinfo(k).max)
    when_right = np.where(trees.missing_left, 0, len(columns) + len(level_column))
    return Codes(
        columns,
        tuple(thresholds),
        level_column,
        goes_left,
        np.dtype(kind),
        place,
        most.astype(kind),
        when_right,
    )


def _levels(
    trees: TreeSum, inner: np.ndarray, place: np.ndarray, most: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Columns and flags of the different tests of levels; their places and codes, in place."""
    nodes = np.flatnonzero(inner & (trees.level_set >= 0))
    sets = max(len(trees.level_sets), 1)
    test = trees.column[nodes].astype(np.int64) * sets + trees.level_set[nodes]
    tests, number = np.unique(test, return_inverse=True)
    place[nodes], most[nodes] = first + number, 1
    longest = max((len(flags) for flags in trees.level_sets), default=0)
    goes_left = np.zeros((len(tests), longest + 1), bool)
    for flags, of_set in zip(goes_left, tests % sets, strict=True):
        flags[: len(trees.level_sets[of_set])] = trees.level_sets[of_set]
    return tests // sets, goes_left
