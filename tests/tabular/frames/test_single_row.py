"""One row, however it was taken out of its table, is explained as the table's row is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lime_jax

FRAME = pd.DataFrame(
    {
        "age": np.arange(40) % 11,
        "hours": np.arange(40.0) / 4,
        "sex": ["f", "m"] * 20,
        "grade": pd.Categorical(["low", "mid", "high", "mid"] * 10, ["low", "mid", "high"]),
        "is_member": np.arange(40) % 3 == 0,
        "since": pd.date_range("2024-01-01", periods=40),
    },
    index=[f"person {k}" for k in range(40)],
)
DTYPES = []


def pandas_model(rows):
    """Remembers the types in which the row itself came."""
    if len(rows) == 1:
        DTYPES.append(rows.dtypes.to_dict())
    rows = rows.assign(grade=rows.grade.cat.codes)
    return rows.age * 2 + rows.hours + (rows.sex == "m") + rows.grade + rows.is_member


ROWS = {
    "series": lambda: FRAME.iloc[7],
    "mapping": lambda: FRAME.iloc[7].to_dict(),
    "mapping in another order": lambda: dict(reversed(FRAME.iloc[7].to_dict().items())),
    "list of mappings": lambda: FRAME[7:8].to_dict("records"),
    "named tuple": lambda: next(FRAME[7:8].itertuples()),
    "tuple": lambda: tuple(FRAME.iloc[7]),
    "list": lambda: FRAME.iloc[7].tolist(),
    "array": lambda: FRAME.iloc[7].to_numpy(),
    "frame": lambda: FRAME.iloc[[7]],
}


@pytest.fixture(scope="module")
def explained():
    explainer = lime_jax.TabularExplainer().fit(FRAME)
    return explainer, explainer.explain(FRAME.iloc[[7]], pandas_model, num_samples=64)


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_of_pandas(explained, kind):
    explainer, expected = explained
    DTYPES.clear()
    found = explainer.explain(ROWS[kind](), pandas_model, num_samples=64)
    np.testing.assert_array_equal(found.coef, expected.coef)
    np.testing.assert_array_equal(found.key_ids, expected.key_ids)
    assert found[0].as_list() == expected[0].as_list()
    assert DTYPES
    assert all(dtypes == FRAME.dtypes.to_dict() for dtypes in DTYPES)
    assert found.row_ids.tolist() == (["person 7"] if kind in ("series", "frame") else [0])


@pytest.mark.parametrize("named", [True, False])
def test_a_row_of_polars(named):
    frame = pl.DataFrame(FRAME.reset_index(drop=True).drop(columns="since"))

    def model(rows):
        assert len(rows) > 1 or rows.schema == frame.schema
        return rows["age"].to_numpy() + (rows["sex"] == "m").to_numpy()

    explainer = lime_jax.TabularExplainer().fit(frame)
    expected = explainer.explain(frame[7], model, num_samples=64)
    found = explainer.explain(frame.row(7, named=named), model, num_samples=64)
    np.testing.assert_array_equal(found.coef, expected.coef)


def test_a_row_of_arrow():
    table = pa.Table.from_pandas(FRAME[["age", "sex"]], preserve_index=False)

    def model(rows):
        assert len(rows) > 1 or rows.schema.equals(table.schema)
        return rows["age"].to_numpy()

    explainer = lime_jax.TabularExplainer().fit(table)
    expected = explainer.explain(table.slice(7, 1), model, num_samples=64)
    found = explainer.explain(table.slice(7, 1).to_pylist()[0], model, num_samples=64)
    np.testing.assert_array_equal(found.coef, expected.coef)


@pytest.mark.parametrize(
    "row", [np.array([1.0, 2.0]), [1.0, 2.0], (1.0, 2.0), {"1": 2.0, "0": 1.0}, pd.Series([1.0, 2])]
)
def test_a_row_of_an_array(row):
    X = np.arange(20.0).reshape(10, 2)
    explainer = lime_jax.TabularExplainer().fit(X)
    expected = explainer.explain(np.array([[1.0, 2.0]]), lambda batch: batch.sum(1), num_samples=64)
    found = explainer.explain(row, lambda batch: batch.sum(1), num_samples=64)
    np.testing.assert_array_equal(found.coef, expected.coef)


def test_a_level_that_training_never_had_is_not_made_to_be_missing(explained):
    explainer, _ = explained
    row = {**FRAME.iloc[7].to_dict(), "sex": "x"}
    found = explainer.explain(row, pandas_model, num_samples=64)
    assert found.value(0, 2) == "x"


REFUSED = {
    "too few": ([1.0, 2.0], r"be one row of 6 values; got \(2,\).*frame.iloc\[\[0\]\]"),
    "a column": (
        FRAME["age"],
        r"series with the labels \['person 0'.*DataFrame: frame.iloc\[\[0\]\]",
    ),
    "columns": (FRAME.to_dict("list"), r"'age' holds several values.*pandas.DataFrame\(X\)"),
    "another name": ({"age": 3}, r"`X` lacks the columns \['hours'"),
    "text as number": ({**FRAME.iloc[7].to_dict(), "age": "old"}, "column 'age' must hold numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_row_is_refused_with_what_works(explained, name):
    row, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        explained[0].explain(row, pandas_model)


def test_training_rows_are_a_table():
    with pytest.raises(ValueError, match=r"shape \(rows, features\).*frame.iloc\[\[0\]\]"):
        lime_jax.TabularExplainer().fit(FRAME["age"])
