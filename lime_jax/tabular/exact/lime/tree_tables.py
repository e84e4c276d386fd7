"""What of a tree model and a table does not depend on rows or kernel widths: built once, kept."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.thresholds import round_down
from lime_jax.placing import placed
from lime_jax.tabular.config import TabularConfig
from lime_jax.tabular.exact.boxes import Conditions, boxes_of, without_last
from lime_jax.tabular.exact.lime.plan import plan_of
from lime_jax.tabular.exact.lime.tables import ConditionTable, before_rounding, condition_table
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import Array, Bool, Float, Int, pytree, static

NARROW_COLUMN = 16
"""A column with more bins is looked up; up to here it is faster to compare with every bin."""


@pytree
class Narrow:
    """Conditions on columns of few bins. See `ConditionTable`; arrays are (chunks, conditions).

    Attributes:
        gain: for x in each bin, (chunks, bins, conditions).
    """

    column: Int[Any, "*chunks conditions"]
    mean: Float[Any, "*chunks conditions"]
    gain: Float[Any, "*chunks bins conditions"]


@pytree
class Wide:
    """Conditions on columns of many bins.

    Attributes:
        first: entry of the flat gains for the column's first bin.
    """

    column: Int[Any, "*chunks conditions"]
    mean: Float[Any, "*chunks conditions"]
    first: Int[Any, "*chunks conditions"]


@pytree
class Interval:
    """Conditions on numbers: in standard deviations, or on held columns relative to `center`.

    Attributes:
        missing: whether a missing number meets it.
    """

    column: Int[Any, "*chunks conditions"]
    low: Float[Any, "*chunks conditions"]
    high: Float[Any, "*chunks conditions"]
    missing: Bool[Any, "*chunks conditions"]


@pytree
class Chunk:
    """Boxes that are worked on together; see `Plan`. Leading axes as the whole has chunks.

    Attributes:
        narrow: conditions on columns of few bins.
        wide: on columns of many bins.
        drawn: on numbers from a normal law.
        held: on numbers that are x's own.
        buckets: conditions of boxes of similar length.
        source: of tiles, where each entry is in the buckets.
    """

    narrow: Narrow
    wide: Wide
    drawn: Interval
    held: Interval
    buckets: tuple[Int[Any, "*chunks _ _"], ...]
    bucket_values: tuple[Float[Any, "*chunks outputs _"], ...]
    source: Int[Any, "*chunks tiles entries"]
    tile_condition: Int[Any, "*chunks tiles entries"]
    tile_value: Float[Any, "*chunks tiles outputs entries"]
    tile_column: Int[Any, "*chunks tiles"]


@pytree
class TreeTables:
    """A tree model for the rows of a table.

    Attributes:
        wide_gain: see `ConditionTable`, of all conditions on columns of many bins.
        total: of all outputs, where it is the same for every row; 0 otherwise.
        rest_is_last: whether the last output is `total` less the others, and left out.
    """

    chunks: Chunk
    wide_gain: Float[Any, " entries"]
    base: Float[Any, " outputs"]
    total: Float[Any, ""]
    rest_is_last: bool = static()


def tree_tables(trees: TreeSum, stats: TabularStats, config: TabularConfig) -> TreeTables:
    """Build the tables.

    Args:
        config: of which only sampling, encoding, distance and held columns matter.
    """
    held = config.held_columns(stats.num_features)
    in_bins = stats.drawn_by_frequency | (config.sampling == "bins")
    boxes = boxes_of(trees, held | (in_bins & (stats.missing_bin >= 0)))
    boxes, total = without_last(boxes)
    column = boxes.conditions.column
    few = np.diff(stats.offsets) <= NARROW_COLUMN
    group = np.where(in_bins, np.where(few, 0, 1), 2)
    group[held & ~stats.categorical] = 3
    group = group[column]
    at_once = None if jax.default_backend() == "cpu" else 2**18
    plan = plan_of(boxes, group, 4, at_once)
    by_bin = np.flatnonzero(group < 2)
    table = condition_table(boxes.conditions, by_bin, stats, held)
    number = np.full(len(column) + 1, -1)
    number[by_bin] = np.arange(len(by_bin))
    wide, wide_gain = _wide(table, number, plan.conditions[1], column)
    chunk = Chunk(
        narrow=_narrow(table, number, plan.conditions[0], column),
        wide=wide,
        drawn=_interval(
            boxes.conditions, plan.conditions[2], stats.center + stats.mean, stats.scale, stats
        ),
        held=_interval(
            boxes.conditions, plan.conditions[3], stats.center, np.ones(stats.num_features)
        ),
        **{name: getattr(plan, name) for name in _SHARED},
    )
    tables = TreeTables(chunk, wide_gain, boxes.base, np.array(total or 0.0), total is not None)
    return jax.tree.map(_on_device, tables)


_SHARED = ("buckets", "bucket_values", "source", "tile_condition", "tile_value", "tile_column")


def _on_device(array: np.ndarray) -> Array:
    kind = jnp.result_type(float) if array.dtype.kind == "f" else array.dtype
    return placed(array, jnp.int32 if array.dtype.kind == "i" else kind)


def _padded(values: np.ndarray, number: np.ndarray, padding: float | int = 0) -> np.ndarray:
    """Values by number; -1 gets the padding."""
    return np.append(values, np.asarray([padding], values.dtype))[number]


def _narrow(
    table: ConditionTable, number: np.ndarray, chosen: np.ndarray, column: np.ndarray
) -> Narrow:
    row = number[chosen]
    bins = _padded(table.bins, row)
    gain = [
        np.where(
            b < bins, _padded(table.gain, np.where(b < bins, _padded(table.first, row) + b, -1)), 0
        )
        for b in range(bins.max(initial=0))
    ]
    stacked = np.stack(gain, -2) if gain else np.zeros((len(chosen), 0, chosen.shape[1]))
    return Narrow(_padded(column, chosen), _padded(table.mean, row), stacked)


def _wide(
    table: ConditionTable, number: np.ndarray, chosen: np.ndarray, column: np.ndarray
) -> tuple[Wide, np.ndarray]:
    row = number[chosen]
    used = np.zeros(len(table.first), bool)
    used[row[row >= 0]] = True
    used_bins = np.repeat(used, table.bins)
    first = np.where(used, np.cumsum(table.bins * used) - table.bins, 0)
    wide = Wide(_padded(column, chosen), _padded(table.mean, row), _padded(first, row))
    return wide, table.gain[used_bins]


def _interval(
    conditions: Conditions,
    chosen: np.ndarray,
    origin: np.ndarray,
    scale: np.ndarray,
    rounded: TabularStats | None = None,
) -> Interval:
    """Conditions in other units; `rounded`: of samples that are rounded to the columns' steps."""
    column = conditions.column
    ends = np.stack([conditions.low, conditions.high])
    if rounded is not None:
        ends = before_rounding(ends, column, rounded)
    low, high = (ends - origin[column]) / scale[column]
    if jnp.result_type(float) == np.float32:
        low, high = (round_down(ends, np.dtype(np.float32)) for ends in (low, high))
    return Interval(
        _padded(column, chosen),
        _padded(low, chosen),
        _padded(high, chosen),
        _padded(conditions.missing, chosen, False),
    )
