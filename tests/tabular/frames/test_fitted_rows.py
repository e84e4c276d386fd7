"""Arrow columns in the form an explainer was fitted with: same content, same types."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lime_jax.front.row_ids import row_ids
from lime_jax.tabular.frames import encode, learn_schema
from lime_jax.tabular.frames.fitted_rows import fitted_rows

MOMENTS = [datetime.datetime(2020, 1, day, 6) for day in (1, 2, 3)]
FRAME = pd.DataFrame(
    {
        "whole": [1, 2, 3],
        "real": [0.5, np.nan, 2.0],
        "single": np.array([0.1, 0.2, 0.3], np.float32),
        "text": ["x", "y", None],
        "level": pd.Categorical(["u", "v", "u"]),
        "yes": [True, False, True],
        "when": pd.to_datetime(MOMENTS),
    }
)
FORMS = {
    "pandas": FRAME,
    "polars": pl.from_pandas(FRAME),
    "polars enum": pl.from_pandas(FRAME).with_columns(pl.col("level").cast(pl.Enum(["u", "v"]))),
    "pyarrow": pa.Table.from_pandas(FRAME),
}
CAME = pa.table(
    {
        "whole": pa.array([1, 2, 3], pa.int32()),
        "real": pa.array([0.5, None, 2.0]),
        "single": pa.array([0.1, 0.2, 0.3], pa.float32()),
        "text": ["x", "y", None],
        "level": ["u", "v", "u"],
        "yes": [True, False, True],
        "when": pa.array(MOMENTS, pa.timestamp("us")),
    }
)


@pytest.mark.parametrize("form", FORMS)
def test_a_frame_comes_back_as_it_was_fitted(form):
    schema = learn_schema(FORMS[form])
    rows = fitted_rows(schema, CAME)
    assert type(rows) is type(FORMS[form])
    np.testing.assert_array_equal(encode(schema, rows), encode(schema, FORMS[form]))
    if form == "pandas":
        assert list(rows.dtypes) == list(FRAME.dtypes)
    elif form == "pyarrow":
        assert rows.schema.types == FORMS[form].schema.types
    else:
        assert rows.schema == FORMS[form].schema


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_lost_to_the_fitted_types(form):
    schema = learn_schema(FORMS[form])
    changed = {
        "whole": [1.5, None, 3.0],
        "level": ["u", "new", None],
        "yes": [None, False, True],
    }
    came = CAME
    for name, values in changed.items():
        came = came.set_column(came.column_names.index(name), name, pa.array(values))
    encoded = encode(schema, fitted_rows(schema, came))
    places = [list(FRAME).index(name) for name in changed]
    np.testing.assert_array_equal(encoded[:, places], [[1.5, 0, -1], [np.nan, -1, 0], [3.0, -1, 1]])


def encoded_of(form, fitted, came):
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
    X = fitted[:, None] if form == "array" else make[form.split()[0]]({"a": fitted})
    schema = learn_schema(X)
    return encode(schema, fitted_rows(schema, pa.table({"a": came})))[:, 0]


@pytest.mark.parametrize("form", [*FORMS, "array"])
@pytest.mark.parametrize(
    ("fitted", "came"),
    {
        "more digits": (np.array([0.1, 0.5, 2.0], np.float32), [0.1, 0.5, 2.0]),
        "larger numbers": (np.array([1, 2, 3], np.int8), [300, 2, 3]),
        "whole numbers with gaps": (np.array([1, 2, 3], np.int64), [1.0, None, 3.0]),
    }.values(),
)
def test_numbers_are_never_narrowed(form, fitted, came):
    np.testing.assert_array_equal(encoded_of(form, fitted, came), np.array(came, np.float64))


@pytest.mark.parametrize("form", FORMS)
def test_two_is_not_yes(form):
    assert encoded_of(form, np.array([True, False, True]), [2, 0, 1])[0] == -1


@pytest.mark.parametrize("form", FORMS)
def test_moments_are_read_on_the_clock_that_fit_saw(form):
    schema = learn_schema(FORMS[form])
    zone = pa.array(MOMENTS, pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    in_berlin = zone.cast(pa.timestamp("us", "Europe/Berlin"))  # 6 in UTC is 7 in Berlin
    when = encode(schema, fitted_rows(schema, CAME.set_column(6, "when", in_berlin)))[:, 6]
    np.testing.assert_array_equal(when - encode(schema, FORMS[form])[:, 6], 3600)


def test_a_time_zone_that_fit_saw_is_kept():
    aware = FRAME[["when"]].assign(when=FRAME["when"].dt.tz_localize("Asia/Tokyo"))
    schema = learn_schema(aware)
    rows = fitted_rows(
        schema, pa.Table.from_pandas(aware.assign(when=aware.when.dt.tz_convert("UTC")))
    )
    assert rows["when"].dtype == aware["when"].dtype
    np.testing.assert_array_equal(encode(schema, rows), encode(schema, aware))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_an_array_gets_its_own_numbers(dtype):
    X = np.array([[1, 2], [3, 4]], dtype)
    schema = learn_schema(X)
    rows = fitted_rows(schema, pa.table({"a": [1, 3], "b": pa.array([2, 4], pa.decimal128(5, 2))}))
    assert dtype == np.int64 or rows.dtype == dtype
    np.testing.assert_array_equal(row_ids(encode(schema, rows)), row_ids(encode(schema, X)))


def test_nulls_are_missing_in_an_array():
    rows = fitted_rows(learn_schema(np.eye(2)), pa.table({"a": [1, None], "b": [None, 2.0]}))
    np.testing.assert_array_equal(rows, [[1, np.nan], [np.nan, 2]])


def test_an_array_of_text_and_numbers_stays_mixed():
    schema = learn_schema([["a", 1.5], ["b", 2.0], [None, 3.0]])
    rows = fitted_rows(schema, pa.table({"x": ["b", None], "y": [0.5, None]}))
    np.testing.assert_array_equal(encode(schema, rows), [[1, 0.5], [2, np.nan]])


def test_columns_are_counted():
    with pytest.raises(ValueError, match=r"`table`: expected 2 columns.*got 1"):
        fitted_rows(learn_schema(np.eye(2)), pa.table({"a": [1]}))
