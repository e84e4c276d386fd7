"""One row as people take it out of a table: a series, a mapping, a flat array or tuple."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lime_jax.tabular.frames.fitted_rows import (
    fitted_rows,
    nothing_of,
    pandas_column,
    polars_column,
)
from lime_jax.tabular.frames.schema import Schema
from lime_jax.typing import Scalar, Table


def as_rows(schema: Schema, X: Table) -> Any:
    """A table of one row from a row that stands alone, or of several mappings; a table as it is.

    Args:
        X: a table, or a row: a pandas series such as `frame.iloc[0]`, a mapping from the columns'
            names, a flat array, list or tuple in the order of the columns; or a list of mappings.

    Returns:
        A table, of the library and with the types of `fit`.

    Raises:
        ValueError: if a row has more or fewer values than there are columns, or a mapping holds
            whole columns.

    Example:
        >>> schema = Schema("array", ("age", "hours"), (False, False), (None, None))
        >>> as_rows(schema, {"hours": 40, "age": 38})
        [[38, 40]]
    """
    rows, index = _mappings(schema, X)
    if rows is None:
        return X
    whole = [name for row in rows for name, value in row.items() if _is_column(value)]
    if whole:
        raise ValueError(
            f"`X`: {whole[0]!r} holds several values in a mapping, which is read as one row; make "
            "a table of columns by pandas.DataFrame(X)"
        )
    names = schema.fitted_names
    if schema.kind == "array":
        missing = [name for name in names if any(name not in row for row in rows)]
        if missing:
            raise ValueError(f"`X` lacks the columns {missing}, which were there in `fit`.")
        return [[row[name] for name in names] for row in rows]
    there = {name: [row.get(name) for row in rows] for name in names if name in rows[0]}
    return _frame(schema, there, index)


def _mappings(schema: Schema, X: Table) -> tuple[list[Mapping[Any, Any]] | None, list[Any] | None]:
    """Rows by names, and what they are called; None of a table."""
    if hasattr(X, "_asdict"):  # of `frame.itertuples()`
        named = X._asdict()
        X = named if set(schema.fitted_names) <= set(named) else tuple(X)
    if isinstance(X, Mapping):
        return [X], None
    index = getattr(X, "index", None)
    if hasattr(index, "nlevels") and getattr(X, "ndim", 2) == 1:  # a series of pandas
        labels = [str(label) for label in X.index]
        name = None if X.name is None else [X.name]
        if set(schema.fitted_names) <= set(labels):
            return [dict(zip(labels, X.tolist(), strict=True))], name
        if schema.kind == "frame":
            raise ValueError(
                f"`X` is a series with the labels {labels[:20]}; expected the columns of one row, "
                f"{list(schema.fitted_names)}, such as frame.iloc[0], or a DataFrame: "
                "frame.iloc[[0]]"
            )
        return [_by_position(schema, X.tolist())], name
    if hasattr(X, "__array__") and getattr(X, "ndim", 2) == 1:
        return [_by_position(schema, np.asarray(X).tolist())], None
    if isinstance(X, list | tuple) and X:
        if all(isinstance(row, Mapping) for row in X):
            return list(X), None
        if not any(_is_column(value) for value in X):
            return [_by_position(schema, X)], None
    return None, None


def _by_position(schema: Schema, values: Sequence[object]) -> dict[str, Any]:
    names = schema.fitted_names
    if len(values) != len(names):
        raise ValueError(
            f"`X` must have shape (rows, {len(names)}), as in `fit`, or be one row of {len(names)} "
            f"values; got ({len(values)},). A single row of a DataFrame is frame.iloc[[0]], of an "
            "array X[:1]."
        )
    return dict(zip(names, values, strict=True))


def _is_column(value: Scalar) -> bool:
    """Whether a value is itself many."""
    is_plain = isinstance(value, str | bytes) or getattr(value, "ndim", 1) == 0
    return hasattr(value, "__len__") and not is_plain


def _frame(schema: Schema, columns: dict[str, list[Any]], index: list[Any] | None) -> Any:
    """A table of the fitted library, each column of the fitted type where it fits."""
    names = list(schema.fitted_names)
    if schema.backend == "pandas":
        import pandas as pd

        dtypes = dict(zip(names, schema.template.dtypes, strict=True))
        labels = dict(zip(names, schema.template.columns, strict=True))
        series = {
            labels[name]: pandas_column(
                pd.Series(values), dtypes[name], nothing_of(schema, names.index(name))
            )
            for name, values in columns.items()
        }
        frame = pd.DataFrame(series)
        return frame if index is None else frame.set_axis(index)
    if schema.backend == "polars":
        import polars as pl

        types = schema.template.schema
        made = {name: pl.Series(name, values) for name, values in columns.items()}
        return pl.DataFrame([polars_column(column, types[name]) for name, column in made.items()])
    import pyarrow as pa

    table = pa.table(columns)
    return fitted_rows(schema, table) if len(columns) == len(names) else table
