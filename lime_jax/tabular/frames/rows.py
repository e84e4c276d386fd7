"""The rows of a table as engines take them: counted, cut into blocks, read from named columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from lime_jax.optional import require
from lime_jax.tabular.frames.read import num_rows, take_rows
from lime_jax.tabular.frames.schema import Schema
from lime_jax.typing import Column, Table


@dataclasses.dataclass(frozen=True)
class TableRows:
    """The rows of any table that the explainers take, to be counted and cut.

    Example:
        >>> rows = TableRows([[0, 1], [2, 3], [4, 5]])
        >>> len(rows), rows[1:3].tolist()
        (3, [[2, 3], [4, 5]])
    """

    table: Table

    def __len__(self) -> int:
        """How many rows there are."""
        return num_rows(self.table)

    def __getitem__(self, part: slice) -> Table:
        """Some rows as a table of the same type, which holds no others."""
        rows = take_rows(self.table, *part.indices(len(self))[:2])
        if type(rows).__module__.startswith("pyarrow"):  # pickled with all that it is a slice of
            rows = rows.take(np.arange(rows.num_rows))
        return rows


def select_columns(schema: Schema, batch: Table, columns: Sequence[str]) -> Table:
    """Rows from columns of an Arrow table, a frame or a mapping of arrays."""
    names = list(columns)
    if schema.kind == "array":
        return np.stack([_values(batch[name]) for name in names], axis=1)
    if isinstance(batch, Mapping):
        batch = require("pyarrow", extra="cli").table({name: batch[name] for name in names})
    return batch.select(names) if hasattr(batch, "select") else batch[names]


def _values(column: Column) -> np.ndarray:
    """A column as an array; Arrow calls it a chunked one."""
    return column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)
