"""The columns of a model's inputs on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.columns import (
    Column,
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
    PointColumn,
    after_step,
)
from lime_jax.models.trees.thresholds import round_down
from lime_jax.placing import placed
from lime_jax.typing import AnyArray, Array, Pytree, pytree, static

_Kind = TypeVar("_Kind", LevelColumn, PointColumn)


@pytree
class Chain:
    """Functions one after another."""

    parts: tuple[Any, ...]

    def __call__(self, inputs: AnyArray) -> Any:
        """Call all of them."""
        for part in self.parts:
            inputs = part(inputs)
        return inputs


@jax.tree_util.register_pytree_node_class
class Later:
    """A function that is put on the device when it is first called or taken apart."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    @cached_property
    def made(self) -> Any:
        """The function, a pytree; of arrays, not of what stands for them while JAX traces."""
        with jax.ensure_compile_time_eval():
            return self._make()

    def __call__(self, inputs: AnyArray) -> Any:
        """Call it."""
        return self.made(inputs)

    def tree_flatten(self) -> tuple[Any, None]:
        """The function."""
        return (self.made,), None

    @classmethod
    def tree_unflatten(cls, aux: None, children: Pytree) -> Later:
        """It is there already."""
        return cls(lambda: children[0])


def outputs_together(parts: Sequence[Any], inputs: AnyArray) -> Array:
    """The outputs of functions of the same inputs, next to each other."""
    return jnp.concatenate([part(inputs) for part in parts], axis=1)


@pytree
class Identity:
    """The inputs themselves, in the device's precision."""

    def __call__(self, inputs: AnyArray) -> Array:
        """Nothing happens."""
        return jnp.asarray(inputs, jnp.result_type(float))


@pytree
class FirstColumns:
    """The inputs' first columns, in the device's precision."""

    count: int = static()

    def __call__(self, inputs: AnyArray) -> Array:
        """The columns of a batch."""
        return jnp.asarray(inputs, jnp.result_type(float))[:, : self.count]


@pytree
class Lines:
    """Numbers through lines, cut off at two heights; see `NumberColumn.line`."""

    shift: Array  # of each column, and so on
    scale: Array
    offset: Array
    low: Array
    high: Array
    missing: Array  # their value where the raw one is missing
    raw: tuple[int, ...] = static()

    def __call__(self, inputs: AnyArray) -> Array:
        """The columns of a batch."""
        raw = inputs[:, np.array(self.raw)]
        line = jnp.clip((raw - self.shift) * self.scale + self.offset, self.low, self.high)
        return jnp.where(jnp.isnan(raw), self.missing, line)


@pytree
class Steps:
    """Numbers through the same kinds of steps; see `NumberColumn.steps`."""

    numbers: tuple[tuple[Array, ...], ...]  # of each step, for each column
    missing: Array
    raw: tuple[int, ...] = static()  # the raw columns
    kinds: tuple[tuple[str, ...], ...] = static()  # of each step, its name and that of a function

    def __call__(self, inputs: AnyArray) -> Array:
        """The columns of a batch."""
        raw = values = jnp.asarray(inputs)[:, np.array(self.raw)]
        for kind, numbers in zip(self.kinds, self.numbers, strict=True):
            values = after_step(jnp, values, *kind, *numbers)
        return jnp.where(jnp.isnan(raw), self.missing, values)


@pytree
class ColumnMap:
    """Columns made of raw columns."""

    numbers: tuple[Lines | Steps, ...]  # functions of raw numbers, each of some columns
    # For each raw column that is read by level, what every column made of it is at each level
    # (rows), and in the last row elsewhere
    tables: tuple[Array, ...]
    points: tuple[Array, ...]  # of those that are numbers, the sorted points that stand for levels
    table_raw: tuple[int, ...] = static()  # of the tables; those with points are the last
    # Where each output column is among the numbers and the tables' columns
    order: tuple[int, ...] = static()

    def __call__(self, inputs: AnyArray) -> Array:
        """The columns of a batch."""
        inputs = jnp.asarray(inputs, jnp.result_type(float))
        parts = [jnp.zeros((inputs.shape[0], 0), inputs.dtype)]
        parts += [some(inputs) for some in self.numbers]
        points = (*(None,) * (len(self.tables) - len(self.points)), *self.points)
        for raw, table, places in zip(self.table_raw, self.tables, points, strict=True):
            value, count = inputs[:, raw], table.shape[0] - 1
            row = level_codes(value, count) if places is None else places_of(value, places)
            parts.append(table[row])
        whole = jnp.concatenate(parts, axis=1)
        if self.order == tuple(range(len(self.order))):
            return whole
        return whole[:, np.array(self.order, int)]


def level_codes(values: AnyArray, count: AnyArray | int, xp: ModuleType = jnp) -> Any:
    """Level codes as integers; whatever is no code becomes `count`."""
    return xp.where((values >= 0) & (values < count), values, count).astype(np.int32)


def places_of(values: AnyArray, points: AnyArray, xp: ModuleType = jnp) -> Any:
    """Numbers of the points that values are equal to; NaN is the last of the points, or none."""
    count = len(points)
    place = xp.minimum(xp.searchsorted(points, values), count - 1)
    found = points[place]
    hit = (found == values) | (xp.isnan(found) & xp.isnan(values))
    return xp.where(hit, place, count)


def column_map(columns: Sequence[Column]) -> ColumnMap:
    """Columns as a pytree on the device, which must tell numbers of a point column apart."""
    lines: dict[int, NumberColumn] = {}
    others: dict[Any, dict[int, NumberColumn]] = {}
    for k, c in enumerate(columns):
        if isinstance(c, NumberColumn):
            kinds = tuple(step[:2] if step[0] == "function" else step[:1] for step in c.steps)
            shapes = tuple(tuple(map(np.shape, step[1:])) for step in c.steps)
            (lines if c.is_line else others.setdefault((kinds, shapes), {}))[k] = c
    levels = _by_raw({k: c for k, c in enumerate(columns) if isinstance(c, LevelColumn)})
    points = _by_raw({k: c for k, c in enumerate(columns) if isinstance(c, PointColumn)})
    tables = [
        np.stack([np.append(c.numbers(), np.nan) for c in made.values()], axis=1)
        for made in levels.values()
    ]
    places = []
    for made in points.values():
        place, table = _point_table(list(made.values()))
        places.append(place)
        tables.append(table)
    groups = [lines, *others.values(), *levels.values(), *points.values()]
    order = [k for group in groups for k in group]
    numbers = [_lines(list(lines.values()))] if lines else []
    numbers += [_steps(kinds, list(group.values())) for (kinds, _), group in others.items()]
    return ColumnMap(
        tuple(numbers),
        *put((tuple(tables), tuple(places))),
        table_raw=(*levels, *points),
        order=tuple(int(k) for k in np.argsort(order)),
    )


def _lines(columns: Sequence[NumberColumn]) -> Lines:
    lines = np.array([c.line() for c in columns], np.float64).T
    # What the device's precision takes from a shift, the offset gives back.
    lines[2] += (lines[0].astype(jnp.result_type(float)) - lines[0]) * lines[1]
    missing = np.array([c.missing for c in columns], np.float64)
    return Lines(*put((*lines, missing)), raw=tuple(c.raw for c in columns))


def _steps(kinds: tuple[tuple[str, ...], ...], columns: Sequence[NumberColumn]) -> Steps:
    numbers: list[tuple[np.ndarray, ...]] = []
    for k, kind in enumerate(kinds):
        every = (c.steps[k][len(kind) :] for c in columns)
        each = [np.array(values, np.float64) for values in zip(*every, strict=True)]
        dtype = np.dtype(jnp.result_type(float))
        if kind in (("above",), ("bins",), ("polynomials",)):
            each = [round_down(each[0], dtype), *each[1:]]
        elif kind == ("missing",):  # just below a number is that number, if it is rounded to it
            each = [-round_down(-each[0], dtype), round_down(each[1], dtype)]
        numbers.append(tuple(each))
    missing = np.array([c.missing for c in columns], np.float64)
    return Steps(*put((tuple(numbers), missing)), raw=tuple(c.raw for c in columns), kinds=kinds)


def _by_raw(columns: dict[int, _Kind]) -> dict[int, dict[int, _Kind]]:
    by_raw: dict[int, dict[int, _Kind]] = {}
    for k, column in columns.items():
        by_raw.setdefault(column.raw, {})[k] = column
    return by_raw


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


def put(tree: Pytree) -> Any:
    """Host arrays of a pytree on the device, floats in its precision."""
    float_ = jnp.result_type(float)

    def one(leaf: Pytree) -> Any:
        if not isinstance(leaf, np.ndarray | np.generic | float | int):
            return leaf
        leaf = np.asarray(leaf)
        return placed(leaf, float_ if leaf.dtype.kind == "f" else None)

    return jax.tree.map(one, tree)
