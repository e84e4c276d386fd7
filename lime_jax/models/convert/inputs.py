"""Where a model on the device reads its columns: a table in the device's precision, or the host.

Samples are drawn on the device, where a number that was rounded decides no test but by chance. Rows
that are given are not: training values lie on the thresholds of trees. So of given rows the host
makes the columns, in float64 by the library's own arithmetic, and thresholds become whole numbers:
the rank of a value among them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax.models.convert.additive_predict import additive_predict
from lime_jax.models.convert.column_map import (
    Chain,
    FirstColumns,
    Identity,
    Later,
    column_map,
    level_codes,
    places_of,
)
from lime_jax.models.convert.columns import Column, LevelColumn, NumberColumn
from lime_jax.models.structure import Additive, TreeSum
from lime_jax.models.trees import tree_predict
from lime_jax.models.trees.thresholds import between, ranks, round_down
from lime_jax.typing import AnyArray, Array, pytree, static


@runtime_checkable
class Inputs(Protocol):
    """What a model on the device is called with."""

    def table(self, count: int | None = None) -> Any:
        """A pytree from the inputs to the raw table; None: these are no columns."""

    def matrix(self, columns: Sequence[Column]) -> Any:
        """A pytree from the inputs to a matrix of columns of the raw table."""

    def trees(self, trees: TreeSum, columns: Sequence[Column]) -> Any:
        """A pytree from the inputs to the outputs of trees on columns of the raw table."""

    def additive(self, model: Additive) -> Any:
        """A pytree from the inputs to the outputs of a sum over columns of the raw table."""


Base = Callable[[Inputs], Any]
"""A pytree from inputs to a matrix."""


@dataclasses.dataclass(frozen=True, eq=False)
class Spikes:
    """Numbers of a column that many samples are equal to."""

    values: Float64[np.ndarray, " spikes"]
    on_device: np.ndarray  # what becomes of them there, when they are samples


@dataclasses.dataclass(frozen=True, eq=False)
class DeviceTable:
    """The raw table, in the device's precision: numbers, and codes where there are levels."""

    # Of each column; None: it has none. Empty: no column has.
    spikes: tuple[Spikes | None, ...] = ()

    def table(self, count: int | None = None) -> Any:
        """Without what may stand behind it; see `Inputs`."""
        return Identity() if count is None else FirstColumns(count)

    def matrix(self, columns: Sequence[Column]) -> Any:
        """Made on the device; see `Inputs`."""
        return column_map(columns)

    def trees(self, trees: TreeSum, columns: Sequence[Column]) -> Any:
        """With thresholds that part the spikes as they do in float64; see `Inputs`."""
        threshold = _parting(trees, columns, self.spikes)
        predict = Later(partial(tree_predict, dataclasses.replace(trees, threshold=threshold)))
        if all(isinstance(c, NumberColumn) and c.is_raw(k) for k, c in enumerate(columns)):
            return predict
        return Chain((column_map(columns), predict))

    def additive(self, model: Additive) -> Any:
        """On the columns as they are; see `Inputs`."""
        return additive_predict(model)


class SpikeCheck:
    """Finds out whether spikes move any threshold; puts no model together."""

    def __init__(self, spikes: tuple[Spikes | None, ...]) -> None:
        self.spikes = spikes
        self.moved = False

    def table(self, count: int | None = None) -> Any:
        """Not looked at; see `Inputs`."""
        return Identity()

    def matrix(self, columns: Sequence[Column]) -> Any:
        """Not looked at; see `Inputs`."""
        return Identity()

    def trees(self, trees: TreeSum, columns: Sequence[Column]) -> Any:
        """Compared; see `Inputs`."""
        dtype = np.dtype(jnp.result_type(float))
        parting = round_down(_parting(trees, columns, self.spikes), dtype)
        self.moved |= not np.array_equal(parting, round_down(trees.threshold, dtype), True)
        return Identity()

    def additive(self, model: Additive) -> Any:
        """Not looked at; see `Inputs`."""
        return Identity()


def _parting(
    trees: TreeSum, columns: Sequence[Column], spikes: tuple[Spikes | None, ...]
) -> Float64[np.ndarray, " nodes"]:
    """Thresholds of all nodes that part the spikes on the device."""
    threshold = trees.threshold.copy()
    numeric = (trees.column >= 0) & (trees.level_set < 0)
    for number in np.unique(trees.column[numeric]):
        column = columns[number]
        found = spikes[column.raw] if spikes else None
        is_raw = isinstance(column, NumberColumn) and not column.goes_down
        if found is not None and is_raw:
            mine = numeric & (trees.column == number)
            threshold[mine] = between(threshold[mine], found.values, found.on_device)
    return threshold


class HostColumns:
    """Columns that the host makes of raw rows; they are listed while a model is put together."""

    def __init__(self, num_raw: int) -> None:
        self.num_raw = num_raw
        self._made: list[tuple[Column, np.ndarray | None]] = []
        self._values: dict[Any, int] = {}

    def table(self, count: int | None = None) -> Take:
        """Numbers and codes as they come; see `Inputs`."""
        return self.matrix([NumberColumn(k) for k in range(count or self.num_raw)])

    def matrix(self, columns: Sequence[Column]) -> Take:
        """Their values, rounded once; see `Inputs`."""
        return Take(tuple(self._value(column) for column in columns))

    def trees(self, trees: TreeSum, columns: Sequence[Column]) -> Any:
        """On ranks among their thresholds; see `Inputs`."""
        new, threshold = trees.column.copy(), trees.threshold.copy()
        inner, by_set = trees.column >= 0, trees.level_set >= 0
        places: list[int] = []
        for number in np.unique(trees.column[inner]):
            mine = inner & ~by_set & (trees.column == number)
            if mine.any():
                known, rank = np.unique(trees.threshold[mine], return_inverse=True)
                threshold[mine], new[mine] = rank, len(places)  # value <= known[i]: rank <= i
                places.append(self._add(columns[number], known))
            mine = inner & by_set & (trees.column == number)
            if mine.any():
                new[mine] = len(places)
                places.append(self._value(columns[number]))
        ranked = dataclasses.replace(
            trees, column=new, threshold=threshold, num_features=len(places)
        )
        predict = Later(partial(tree_predict, ranked))
        # Columns that come first need not be taken: trees look at no others.
        in_front = places == list(range(len(places)))
        return predict if in_front else Chain((Take(tuple(places)), predict))

    def additive(self, model: Additive) -> Any:
        """On their values, rounded once; see `Inputs`."""
        taken = self.table(self.num_raw)
        in_front = taken.columns == tuple(range(self.num_raw))
        predict = additive_predict(model)
        return predict if in_front else Chain((taken, predict))

    @property
    def raw(self) -> np.ndarray:
        """(columns,) the raw column that each is made of."""
        return np.array([column.raw for column, _ in self._made], np.int64)

    def thresholds(self) -> dict[int, Float64[np.ndarray, " _"]]:
        """What numbers of each raw column are compared with, ascending."""
        found: dict[int, np.ndarray] = {}
        for column, known in self._made:
            is_raw = isinstance(column, NumberColumn) and not column.goes_down
            if known is not None and is_raw:
                found[column.raw] = np.union1d(known, found.get(column.raw, known))
        return found

    def __call__(
        self, values: Float64[np.ndarray, "rows features"]
    ) -> Float64[np.ndarray, "rows columns"]:
        """The columns of rows; numbers, NaN where missing, and level codes."""
        made = np.empty((len(values), len(self._made)))
        for k, (column, known) in enumerate(self._made):
            made[:, k] = _values(column, values[:, column.raw])
            if known is not None:
                made[:, k] = ranks(made[:, k], known)
        return made

    def numbers(
        self, values: Float64[np.ndarray, "rows features"]
    ) -> Float64[np.ndarray, "rows some"]:
        """Those of the columns that are no ranks: the device's precision may not hold them."""
        made = [_values(c, values[:, c.raw]) for c, known in self._made if known is None]
        return np.stack(made, axis=1) if made else np.zeros((len(values), 0))

    def _value(self, column: Column) -> int:
        key = column if isinstance(column, NumberColumn) else id(column)
        if key not in self._values:
            self._values[key] = self._add(column, None)
        return self._values[key]

    def _add(self, column: Column, thresholds: np.ndarray | None) -> int:
        self._made.append((column, thresholds))
        return len(self._made) - 1


def _values(column: Column, raw: np.ndarray) -> np.ndarray:
    """A column of given rows; a level that is not known is NaN."""
    if isinstance(column, NumberColumn):
        return np.where(np.isnan(raw), column.missing, column.values(raw))
    if isinstance(column, LevelColumn):
        levels = np.append(column.numbers(), np.nan)
        return levels[level_codes(raw, len(levels) - 1, np)]
    order = np.argsort(column.points)  # NaN last
    values = np.append(column.values[order], column.other)
    return values[places_of(raw, column.points[order], np)]


@pytree
class Take:
    """Some of the inputs' columns."""

    columns: tuple[int, ...] = static()

    def __call__(self, inputs: AnyArray) -> Array:
        """The columns of a batch."""
        inputs = jnp.asarray(inputs, jnp.result_type(float))
        if self.columns == tuple(range(inputs.shape[1])):
            return inputs
        return inputs[:, np.array(self.columns, int)]
