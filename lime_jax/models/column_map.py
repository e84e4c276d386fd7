"""The columns of a model's inputs on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.columns import (
    Column,
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
    PointColumn,
)
from lime_jax.typing import Array, pytree, static

_Kind = TypeVar("_Kind", LevelColumn, PointColumn)


@pytree
class Chain:
    """Functions one after another.

    Attributes:
        parts: pytrees with `__call__`.
    """

    parts: tuple[Any, ...]

    def __call__(self, inputs: Any) -> Any:
        """Call all of them."""
        for part in self.parts:
            inputs = part(inputs)
        return inputs


@pytree
class SideBySide:
    """Functions of the same inputs, their outputs next to each other.

    Attributes:
        parts: pytrees with `__call__`.
    """

    parts: tuple[Any, ...]

    def __call__(self, inputs: Any) -> Array:
        """The outputs of all of them."""
        return jnp.concatenate([part(inputs) for part in self.parts], axis=1)


@pytree
class Identity:
    """The inputs themselves, in the device's precision."""

    def __call__(self, inputs: Any) -> Array:
        """Nothing happens."""
        return jnp.asarray(inputs, jnp.result_type(float))


@pytree
class ColumnMap:
    """Columns made of raw columns.

    Attributes:
        shift: of the number columns, and so on: see `NumberColumn.line`.
        scale: same.
        offset: same.
        low: same.
        high: same.
        missing: their value where the raw one is missing.
        tables: for each raw column that is read by level, what every column made of it is at each
            level (rows), and in the last row elsewhere.
        points: of those that are numbers, the sorted points that stand for levels.
        number_raw: raw columns of the number columns (static, as all below).
        table_raw: of the tables; those with points are the last.
        order: where each output column is among the numbers and the tables' columns.
    """

    shift: Array
    scale: Array
    offset: Array
    low: Array
    high: Array
    missing: Array
    tables: tuple[Array, ...]
    points: tuple[Array, ...]
    number_raw: tuple[int, ...] = static()
    table_raw: tuple[int, ...] = static()
    order: tuple[int, ...] = static()

    def __call__(self, inputs: Any) -> Array:
        """The columns of a batch."""
        inputs = jnp.asarray(inputs, jnp.result_type(float))
        parts = [jnp.zeros((inputs.shape[0], 0), inputs.dtype)]
        if self.number_raw:
            raw = inputs[:, np.array(self.number_raw)]
            line = jnp.clip((raw - self.shift) * self.scale + self.offset, self.low, self.high)
            parts.append(jnp.where(jnp.isnan(raw), self.missing, line))
        points = (*(None,) * (len(self.tables) - len(self.points)), *self.points)
        for raw, table, own in zip(self.table_raw, self.tables, points, strict=True):
            value, count = inputs[:, raw], table.shape[0] - 1
            row = level_codes(value, count) if own is None else _places(value, own)
            parts.append(table[row])
        whole = jnp.concatenate(parts, axis=1)
        if self.order == tuple(range(len(self.order))):
            return whole
        return whole[:, np.array(self.order, int)]


def level_codes(values: Array, count: int) -> Array:
    """Level codes as integers; whatever is no code becomes `count`.

    Args:
        values: (samples,) codes as numbers.
        count: of the levels.

    Returns:
        (samples,) from 0 to `count`.
    """
    return jnp.where((values >= 0) & (values < count), values, count).astype(jnp.int32)


def _places(values: Array, points: Array) -> Array:
    """Numbers of the points that values are equal to; NaN is the last of the points, or none."""
    count = len(points)
    place = jnp.minimum(jnp.searchsorted(points, values), count - 1)
    found = points[place]
    hit = (found == values) | (jnp.isnan(found) & jnp.isnan(values))
    return jnp.where(hit, place, count)


def column_map(columns: Sequence[Column]) -> ColumnMap:
    """Columns as a pytree on the device.

    Args:
        columns: of one raw table.

    Returns:
        A JAX function of a batch of the table.

    Raises:
        NotConvertibleError: if one is text, or if points of one are the same number in the device's
            precision.
    """
    numbers = {k: c for k, c in enumerate(columns) if isinstance(c, NumberColumn)}
    levels = _by_raw({k: c for k, c in enumerate(columns) if isinstance(c, LevelColumn)})
    points = _by_raw({k: c for k, c in enumerate(columns) if isinstance(c, PointColumn)})
    tables = [
        np.stack([np.append(c.numbers(), np.nan) for c in own.values()], axis=1)
        for own in levels.values()
    ]
    places = []
    for own in points.values():
        place, table = _point_table(list(own.values()))
        places.append(place)
        tables.append(table)
    order = [*numbers, *(k for own in (*levels.values(), *points.values()) for k in own)]
    lines = np.array([c.line() for c in numbers.values()], np.float64).reshape(-1, 5).T
    # What the device's precision takes from a shift, the offset gives back.
    lines[2] += (lines[0].astype(jnp.result_type(float)) - lines[0]) * lines[1]
    missing = np.array([c.missing for c in numbers.values()], np.float64)
    return ColumnMap(
        *put((*lines, missing, tuple(tables), tuple(places))),
        number_raw=tuple(c.raw for c in numbers.values()),
        table_raw=(*levels, *points),
        order=tuple(int(k) for k in np.argsort(order)),
    )


def _by_raw(columns: dict[int, _Kind]) -> dict[int, dict[int, _Kind]]:
    own: dict[int, dict[int, _Kind]] = {}
    for k, column in columns.items():
        own.setdefault(column.raw, {})[k] = column
    return own


def _point_table(columns: Sequence[PointColumn]) -> tuple[np.ndarray, np.ndarray]:
    """The sorted points of all of them, and their values there and elsewhere."""
    points = np.unique(np.concatenate([c.points for c in columns]).astype(np.float64))
    if len(np.unique(points.astype(jnp.result_type(float)))) < len(points):
        raise NotConvertibleError(
            f"column {columns[0].raw} has categories that are one number in the device's precision"
        )
    table = np.empty((len(points) + 1, len(columns)))
    for j, column in enumerate(columns):
        table[:, j] = column.other
        table[np.searchsorted(points, column.points), j] = column.values
    return points, table


def put(tree: Any) -> Any:
    """Host arrays of a pytree on the device, floats in its precision.

    Args:
        tree: of NumPy arrays.

    Returns:
        The same of JAX arrays.
    """
    float_ = jnp.result_type(float)

    def one(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray | np.generic | float | int):
            return leaf
        leaf = np.asarray(leaf)
        return jnp.asarray(leaf, float_ if leaf.dtype.kind == "f" else None)

    return jax.tree.map(one, tree)
