"""What a job wrote is read where it is asked for, and reads as if it were in memory."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lime_jax
from lime_jax.results import parts
from lime_jax.results.arrow import rows_table
from lime_jax.results.kinds import row_fields
from lime_jax.results.parts import MANIFEST, StoredExplanations

ROWS, SIZE = 60, 25


@pytest.fixture(scope="module")
def whole():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(ROWS, 3))
    explainer = lime_jax.TabularExplainer().fit(X)
    return explainer.explain(X, lambda X: X[:, :2] * X[:, 2:] + X[:, 1:], num_samples=64)


@pytest.fixture(scope="module")
def folder(whole, tmp_path_factory):
    """Parts as a job writes them, with several groups of rows each."""
    import pyarrow.parquet

    out = tmp_path_factory.mktemp("parts")
    for number, start in enumerate(range(0, ROWS, SIZE)):
        table = rows_table(whole[start : start + SIZE], np.arange(start, min(start + SIZE, ROWS)))
        path = out / f"part-{number:05d}.parquet"
        pyarrow.parquet.write_table(table, path, row_group_size=7, write_page_checksum=True)
    manifest = {"num_rows": ROWS, "rows_per_part": SIZE, "num_parts": 3}
    (out / MANIFEST).write_text(json.dumps(manifest))
    return out


@pytest.fixture
def stored(folder):
    return lime_jax.load(folder)


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that are opened, in order."""
    names, open_ = [], parts._opened

    def note(path):
        names.append(path.name)
        return open_(path)

    monkeypatch.setattr(parts, "_opened", note)
    return names


def assert_same(found, wanted):
    assert len(found) == len(wanted)
    for name in (*row_fields(wanted), "row_ids"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert found.conditions == wanted.conditions


def test_it_has_the_rows_of_all_parts(stored):
    assert isinstance(stored, StoredExplanations)
    assert len(stored) == ROWS
    assert repr(stored).endswith("60 rows in 3 parts)")


@pytest.mark.parametrize("row", [0, 24, 25, 59, -1, np.int64(31)])
def test_one_row(stored, whole, row):
    assert stored[row].as_list() == whole[row].as_list()


@pytest.mark.parametrize("row", [60, -61])
def test_a_row_that_is_not_there(stored, row):
    with pytest.raises(IndexError):
        stored[row]


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(20, 30),
        slice(None, None, -7),
        slice(5, 5),
        [3, 59, 3, 0],
        np.array([26, 25]),
        np.arange(ROWS) % 9 == 0,
        np.zeros(ROWS, bool),
    ],
)
def test_some_rows_in_the_order_that_is_asked_for(stored, whole, index):
    assert_same(stored[index], whole[index])


def test_only_parts_that_are_asked_for_are_read(stored, opened):
    stored[26:30]
    assert opened == ["part-00001.parquet"]
    stored[[59, 1]]
    assert opened[1:] == ["part-00000.parquet", "part-00002.parquet"]


def test_a_slice_of_very_many_rows_takes_few(folder, whole, tmp_path):
    many = 10**13  # whose numbers alone are 80 terabytes
    (tmp_path / MANIFEST).write_text(
        json.dumps({"num_rows": many, "rows_per_part": many, "num_parts": 1})
    )
    part = "part-00000.parquet"
    (tmp_path / part).write_bytes((folder / part).read_bytes())
    assert_same(lime_jax.load(tmp_path)[3:9:2], whole[3:9:2])


def test_neighboring_rows_are_read_together(stored, opened):
    for row in (7, 8, 13, 7):
        stored[row]
    assert opened == ["part-00000.parquet"]
    stored[14]
    assert len(opened) == 2


def test_walking_over_rows_and_parts(stored, whole, opened):
    assert [len(part) for part in stored.parts()] == [25, 25, 10]
    assert [row.as_list() for row in stored] == [row.as_list() for row in whole]
    assert len(opened) == 6


@pytest.mark.parametrize("label", [None, 1])
def test_importance_is_that_of_all_rows(stored, whole, label):
    for found, wanted in zip(stored.importance(label), whole.importance(label), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_part_alone_is_explanations(folder, whole):
    assert_same(lime_jax.load(folder / "part-00001.parquet"), whole[25:50])


def test_nothing_to_explain_is_no_explanations(tmp_path):
    manifest = {"num_rows": 0, "rows_per_part": SIZE, "num_parts": 0}
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    stored = lime_jax.load(tmp_path)
    assert (len(stored), list(stored), list(stored.parts())) == (0, [], [])
    with pytest.raises(ValueError, match=r"`path`: expected rows, and .* has none"):
        stored[:]
    with pytest.raises(ValueError, match=r"`path`: expected rows, and .* has none"):
        stored.importance()


def test_an_unfinished_job_says_how_to_finish_it(folder, tmp_path):
    (tmp_path / MANIFEST).write_bytes((folder / MANIFEST).read_bytes())
    (tmp_path / "part-00001.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match=r"2 of 3 parts are missing, part-00000.* --resume"):
        lime_jax.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"num_rows": "many"}'])
def test_a_folder_of_something_else(tmp_path, text):
    with pytest.raises(ValueError, match=f"has no {MANIFEST}"):
        lime_jax.load(tmp_path)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ValueError, match="is no manifest of a job"):
        lime_jax.load(tmp_path)


def test_a_parquet_file_of_something_else(tmp_path):
    import pandas as pd

    (tmp_path / "a.parquet").write_bytes(b"not parquet")
    with pytest.raises(ValueError, match="is no parquet file, or is damaged"):
        lime_jax.load(tmp_path / "a.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(ValueError, match="expected a table of `rows_table`"):
        lime_jax.load(tmp_path / "b.parquet")
