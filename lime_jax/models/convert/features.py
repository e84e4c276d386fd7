"""Where a model's columns come from: each as a function of one raw column of the table.

The steps of a pipeline map columns to columns. As long as every one is a function of a single raw
column, a model behind them can be said in terms of the table itself: thresholds move, one-hot
columns become sets of levels, imputed values a direction for missing ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.tree_util import Partial

from lime_jax.models.convert.column_map import Chain, column_map, outputs_together, put
from lime_jax.models.convert.columns import Column, LevelColumn, NumberColumn, StepPart
from lime_jax.models.convert.inputs import Base, Inputs
from lime_jax.models.structure import Structure
from lime_jax.typing import Pytree


@dataclasses.dataclass(frozen=True)
class RawTable:
    """The columns that a model's inputs have."""

    names: tuple[str, ...] | None  # of the columns; None for an array
    # For each column its levels by code (None among them: missing), or None: numbers
    levels: tuple[tuple[Any, ...] | None, ...]
    single: bool = False  # whether the model is given its numbers in float32
    # "pandas", "polars" or "pyarrow", which have missing values of their own; None: an array, or
    # not known
    backend: str | None = None

    @classmethod
    def of_numbers(cls, count: int, names: Sequence[str] | None = None) -> RawTable:
        """A table of numeric columns."""
        return cls(None if names is None else tuple(map(str, names)), (None,) * count)


@dataclasses.dataclass(frozen=True)
class Features:
    """What one step of a pipeline hands to the next."""

    columns: tuple[Column, ...]  # functions of the raw columns, or of the columns of `base`
    # From the raw table to a matrix; None: `columns` are of the raw table itself
    base: Base | None = None
    names: tuple[str, ...] | None = None  # of the columns, where the step before has them
    num_raw: int = 0  # columns of the raw table
    base_width: int = 0  # columns of the matrix that `base` makes
    table: RawTable | None = None  # the raw table, where it is known
    mixed_by: str = "a step before it"  # what made `base`, in words
    # What the columns of `base` are, where all are sums over trees or over raw columns
    base_sum: Structure | None = None

    def __len__(self) -> int:
        """Number of columns."""
        return len(self.columns)

    @property
    def width(self) -> int:
        """Columns that `columns` are functions of."""
        return self.num_raw if self.base is None else self.base_width

    def raw_name(self, raw: int) -> str:
        """What to call a raw column in a message."""
        if self.table is None or self.table.names is None:
            return f"column {raw}"
        return f"column {self.table.names[raw]!r}"

    def take(self, numbers: Sequence[int]) -> Features:
        """Some of the columns."""
        names = None if self.names is None else tuple(self.names[k] for k in numbers)
        return dataclasses.replace(
            self, columns=tuple(self.columns[k] for k in numbers), names=names
        )

    def replaced(self, columns: Sequence[Column], names: tuple[str, ...] | None = None) -> Features:
        """Other functions of the same raw columns."""
        return dataclasses.replace(self, columns=tuple(columns), names=names)

    def then(self, step: str, number: StepPart) -> Features:
        """The columns after one more step, with one number for all or one for each."""
        numbers = np.broadcast_to(number, len(self)).tolist()
        columns = [c.then(step, n) for c, n in zip(self.columns, numbers, strict=True)]
        return self.replaced(columns, self.names)

    def matrix(self, inputs: Inputs) -> Any:
        """A pytree from `inputs` to the columns, (samples, columns) of numbers."""
        plain = (isinstance(c, NumberColumn) and c.is_raw(k) for k, c in enumerate(self.columns))
        if self.base is None:
            if len(self) == self.width and all(plain):
                return inputs.table(self.num_raw)
            return inputs.matrix(self.columns)
        base = self.base(inputs)
        if len(self) == self.width and all(plain):
            return base
        return Chain((base, column_map(self.columns)))

    def after(
        self,
        fn: Pytree,
        count: int,
        names: tuple[str, ...] | None = None,
        mixed_by: str = "a step before it",
    ) -> Features:
        """New columns that `fn` makes of all of these: a model behind them has no structure."""
        on_device = put(fn)

        def base(inputs: Inputs) -> Any:
            return Chain((self.matrix(inputs), on_device))

        columns = tuple(NumberColumn(k) for k in range(count))
        return Features(columns, base, names, self.num_raw, count, self.table, mixed_by)


def raw_features(table: RawTable) -> Features:
    """The columns of the table as they are."""
    columns: list[Column] = []
    for k, levels in enumerate(table.levels):
        if levels is None:
            columns.append(NumberColumn(k, single=table.single))
        else:
            values = np.empty(len(levels), object)
            values[:] = levels
            columns.append(LevelColumn(k, values))
    return Features(tuple(columns), names=table.names, num_raw=len(columns), table=table)


def side_by_side(parts: Sequence[Features]) -> Features:
    """All columns of several steps on the same table, without names.

    They are functions of the raw table if all parts are, else of their bases side by side.
    """
    bases: list[Base | None] = []
    for part in parts:
        if not any(part.base is base for base in bases):
            bases.append(part.base)
    if len(bases) == 1:
        return parts[0].replaced([c for part in parts for c in part.columns])
    firsts, first = [], 0
    for other in bases:
        firsts.append(first)
        first += next(part.width for part in parts if part.base is other)
    columns = []
    for part in parts:
        (k,) = (k for k, other in enumerate(bases) if part.base is other)
        columns += [dataclasses.replace(c, raw=c.raw + firsts[k]) for c in part.columns]

    table, num_raw = parts[0].table, parts[0].num_raw

    def base(inputs: Inputs) -> Any:
        return Partial(
            outputs_together, [inputs.table(num_raw) if b is None else b(inputs) for b in bases]
        )

    mixed_by = next(part.mixed_by for part in parts if part.base is not None)
    return Features(tuple(columns), base, None, num_raw, first, table, mixed_by)
