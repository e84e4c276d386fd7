"""One object for each row, of any size, as a column of an Arrow table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.optional import require
from lime_jax.typing import Column

if TYPE_CHECKING:
    import pyarrow


@dataclasses.dataclass(frozen=True)
class Ragged:
    """How objects of one sort are held: the column's Arrow type, and an object there and back."""

    type: Callable[[], Any]
    stored: Callable[[Any], Any]
    restored: Callable[[Any], Any]

    def column(self, values: Sequence[object]) -> Column:
        """The objects of all rows as a column."""
        pa = require("pyarrow", extra="cli")
        return pa.array([self.stored(value) for value in values], self.type())

    def objects(self, column: Column) -> Iterable[Any]:
        """The objects of a column."""
        return map(self.restored, column)


def _array_type() -> Any:
    pa = require("pyarrow", extra="cli")
    parts = [("data", pa.binary()), ("shape", pa.list_(pa.int64())), ("dtype", pa.string())]
    return pa.struct(parts)


def _stored_array(array: np.ndarray) -> dict[str, Any]:
    return {"data": array.tobytes(), "shape": list(array.shape), "dtype": array.dtype.str}


def _restored_array(cell: Any) -> np.ndarray:
    part = cell.as_py()
    flat = np.frombuffer(part["data"], np.dtype(part["dtype"]))
    return flat.reshape(part["shape"]).copy()


def _grid_type() -> Any:
    pa = require("pyarrow", extra="cli")
    return pa.list_(pa.list_(pa.int64()))


def _restored_grid(cell: Any) -> np.ndarray:
    flat = cell.values.flatten().to_numpy()
    return flat.reshape(len(cell), -1).astype(np.int32)


RAGGED = {
    "array": Ragged(_array_type, _stored_array, _restored_array),
    "grid": Ragged(_grid_type, list, _restored_grid),
    "text": Ragged(lambda: require("pyarrow", extra="cli").string(), str, str),
}
"""By the axes of a `RowField`: arrays of any shape and dtype, whole numbers in rows and columns
(as lists of lists that any reader knows), and texts."""


def list_array(flat: object, sizes: np.ndarray) -> pyarrow.ListArray:
    """An array of lists, from all their items, list after list, and how many each has.

    Example:
        >>> import pyarrow
        >>> list_array(pyarrow.array([1, 2, 3]), np.array([2, 0, 1])).to_pylist()
        [[1, 2], [], [3]]
    """
    pa = require("pyarrow", extra="cli")
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat)
