"""One object for each row, of any size, as a column of an Arrow table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lime_jax.optional import require
from lime_jax.typing import Column

if TYPE_CHECKING:
    import pyarrow


class Ragged(Protocol):
    """How objects of one sort are held."""

    def type(self) -> Any:
        """The Arrow type of the column."""
        ...

    def column(self, values: Sequence[Any]) -> Column:
        """The objects of all rows as a column."""
        ...

    def objects(self, column: Column) -> Iterable[Any]:
        """The objects of a column."""
        ...


class Arrays:
    """Arrays of any shape and dtype, as bytes with both."""

    def type(self) -> Any:
        """The Arrow type of the column."""
        pa = require("pyarrow", extra="cli")
        parts = [("data", pa.binary()), ("shape", pa.list_(pa.int64())), ("dtype", pa.string())]
        return pa.struct(parts)

    def column(self, values: Sequence[np.ndarray]) -> Column:
        """The objects of all rows as a column."""
        parts = [
            {"data": value.tobytes(), "shape": list(value.shape), "dtype": value.dtype.str}
            for value in values
        ]
        return require("pyarrow", extra="cli").array(parts, self.type())

    def objects(self, column: Column) -> Iterable[np.ndarray]:
        """The objects of a column."""
        for part in column.to_pylist():
            flat = np.frombuffer(part["data"], np.dtype(part["dtype"]))
            yield flat.reshape(part["shape"]).copy()


class Grids:
    """Whole numbers in rows and columns, as lists of lists that any reader knows."""

    def type(self) -> Any:
        """The Arrow type of the column."""
        pa = require("pyarrow", extra="cli")
        return pa.list_(pa.list_(pa.int64()))

    def column(self, values: Sequence[np.ndarray]) -> Column:
        """The objects of all rows as a column."""
        pa = require("pyarrow", extra="cli")
        grids = [_lists(pa.array(grid.reshape(-1).astype(np.int64)), grid.shape) for grid in values]
        empty = pa.array([], pa.list_(pa.int64()))
        heights = np.array([len(grid) for grid in grids], np.int64)
        return list_array(pa.concat_arrays([empty, *grids]), heights)

    def objects(self, column: Column) -> Iterable[np.ndarray]:
        """The objects of a column."""
        for grid in column:
            flat = grid.values.flatten().to_numpy()
            yield flat.reshape(len(grid), -1).astype(np.int32)


class Texts:
    """Texts."""

    def type(self) -> Any:
        """The Arrow type of the column."""
        return require("pyarrow", extra="cli").string()

    def column(self, values: Sequence[str]) -> Column:
        """The objects of all rows as a column."""
        return require("pyarrow", extra="cli").array(values, self.type())

    def objects(self, column: Column) -> Iterable[str]:
        """The objects of a column."""
        return column.to_pylist()


RAGGED: dict[str, Ragged] = {"array": Arrays(), "grid": Grids(), "text": Texts()}
"""By the axes of a `RowField`."""


def _lists(flat: Column, shape: tuple[int, ...]) -> Column:
    return list_array(flat, np.full(shape[0], shape[1]))


def list_array(flat: Any, sizes: np.ndarray) -> pyarrow.ListArray:
    """An array of lists, from all their items, list after list, and how many each has.

    Example:
        >>> import pyarrow
        >>> list_array(pyarrow.array([1, 2, 3]), np.array([2, 0, 1])).to_pylist()
        [[1, 2], [], [3]]
    """
    pa = require("pyarrow", extra="cli")
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat)
