"""What can be asked of a data set's explanations is the same in memory and in files."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

import lime_jax
from lime_jax.results.arrow import LONG_COLUMNS, rows_table
from lime_jax.results.parts import MANIFEST, part_path

SIZE = 7
X = np.random.default_rng(2).normal(size=(19, 3))


@pytest.fixture(scope="module")
def whole():
    explainer = lime_jax.TabularExplainer(feature_names=["a", "b", "c"]).fit(X)
    return explainer.explain(X, lambda X: X[:, :2] * X[:, 2:] + X[:, 1:], num_samples=64)


def stored(explanations, folder):
    """As a job writes them."""
    count = math.ceil(len(explanations) / SIZE)
    for number in range(count):
        rows = np.arange(len(explanations))[number * SIZE : (number + 1) * SIZE]
        table = rows_table(explanations[rows], rows)
        pyarrow.parquet.write_table(table, part_path(folder, number), write_page_checksum=True)
    manifest = {"num_rows": len(explanations), "rows_per_part": SIZE, "num_parts": count}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return lime_jax.load(folder)


@pytest.fixture(scope="module", params=["in memory", "stored"])
def form(request):
    return request.param


@pytest.fixture(scope="module")
def data_set(whole, form, tmp_path_factory):
    return whole if form == "in memory" else stored(whole, tmp_path_factory.mktemp("parts"))


@pytest.fixture(scope="module")
def nothing(whole, form, tmp_path_factory):
    none = whole[:0]
    return none if form == "in memory" else stored(none, tmp_path_factory.mktemp("no_parts"))


def test_groups_and_figures_are_those_of_all_rows(data_set, whole):
    inside = X[:, 0] > 0
    found, expected = data_set.cohorts(inside, 0), whole.cohorts(inside, 0)
    np.testing.assert_array_equal(found.weights.value, expected.weights.value)
    np.testing.assert_array_equal(data_set.stability(2).same, whole.stability(2).same)
    assert data_set.beeswarm_figure().get_label() == whole.beeswarm_figure().get_label()


def test_rows_are_counted_and_taken(data_set, whole):
    assert len(data_set) == len([*data_set]) == 19
    assert data_set[-1].as_list() == whole[18].as_list()
    some = data_set[[11, 3]]
    np.testing.assert_array_equal(some.coef, whole.coef[[11, 3]])
    np.testing.assert_array_equal(data_set[X[:, 0] > 0].coef, whole.coef[X[:, 0] > 0])
    with pytest.raises(IndexError):
        data_set[19]


@pytest.mark.parametrize("label", [None, 1])
def test_importance_is_that_of_all_rows(data_set, whole, label):
    for found, expected in zip(data_set.importance(label), whole.importance(label), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    with pytest.raises(ValueError, match="`label`"):
        data_set.importance(7)


def test_tables_are_those_of_all_rows(data_set, whole):
    pd.testing.assert_frame_equal(data_set.to_pandas(), whole.to_pandas())
    assert data_set.to_arrow().equals(whole.to_arrow())
    assert list(data_set.to_dict()) == list(LONG_COLUMNS)


@pytest.mark.filterwarnings("ignore")  # shap's own
def test_shap_gets_all_rows(data_set, whole):
    np.testing.assert_array_equal(data_set.to_shap(0).values, whole.to_shap(0).values)


def test_a_file_holds_all_rows(data_set, whole, tmp_path):
    data_set.save(tmp_path / "e.npz")
    np.testing.assert_array_equal(lime_jax.load(tmp_path / "e.npz").coef, whole.coef)


def test_pictures_are_those_of_all_rows(data_set, whole):
    for view in ("summary_figure", "heat_map_figure"):
        figures = [getattr(which, view)(max_features=2) for which in (data_set, whole)]
        one, other = (
            [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
            for figure in figures
        )
        assert one == other != []


def test_the_page_is_that_of_all_rows(data_set, whole):
    assert data_set.as_html(rows=[4], title="A") == whole.as_html(rows=[4], title="A")


def test_no_rows_have_no_importance(nothing):
    assert len(nothing) == len([*nothing]) == 0
    with pytest.raises(ValueError, match="expected rows"):
        nothing.importance()
    with pytest.raises(ValueError, match="expected rows"):
        nothing.summary_figure()
