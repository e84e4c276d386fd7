"""Blocks of a file as the rows that an explainer was fitted on: library, columns and dtypes.

A block alone does not say what its columns hold: whole numbers may have gaps elsewhere, text in a
csv file may be numbers, a category may be missing here. So all blocks are read as the training
table was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.arguments import listed
from lime_jax.front.explainer import Explainer
from lime_jax.jobs.cells import TextColumn, parsed, text_cells
from lime_jax.jobs.source import Source
from lime_jax.jobs.sparse_source import COLUMNS, columns_in, matrix_of, most_in
from lime_jax.optional import require
from lime_jax.tabular.frames import Schema
from lime_jax.tabular.frames.fitted_rows import fitted_rows
from lime_jax.tabular.sparse.rows import SparseTable
from lime_jax.typing import Table

if TYPE_CHECKING:
    import pyarrow


@dataclasses.dataclass(frozen=True)
class RowForm:
    """How rows of a file become rows of the table that an explainer was fitted on.

    `is_text`: the file's columns are text that has to be read.
    """

    schema: Schema
    columns: tuple[str, ...]
    is_text: bool

    @classmethod
    def of(cls, schema: Schema, source: Source, columns: Sequence[str] | None = None) -> RowForm:
        """See which columns are needed (`columns` name an array's), and that they are there."""
        names = schema.fitted_names if columns is None else _checked(schema, columns)
        _check_there(names, source)
        if len(names) != len(schema.columns):
            raise ValueError(
                f"`columns`: expected {len(schema.columns)} names, one for each feature, got "
                f"{len(names)}"
            )
        if schema.kind == "array" and np.dtype(schema.array_dtype).kind not in "fiub":
            raise ValueError(
                f"`explainer`: was fitted on an array of {schema.array_dtype}, and a file has "
                "typed columns; fit it on a DataFrame"
            )
        return cls(schema, names, source.is_text)

    @property
    def num_features(self) -> int:
        """Weights of a row, at most."""
        return len(self.columns)

    def rebuild(self, block: pyarrow.Table) -> Any:
        """Rows of the file as the explainer takes them."""
        if self.schema.kind == "array":
            columns = [self._number(block[name], name) for name in self.columns]
        else:
            types = _template_schema(self.schema)
            columns = [
                self._cells(block[name], types.field(name).type, name, levels)
                if self.is_text
                else _as_type(block[name], types.field(name).type, name)
                for name, levels in zip(self.columns, self.schema.levels, strict=True)
            ]
        return fitted_rows(
            self.schema, require("pyarrow", extra="cli").table(columns, names=list(self.columns))
        )

    def _cells(
        self, column: object, wanted: Any, name: str, levels: Sequence[object] | None
    ) -> Any:
        """Text cells as the training table held them."""
        types = require("pyarrow", extra="cli").types
        wanted = wanted.value_type if types.is_dictionary(wanted) else wanted
        if not _is_text(wanted):
            return column if types.is_null(wanted) else parsed(column, wanted, name)
        return text_cells(column, TextColumn.of(levels or ()) or TextColumn())

    def _number(self, column: Any, name: str) -> Any:
        pa = require("pyarrow", extra="cli")
        if pa.types.is_string(column.type) and self.is_text:
            column = parsed(column, pa.float64(), name)
        if not _is_number(column.type) and not pa.types.is_null(column.type):
            raise ValueError(
                f"`data`: column {name!r} holds {column.type}, and the explainer was fitted "
                "on numbers"
            )
        return _to_float(column)


@dataclasses.dataclass(frozen=True)
class TakenColumns:
    """How rows of a file become rows of an explainer that has no schema of them."""

    explainer: Explainer
    columns: tuple[str, ...]

    @property
    def num_features(self) -> int:
        """Weights of a row, as far as that is known before it is read."""
        return len(self.columns)

    def rebuild(self, block: pyarrow.Table) -> Table:
        """Rows of the file as the explainer takes them."""
        return self.explainer.rows_of(block, self.columns)


@dataclasses.dataclass(frozen=True)
class SparseForm:
    """How non-zeros of a file become sparse rows."""

    source: Source
    columns: tuple[str, ...] = COLUMNS

    @classmethod
    def of(cls, table: SparseTable, source: Source, columns: Sequence[str] | None) -> SparseForm:
        """See that the file holds sparse rows, as many columns wide as those of `fit`."""
        width, wanted = columns_in(source.schema), len(table.column_names)
        if width is None:
            raise ValueError(
                f"`data`: the explainer was fitted on sparse rows, got {source.path}; write them "
                "by scipy.sparse.save_npz, or fit it on rows like those of the file"
            )
        if width != wanted:
            raise ValueError(
                f"`data`: expected {wanted:,} columns as in `fit`, {source.path} has {width:,}"
            )
        if columns is not None:
            raise ValueError("`columns`: a sparse matrix has all of its columns; leave it out")
        return cls(source)

    @property
    def num_features(self) -> int:
        """Weights of a row, at most."""
        return most_in(self.source.schema)

    def rebuild(self, block: pyarrow.Table) -> Table:
        """Rows of the file as the explainer takes them."""
        return matrix_of(block, self.source.schema)


def row_form(
    explainer: Explainer, source: Source, columns: Sequence[str] | None
) -> RowForm | TakenColumns | SparseForm:
    """How rows of a file become rows that an explainer takes; ValueError if columns are missing."""
    schema = getattr(explainer, "schema_", None)
    if isinstance(explainer.learned, SparseTable):
        return SparseForm.of(explainer.learned, source, columns)
    if columns_in(source.schema) is not None:
        raise ValueError(
            f"`data`: {source.path} holds sparse rows; fit the explainer on a sparse matrix"
        )
    if schema is not None:
        return RowForm.of(schema, source, columns)
    names = explainer.columns if columns is None else tuple(columns)
    _check_there(names, source)
    return TakenColumns(explainer, names)


def _check_there(names: Sequence[str], source: Source) -> None:
    there = source.schema.names
    missing = [name for name in names if name not in there]
    if missing:
        raise ValueError(
            f"`data`: {source.path} has no column {listed(missing)}; it has {listed(there)}"
        )


def _checked(schema: Schema, columns: Sequence[str]) -> tuple[str, ...]:
    if schema.kind == "frame":
        raise ValueError(
            "`columns`: the explainer was fitted on a frame and finds columns by their names; "
            "leave it out, and rename the file's columns where they differ"
        )
    twice = sorted({name for name in columns if list(columns).count(name) > 1})
    if twice:
        raise ValueError(f"`columns`: expected each name once, got {listed(twice)} more than once")
    return tuple(columns)


def _template_schema(schema: Schema) -> pyarrow.Schema:
    """The Arrow types of the training table."""
    pa = require("pyarrow", extra="cli")
    template = schema.template
    if schema.backend == "polars":
        template = template.to_arrow()
    if schema.backend != "pandas":
        return template.schema
    types = pa.Schema.from_pandas(template, preserve_index=False)
    for k, levels in enumerate(schema.levels):
        if pa.types.is_null(types.field(k).type) and levels is not None:  # of objects
            known = [level for level in levels if level is not None]
            types = types.set(k, types.field(k).with_type(pa.array(known).type))
    return types


def _as_type(column: Any, wanted: Any, name: str) -> Any:
    """A column as the training table had it, where the two differ in more than precision."""
    pa = require("pyarrow", extra="cli")
    if pa.types.is_dictionary(wanted):
        wanted = wanted.value_type
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    came = column.type
    if came == wanted or pa.types.is_null(wanted) or pa.types.is_null(came):
        return column
    if any(is_kind(wanted) != is_kind(came) for is_kind in (_is_text, pa.types.is_temporal)):
        raise ValueError(
            f"`data`: column {name!r} holds {came}, and the explainer was fitted on {wanted}; "
            "make both the same"
        )
    if pa.types.is_integer(came) and pa.types.is_floating(wanted):
        return _to_float(column)
    return column


def _is_text(kind: object) -> bool:
    types = require("pyarrow", extra="cli").types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _is_number(kind: object) -> bool:
    types = require("pyarrow", extra="cli").types
    is_real = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return is_real or types.is_boolean(kind)


def _to_float(column: Any) -> Any:
    """Numbers in 64 bits; whole ones that these do not hold are rounded, as NumPy does."""
    pa = require("pyarrow", extra="cli")
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return column.cast(pa.float64(), safe=False)
