"""Rows from a file, and the columns of them that the model was fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lime_jax.cli.errors import InputError, describe, one_line
from lime_jax.jobs.cells import TextColumn, typed
from lime_jax.jobs.source import join_tables, open_source
from lime_jax.optional import is_installed, require

_TEXT_FORMATS = (".csv", ".tsv", ".jsonl")


def read_table(
    path: str | Path, argument: str, texts: Callable[[Any], Mapping[str, TextColumn]] | None = None
) -> Any:
    """Read a file: a pandas frame where pandas is installed, else a pyarrow table.

    Args:
        texts: of a table of text cells, the columns that are text whatever they look like.
    """
    path = Path(path)
    require("pyarrow", extra="cli", needed_by=f"{argument}: a {path.suffix} file")
    try:
        source = open_source(path, argument)
        if source.format not in _TEXT_FORMATS:
            return as_read(_read_arrow(path, source.format), False)
        tables = [table for _, table in source.tables(source.schema.names)]
        table = join_tables(tables) if tables else source.schema.empty_table()
        return as_read(table, source.is_text, texts)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error).replace("`data`", argument)) from error
    except Exception as error:  # a file can fail to parse in any way
        raise InputError(f"{argument}: cannot read {path} ({describe(error)})") from error


def as_read(
    table: Any,
    is_text: bool,
    texts: Callable[[Any], Mapping[str, TextColumn]] | None = None,
) -> Any:
    """An Arrow table of a file, as the explainers take it.

    Args:
        is_text: whether all columns are text cells, which have to be read.
    """
    import narwhals.stable.v1 as nw

    if is_text:
        table = typed(table, {} if texts is None else texts(table))
    return nw.from_native(table.to_pandas() if is_installed("pandas") else table, eager_only=True)


def text_columns(table: Any) -> dict[str, TextColumn]:
    """The columns of a table that hold text, and the levels that they have."""
    import narwhals.stable.v1 as nw

    kinds = (nw.String, nw.Categorical, nw.Enum, nw.Object)
    named = [name for name, dtype in table.schema.items() if dtype in kinds]
    found = {name: TextColumn.of(_values(table.get_column(name))) for name in named}
    return {name: text for name, text in found.items() if text is not None}


def values_of(table: Any, name: str) -> set[Any]:
    """The different values of a column, but for what is missing."""
    values = _values(table.get_column(name))
    return {value for value in values if value is not None and value == value}


def _values(column: Any) -> list[Any]:
    try:
        return column.unique().to_list()
    except TypeError:  # of objects that have no hash
        return []


def with_categories(table: Any, categories: Mapping[str, Sequence[Any]]) -> Any:
    """A table with pandas categories where a model was fitted on them.

    Args:
        categories: in their order, by column; others that occur come after them.
    """
    import narwhals.stable.v1 as nw

    if not categories or not table.implementation.is_pandas():
        return table
    import pandas as pd

    changed = {}
    for name, known in categories.items():
        column = table.to_native()[name]
        if not isinstance(column.dtype, pd.CategoricalDtype):
            unseen = sorted(values_of(table, name) - set(known), key=str)
            changed[name] = column.astype(pd.CategoricalDtype([*known, *unseen]))
    return nw.from_native(table.to_native().assign(**changed), eager_only=True)


def _read_arrow(path: Path, suffix: str) -> Any:
    import pyarrow
    import pyarrow.parquet

    if suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
    else:
        with open(path, "rb") as file:
            is_file = file.read(6) == b"ARROW1"
            file.seek(0)
            open_ = pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream
            table = open_(file).read_all()
    return table


def model_columns(model: Any, columns: Sequence[str], target: str | None) -> list[str]:
    """The columns that a model was fitted on.

    Args:
        target: the column that is no feature; None: there is none.

    Returns:
        The model's own `feature_names_in_`, else all columns but the target.
    """
    names = fitted_names(model)
    if names is not None:
        if target in names:
            raise InputError(f"--target: {target!r} is a column that the model was fitted on")
        return names
    names = [name for name in columns if name != target]
    wanted = getattr(model, "n_features_in_", len(names))
    if wanted != len(names):
        hint = "" if target else "; name the column that it predicts by --target"
        raise InputError(
            f"--model: was fitted on {wanted} columns, the data have {len(names)} "
            f"({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}){hint}"
        )
    return names


def fitted_names(model: Any) -> list[str] | None:
    """The names of the columns that a model was fitted on.

    Returns:
        The names, or None if it was fitted on arrays.
    """
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return None
    names = [str(name) for name in names]
    made_up = [f"Column_{k}" for k in range(len(names))]  # LightGBM's, when fitted on arrays
    return None if names == made_up else names


def need_columns(table: Any, names: Sequence[str], argument: str, of: str) -> None:
    """See that a table has some columns."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(
            f"{argument}: {of} has no column {_some(missing)}; it has {_some(table.columns)}"
            f"{_other_separator(table.columns)}"
        )


def _other_separator(names: Sequence[str]) -> str:
    """What to do with a file that was not divided into columns."""
    found = [mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]]
    if not found:
        return ""
    return f", which seems to be several, with {found[0]!r} between: save them with commas"


def need_numbers(table: Any, training: Any) -> None:
    """See that columns of numbers in the training rows hold numbers in the rows to explain."""
    import narwhals.stable.v1 as nw

    for name, dtype in training.schema.items():
        if dtype.is_numeric() and name in table.columns and table.schema[name] == nw.String:
            cells = (cell for cell in table.get_column(name).to_list() if isinstance(cell, str))
            raise InputError(
                f"--data: column {name!r} holds text such as {next(cells, '')!r}, and numbers in "
                "--background; repair the column, or name it by --text if both are codes"
            )


def _some(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(repr(one_line(name)) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def is_numeric(table: Any) -> bool:
    """Whether all columns are numbers or true/false, so that they fit an array."""
    import narwhals.stable.v1 as nw

    return all(dtype.is_numeric() or dtype == nw.Boolean for dtype in table.schema.values())


def boolean_columns(table: Any) -> list[str]:
    """The columns of true and false."""
    import narwhals.stable.v1 as nw

    return [name for name, dtype in table.schema.items() if dtype == nw.Boolean]


def to_matrix(table: Any) -> np.ndarray:
    """Numeric columns as an array, for a model that was fitted on one."""
    import narwhals.stable.v1 as nw

    columns = [table.get_column(name).cast(nw.Float64).to_numpy() for name in table.columns]
    return np.column_stack(columns).astype(np.float64) if columns else np.zeros((len(table), 0))


def row_slice(rows: tuple[int | None, int | None], count: int) -> slice:
    """`--rows` as a slice.

    Args:
        rows: first row, and the row after the last; None: from the start, to the end.

    Example:
        >>> row_slice((2, None), 5)
        slice(2, 5, None)
    """
    first = 0 if rows[0] is None else rows[0]
    last = count if rows[1] is None else rows[1]
    if rows != (None, None) and not 0 <= first < last <= count:
        raise InputError(f"--rows: {first}:{last} is not a part of the data's {count} rows")
    return slice(first, last)
