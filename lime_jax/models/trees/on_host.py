"""Sums of trees on the host, in NumPy: a few rows need neither tables on the device nor a program.

Each test is that of `TreeSum`, in float64. Sums are of the device's precision, so many trees at a
time as there, and so as exact, but not in its order.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.layout import group

_AT_ONCE = 2**18
"""Rows times trees."""


def outputs_on_host(
    trees: TreeSum, rows: Float64[np.ndarray, "rows features"], dtype: np.dtype
) -> Float[np.ndarray, "rows outputs"]:
    """The outputs for numbers, NaN where missing, and level codes."""
    step = max(1, _AT_ONCE // max(1, len(trees.roots)))
    starts = range(0, len(rows), step)
    parts = [_outputs(trees, rows[start : start + step], dtype) for start in starts]
    return np.concatenate([np.zeros((0, trees.num_outputs), dtype), *parts])


def _outputs(trees: TreeSum, rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    total = np.broadcast_to(trees.base.astype(dtype), (len(rows), trees.num_outputs)).copy()
    if not len(trees.roots):
        return total
    width = trees.value.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):  # as on the device
        value = trees.value[_leaves(trees, rows)].astype(dtype)
        groups = group(trees.output, np.zeros(len(trees.roots), np.int64))
        for output, members in zip(groups.output, groups.member, strict=True):
            total[:, output : output + width] += value[members[members >= 0]].sum(0)
    return total


def _leaves(trees: TreeSum, rows: np.ndarray) -> Int[np.ndarray, "trees rows"]:
    """The leaf of each tree that each row reaches."""
    node = np.repeat(trees.roots, len(rows))
    ahead = np.flatnonzero(trees.column[node] >= 0)
    values, has_missing = np.ravel(rows), bool(np.isnan(rows).any())
    by_set = _SetTests(trees) if trees.level_sets else None
    while len(ahead):
        at = node[ahead]
        value = values[ahead % len(rows) * rows.shape[1] + trees.column[at]]
        left = value <= trees.threshold[at]
        if has_missing:
            left |= np.isnan(value) & trees.missing_left[at]
        if by_set is not None:
            left |= by_set(at, value)
        node[ahead] = below = np.where(left, trees.left[at], trees.right[at])
        ahead = ahead[trees.column[below] >= 0]
    return node.reshape(len(trees.roots), len(rows))


class _SetTests:
    """Tests of levels."""

    def __init__(self, trees: TreeSum) -> None:
        self.number = trees.level_set
        self.length = np.array([len(flags) for flags in trees.level_sets])
        self.first = np.cumsum(self.length) - self.length
        self.flags = np.concatenate([*trees.level_sets, [False]]).astype(bool)

    def __call__(
        self, nodes: Int[np.ndarray, " some"], codes: Float64[np.ndarray, " some"]
    ) -> Bool[np.ndarray, " some"]:
        """Whether rows go left at nodes whose sets their codes are in; elsewhere no."""
        number = self.number[nodes]
        known = (number >= 0) & (codes >= 0) & (codes < self.length[number])
        place = np.where(known, codes, 0).astype(np.int64) + self.first[number]
        return known & self.flags[np.where(known, place, -1)]
