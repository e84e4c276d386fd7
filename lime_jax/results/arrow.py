"""Explanations as Arrow tables of a fixed schema, and back: what workers and files exchange.

Two forms. In `rows_table` a row of the data set is a row of the table, with lists for its labels
and features; nothing is lost, and `explanations_of` reads it back. `long_table` is the tidy table:
a row for every row, label and listed feature. A number that is not known (NaN) is null in both.
The types are the same in either precision of JAX.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.optional import require
from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.kinds import RowField, kind_named, row_fields
from lime_jax.results.ragged import RAGGED, list_array
from lime_jax.results.row_index import as_ids, column_names, id_column, level_columns, objects
from lime_jax.results.saved import DAMAGED, restored, stored_facts
from lime_jax.results.tidy import NUMBERS, TEXTS, TidyLines, coded_texts
from lime_jax.typing import Column, Scalar

if TYPE_CHECKING:
    import pyarrow

LONG_COLUMNS = ("row_id", *TEXTS, *NUMBERS)
"""Of `long_table`."""
_KEY = b"lime_jax"
_ROWS_PER_GROUP = 2048
"""Rows that are read to show one of them."""


def row_schema(id_type: object = None, kind: str = "table") -> pyarrow.Schema:
    """The columns of `rows_table`.

    Args:
        id_type: of `row_id`; None: int64.
        kind: of explanations; those of images have their superpixels and the image last.

    Returns:
        `row_id`; the lists `label`, `feature`, `condition` and `value`; `weight` and `std_error`,
        a list of features for each label; `intercept`, `score`, `local_pred` by label and
        `prediction` by output; then what else explanations have of a row.

    Raises:
        ImportError: if pyarrow is missing.

    Example:
        >>> row_schema().names[:7]
        ['row_id', 'label', 'feature', 'condition', 'value', 'weight', 'std_error']
    """
    return _schema_of(row_fields(kind_named(kind)), id_type)


def long_schema(id_type: object = None) -> pyarrow.Schema:
    """The columns of `long_table`.

    Args:
        id_type: of `row_id`; None: int64.

    Returns:
        `LONG_COLUMNS`: an id, four texts, and numbers.

    Raises:
        ImportError: if pyarrow is missing.

    Example:
        >>> long_schema().names[-2:]
        ['local_pred', 'prediction']
    """
    pa = require("pyarrow", extra="cli")
    texts, numbers = [pa.string()] * len(TEXTS), [pa.float64()] * len(NUMBERS)
    types = [id_type or pa.int64(), *texts, *numbers]
    return pa.schema(list(zip(LONG_COLUMNS, types, strict=True)))


def rows_table(
    explanations: ExplanationArrays, row_ids: Iterable[Scalar] | None = None, texts: bool = True
) -> pyarrow.Table:
    """A table with one row for every row of the data set.

    Args:
        explanations: of any kind.
        row_ids: what the rows are to be called; None: the `row_ids` of `explanations`.
        texts: whether `label`, `feature`, `condition` and `value` are wanted; `explanations_of`
            does not need them, and they take longer to make than all numbers.

    Returns:
        A table of `row_schema`; the facts that all rows share are in its metadata.

    Raises:
        ImportError: if pyarrow is missing.

    Example:
        >>> table = rows_table(explanations, ["a", "b", "c", "d"])
        >>> table["weight"][0].as_py() == explanations.coef[0].tolist()
        True
        >>> np.array_equal(explanations_of(table).coef, explanations.coef)
        True
    """
    pa = require("pyarrow", extra="cli")
    present, fields = explanations.present, row_fields(explanations)
    columns: dict[str, Any] = {
        "row_id": _id_column(explanations, row_ids),
        **(_text_columns(explanations, present) if texts else {}),
        **{
            field.column: _column_of(getattr(explanations, name), field, present)
            for name, field in fields.items()
            if field.column
        },
    }
    facts = stored_facts(explanations)
    facts["labels"] = explanations.labels.shape[1]
    if row_ids is not None:
        facts["row_names"] = ("",)
    facts["dtypes"] = {
        name: getattr(explanations, name).dtype.str
        for name, field in fields.items()
        if not field.is_ragged
    }
    schema = _schema_of(fields, columns["row_id"].type)
    schema = pa.schema([f for f in schema if f.name in columns], {_KEY: json.dumps(facts)})
    return pa.table(columns, schema=schema)


def long_table(
    explanations: ExplanationArrays, row_ids: Iterable[Scalar] | None = None
) -> pyarrow.Table:
    """The tidy table: one row for every row of the data set, label and listed feature.

    Args:
        explanations: of any kind.
        row_ids: as in `rows_table`.

    Returns:
        A table of `long_schema`; of an index of several levels each has a column of its own.

    Raises:
        ImportError: if pyarrow is missing.

    Example:
        >>> long_table(explanations)["feature"].to_pylist()[:2]
        ['age', 'hours']
    """
    pa = require("pyarrow", extra="cli")
    lines = TidyLines.of(explanations)
    ids, names = _id_levels(explanations, row_ids)
    which = pa.array(lines.rows)
    columns: dict[str, Any] = {
        name: level.take(which) for name, level in zip(names, ids, strict=True)
    }
    for name, (codes, texts) in lines.texts.items():
        columns[name] = pa.array(texts, pa.string()).take(pa.array(codes))
    for name, numbers in lines.numbers.items():
        columns[name] = _known(numbers.astype(np.float64))
    return pa.table(columns)


def explanations_of(table: pyarrow.Table) -> Any:
    """What a table of `rows_table` was made of, without a copy of the texts.

    Args:
        table: of `rows_table`; rows may be taken out of it.

    Returns:
        The explanations, of the kind that they were.

    Raises:
        ValueError: if the table is something else.
        ImportError: if pyarrow is missing.

    Example:
        >>> explanations_of(rows_table(explanations)[1:3]).coef.shape
        (2, 1, 2)
    """
    metadata = table.schema.metadata or {}
    if _KEY not in metadata:
        raise ValueError(
            "`table`: expected a table of `rows_table` with its metadata, got one with columns "
            f"{', '.join(table.column_names[:8])}"
        )
    try:
        return _explanations_of(table, json.loads(metadata[_KEY]))
    except DAMAGED as error:
        raise ValueError(
            f"`table`: its metadata are not those of `rows_table` ({type(error).__name__}: {error})"
        ) from error


def _explanations_of(table: pyarrow.Table, facts: Mapping[str, Any]) -> Any:
    sizes = {
        "l": facts["labels"],
        "o": len(facts["output_names"]),
        "f": len(facts["names"]["columns"]),
        "p": len(facts.get("pairs", ())),
    }
    arrays: dict[str, Any] = {}
    for name, field in row_fields(kind_named(facts["kind"])).items():
        column = table[field.column].combine_chunks()
        if field.is_ragged:
            arrays[name] = tuple(RAGGED[field.axes].objects(column))
        else:
            dense = _dense(column, field, sizes)
            arrays[name] = dense.astype(facts["dtypes"][name])
    return restored(facts, arrays, _ids_of(table["row_id"]))


def write_rows(table: pyarrow.Table, path: Path) -> None:
    """Write a table of `rows_table` so that few of its rows can be read by themselves."""
    require("pyarrow.parquet", extra="cli").write_table(
        table, path, row_group_size=_ROWS_PER_GROUP, compression="zstd", write_page_checksum=True
    )


def _schema_of(fields: Mapping[str, RowField], id_type: object) -> pyarrow.Schema:
    pa = require("pyarrow", extra="cli")
    texts = [(name, pa.list_(pa.string())) for name in TEXTS]
    numbers = [(field.column, _type_of(field)) for field in fields.values() if field.column]
    return pa.schema([("row_id", id_type or pa.int64()), *texts, *numbers])


def _type_of(field: RowField) -> Any:
    pa = require("pyarrow", extra="cli")
    if field.is_ragged:
        return RAGGED[field.axes].type()
    of_axes = pa.int64() if field.is_whole else pa.float64()
    for _ in field.axes:
        of_axes = pa.list_(of_axes)
    return of_axes


def _id_levels(explanations: ExplanationArrays, row_ids: object) -> tuple[list[Any], list[str]]:
    """The rows' names in their own types, one column for each level, and what they are called."""
    if row_ids is not None:
        return [id_column(as_ids(row_ids))], ["row_id"]
    names = explanations.row_names
    levels = [id_column(level) for level in level_columns(explanations.row_ids, names)]
    return levels, column_names(names, LONG_COLUMNS)


def _id_column(explanations: ExplanationArrays, row_ids: object) -> Any:
    """The rows' names; a struct where they have several levels."""
    levels, names = _id_levels(explanations, row_ids)
    if len(levels) == 1:
        return levels[0]
    return require("pyarrow", extra="cli").StructArray.from_arrays(levels, names=names)


def _ids_of(column: Any) -> np.ndarray:
    """The rows' names from their column; tuples from a struct."""
    types = require("pyarrow", extra="cli").types
    if types.is_struct(column.type):
        levels = [_ids_of(level).tolist() for level in column.combine_chunks().flatten()]
        return objects(list(zip(*levels, strict=True)))
    has_zone = types.is_timestamp(column.type) and column.type.tz is not None
    plain = types.is_integer(column.type) or types.is_floating(column.type)
    if (plain and not column.null_count) or (types.is_timestamp(column.type) and not has_zone):
        return column.to_numpy()
    return objects(column.to_pylist())


def _text_columns(explanations: ExplanationArrays, present: np.ndarray) -> dict[str, Any]:
    pa = require("pyarrow", extra="cli")
    rows, labels = explanations.labels.shape
    outputs = pa.array(explanations.output_names, pa.string())
    taken = outputs.take(pa.array(explanations.labels.reshape(-1)))
    columns = {"label": list_array(taken, np.full(rows, labels))}
    for name, (codes, texts) in coded_texts(explanations).items():
        taken = pa.array(texts, pa.string()).take(pa.array(codes[present]))
        columns[name] = list_array(taken, present.sum(1))
    return columns


def _column_of(values: Any, field: RowField, present: np.ndarray) -> Any:
    """A field as lists, one axis within the other; features that a row lacks are left out."""
    if field.is_ragged:
        return RAGGED[field.axes].column(values)
    values = values.astype(np.int64 if field.is_whole else np.float64)
    rows, sizes, axes = len(values), present.sum(1), field.axes
    if axes == "":
        return _known(values)
    if axes == "f":
        return list_array(_known(values[present]), sizes)
    if axes == "lf":
        labels = values.shape[1]
        inner = values[np.broadcast_to(present[:, None], values.shape)]
        return list_array(
            list_array(_known(inner), np.repeat(sizes, labels)), np.full(rows, labels)
        )
    if axes == "lp":
        labels, pairs = values.shape[1:]
        inner = list_array(_known(values.reshape(-1)), np.full(rows * labels, pairs))
        return list_array(inner, np.full(rows, labels))
    return list_array(_known(values.reshape(-1)), np.full(rows, values.shape[1]))


def _known(values: np.ndarray) -> Any:
    """Numbers as a column, null where NaN."""
    return require("pyarrow", extra="cli").array(values, from_pandas=True)


def _dense(column: Column, field: RowField, sizes: Mapping[str, int]) -> np.ndarray:
    """Nested lists as an array, filled up where a row lacks features."""
    rows, axes = len(column), field.axes
    shape = (rows, *(sizes[axis] for axis in axes))
    for _ in axes[:-1]:
        column = column.flatten()
    if not axes.endswith("f"):
        flat = column.flatten() if axes else column
        return flat.to_numpy(zero_copy_only=False).reshape(shape)
    flat = column.flatten().to_numpy(zero_copy_only=False)
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    dense = np.full((len(column), sizes["f"]), field.filler, flat.dtype)
    dense[np.arange(sizes["f"]) < lengths[:, None]] = flat
    return dense.reshape(shape)
