"""Tables as people have them: types, missing values, huge numbers, strange and equal names."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

TEXTS = ["", " ", "a", "b", "nan", "None", "0", "1.5", "ä\n", "x" * 300, "\x00", "🦔", "NA", "`q`"]
NAMES = ["a", "b", "", " ", "a.b", "row_id", "label", "=", "`x`", "%s", "{0}", "ä", "x\ny", "0"]
HUGE = [1e308, -1e308, 1e300, 5e-324, 1e-300, 2.0**53, -(2.0**63), 1e39, 3.4e38, 0.0, -0.0, 1.0]


def numbers(rng: np.random.Generator, count: int) -> np.ndarray:
    """A column of floats of one of many shapes."""
    kind = rng.integers(9)
    if kind == 0:
        return np.full(count, rng.choice(HUGE))
    if kind == 1:
        return rng.choice(HUGE, count)
    if kind == 2:
        return np.where(rng.random(count) < 0.3, np.nan, rng.normal(size=count))
    if kind == 3:
        return np.full(count, np.nan)
    if kind == 4:
        return rng.choice([np.inf, -np.inf, np.nan, 1.0, 2.0], count)
    if kind == 5:
        return rng.normal(size=count) * 10.0 ** rng.integers(-300, 300)
    if kind == 6:
        return 1e9 + rng.integers(0, 3, count) * 10.0 ** -rng.integers(0, 12)
    if kind == 7:
        return rng.integers(0, 3, count).astype(float)
    return rng.normal(size=count)


def _with_none(rng: np.random.Generator, values: Any) -> list[Any]:
    share = rng.choice([0.0, 0.0, 0.3, 1.0])
    return [None if rng.random() < share else value for value in values]


def _texts(rng: np.random.Generator, count: int) -> list[str]:
    few = rng.choice(TEXTS, rng.integers(1, 5))
    return [str(text) for text in rng.choice(few, count)]


def _moments(rng: np.random.Generator, count: int) -> list[datetime.datetime]:
    start = datetime.datetime(1970, 1, 1)
    scale = 10.0 ** rng.integers(-5, 10)
    return [start + datetime.timedelta(seconds=float(s) * scale) for s in rng.uniform(-5, 5, count)]


def _mixed(rng: np.random.Generator, count: int) -> list[Any]:
    some = ["a", 1, 2.5, True, None, np.nan, 10**30, decimal.Decimal(1), (1, 2), [3], {"k": 1},
            b"x", datetime.date(2020, 1, 1), np.float32(2), 1j, pd.NA, pd.NaT, np.inf]  # fmt: skip
    few = rng.integers(0, len(some), rng.integers(1, 4))
    return [some[int(k)] for k in rng.choice(few, count)]


def _pandas(rng: np.random.Generator, count: int) -> Any:
    kind = rng.integers(17)
    floats = numbers(rng, count)
    whole = rng.integers(0, rng.choice([1, 2, 5, 120]) + 1, count)
    if kind == 0:
        return pd.Series(floats)
    if kind == 1:
        with np.errstate(over="ignore"):
            return pd.Series(floats.astype(rng.choice(["float32", "float16"])))
    if kind == 2:
        return pd.Series(whole.astype(rng.choice(["int8", "uint8", "int16", "int32", "uint64"])))
    if kind == 3:
        return pd.Series(_with_none(rng, whole.tolist()), dtype=rng.choice(["Int64", "UInt8"]))
    if kind == 4:
        return pd.Series(whole % 2 == 0)
    if kind == 5:
        return pd.Series(_with_none(rng, (whole % 2 == 0).tolist()), dtype="boolean")
    if kind == 6:
        return pd.Series(_with_none(rng, _texts(rng, count)), dtype=object)
    if kind == 7:
        return pd.Series(_with_none(rng, _texts(rng, count)), dtype="str")
    if kind == 8:
        codes = np.where(rng.random(count) < 0.2, -1, whole % 3)
        return pd.Series(pd.Categorical.from_codes(codes, ["x", "", "z"]))
    if kind == 9:
        codes = np.where(rng.random(count) < 0.2, -1, whole % 3)
        return pd.Series(pd.Categorical.from_codes(codes, [3, 1, 2], ordered=True))
    if kind == 10:
        return pd.Series(_with_none(rng, _moments(rng, count)), dtype="datetime64[us]")
    if kind == 11:
        made = pd.Series(_with_none(rng, _moments(rng, count)), dtype="datetime64[us]")
        return made.dt.tz_localize("UTC")
    if kind == 12:
        return pd.Series(pd.to_timedelta(whole, unit="s"))
    if kind == 13:
        return pd.Series(
            _with_none(rng, [decimal.Decimal(int(w)) / 4 for w in whole]), dtype=object
        )
    if kind == 14:
        return pd.Series(_with_none(rng, whole.tolist()), dtype="int64[pyarrow]")
    if kind == 15:
        return pd.Series(_with_none(rng, _texts(rng, count)), dtype="string[pyarrow]")
    return pd.Series(_mixed(rng, count), dtype=object)


def _polars(rng: np.random.Generator, count: int) -> pl.Series:
    kind = rng.integers(15) if rng.random() < 0.15 else rng.integers(12)
    floats = numbers(rng, count)
    whole = [int(w) for w in rng.integers(0, 5, count)]
    if kind == 0:
        return pl.Series(floats)
    if kind == 1:
        return pl.Series(_with_none(rng, floats.tolist()), dtype=pl.Float64)
    if kind == 2:
        return pl.Series(floats.tolist()).cast(pl.Float32, strict=False)
    if kind == 3:
        return pl.Series(
            _with_none(rng, whole), dtype=[pl.Int8, pl.UInt64, pl.Int64][rng.integers(3)]
        )
    if kind == 4:
        return pl.Series(_with_none(rng, [w > 2 for w in whole]), dtype=pl.Boolean)
    if kind == 5:
        return pl.Series(_with_none(rng, _texts(rng, count)), dtype=pl.String)
    if kind == 6:
        return pl.Series(_with_none(rng, _texts(rng, count)), dtype=pl.Categorical)
    if kind == 7:
        levels = [["x", "y", ""][w % 3] for w in whole]
        return pl.Series(_with_none(rng, levels), dtype=pl.Enum(["y", "x", "", "z"]))
    if kind == 8:
        return pl.Series(_with_none(rng, _moments(rng, count)), dtype=pl.Datetime("us"))
    if kind == 9:
        return pl.Series(_with_none(rng, [m.date() for m in _moments(rng, count)]), dtype=pl.Date)
    if kind == 10:
        return pl.Series(_with_none(rng, whole), dtype=pl.Int64).cast(pl.Duration("us"))
    if kind == 11:
        return pl.Series(_with_none(rng, whole), dtype=pl.Int64).cast(pl.Decimal(12, 2))
    if kind == 12:
        return pl.Series([None] * count, dtype=pl.Null)
    if kind == 13:
        return pl.Series([m.time() for m in _moments(rng, count)], dtype=pl.Time)
    return pl.Series([[w] for w in whole], dtype=pl.List(pl.Int64))


def _names(rng: np.random.Generator, count: int) -> list[str]:
    if rng.random() < 0.1:  # equal ones
        return [str(name) for name in rng.choice(NAMES[:3], count)]
    return [str(name) for name in rng.choice(NAMES, count, replace=False)]


def pandas_table(rng: np.random.Generator, count: int, width: int) -> Any:
    """A frame; its names may be of any type, and its index too."""
    columns = [_pandas(rng, count) for _ in range(width)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(count))
    kind = rng.integers(8)
    if not width:
        return frame
    if kind == 0:
        frame.columns = list(range(5, 5 + width))
    elif kind == 1:
        frame.columns = [("a", k) for k in range(width)]
    elif kind == 2:
        frame.columns = pd.MultiIndex.from_tuples([("a", str(k)) for k in range(width)])
    elif kind == 3:
        frame.columns = [[None, 1.5, True, pd.Timestamp(0)][k % 4] for k in range(width)]
    else:
        frame.columns = _names(rng, width)
    index = rng.integers(6)
    if index == 0:
        frame.index = ["r"] * count
    elif index == 1:
        frame.index = pd.Index(rng.normal(size=count))
    elif index == 2:
        frame.index = pd.date_range("2020", periods=count)
    return frame


def polars_table(rng: np.random.Generator, count: int, width: int) -> Any:
    """A polars frame, whose names differ."""
    names = dict.fromkeys(_names(rng, width))
    return pl.DataFrame([_polars(rng, count).alias(name) for name in names])


def arrow_table(rng: np.random.Generator, count: int, width: int) -> Any:
    """A pyarrow table; names may be equal, and columns may come in pieces."""
    made = [_polars(rng, count).to_arrow() for _ in range(width)]
    table = pa.table(made, names=_names(rng, width))
    if rng.random() < 0.3 and count > 1:
        table = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    return table


def array(rng: np.random.Generator, count: int, width: int) -> Any:
    """An array of any type."""
    if width == 0:
        return np.empty((count, 0))
    columns = [numbers(rng, count) for _ in range(width)]
    made = np.stack(columns, axis=1).reshape(count, width)
    kind = rng.integers(9)
    if kind == 0:
        with np.errstate(over="ignore"):
            return made.astype(rng.choice(["float32", "float16"]))
    if kind == 1:
        return rng.integers(-3, 4, (count, width)).astype(rng.choice(["int8", "int64", "int32"]))
    if kind == 2:
        return rng.random((count, width)) < 0.5
    if kind == 3:
        made = made.astype(object)
        made[:, 0] = np.array([*_mixed(rng, count), None], object)[:-1]
        return made
    if kind == 4:
        return np.array(_texts(rng, count * width)).reshape(count, width)
    if kind == 5:
        return made.tolist()
    if kind == 6:
        return np.asfortranarray(made)[::-1]
    return made


LIBRARIES: tuple[Callable[[np.random.Generator, int, int], Any], ...] = (
    *(pandas_table, pandas_table, polars_table, arrow_table, array),
)
