"""A table, as it comes, to a float64 matrix of numbers and level codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64

from lime_jax.tabular.frames import columns as col
from lime_jax.tabular.frames.positions import positions_of
from lime_jax.tabular.frames.schema import Schema
from lime_jax.typing import Column, Scalar, Table


def num_rows(X: Table) -> int:
    """The number of rows of any table that the explainers take.

    Args:
        X: a 2-D array, a list of rows, or a pandas, polars or pyarrow table.

    Example:
        >>> num_rows([[1, 2], [3, 4], [5, 6]])
        3
    """
    return col.as_table(X).shape[0]


def take_rows(X: Table, start: int, stop: int) -> Any:
    """Rows `start` to `stop` of a table, of the same type.

    Args:
        X: a 2-D array, a list of rows, or a pandas, polars or pyarrow table.

    Returns:
        The rows, without a copy where the library has slices.

    Example:
        >>> take_rows(np.arange(6).reshape(3, 2), 1, 3)
        array([[2, 3],
               [4, 5]])
    """
    rows = col.as_table(X)[start:stop]
    return rows if isinstance(rows, np.ndarray) else rows.to_native()


def encode(schema: Schema, X: Table) -> Float64[np.ndarray, "rows features"]:
    """Read a table as numbers and level codes.

    A frame's columns are found by name (others are ignored), an array's by position.

    Returns:
        Numeric columns as they are, NaN where missing, time in seconds; categorical columns as
        codes 0, 1, ... and -1 for a level that was not there to learn.

    Example:
        >>> from lime_jax.tabular.frames import learn_schema
        >>> schema = learn_schema([["a", 1.5], ["b", 2.0]])
        >>> encode(schema, [["b", 3.0], ["z", 4.0]])
        array([[ 1.,  3.],
               [-1.,  4.]])
    """
    table = col.as_table(X)
    positions = positions_of(schema, table)
    if isinstance(table, np.ndarray) and table.dtype.kind in "fiu" and not any(schema.categorical):
        out = table.astype(np.float64)
        _reject_infinity(out, schema)
        return out
    out = np.empty((table.shape[0], len(positions)), np.float64)
    for j, position in enumerate(positions):
        column, name, levels = col.get_column(table, position), schema.columns[j], schema.levels[j]
        if levels is not None:
            out[:, j] = _codes(column, levels, name)
            continue
        if col.time_kind(column) != schema.time(j):
            raise ValueError(
                f"`X`: column {name!r} must hold {schema.time(j) or 'number'} values, as it did in "
                f"`fit`, got {col.time_kind(column) or 'other'} values."
            )
        out[:, j] = col.read_numbers(column, name)
    _reject_infinity(out, schema)
    return out


def align(schema: Schema, X: Table) -> Any:
    """The rows of a table as the model expects them, otherwise untouched.

    Returns:
        A frame's columns as fitted, in that order, with the values they came with; what is not of
        the fitted kind is read and rebuilt.

    Example:
        >>> from lime_jax.tabular.frames import learn_schema
        >>> schema = learn_schema(np.zeros((1, 2), np.float32))
        >>> align(schema, [[1, 2]])
        array([[1., 2.]], dtype=float32)
    """
    table = col.as_table(X)
    if isinstance(table, np.ndarray):
        positions_of(schema, table)
        came, fitted = table.dtype.kind, np.dtype(schema.array_dtype)
        if schema.kind == "array" and fitted.kind == "f" and came in "fiu":
            return table.astype(fitted, copy=False)
        if schema.kind == "array" and came == fitted.kind:
            return table
    elif schema.backend == col.backend(table):
        positions = positions_of(schema, table)
        if positions == list(range(table.shape[1])):
            return table.to_native()
        return table.select([table.columns[p] for p in positions]).to_native()
    from lime_jax.tabular.frames.rebuild import decode

    return decode(schema, encode(schema, X), X, np.arange(table.shape[0]))


class _Codes(dict[Any, int]):
    """Level -> code; asked for what it does not have, tells missing from unseen."""

    def __missing__(self, value: Scalar) -> int:
        return self.get(None, -1) if col.is_missing(value) else -1


def _codes(column: Column, levels: tuple[object, ...], name: str) -> np.ndarray:
    codes = _Codes((value, code) for code, value in enumerate(levels))
    values = col.to_list(column)
    try:  # a plain dict lookup costs some 50 ns a value, on every back end
        return np.fromiter(map(codes.__getitem__, values), np.float64, len(values))
    except TypeError as error:
        raise ValueError(f"`X`: column {name!r} must hold plain values ({error}).") from error


def _reject_infinity(values: np.ndarray, schema: Schema) -> None:
    bad = np.isinf(values)
    if bad.any():
        row, j = np.argwhere(bad)[0]
        raise ValueError(
            f"`X` must be finite or missing; column {schema.columns[j]!r} has {values[row, j]} "
            f"in row {row}. Replace infinities by NaN or a large number."
        )
