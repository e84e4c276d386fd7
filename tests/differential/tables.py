"""Tables: an array, a pandas, polars or Arrow table; rows are put together from their own cells."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.differential.columns import RECIPES, Column, Generator, choose_recipe, native_values

TRAINING, EXPLAINED = 80, 3
ROWS = TRAINING + EXPLAINED

_KINDS = {"float64": 0.36, "pandas": 0.28, "polars": 0.14, "arrow": 0.05, "float32": 0.05}
_KINDS |= {"int64": 0.05, "uint8": 0.02, "bool": 0.02, "object": 0.03}
_IN_FRAMES = (
    *("float64", "float32", "int64", "uint8", "bool", "text", "category"),
    *("nullable_int", "nullable_float", "datetime"),
)
_NUMBERS = ("float64", "float32", "int64", "uint8")
# What may stand in an array of each type; all of it is stored in the array's own.
_IN_ARRAYS = {
    "float64": ("float64", "float32", "int64", "uint8"),
    "float32": ("float32",),
    "int64": ("int64", "uint8"),
    "uint8": ("uint8",),
    "bool": ("bool",),
    "object": ("float64", "int64", "text"),
}


@dataclasses.dataclass(frozen=True)
class Table:
    """A table, its training rows first, then those to explain.

    Attributes:
        kind: "pandas", "polars", "arrow", or the type of an array.
        columns: what it was made of.
        native: the table itself.
        levels: columns whose numbers are declared to be levels.
    """

    kind: str
    columns: tuple[Column, ...]
    native: Any
    levels: tuple[int, ...] = ()

    @property
    def is_array(self) -> bool:
        """Whether it has no column names."""
        return self.kind in _IN_ARRAYS

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        return [f"c{k}" for k in range(len(self.columns))]

    @property
    def categorical(self) -> np.ndarray:
        """(features,) which columns are made of levels."""
        own = [
            c.dtype == "text" if self.kind == "object" else c.is_level and self.kind not in _NUMBERS
            for c in self.columns
        ]
        return np.array([is_level or k in self.levels for k, is_level in enumerate(own)])

    @property
    def has_missing_numbers(self) -> bool:
        """Whether a numeric column misses some."""
        return any(c.values.dtype != object and np.isnan(c.values).any() for c in self.columns)

    def rows(self, indices: Any) -> Any:
        """Some rows, of the same type."""
        indices = np.asarray(indices, np.int64)
        return self.cells(np.tile(indices[:, None], (1, len(self.columns))))

    def cells(self, indices: np.ndarray) -> Any:
        """Rows whose cells come from the given row of each column: (rows, features)."""
        if self.is_array:
            return self.native[indices, np.arange(indices.shape[1])]
        taken = {name: self.take(k, indices[:, k]) for k, name in enumerate(self.names)}
        return self.frame(taken)

    def take(self, column: int, indices: np.ndarray) -> Any:
        """A native column of the cells in some rows."""
        if self.kind == "pandas":
            return self.native[self.names[column]].take(indices).reset_index(drop=True)
        if self.kind == "polars":
            return self.native[self.names[column]].gather(indices)
        if self.kind == "arrow":
            return self.native.column(column).take(indices)
        return self.native[indices, column]

    def numbers(self, column: int, values: np.ndarray) -> Any:
        """A native column of the table's own type that holds these numbers; NaN is missing."""
        made = dataclasses.replace(self.columns[column], values=values)
        if self.is_array:
            return values.astype(self.native.dtype)
        return _NATIVE[self.kind](made)

    def frame(self, columns: dict[str, Any]) -> Any:
        """A native table of native columns."""
        if self.kind == "pandas":
            import pandas as pd

            return pd.DataFrame(columns)
        if self.kind == "polars":
            import polars as pl

            return pl.DataFrame(columns)
        if self.kind == "arrow":
            import pyarrow as pa

            return pa.table(columns)
        return np.stack([np.asarray(c, self.native.dtype) for c in columns.values()], axis=1)

    def __str__(self) -> str:
        """In short."""
        parts = [
            f"{c.kind}:{c.dtype}{'*' * (k in self.levels)}" for k, c in enumerate(self.columns)
        ]
        return f"{self.kind}({', '.join(parts)})"


def make_table(kin: Generator, rng: Generator) -> Table:
    """A random table of one to five columns.

    Args:
        kin: to draw what tables of one family share: types and recipes of the columns.
        rng: to draw the values from.

    Returns:
        The table; the first explained row is a copy of a training row.
    """
    count = int(kin.choice([1, 2, 3, 4, 5], p=[0.02, 0.03, 0.45, 0.05, 0.45]))
    kind = str(kin.choice([*_KINDS], p=[*_KINDS.values()]))
    allowed = _IN_ARRAYS.get(kind, _IN_FRAMES)
    if kind in ("pandas", "polars") and kin.random() < 0.3:
        allowed = ("float64", "int64")  # a table of plain numbers, which all models take
    columns = []
    for _ in range(count):
        recipe, dtype = choose_recipe(kin, allowed)
        values = RECIPES[recipe][0](rng, ROWS, kin)
        values[TRAINING] = values[int(rng.integers(TRAINING))]
        columns.append(Column(recipe, values, dtype))
    few = [k for k, c in enumerate(columns) if c.kind in ("day", "rating", "flag")]
    declared = tuple(k for k in few if kin.random() < 0.3 and not columns[k].is_level)
    table = Table(kind, tuple(columns), None, declared)
    if kind in _IN_ARRAYS:
        native = np.empty((ROWS, count), object if kind == "object" else np.dtype(kind))
        for k, column in enumerate(columns):
            native[:, k] = column.values
        return dataclasses.replace(table, native=native)
    made = {name: _NATIVE[kind](c) for name, c in zip(table.names, columns, strict=True)}
    return dataclasses.replace(table, native=table.frame(made))


def _pandas(column: Column) -> Any:
    import pandas as pd

    names = {"text": object, "category": "category", "nullable_int": "Int64"}
    names |= {"nullable_float": "Float64", "datetime": "datetime64[s]"}
    if column.dtype == "datetime":
        return pd.Series(column.values.astype("int64").astype("datetime64[s]"))
    if column.dtype in names:
        return pd.Series(native_values(column), dtype=names[column.dtype])
    return pd.Series(column.values).astype(column.dtype)


def _polars(column: Column) -> Any:
    import polars as pl

    names = {"text": pl.String, "category": pl.Categorical, "nullable_int": pl.Int64}
    names |= {"nullable_float": pl.Float64, "float64": pl.Float64, "float32": pl.Float32}
    names |= {"int64": pl.Int64, "uint8": pl.UInt8, "bool": pl.Boolean}
    if column.dtype == "datetime":
        return pl.Series((column.values * 1000).astype("int64")).cast(pl.Datetime("ms"))
    if column.dtype in ("int64", "uint8", "bool"):
        return pl.Series(column.values.astype(column.dtype))
    values = native_values(column)
    if column.dtype == "nullable_int":
        values = [None if value is None else int(value) for value in values]
    if column.dtype == "float64":  # NaN, as NumPy has it
        return pl.Series(column.values, dtype=pl.Float64)
    return pl.Series(values, dtype=names[column.dtype])


def _arrow(column: Column) -> Any:
    import pyarrow as pa

    names = {"text": pa.string(), "nullable_int": pa.int64(), "nullable_float": pa.float64()}
    names |= {"float64": pa.float64(), "float32": pa.float32(), "int64": pa.int64()}
    names |= {"uint8": pa.uint8(), "bool": pa.bool_()}
    values = native_values(column)
    if column.dtype == "category":
        return pa.array(values, pa.string()).dictionary_encode()
    if column.dtype == "datetime":
        return pa.array(column.values.astype("int64"), pa.timestamp("s"))
    if column.dtype in ("int64", "uint8", "nullable_int"):
        values = [None if value is None else int(value) for value in values]
    if column.dtype == "bool":
        values = [bool(value) for value in values]
    return pa.array(values, names[column.dtype])


_NATIVE = {"pandas": _pandas, "polars": _polars, "arrow": _arrow}
