"""Numbers and level codes back to the table that the model was fitted on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float64, Int

from lime_jax.tabular.frames import columns as col
from lime_jax.tabular.frames.positions import positions_of
from lime_jax.tabular.frames.schema import Schema
from lime_jax.tabular.frames.whole_numbers import as_integers, as_objects, filled
from lime_jax.typing import Column, DType, Table


def decode(
    schema: Schema,
    values: Float64[np.ndarray, "samples features"],
    fallback: Table = None,
    fallback_rows: Int[np.ndarray, " samples"] | None = None,
    reuse: bool = False,
) -> Any:
    """Rebuild the model's table: same library, columns and dtypes as fitted.

    Every column has its fitted dtype, as far as that holds the numbers: an integer column with a
    missing value is what the library makes of it, and one with a fraction is of floats.

    Args:
        fallback: rows that own the levels behind code -1; None: such values are missing.
        fallback_rows: which of those rows each sample belongs to; None: all to the first.
        reuse: whether `values` itself may come back where it is the model's table already.

    Returns:
        A new pandas, polars or pyarrow table, or an array.

    Example:
        >>> from lime_jax.tabular.frames import learn_schema
        >>> schema = learn_schema([["a", 1.5], ["b", 2.0]])
        >>> decode(schema, np.array([[1.0, 3.0], [-1.0, 4.0]]), fallback=[["z", 9.0]])
        array([['b', 3.0],
               ['z', 4.0]], dtype=object)
    """
    fallbacks = _Fallback(schema, fallback, fallback_rows)
    if schema.kind == "array":
        return values if reuse and _is_numbers(schema) else _array(schema, values, fallbacks)
    return {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow}[str(schema.backend)](
        schema, values, fallbacks
    )


def extend_levels(schema: Schema, levels: Column, new: list[Any]) -> Any:
    """A native column of levels with some more, None for a missing one.

    Args:
        new: the values that are appended; what the column's dtype cannot hold is missing there.
    """
    if schema.kind == "array":
        return _extend_array(levels, new)
    return {"pandas": _extend_pandas, "polars": _extend_polars, "pyarrow": _extend_pyarrow}[
        str(schema.backend)
    ](levels, new)


class _Fallback:
    """Level codes to places in the levels, followed by the explained rows' own values."""

    def __init__(self, schema: Schema, fallback: Table, rows: np.ndarray | None):
        self.schema = schema
        self.table = None if fallback is None else col.as_table(fallback, "fallback")
        self.rows = 0 if rows is None else rows

    def take(
        self, j: int, codes: np.ndarray, extend: Callable[[Any, list[Any]], object]
    ) -> tuple[Any, np.ndarray]:
        """The native levels of feature `j`, extended if a code is -1, and where to take from."""
        places = codes.astype(np.int64)
        levels = self.schema.native_levels(j)
        unseen = places < 0
        if not unseen.any():
            return levels, places
        fresh, rows = [None], 0
        if self.table is not None:
            position = positions_of(self.schema, self.table)[j]
            fresh, rows = col.to_list(col.get_column(self.table, position)), self.rows
        fresh = [None if col.is_missing(value) else value for value in fresh]
        places = np.where(unseen, len(levels) + rows, places)
        return extend(levels, fresh), places


def _is_numbers(schema: Schema) -> bool:
    return np.dtype(schema.array_dtype) == np.float64 and not any(schema.categorical)


def _array(schema: Schema, values: np.ndarray, fallbacks: _Fallback) -> np.ndarray:
    fitted = dtype = np.dtype(schema.array_dtype)
    if fitted.kind in "iu" or (fitted.kind == "b" and (values < 0).any()):
        dtype = np.dtype(np.float64)
    taken = {}
    for j in np.flatnonzero(schema.categorical):
        levels, places = fallbacks.take(int(j), values[:, j], _extend_array)
        taken[j] = levels[places]
    if fitted.kind in "US":  # an unseen text may be wider
        dtype = np.result_type(fitted, *(column.dtype for column in taken.values()))
    out = np.empty(values.shape, dtype)
    numeric = ~np.array(schema.categorical, bool)
    if numeric.all():
        out[...] = values
    else:
        out[:, numeric] = values[:, numeric]
    for j, column in taken.items():
        out[:, j] = column
    if fitted.kind in "iu":
        whole = as_integers(out, fitted)
        return out if whole is None else whole
    for j in np.flatnonzero([kind is not None for kind in schema.objects]).tolist():
        out[:, j] = as_objects(values[:, j], schema.objects[j], schema.step(j))
    return out


def _extend_array(levels: np.ndarray, fresh: list[Any]) -> np.ndarray:
    if levels.dtype.kind == "O":
        return np.concatenate([levels, np.fromiter(fresh, object, len(fresh))])
    if levels.dtype.kind in "US":
        return np.concatenate([levels, np.array([_as_text(v, levels.dtype.type) for v in fresh])])
    extra = np.array([_as_float(value) for value in fresh], np.float64)
    return np.concatenate([levels.astype(np.float64), extra])


def _as_text(value: Any, kind: type) -> str | bytes:
    """A level as text: one that is none, of a column of objects elsewhere, by what it prints."""
    if value is None:
        return kind()
    return value if isinstance(value, str | bytes) else str(value)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def _moments(seconds: np.ndarray, kind: str) -> np.ndarray:
    """Seconds to NumPy times of whole microseconds, NaN to NaT."""
    missing = np.isnan(seconds)
    ticks = np.rint(np.where(missing, 0.0, seconds) * 1e6).astype(np.int64)
    times = ticks.view("datetime64[us]" if kind == "datetime" else "timedelta64[us]")
    times[missing] = "NaT"
    return times


def _pandas(schema: Schema, values: np.ndarray, fallbacks: _Fallback) -> Any:
    import pandas as pd

    template, plain = schema.template, _plain_dtype(schema)
    if plain is not None:  # one block, laid out as pandas lays it out
        block = values if plain.kind == "f" else as_integers(values, plain)
        if block is not None:
            block = np.array(block, plain if plain.kind == "f" else None, order="F")
            return pd.DataFrame(block, columns=template.columns, copy=False)
    by_column = np.ascontiguousarray(values.T)
    columns = {}
    for j, dtype in enumerate(template.dtypes):
        if schema.categorical[j]:
            levels, places = fallbacks.take(j, by_column[j], _extend_pandas)
            # A Series with its dtype: pandas 3 would infer `str` from an array of objects.
            columns[j] = pd.Series(levels.array.take(places), dtype=levels.dtype, copy=False)
        elif schema.time(j):
            columns[j] = _pandas_times(_moments(by_column[j], str(schema.time(j))), dtype)
        else:
            columns[j] = _pandas_numbers(schema, j, by_column[j], dtype)
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(values)))
    frame.columns = template.columns
    return frame


def _plain_dtype(schema: Schema) -> np.dtype | None:
    """The one NumPy dtype of a pandas frame of numbers; None: there are several."""
    dtypes = set(schema.template.dtypes)
    if any(schema.categorical) or len(dtypes) != 1:
        return None
    dtype = dtypes.pop()
    return dtype if isinstance(dtype, np.dtype) and dtype.kind in "fiu" else None


def _extend_pandas(levels: Column, fresh: list[Any]) -> Any:
    import pandas as pd

    dtype = levels.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        fresh = [value if value in dtype.categories else None for value in fresh]
    elif isinstance(dtype, np.dtype) and dtype.kind in "iu":  # a missing one makes them floats
        fresh = [np.nan if value is None else value for value in fresh]
    elif isinstance(dtype, np.dtype) and dtype.kind == "b" and None in fresh:
        return pd.Series(levels.tolist() + fresh, dtype=object)
    try:
        extra = pd.Series(fresh, dtype=dtype)
    except (TypeError, ValueError):
        extra = pd.Series(fresh)
    return pd.concat([levels, extra], ignore_index=True)


def _pandas_numbers(schema: Schema, j: int, column: np.ndarray, dtype: DType) -> Any:
    import pandas as pd

    if isinstance(dtype, np.dtype):
        if dtype.kind in "iu":
            whole = as_integers(column, dtype)
            return column if whole is None else whole
        if dtype.kind == "O":
            kind = schema.objects[j] if schema.objects else None
            return pd.Series(as_objects(column, kind, schema.step(j)), dtype=object)
        return column.astype(dtype, copy=False)
    if isinstance(dtype, pd.ArrowDtype):
        return pd.arrays.ArrowExtensionArray(_arrow_numbers(column, dtype.pyarrow_dtype, True))
    numbers, missing = filled(column)
    if dtype.kind in "iu":
        whole = as_integers(numbers, dtype.numpy_dtype)
        if whole is not None:
            return pd.arrays.IntegerArray(whole, missing)
    float_type = dtype.numpy_dtype if dtype.kind == "f" else np.float64
    return pd.arrays.FloatingArray(column.astype(float_type), missing)


def _pandas_times(times: np.ndarray, dtype: DType) -> Any:
    import pandas as pd

    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        return pd.arrays.ArrowExtensionArray(pa.array(times).cast(dtype.pyarrow_dtype, safe=False))
    series = pd.Series(times)
    if isinstance(dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_localize("UTC").dt.tz_convert(dtype.tz)
    return series.astype(dtype)


def _polars(schema: Schema, values: np.ndarray, fallbacks: _Fallback) -> Any:
    import polars as pl

    by_column = np.ascontiguousarray(values.T)
    columns = {}
    for j, (name, dtype) in enumerate(schema.template.schema.items()):
        if schema.categorical[j]:
            levels, places = fallbacks.take(j, by_column[j], _extend_polars)
            columns[name] = levels.gather(places)
        elif schema.time(j):
            columns[name] = pl.Series(_moments(by_column[j], str(schema.time(j)))).cast(dtype)
        else:
            numbers = pl.Series(by_column[j])
            numbers = numbers.cast(dtype) if dtype.is_float() else numbers
            numbers = numbers.fill_nan(None) if schema.nulls[j] else numbers
            columns[name] = _polars_whole(by_column[j], numbers, dtype)
    return pl.DataFrame(columns)


def _extend_polars(levels: Column, fresh: list[Any]) -> Any:
    import polars as pl

    return pl.concat([levels, pl.Series(fresh, dtype=levels.dtype, strict=False)])


def _polars_whole(column: np.ndarray, numbers: Any, dtype: DType) -> Any:
    """Numbers with null where they are missing, as integers or decimals where they are such."""
    import polars as pl

    if dtype.is_integer():
        if as_integers(filled(column)[0], np.int64) is None:
            return numbers
        try:
            return numbers.cast(dtype)
        except pl.exceptions.InvalidOperationError:  # such as 300 in an UInt8
            return numbers.cast(pl.Int64)
    if dtype.is_decimal():
        decimals = numbers.cast(dtype, strict=False)
        same = (decimals.cast(pl.Float64) - numbers).abs().max() or 0.0
        lost = decimals.null_count() > numbers.null_count()
        return numbers if lost or same > 10.0 ** -(dtype.scale + 3) else decimals
    return numbers


def _pyarrow(schema: Schema, values: np.ndarray, fallbacks: _Fallback) -> Any:
    import pyarrow as pa

    by_column = np.ascontiguousarray(values.T)
    columns = []
    for j, field in enumerate(schema.template.schema):
        if schema.categorical[j]:
            levels, places = fallbacks.take(j, by_column[j], _extend_pyarrow)
            columns.append(levels.take(pa.array(places)))
        elif schema.time(j):
            times = _moments(by_column[j], str(schema.time(j)))
            columns.append(pa.array(times).cast(field.type, safe=False))
        else:
            columns.append(_arrow_numbers(by_column[j], field.type, schema.nulls[j]))
    return pa.Table.from_arrays(columns, names=schema.template.column_names)


def _arrow_numbers(column: np.ndarray, dtype: DType, nulls: bool) -> Any:
    import pyarrow as pa

    if pa.types.is_integer(dtype):
        numbers, missing = filled(column)
        whole = as_integers(numbers, dtype.to_pandas_dtype())
        if whole is not None:
            return pa.array(whole, mask=missing)
    float_type = dtype if pa.types.is_floating(dtype) else pa.float64()
    numbers = pa.array(
        column.astype(float_type.to_pandas_dtype()), type=float_type, from_pandas=nulls
    )
    if not pa.types.is_decimal(dtype):
        return numbers
    try:
        decimals = numbers.cast(dtype, safe=False)
    except pa.ArrowInvalid:  # of more digits than the dtype has
        return numbers
    error = np.abs(decimals.cast(float_type).to_numpy(zero_copy_only=False) - column)
    return numbers if np.nanmax(error, initial=0) > 10.0 ** -(dtype.scale + 3) else decimals


def _extend_pyarrow(levels: Column, fresh: list[Any]) -> Any:
    import pyarrow as pa

    if not pa.types.is_dictionary(levels.type):
        held = pa.array([_held(value, levels.type) for value in fresh], levels.type)
        return pa.chunked_array([*levels.chunks, held])
    held = [_held(value, levels.type.value_type) for value in fresh]
    words = pa.array(levels.to_pylist() + held, levels.type.value_type).dictionary_encode()
    return words.cast(levels.type)


def _held(value: Any, dtype: DType) -> Any:
    """A value that a column of this type can hold, else None."""
    import pyarrow as pa

    try:
        pa.scalar(value, dtype)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    return value
