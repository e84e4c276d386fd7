"""LightGBM's trees whose leaves are lines (`linear_tree`).

A leaf adds a constant and a line over some columns; where one of these is missing, a number of its
own. So each leaf becomes tests for missing values, and the sum of trees one of constants and of the
slopes of all columns: what the slopes are multiplied with is added at last.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64, Int64

from lime_jax.models.boosted.lightgbm_trees import ModelText
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.inputs import Inputs
from lime_jax.models.registry import Converted
from lime_jax.models.structure import TreeSum
from lime_jax.typing import AnyArray, Array, pytree, static

_AGREES = 2e-6
"""Of the largest output: what converted predictions may be off by."""

_MOST = 2**25
"""Slopes of all nodes: beyond, they would take more than 128 MiB."""


@dataclasses.dataclass(frozen=True)
class Lines:
    """What leaves add beside a constant, one entry for each slope.

    Attributes:
        constant: of every leaf.
        count: of every leaf, its slopes.
        ranges: of training values of the model's columns, as its text has them.
    """

    constant: Float64[np.ndarray, " leaves"]
    count: Int64[np.ndarray, " leaves"]
    column: Int64[np.ndarray, " slopes"]
    slope: Float64[np.ndarray, " slopes"]
    ranges: str

    @classmethod
    def read(cls, text: ModelText) -> Lines:
        """Those of LightGBM's text form."""
        constant, count = [], []
        for tree in text.trees:
            linear = tree.get("is_linear") == "1"
            constant += tree["leaf_const" if linear else "leaf_value"].split()
            count += tree["num_features"].split() if linear else ["0"] * int(tree["num_leaves"])
        column, slope = (
            " ".join(tree.get(name, "") for tree in text.trees).split()
            for name in ("leaf_features", "leaf_coeff")
        )
        return cls(
            np.array(constant, np.float64),
            np.array(count, np.int64),
            np.array(column, np.int64),
            np.array(slope, np.float64),
            text.header["feature_infos"],
        )

    @cached_property
    def used(self) -> Int64[np.ndarray, " used"]:
        """The columns that any line is of."""
        return np.unique(self.column)

    @cached_property
    def ends(self) -> Float64[np.ndarray, "used 2"]:
        """The least and the largest training value of these."""
        ranges = self.ranges.split()
        numbers = [ranges[k].strip("[]").split(":") for k in self.used]
        return np.array(numbers, np.float64).reshape(-1, 2)

    @cached_property
    def center(self) -> Float64[np.ndarray, " used"]:
        """The middle of the training values of these, as a float32 says it."""
        return self.ends.mean(axis=1).astype(np.float32).astype(np.float64)

    def check_precision(self, trees: TreeSum) -> None:
        """Refuse lines whose slopes are so much larger than their sum that rounding shows.

        Args:
            trees: with what a leaf says where its line has no value: as large as the outputs are.
        """
        leaf = np.flatnonzero(trees.column < 0)
        half = np.ptp(self.ends, axis=1)[np.searchsorted(self.used, self.column)] / 2
        owner = np.repeat(np.arange(len(leaf)), self.count)
        added = np.bincount(owner, np.abs(self.slope) * half, len(leaf))
        tree = np.searchsorted(trees.roots, leaf, side="right") - 1
        most = np.zeros((2, len(trees.roots)))
        np.maximum.at(most[0], tree, added)
        np.maximum.at(most[1], tree, np.abs(trees.value[leaf, 0]))
        size = [np.bincount(trees.output, of_trees, trees.num_outputs) for of_trees in most]
        float_ = jnp.result_type(float)
        if (size[0] * float(jnp.finfo(float_).eps) / 2 > _AGREES * size[1]).any():
            raise NotConvertibleError(
                f"LightGBM: the lines in its leaves cancel each other to fewer digits than {float_}"
                " has"
            )


def with_lines(trees: TreeSum, lines: Lines) -> TreeSum:
    """For each output the constant and the slope of each used column, side by side.

    A leaf with a line becomes one test for each of its columns, which missing values fail.
    """
    lines.check_precision(trees)
    first, width = len(trees.column), 1 + len(lines.used)
    if (first + 2 * len(lines.slope)) * width > _MOST:
        raise NotConvertibleError("LightGBM: its lines have too many slopes for the device")
    leaf = np.flatnonzero(trees.column < 0)
    owner = np.repeat(leaf, lines.count)  # of each slope
    passed, failed = (first + 2 * np.arange(len(owner)) + k for k in (0, 1))
    ends = np.cumsum(lines.count)[lines.count > 0]
    starts = ends - lines.count[lines.count > 0]
    test = np.append(-1, passed)[:-1] if len(passed) else passed
    test[starts] = owner[starts]
    value = np.zeros((first + 2 * len(owner), width))
    value[leaf, 0] = lines.constant
    value[failed, 0] = trees.value[owner, 0]
    place = np.searchsorted(lines.used, lines.column)
    last = passed[np.repeat(ends - 1, ends - starts)]  # the leaf behind all tests
    value[passed[ends - 1], 0] = lines.constant[lines.count > 0]
    np.add.at(value[:, 0], last, lines.slope * lines.center[place])
    np.add.at(value, (last, 1 + place), lines.slope)
    value[owner] = 0
    new = {
        name: np.append(getattr(trees, name), np.full(2 * len(owner), fill, dtype))
        for name, fill, dtype in _AT_LEAVES
    }
    new["column"][test], new["threshold"][test] = lines.column, np.inf
    new["left"][test], new["right"][test] = passed, failed
    longer = dataclasses.replace(
        trees,
        **new,
        value=value,
        output=trees.output * width,
        base=np.zeros(trees.num_outputs * width),
        cover=None,
    )
    beside = np.append(np.arange(first), np.repeat(owner, 2))  # the old node of each
    tree = np.searchsorted(trees.roots, beside, side="right")
    return longer.of_nodes(np.argsort(tree, kind="stable"))


_AT_LEAVES = (
    ("column", -1, np.int32),
    ("threshold", np.nan, np.float64),
    ("missing_left", False, bool),
    ("level_set", -1, np.int32),
    ("left", -1, np.int32),
    ("right", -1, np.int32),
)
"""What a leaf has."""


@pytree
class SumOfLines:
    """Constants and slopes of all outputs, and the columns that the slopes belong to."""

    sums: Any
    columns: Any
    outputs: int = static()

    def __call__(self, inputs: AnyArray) -> Array:
        """The outputs for a batch; a slope of 0 also times what is missing is 0."""
        columns = self.columns(inputs)
        sums = self.sums(inputs).reshape(len(columns), self.outputs, -1)
        slope = sums[:, :, 1:]
        parts = jnp.where(slope == 0, 0, slope * columns[:, None, :])
        return sums[:, :, 0] + parts.sum(-1)


def add_lines(sums: Converted, features: Features, lines: Lines, outputs: int) -> Converted:
    """The outputs, of what `with_lines` made and the columns themselves."""
    if not lines.used.size:
        return sums
    columns = features.take(lines.used.tolist()).then("subtract", lines.center)

    def build(inputs: Inputs) -> Any:
        return SumOfLines(sums.build(inputs), columns.matrix(inputs), outputs)

    return Converted(build, None, "its leaves are lines, not numbers", sums.rounds_inputs)
