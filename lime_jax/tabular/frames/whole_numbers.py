"""Whole numbers: what a column's numbers are multiples of, and the way back to its dtype."""

from __future__ import annotations

from decimal import Decimal
from numbers import Integral

import numpy as np
from jaxtyping import Bool, Float64, Shaped

from lime_jax.tabular.frames import columns as col
from lime_jax.typing import Column, DType

DAY = 86_400.0
"""Seconds: what dates are multiples of."""


def learn_step(column: Column) -> float:
    """What the numbers of a numeric column are multiples of, by its dtype.

    Args:
        column: of numbers, a 1-D array or a narwhals series.

    Returns:
        1 for integers, also those that pandas made floats because one is missing; a day in
        seconds for dates, also for moments that are all at midnight; the last decimal of decimals;
        0 for floats.

    Example:
        >>> learn_step(np.array([1, 2])), learn_step(np.array([1.0, 2.0]))
        (1.0, 0.0)
    """
    if isinstance(column, np.ndarray):
        return 1.0 if column.dtype.kind in "iu" else _object_step(column)
    import narwhals.stable.v1 as nw

    dtype = column.dtype
    if dtype == nw.Object:
        return _object_step(np.array(column.to_list(), object))
    if col.time_kind(column):
        seconds = col.read_numbers(column, "")
        seconds = seconds[~np.isnan(seconds)]
        return DAY if dtype == nw.Date or not (seconds % DAY).any() else 0.0
    if dtype == nw.Decimal:
        native = column.to_native().dtype if hasattr(column.to_native(), "dtype") else None
        native = column.to_native().type if native is None else native
        return 10.0 ** -getattr(native, "pyarrow_dtype", native).scale
    if dtype.is_float() and column.implementation.is_pandas():
        numbers = col.read_numbers(column, "")
        there = numbers[~np.isnan(numbers)]
        return float(len(there) < len(numbers) and bool((there % 1 == 0).all()))
    return 1.0 if dtype.is_integer() else 0.0


def object_type(column: Column) -> type | None:
    """The type of the objects in a column: `int` or `Decimal`; None: floats, or no objects."""
    if isinstance(column, np.ndarray):
        if column.dtype.kind != "O":
            return None
    else:
        import narwhals.stable.v1 as nw

        if column.dtype != nw.Object:
            return None
    values = [value for value in col.to_list(column) if not col.is_missing(value)]
    if values and all(isinstance(value, Integral) for value in values):
        return int
    return Decimal if values and all(isinstance(value, Decimal) for value in values) else None


def _object_step(column: np.ndarray) -> float:
    kind = object_type(column)
    if kind is None:
        return 0.0
    values = [value for value in column.tolist() if not col.is_missing(value)]
    return 1.0 if kind is int else 10.0 ** min(value.as_tuple().exponent for value in values)


def as_integers(
    numbers: Float64[np.ndarray, "*batch"], dtype: DType
) -> Shaped[np.ndarray, "*batch"] | None:
    """Numbers in an integer dtype.

    Returns:
        The integers; of 64 bits where one is out of the dtype's range; None where one is missing
        or not whole.

    Example:
        >>> as_integers(np.array([1.0, 2.0]), np.uint8), as_integers(np.array([1.5]), np.uint8)
        (array([1, 2], dtype=uint8), None)
    """
    for kind in (np.dtype(dtype), np.dtype(np.int64)):
        with np.errstate(invalid="ignore"):  # the cast of NaN, and of what is out of range
            cast = numbers.astype(kind)
        if np.array_equal(cast, numbers):
            return cast
    return None


def as_objects(
    numbers: Float64[np.ndarray, " rows"], kind: type | None, step: float
) -> Shaped[np.ndarray, " rows"]:
    """Whole numbers as the `int` or `Decimal` they were; floats where `kind` is None."""
    objects = numbers.astype(object)
    there = ~np.isnan(numbers)
    if kind is int:
        whole = as_integers(numbers[there], np.int64)
        if whole is not None:
            objects[there] = whole.astype(object)
    elif kind is Decimal:
        last = Decimal(1).scaleb(round(np.log10(step)))
        objects[there] = np.array([_decimal(value, last) for value in numbers[there]], object)
    return objects


def _decimal(value: float, last: Decimal) -> Decimal:
    """The multiple of `last` that is meant, or the float itself where it is none."""
    exact = Decimal(value)
    near = exact.quantize(last)
    return near if float(near) == value or abs(near - exact) < last / 1000 else exact


def filled(
    numbers: Float64[np.ndarray, " rows"],
) -> tuple[Float64[np.ndarray, " rows"], Bool[np.ndarray, " rows"]]:
    """Numbers with 0 where they are missing, and where that is."""
    missing = np.isnan(numbers)
    return np.where(missing, 0.0, numbers), missing
