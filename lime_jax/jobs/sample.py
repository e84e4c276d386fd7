"""Evenly spaced rows of a file, in one pass over it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.jobs.source import Source, join_tables
from lime_jax.optional import require

if TYPE_CHECKING:
    import pyarrow

_MOST_ROWS = 500_000
_MOST_CELLS = 16_000_000  # 128 MB of numbers


@dataclasses.dataclass(frozen=True)
class RowSample:
    """Some rows of a file: every `step`-th, 1: all."""

    table: pyarrow.Table
    step: int
    num_rows: int


def sample_rows(source: Source, columns: Sequence[str], most: int | None = None) -> RowSample:
    """Take every k-th row, with k the smallest power of two that leaves few enough.

    By default these are 500,000 rows, or fewer where there are many columns.
    """
    pa = require("pyarrow", extra="cli")
    if most is None:
        most = min(_MOST_ROWS, max(_MOST_CELLS // max(len(columns), 1), 10_000))
    parts: list[Any] = []
    step, count, taken = 1, 0, 0
    for first, table in source.tables(columns):
        count = first + len(table)
        parts.append(table.take(np.arange(-first % step, len(table), step)))
        taken += len(parts[-1])
        while taken > most:
            whole = join_tables(parts)
            parts, step = [whole.take(np.arange(0, len(whole), 2))], step * 2
            taken = len(parts[0])
    schema = pa.schema([source.schema.field(name) for name in columns])
    return RowSample(join_tables(parts) if parts else schema.empty_table(), step, count)
