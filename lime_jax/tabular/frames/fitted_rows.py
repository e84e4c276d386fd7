"""Rows of an Arrow table in the form an explainer was fitted with: what engines hand to workers.

So a model that was fitted on a frame is called with one, and a row has the content, and with it
the id, that it has everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.tabular.frames.schema import Schema
from lime_jax.typing import Column, DType, Scalar, Table

if TYPE_CHECKING:
    import pyarrow


def fitted_rows(schema: Schema, table: pyarrow.Table) -> Any:
    """Rows as the explainer takes them.

    Args:
        table: the columns that the explainer was fitted on, in their order; the names do not
            matter. Null is missing; decimals are read as float64.

    Returns:
        An array, or a pandas, polars or pyarrow table, with the fitted types where no value is
        lost by that; moments with a time zone are those of its clocks where `fit` saw none.

    Example:
        >>> import pyarrow
        >>> schema = Schema("array", ("age", "sex"), (False, False), (None, None))
        >>> fitted_rows(schema, pyarrow.table({"a": [38, None], "b": [0.5, 1.0]}))
        array([[38. ,  0.5],
               [ nan,  1. ]])
    """
    wanted = len(schema.fitted_names)
    if table.num_columns != wanted:
        raise ValueError(
            f"`table`: expected {wanted} columns, those of `fit` in their order, got "
            f"{table.num_columns}"
        )
    columns = [_without_decimals(column) for column in table.columns]
    if schema.kind == "array":
        return _array(np.dtype(schema.array_dtype), columns)
    if schema.backend == "pandas":
        return _pandas(schema, columns)
    return {"polars": _polars, "pyarrow": _pyarrow}[str(schema.backend)](schema.template, columns)


def _without_decimals(column: Column) -> Any:
    import pyarrow as pa

    return column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column


def _array(dtype: np.dtype, columns: list[Any]) -> np.ndarray:
    if dtype.kind in "fiub":
        rows = np.column_stack([column.to_numpy() for column in columns])
        if dtype.kind != "f" or rows.dtype.kind not in "fiub":
            return rows
        cast = rows.astype(dtype)
        return cast if np.array_equal(cast, rows, equal_nan=True) else rows
    rows = np.empty((len(columns[0]), len(columns)), object)
    for j, column in enumerate(columns):
        rows[:, j] = column.to_pylist()
    return rows


def _on_the_clock(column: Column, dtype: DType) -> Any:
    """Moments without their time zone where the fitted type has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        return column
    dtype = getattr(dtype, "pyarrow_dtype", dtype)  # of a pandas column that Arrow backs
    zone = getattr(dtype, "tz", None) or getattr(dtype, "time_zone", None)
    if zone is not None:
        return column
    return pc.local_timestamp(column)  # pyright: ignore[reportAttributeAccessIssue]


def _pandas(schema: Schema, columns: list[Any]) -> Any:
    import pandas as pd

    dtypes = list(schema.template.dtypes)
    columns = [_on_the_clock(column, d) for column, d in zip(columns, dtypes, strict=True)]
    series = {
        j: pandas_column(_to_pandas(column, dtypes[j]), dtypes[j], nothing_of(schema, j))
        for j, column in enumerate(columns)
    }
    frame = pd.DataFrame(series, index=pd.RangeIndex(len(columns[0])))
    frame.columns = schema.template.columns
    return frame


def _to_pandas(column: Column, dtype: DType) -> Any:
    import pandas as pd

    is_object = pd.api.types.is_object_dtype(dtype)
    return column.to_pandas() if is_object else column.to_pandas(date_as_object=False)


def nothing_of(schema: Schema, feature: int) -> Any:
    """What stood for nothing in a column of objects; to a model None is not NaN."""
    levels = schema.levels[feature]
    return schema.native_levels(feature).iloc[-1] if levels and levels[-1] is None else None


def pandas_column(column: Column, dtype: DType, nothing: Scalar) -> Any:
    """A pandas column with the fitted type, if no value is lost by that."""
    import pandas as pd

    if pd.api.types.is_object_dtype(dtype):
        objects = column.astype(object)
        return objects.where(objects.notna(), nothing)
    if isinstance(dtype, pd.CategoricalDtype):
        present = pd.Index(column.dropna().unique())
        unseen = present[~present.isin(dtype.categories)].sort_values()
        return column.astype(
            pd.CategoricalDtype(dtype.categories.append(unseen), dtype.ordered)
            if len(unseen)
            else dtype
        )
    try:
        cast = column.astype(dtype)
    except (TypeError, ValueError, OverflowError):
        return column
    # NumPy makes False of what is missing, cuts decimals off, and wraps what is too large.
    same = (cast == column).fillna(False).astype(bool) | (cast.isna() & column.isna())
    return cast if same.all() else column


def _polars(template: Table, columns: list[Any]) -> Any:
    import polars as pl

    frame = {
        name: polars_column(pl.Series(name, pl.from_arrow(_on_the_clock(column, dtype))), dtype)
        for (name, dtype), column in zip(template.schema.items(), columns, strict=True)
    }
    return pl.DataFrame(frame)


def polars_column(column: Column, dtype: DType) -> Any:
    """A polars column with the fitted type, if no value is lost by that."""
    import polars as pl

    if dtype == pl.Enum:
        known = dtype.categories
        present = column.drop_nulls().unique()
        unseen = present.filter(~present.is_in(known.to_list())).sort()
        return column.cast(pl.Enum(pl.concat([known, unseen])) if len(unseen) else dtype)
    try:
        cast = column.cast(dtype)
        return cast if cast.eq_missing(column).all() else column
    except pl.exceptions.PolarsError:
        return column


def _pyarrow(template: Table, columns: list[Any]) -> Any:
    import pyarrow as pa

    cast = []
    for field, came in zip(template.schema, columns, strict=True):
        column = _on_the_clock(came, field.type)
        if pa.types.is_dictionary(field.type):
            column = column.dictionary_encode()
        try:
            new = column.cast(field.type)
            cast.append(new if _same(new.cast(column.type), column) else column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            cast.append(column)
    return pa.Table.from_arrays(cast, names=template.column_names)


def _same(one: Scalar, other: Scalar) -> bool:
    import pyarrow as pa

    if pa.types.is_floating(one.type):
        return np.array_equal(one.to_numpy(), other.to_numpy(), equal_nan=True)
    return one.equals(other)
