"""What a converted model is made of, where its output is a sum: over trees, or over columns.

Host arrays in float64 on the *raw* columns of the table, whatever pipeline stands in front, and no
library behind them: `models/trees/` evaluates them on the device, `exact/` explains them.
A categorical column is known by level codes, 0 to levels - 1, a numeric one by its values, NaN
where missing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int, Int32, Int64


@dataclasses.dataclass(frozen=True, eq=False)
class TreeSum:
    """`base` plus, for each tree, the value of the leaf that a row reaches.

    A node sends a row left if `value <= threshold` in float64: each library's own comparison and
    rounding rule is in the threshold, not here. A node with a `level_set` sends left the codes
    that are in it. Nodes of all trees are numbered together.
    """

    column: Int32[np.ndarray, " nodes"]  # tested by each node; -1 at a leaf
    threshold: Float64[np.ndarray, " nodes"]  # of numeric tests; NaN elsewhere
    missing_left: Bool[np.ndarray, " nodes"]
    # Number of the node's set in `level_sets`; -1 for numeric tests and leaves
    level_set: Int32[np.ndarray, " nodes"]
    left: Int32[np.ndarray, " nodes"]  # number of the left child; -1 at a leaf
    right: Int32[np.ndarray, " nodes"]  # number of the right child; -1 at a leaf
    # Of each leaf, for `width` neighboring outputs; 0 at other nodes
    value: Float64[np.ndarray, "nodes width"]
    roots: Int32[np.ndarray, " trees"]  # first node of each tree
    # First of the outputs that a tree adds to (0 where `width` is all of them)
    output: Int32[np.ndarray, " trees"]
    # Unique sets of levels as flags by code; in each, as many as the column has
    level_sets: tuple[np.ndarray, ...]
    base: Float64[np.ndarray, " outputs"]  # constant part of every output
    num_features: int  # raw columns of the table
    # Of each node, how many training rows came there, or their weight; None: it is not known
    cover: Float64[np.ndarray, " nodes"] | None = None

    @property
    def num_outputs(self) -> int:
        """Number of outputs."""
        return len(self.base)

    def of_outputs(self, outputs: Int[np.ndarray, " some"]) -> TreeSum:
        """The sum for some of its outputs, in rising order; trees of none of them are left out."""
        some = dataclasses.replace(self, base=self.base[outputs])
        if self.value.shape[1] == self.num_outputs:
            return dataclasses.replace(some, value=self.value[:, outputs])
        assert self.value.shape[1] == 1
        chosen, first = np.isin(self.output, outputs), np.sort(self.roots)
        of_tree = np.argsort(self.roots)[
            np.searchsorted(first, np.arange(len(self.column)), "right") - 1
        ]
        number = np.searchsorted(outputs, self.output[chosen]).astype(np.int32)
        some = dataclasses.replace(some, roots=self.roots[chosen], output=number)
        return some.of_nodes(np.flatnonzero(chosen[of_tree]))

    def of_nodes(self, nodes: Int[np.ndarray, " some"]) -> TreeSum:
        """The same trees, their nodes in another order; those that are left out, no tree has."""
        number = np.full(len(self.column) + 1, -1, np.int32)  # of -1, at leaves, -1
        number[nodes] = np.arange(len(nodes))
        names = ("column", "threshold", "missing_left", "level_set", "value")
        return dataclasses.replace(
            self,
            **{name: getattr(self, name)[nodes] for name in names},
            left=number[self.left[nodes]],
            right=number[self.right[nodes]],
            roots=number[self.roots],
            cover=None if self.cover is None else self.cover[nodes],
        )

    @property
    def num_leaves(self) -> int:
        """Leaves of all trees together."""
        return int((self.column < 0).sum())


@dataclasses.dataclass(frozen=True, eq=False)
class Additive:
    """`intercept` plus a function of each column: a line for numbers, a table for levels.

    A numeric column adds `(value - shift) * slope`, or `missing` where it is NaN; a categorical one
    `level_value` of its code.
    """

    intercept: Float64[np.ndarray, " outputs"]  # constant part of every output
    shift: Float64[np.ndarray, " features"]  # of each column; where the line crosses 0
    slope: Float64[np.ndarray, "features outputs"]  # of each column; 0 for a categorical one
    missing: Float64[np.ndarray, "features outputs"]  # what a missing number adds
    # By code, of all categorical columns in a row
    level_value: Float64[np.ndarray, "levels outputs"]
    # First entry of every column in `level_value`
    level_offsets: Int32[np.ndarray, " features_plus_1"]

    @property
    def num_features(self) -> int:
        """Raw columns of the table."""
        return len(self.shift)

    @property
    def num_outputs(self) -> int:
        """Number of outputs."""
        return len(self.intercept)

    def of_outputs(self, outputs: Int[np.ndarray, " some"]) -> Additive:
        """The sum for some of its outputs."""
        names = ("slope", "missing", "level_value")
        some = {name: getattr(self, name)[:, outputs] for name in names}
        return dataclasses.replace(self, intercept=self.intercept[outputs], **some)


@dataclasses.dataclass(frozen=True, eq=False)
class MixedSum:
    """A sum of trees, plus one over columns."""

    trees: TreeSum
    columns: Additive

    @property
    def num_features(self) -> int:
        """Raw columns of the table."""
        return self.columns.num_features

    @property
    def num_outputs(self) -> int:
        """Number of outputs."""
        return self.columns.num_outputs

    def of_outputs(self, outputs: Int[np.ndarray, " some"]) -> MixedSum:
        """The sum for some of its outputs, in rising order."""
        return MixedSum(self.trees.of_outputs(outputs), self.columns.of_outputs(outputs))


Structure = TreeSum | Additive | MixedSum


@dataclasses.dataclass(frozen=True, eq=False)
class LinkedSum:
    """A function of a sum: probabilities of margins, say.

    Attributes:
        structure: of the sum.
        link: a JAX function, and a pytree, (samples, sums) -> (samples, outputs).
    """

    structure: TreeSum | Additive
    link: Callable[[Any], Any]


def stable_order(number: Int[np.ndarray, " some"], count: int) -> Int64[np.ndarray, " some"]:
    """The order of numbers from 0 to `count - 1`, equal ones as they come; few are sorted fast.

    Example:
        >>> stable_order(np.array([1, 0, 1]), 2)
        array([1, 0, 2])
    """
    small = count <= np.iinfo(np.uint16).max
    return np.argsort(number.astype(np.uint16) if small else number, kind="stable")
