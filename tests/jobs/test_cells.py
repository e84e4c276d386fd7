"""Cells of a csv file are read as pandas reads them, and text as it stands where it is known."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lime_jax.jobs.cells import NULLS, TextColumn, parsed, text_cells, typed

COLUMNS = {
    "whole": ["1", "-2", " 3", "+4", "007"],
    "whole with gaps": ["1", "", "NA", "4", "null"],
    "reals": ["1.5", ".5", "-1e-3", "2", "1E5"],
    "hard reals": ["0.1", "2.675", "1e-320", "1.7976931348623157e308", "123456789.123456789"],
    "infinite": ["inf", "-inf", "1", "2", "Infinity"],
    "wide": ["99999999999999999999", "1", "2", "3", "4"],
    "largest": ["9223372036854775807", "1", "2", "3", "4"],
    "flags": ["True", "False", "TRUE", "false", "true"],
    "words": ["a", "NA", "", " b", "1"],
    "hexadecimal": ["0x1A", "0x1B", "0x1C", "0x1D", "0x1E"],
    "dates": ["2024-01-01", "2024-01-02", "", "2024-01-04", "2024-01-05"],
    "nothing": ["", "NA", "", "nan", "NULL"],
    "underscores": ["1_000", "2", "3", "4", "5"],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_cells_are_read_as_pandas_reads_them(name):
    cells = COLUMNS[name]
    file = io.StringIO("\n".join(["a,b", *(f'"{cell}",1' for cell in cells)]) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer pandas reads numbers so by default
        wanted = pd.read_csv(file, float_precision="round_trip")["a"]
    found = typed(pa.table({"a": cells}), {}).to_pandas()["a"]
    if name == "wide":  # pandas makes unsigned or Python's own numbers of them
        wanted = wanted.astype(float)
    pd.testing.assert_series_equal(found, wanted, check_names=False)


@pytest.mark.parametrize("word", NULLS)
def test_words_for_nothing_are_text_in_a_text_column(word):
    column = pa.array([word, "01003"])
    as_it_stands = text_cells(column, TextColumn()).to_pylist()
    assert as_it_stands == [word or None, "01003"]
    assert text_cells(column, TextColumn(has_missing=True)).to_pylist() == [None, "01003"]
    known = TextColumn(frozenset({word}), has_missing=True)
    assert text_cells(column, known).to_pylist() == [word, "01003"]


def test_cells_in_the_middle_of_a_longer_column_are_read_alike():
    cells = [f"{k}.5" if k % 7 else "NA" for k in range(50)]
    own, middle = pa.table({"a": cells[20:40]}), pa.table({"a": cells}).slice(20, 20)
    assert typed(middle, {}).equals(typed(own, {}))
    text = TextColumn(has_missing=True)
    assert typed(middle, {"a": text}).equals(typed(own, {"a": text}))


def test_a_text_column_is_told_by_its_values():
    assert TextColumn.of(["a", "NA"]) == TextColumn(frozenset({"a", "NA"}))
    assert TextColumn.of(["a", None, np.nan]) == TextColumn(frozenset({"a"}), True)
    assert TextColumn.of([1, 2]) is TextColumn.of([None]) is TextColumn.of(["a", 1]) is None


def test_a_cell_that_is_no_number_is_named():
    with pytest.raises(ValueError, match=r"column 'age' was int64 in the training rows.*old"):
        parsed(pa.array(["1", "old"]), pa.int64(), "age")
