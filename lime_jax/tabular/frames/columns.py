"""One table, one column: what the door accepts and how a column reads as numbers or values."""

from __future__ import annotations

import numbers
from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np

from lime_jax.models.labels import is_missing as is_missing
from lime_jax.results.names import Time
from lime_jax.typing import Column, Table


def as_table(X: Table, name: str = "X") -> Any:
    """A table without a copy: a 2-D array, or the frame as a narwhals `DataFrame`."""
    if hasattr(X, "tocsr"):
        raise ValueError(
            f"`{name}` is sparse ({type(X).__name__}), and the explainer was fitted on a dense "
            "table: fit it on a sparse one, or pass X.toarray()."
        )
    if not isinstance(X, np.ndarray | list | tuple):
        import narwhals.stable.v1 as nw

        frame = _as_frame(X, name)
        if isinstance(frame, nw.LazyFrame):
            raise ValueError(f"`{name}` is a lazy frame; expected rows: call .collect() first.")
        if isinstance(frame, nw.DataFrame):
            return _known_backend(frame, name)
    return _as_matrix(X, name)


def _as_frame(X: Table, name: str) -> Any:
    import narwhals.stable.v1 as nw

    # Of pandas or Arrow; polars has no such frames, and an Arrow table's `columns` are no names.
    names = getattr(X, "column_names" if not hasattr(X, "iloc") else "columns", ())
    twice = sorted(repr(str(each)) for each, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(
            f"`{name}`: expected columns whose names differ, got twice: {', '.join(twice)}; rename "
            "them, or pass an array and `feature_names`"
        )
    return nw.from_native(X, pass_through=True)


def _known_backend(frame: Table, name: str) -> Any:
    if backend(frame) not in ("pandas", "polars", "pyarrow"):
        raise ValueError(
            f"`{name}` is a {backend(frame)} frame; expected pandas, polars, pyarrow or an array: "
            "convert it with .to_pandas()."
        )
    return frame


def _as_matrix(X: Table, name: str) -> np.ndarray:
    try:
        array = np.asarray(X)
    except ValueError as error:  # rows of several lengths
        raise ValueError(
            f"`{name}` is not a table: expected rows of one length ({error})."
        ) from error
    if isinstance(X, list | tuple) and array.dtype.kind in "US":
        array = np.array(X, dtype=object)  # keep the numbers of [["a", 1.5], ...] numbers
    if array.ndim == 1:
        raise ValueError(
            f"`{name}` must have shape (rows, features), got {array.shape}. "
            "For a single row pass X.reshape(1, -1), of a DataFrame frame.iloc[[0]]."
        )
    if array.ndim != 2:
        raise ValueError(f"`{name}` must have shape (rows, features), got {array.shape}.")
    if array.dtype.kind not in "fiubOUS":
        raise ValueError(
            f"`{name}` has dtype {array.dtype}; expected numbers, booleans, text or objects. "
            "Dates are read from DataFrames."
        )
    return array


def backend(frame: Table) -> str:
    """The library of a narwhals frame: `"pandas"`, `"polars"`, `"pyarrow"`, ..."""
    return frame.implementation.name.lower()


def column_names(table: Table) -> list[str]:
    """The columns of a table from `as_table`; an array's are "0", "1", ... as in lime."""
    if isinstance(table, np.ndarray):
        return [str(j) for j in range(table.shape[1])]
    return [str(name) for name in table.columns]


def get_column(table: Table, j: int) -> Any:
    """Column `j` of a table from `as_table`: a 1-D array or a narwhals `Series`."""
    return table[:, j] if isinstance(table, np.ndarray) else table.get_column(table.columns[j])


def to_list(column: Column) -> list[Any]:
    """The values of a column as Python objects."""
    return column.tolist() if isinstance(column, np.ndarray) else column.to_list()


def all_numbers(values: list[Any]) -> bool:
    """Whether objects are numbers or missing, with a number (or NaN) among them."""
    kinds = set(map(type, values))
    others = {kind for kind in kinds if not _is_number(kind)}
    return kinds != others and (
        not others or all(is_missing(value) for value in values if type(value) in others)
    )


def _is_number(kind: type) -> bool:
    return issubclass(kind, numbers.Real | Decimal) and not issubclass(kind, bool | np.bool_)


def time_kind(column: Column) -> Time:
    """Whether a column holds moments, lengths of time, or neither."""
    if isinstance(column, np.ndarray):
        return None
    import narwhals.stable.v1 as nw

    if column.dtype in (nw.Datetime, nw.Date):
        return "datetime"
    return "duration" if column.dtype == nw.Duration else None


def is_categorical(column: Column, name: str) -> bool:
    """Whether a column is categorical by itself: text, categories, booleans, mixed objects."""
    if isinstance(column, np.ndarray):
        kind = column.dtype.kind
        return kind in "bUS" or (kind == "O" and not all_numbers(to_list(column)))
    import narwhals.stable.v1 as nw

    dtype = column.dtype
    if dtype in (nw.String, nw.Categorical, nw.Enum, nw.Boolean):
        return True
    if dtype == nw.Object:
        return not all_numbers(to_list(column))
    if dtype.is_numeric() or time_kind(column):
        return False
    native = column.to_native()
    dtype = getattr(native, "dtype", getattr(native, "type", dtype))
    raise ValueError(
        f"`X`: column {name!r} has dtype {dtype}; "
        "expected numbers, text, categories, booleans, dates or durations: convert or drop it."
    )


def read_numbers(column: Column, name: str) -> np.ndarray:
    """A numeric column as float64: NaN where missing, time in seconds (since 1970 if a moment).

    Seconds in float64 keep every microsecond from 1834 to 2106; nanoseconds are dropped.
    """
    if isinstance(column, np.ndarray):
        if column.dtype.kind in "fiub":
            return column.astype(np.float64)
        return _object_numbers(to_list(column), name)
    import narwhals.stable.v1 as nw

    if time_kind(column):
        return _seconds(column)
    if column.dtype.is_integer():
        return _whole_numbers(column)
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return np.asarray(column.cast(nw.Float64).to_numpy(), np.float64)
    return _object_numbers(to_list(column), name)


def _whole_numbers(column: Column) -> np.ndarray:
    """To the nearest float64, as NumPy does: Arrow refuses those that have none of their own."""
    missing = column.is_null()
    numbers = np.asarray(column.fill_null(0).to_numpy()).astype(np.float64)
    return np.where(np.asarray(missing.to_numpy()), np.nan, numbers) if missing.any() else numbers


def _seconds(column: Column) -> np.ndarray:
    import narwhals.stable.v1 as nw

    if column.dtype == nw.Duration:
        spans = np.asarray(column.to_numpy())
        if spans.dtype.kind == "m":  # pandas' own total_microseconds goes through rounded floats
            ticks = spans.astype("timedelta64[us]").astype(np.int64)
            return np.where(np.isnat(spans), np.nan, ticks / 1e6)
        ticks = column.dt.total_microseconds()
    else:
        ticks = column.dt.timestamp("us")
    return np.asarray(ticks.cast(nw.Float64).to_numpy(), np.float64) / 1e6


def _object_numbers(values: list[Any], name: str) -> np.ndarray:
    if not all_numbers(values) and not all(map(is_missing, values)):
        text = next(v for v in values if not _is_number(type(v)) and not is_missing(v))
        raise ValueError(
            f"`X`: column {name!r} must hold numbers, as it did in `fit`, got {text!r}. "
            "Encode text as numbers, or fit on a table in which this column holds text "
            "(it is then categorical)."
        )
    try:  # None becomes NaN
        return np.array(values, np.float64)
    except TypeError:  # pandas.NA does not
        return np.array([np.nan if is_missing(v) else float(v) for v in values], np.float64)
