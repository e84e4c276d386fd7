"""Rows from a file, and the columns of them that the model was fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import narwhals.stable.v1 as nw
import numpy as np

from lime_jax.arguments import listed
from lime_jax.cli.errors import InputError, describe
from lime_jax.jobs.cells import TextColumn, typed
from lime_jax.jobs.source import open_source
from lime_jax.optional import is_installed, require
from lime_jax.typing import Estimator, Scalar, Table

if TYPE_CHECKING:
    import pyarrow

TextsOf: TypeAlias = Callable[[Table], Mapping[str, TextColumn]]
"""From a pyarrow table of text cells to the columns that are text whatever they look like."""


def read_table(path: str | Path, argument: str, texts: TextsOf | None = None) -> nw.DataFrame[Any]:
    """Read a file: a pandas frame where pandas is installed, else a pyarrow table."""
    path = Path(path)
    require("pyarrow", extra="cli", needed_by=f"{argument}: a {path.suffix} file")
    try:
        source = open_source(path, argument)
        return as_read(source.read(), source.is_text, texts)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error).replace("`data`", argument)) from error
    except Exception as error:  # a file can fail to parse in any way
        raise InputError(f"{argument}: cannot read {path} ({describe(error)})") from error


def as_read(table: pyarrow.Table, is_text: bool, texts: TextsOf | None = None) -> nw.DataFrame[Any]:
    """An Arrow table of a file, perhaps all of text cells to be read, as the explainers take it."""
    if is_text:
        table = typed(table, {} if texts is None else texts(table))
    return nw.from_native(table.to_pandas() if is_installed("pandas") else table, eager_only=True)


def text_columns(table: nw.DataFrame[Any]) -> dict[str, TextColumn]:
    """The columns of a table that hold text, and the levels that they have."""
    kinds = (nw.String, nw.Categorical, nw.Enum, nw.Object)
    named = [name for name, dtype in table.schema.items() if dtype in kinds]
    found = {name: TextColumn.of(_values(table.get_column(name))) for name in named}
    return {name: text for name, text in found.items() if text is not None}


def values_of(table: nw.DataFrame[Any], name: str) -> set[Scalar]:
    """The different values of a column, but for what is missing."""
    values = _values(table.get_column(name))
    return {value for value in values if value is not None and value == value}


def _values(column: nw.Series[Any]) -> list[Scalar]:
    try:
        return column.unique().to_list()
    except TypeError:  # of objects that have no hash
        return []


def with_categories(
    table: nw.DataFrame[Any], categories: Mapping[str, Sequence[Scalar]]
) -> nw.DataFrame[Any]:
    """A table with the pandas categories that a model was fitted on; others come after them."""
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


def model_columns(model: Estimator, columns: Sequence[str], target: str | None) -> list[str]:
    """The columns that a model was fitted on: its `feature_names_in_`, else all but the target."""
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


def fitted_names(model: Estimator) -> list[str] | None:
    """The names of the columns that a model was fitted on; None if it was fitted on arrays."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return None
    names = [str(name) for name in names]
    made_up = [f"Column_{k}" for k in range(len(names))]  # LightGBM's, when fitted on arrays
    return None if names == made_up else names


def need_columns(there: Sequence[str], names: Sequence[str], argument: str, of: str) -> None:
    """See that a table has some columns."""
    missing = [name for name in names if name not in there]
    if missing:
        raise InputError(
            f"{argument}: {of} has no column {listed(missing)}; it has {listed(there)}"
            f"{_other_separator(there)}"
        )


def _other_separator(names: Sequence[str]) -> str:
    """What to do with a file that was not divided into columns."""
    found = [mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]]
    if not found:
        return ""
    return f", which seems to be several, with {found[0]!r} between: save them with commas"


def need_numbers(table: nw.DataFrame[Any], training: nw.DataFrame[Any]) -> None:
    """See that columns of numbers in the training rows hold numbers in the rows to explain."""
    for name, dtype in training.schema.items():
        if dtype.is_numeric() and name in table.columns and table.schema[name] == nw.String:
            cells = (cell for cell in table.get_column(name).to_list() if isinstance(cell, str))
            raise InputError(
                f"--data: column {name!r} holds text such as {next(cells, '')!r}, and numbers in "
                "--background; repair the column, or name it by --text if both are codes"
            )


def is_numeric(table: nw.DataFrame[Any]) -> bool:
    """Whether all columns are numbers or true/false, so that they fit an array."""
    return all(dtype.is_numeric() or dtype == nw.Boolean for dtype in table.schema.values())


def to_matrix(table: nw.DataFrame[Any]) -> np.ndarray:
    """Numeric columns as an array, for a model that was fitted on one."""
    columns = [table.get_column(name).cast(nw.Float64).to_numpy() for name in table.columns]
    return np.column_stack(columns).astype(np.float64) if columns else np.zeros((len(table), 0))
