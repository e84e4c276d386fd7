"""Results say which row is which: by ids as they were given, a frame's index, or numbers."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lime_jax
from lime_jax.results.arrow import explanations_of, long_table, rows_table
from lime_jax.results.row_index import as_ids, column_names, name_text, row_index

FRAME = pd.DataFrame({"a": np.arange(12.0), "b": np.arange(12.0) % 5})
INDEXES = {
    "text": pd.Index([f"customer {k}" for k in range(12)], name="customer"),
    "counted on": pd.RangeIndex(100, 112),
    "numbers": pd.Index([7, 3, 9, 2**40, 5, 6, 1, 0, -4, 10, 11, 12]),
    "reals": pd.Index(np.arange(12) / 4),
    "days": pd.date_range("2024-02-27", periods=12),
    "moments of a zone": pd.date_range("2024-02-27", periods=12, tz="Europe/Berlin"),
    "months": pd.period_range("2024-01", periods=12, freq="M"),
    "categories": pd.CategoricalIndex(list("abcabcabcabc")),
    "text and numbers": pd.Index([*range(6), *"abcdef"]),
    "levels": pd.MultiIndex.from_product([["Bonn", "Köln"], range(6)], names=["city", "year"]),
    "levels without names": pd.MultiIndex.from_product([["x", "y"], range(6)]),
}


def explain(rows, ids=None):
    explainer = lime_jax.TabularExplainer().fit(FRAME)
    return explainer.explain(rows, lambda batch: batch.a + batch.b, row_ids=ids, num_samples=64)


@pytest.fixture(params=INDEXES)
def indexed(request):
    """Explanations of rows with an index, and the index."""
    rows = FRAME.set_axis(INDEXES[request.param])
    return explain(rows), rows.index


class TestTheIndexOfAFrame:
    def test_is_what_rows_are_called(self, indexed):
        found, index = indexed
        assert found.row_ids.tolist() == index.to_numpy().tolist()
        assert found[3].row_id == index.to_numpy()[3]
        assert repr(found[3]).startswith(f"Explanation of row {name_text(index.to_numpy()[3])}, ")

    def test_joins_the_weights_to_the_table(self, indexed):
        found, index = indexed
        table = found.to_pandas()
        levels = list(table.columns[: index.nlevels])
        joined = table.merge(FRAME.set_axis(index).reset_index(names=levels), on=levels)
        assert len(joined) == 24 * (4 if isinstance(index, pd.CategoricalIndex) else 1)
        if index.is_unique:
            of_a = joined[joined.feature == "a"]
            assert of_a.value.tolist() == [f"{value:.2f}" for value in of_a.a]

    def test_stays_with_slices_and_parts(self, indexed):
        found, index = indexed
        some = found[[8, 2]]
        assert some.row_ids.tolist() == index.to_numpy()[[8, 2]].tolist()
        whole = lime_jax.concatenate([found[:5], found[5:]])
        assert whole.row_ids.tolist() == index.to_numpy().tolist()
        assert whole.row_names == found.row_names

    def test_is_in_files(self, indexed, tmp_path):
        found, index = indexed
        found.save(tmp_path / "e.npz")
        loaded = lime_jax.load(tmp_path / "e.npz")
        has_types = not isinstance(index, pd.PeriodIndex) and getattr(index, "tz", None) is None
        expected = index.to_numpy() if has_types else index.astype(str).to_numpy()
        assert loaded.row_ids.tolist() == expected.tolist()
        assert loaded.row_names == found.row_names

    def test_is_in_arrow_tables(self, indexed):
        found, index = indexed
        table = rows_table(found)
        assert len(set(map(str, table["row_id"].to_pylist()))) == index.nunique()
        types = table["row_id"].type
        types = [types] if index.nlevels == 1 else [field.type for field in types]
        assert long_table(found).schema.types[: index.nlevels] == types
        read = explanations_of(table)
        mixed = index.dtype == object and index.nlevels == 1
        as_text = isinstance(index, pd.PeriodIndex) or mixed
        expected = [str(v) if as_text else v for v in index.to_numpy().tolist()]
        assert read.row_ids.tolist() == expected
        assert found.to_arrow().num_rows == 24


def test_numbers_are_kept_after_a_filter():
    found = explain(FRAME[FRAME.b == 2])
    assert found.to_dict()["row_id"].tolist() == [2, 2, 7, 7]


@pytest.mark.parametrize(
    "rows",
    [pl.DataFrame(FRAME.to_dict("list")), FRAME.to_numpy(), FRAME.to_numpy().tolist()],
    ids=["polars", "array", "list"],
)
def test_rows_without_names_are_counted(rows):
    explainer = lime_jax.TabularExplainer().fit(rows)
    found = explainer.explain(rows, lambda batch: np.asarray(batch)[:, 0], num_samples=64)
    assert found.row_ids.tolist() == list(range(12))
    assert found[4:6].to_dict()["row_id"].tolist() == [4, 4, 5, 5]
    parts = [
        explainer.explain(rows[k : k + 4], lambda batch: np.asarray(batch)[:, 0]) for k in (0, 4)
    ]
    assert lime_jax.concatenate(parts).row_ids.tolist() == list(range(8))


IDS = {
    "text": list("abcdefghijkl"),
    "a series": pd.Series([f"order {k}" for k in range(12)]),
    "days": [datetime.date(2024, 1, 1 + k) for k in range(12)],
    "pairs": [("x", k) for k in range(12)],
    "wide": [2**63 + k for k in range(12)],
    "a range": range(5, 17),
    "polars": pl.Series([f"p{k}" for k in range(12)]),
}


@pytest.mark.parametrize("name", IDS)
def test_given_ids_come_back_as_they_were_given(name):
    ids = IDS[name]
    found = explain(FRAME.set_axis(INDEXES["text"]), ids)
    assert found.row_ids.tolist() == list(ids)
    assert found.to_dict()["row_id"].tolist() == [one for one in ids for _ in "ab"]


def test_an_iterator_of_ids_is_read_once():
    assert explain(FRAME, iter("abcdefghijkl")).row_ids.tolist() == list("abcdefghijkl")


def test_names_are_not_what_random_numbers_come_from():
    plain, named = explain(FRAME), explain(FRAME.set_axis(INDEXES["text"]))
    np.testing.assert_array_equal(plain.key_ids, named.key_ids)
    np.testing.assert_array_equal(plain.coef, named.coef)
    assert plain.key_ids.dtype == np.uint32


def bright(batch):
    return batch.mean((1, 2, 3))


def test_images_are_called_by_their_ids(tmp_path):
    images = np.random.default_rng(0).random((2, 8, 8, 3))
    explainer = lime_jax.ImageExplainer(segmentation="grid", cell_size=4)
    options = dict(num_samples=32, progress=False)
    counted = explainer.explain(images, bright, **options)
    found = explainer.explain(images, bright, row_ids=["cat", "dog"], **options)
    assert counted.row_ids.tolist() == [0, 1]
    assert set(found.to_dict()["row_id"]) == {"cat", "dog"}
    assert repr(found[1]).startswith("Explanation of image dog, ")
    assert "image dog" in found.as_html()
    found.save(tmp_path / "e.npz")
    assert lime_jax.load(tmp_path / "e.npz").row_ids.tolist() == ["cat", "dog"]
    assert explanations_of(rows_table(found)).row_ids.tolist() == ["cat", "dog"]


def test_columns_of_levels_do_not_hide_the_others():
    assert column_names(("label", "year"), ["label"]) == ["row_label", "year"]
    assert column_names(("a", "a"), []) == ["a", "row_a"]


def test_missing_names_stay_missing():
    index = row_index(FRAME.set_axis([None, *"bcdefghijkl"]), 12)
    assert index.ids[1:].tolist() == list("bcdefghijkl")
    assert as_ids([1, None, 2]).tolist() == [1, None, 2]
