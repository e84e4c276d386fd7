"""Blocks of a file come as the whole file would: dtypes, levels, gaps."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lime_jax.jobs import open_source
from lime_jax.jobs.rebuilt import RowForm
from lime_jax.jobs.source import read_blocks
from lime_jax.tabular.frames import learn_schema

ROWS, SIZE = 24, 5


def blocks_of(path, training, columns=None):
    """A file's rows in blocks, as an explainer takes that was fitted on the training rows."""
    source = open_source(path)
    form = RowForm.of(learn_schema(training), source, columns)
    numbers = range(-(-ROWS // SIZE))
    blocks = read_blocks(source, form.columns, range(ROWS), SIZE, numbers)
    return [form.rebuild(block) for _, block in blocks]


def drifting():
    """What a column holds shows late, or early only."""
    k = np.arange(ROWS)
    return {
        "numbers": k / 7,
        "whole": k,
        "whole with gaps late": [None if n > 20 else int(n) for n in k],
        "halves late": [float(n) + (n > 20) / 2 for n in k],
        "text with gaps": [None if n % 4 else f"t {n % 3}" for n in k],
        "flags": k % 3 == 0,
        "quoted": ['a "b", c\nd' if n % 2 else "plain" for n in k],
        "nothing at first": [None if n < 12 else float(n) for n in k],
        "big": k + 2**53,
    }


def test_csv_is_read_as_pandas_reads_all_of_it(tmp_path):
    pd.DataFrame(drifting()).to_csv(tmp_path / "a.csv", index=False)
    whole = pd.read_csv(tmp_path / "a.csv")
    blocks = blocks_of(tmp_path / "a.csv", whole)
    for block in blocks:
        assert block.dtypes.to_dict() == whole.dtypes.to_dict()
    pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True), whole)


@pytest.mark.parametrize("word", ["", "NA", "nan", "NULL", "None", "#N/A"])
def test_words_for_nothing_are_those_of_pandas(tmp_path, word):
    lines = [f"{'' if k % 3 else word},{k}" for k in range(ROWS - 1)]
    (tmp_path / "a.csv").write_text("\n".join(["a,b", "1.5,0", *lines]) + "\n")
    whole = pd.read_csv(tmp_path / "a.csv")
    found = pd.concat(blocks_of(tmp_path / "a.csv", whole), ignore_index=True)
    pd.testing.assert_frame_equal(found, whole)


def test_numbers_that_turn_up_in_a_whole_column_are_numbers(tmp_path):
    training = pd.DataFrame({"a": np.arange(ROWS)})
    (tmp_path / "a.csv").write_text("\n".join(["a", *(f" {k}.25" for k in range(ROWS))]))
    found = pd.concat(blocks_of(tmp_path / "a.csv", training), ignore_index=True)
    np.testing.assert_array_equal(found["a"], np.arange(ROWS) + 0.25)


PANDAS = {
    "as they come": pd.DataFrame(drifting()),
    "categories": pd.DataFrame({"a": pd.Categorical(["x", "y"] * 12, ["y", "x", "z"], True)}),
    "nullable": pd.DataFrame({"a": pd.array([1, None] * 12, "Int64")}),
    "nullable flags": pd.DataFrame({"a": pd.array([True, None] * 12, "boolean")}),
    "objects and NaN": pd.DataFrame({"a": pd.Series(["x", np.nan] * 12, dtype=object)}),
    "objects and None": pd.DataFrame({"a": pd.Series(["x", None] * 12, dtype=object)}),
    "dates": pd.DataFrame({"a": [datetime.date(2024, 1, 1 + k) for k in range(ROWS)]}),
    "moments": pd.DataFrame({"a": pd.date_range("2024-01-01", periods=ROWS, tz="Europe/Berlin")}),
    "durations": pd.DataFrame({"a": pd.to_timedelta(np.arange(ROWS), "h")}),
    "decimals": pd.DataFrame({"a": [decimal.Decimal(k) / 4 for k in range(ROWS)]}),
    "short": pd.DataFrame({"a": np.arange(ROWS, dtype=np.int8), "b": np.float32(0.1)}),
}


@pytest.mark.parametrize("case", PANDAS)
@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_pandas_frames_come_back(tmp_path, case, suffix):
    frame, path = PANDAS[case], tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path, row_group_size=7)
    else:
        frame.to_feather(path)
    blocks = blocks_of(path, frame)
    if case == "as they come":  # pandas itself reads whole numbers with gaps as floats
        assert {str(block["whole with gaps late"].dtype) for block in blocks} == {"float64"}
    pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True), frame)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_other_frames_come_back(tmp_path, library):
    table = pa.table(
        {
            "number": np.arange(ROWS) / 2,
            "text": pa.array(["x", None, "y"] * 8),
            "words": pa.array(["x", None, "y"] * 8).dictionary_encode(),
            "when": pa.array(np.arange(ROWS).astype("datetime64[s]")),
        }
    )
    pa.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=7)
    training = pl.from_arrow(table) if library == "polars" else table
    blocks = blocks_of(tmp_path / "a.parquet", training)
    if library == "polars":
        assert {tuple(block.schema.items()) for block in blocks} == {tuple(training.schema.items())}
        assert pl.concat(blocks).equals(training)
    else:
        assert {str(block.schema.field("words").type) for block in blocks} == {
            str(table.schema.field("words").type)
        }
        assert pa.concat_tables(blocks).unify_dictionaries().to_pylist() == table.to_pylist()


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_arrays_come_from_named_columns_in_their_order(tmp_path, suffix):
    frame = pd.DataFrame(drifting())
    if suffix == "csv":
        frame.to_csv(tmp_path / "a.csv", index=False)
    else:
        frame.to_parquet(tmp_path / "a.parquet", row_group_size=7)
    names = ["flags", "nothing at first", "whole with gaps late", "big"]
    array = np.column_stack([frame[name].to_numpy(float) for name in names])
    found = np.concatenate(blocks_of(tmp_path / f"a.{suffix}", array, names))
    np.testing.assert_array_equal(found, array)


def test_an_array_takes_no_text(tmp_path):
    frame = pd.DataFrame(drifting())
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"column 'quoted' holds .*string, and the explainer was"):
        blocks_of(tmp_path / "a.parquet", np.zeros((2, 1)), ["quoted"])
    with pytest.raises(ValueError, match=r"was fitted on an array of .*; fit it on a DataFrame"):
        blocks_of(tmp_path / "a.parquet", frame[["quoted"]].to_numpy(), ["quoted"])
