"""Explanations as Arrow tables: one fixed schema, nothing lost on the way there and back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier

import lime_jax
from lime_jax.results.arrow import (
    LONG_COLUMNS,
    explanations_of,
    long_schema,
    long_table,
    row_schema,
    rows_table,
)
from lime_jax.results.kinds import row_fields
from lime_jax.results.tidy import NUMBERS

FACTS = (
    *("output_names", "conditions", "names", "method", "model_path", "output_kind", "algorithm"),
    *("link", "groups", "num_samples", "num_replicates"),
)


def assert_same(found, expected):
    assert type(found) is type(expected)
    for name in (*row_fields(expected), "row_ids"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        pairs = zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]
        for one, other in pairs:
            assert one.dtype == other.dtype, name
            np.testing.assert_array_equal(one, other, err_msg=name)
    for name in FACTS:
        assert getattr(found, name) == getattr(expected, name), name
    np.testing.assert_equal(found.kernel_width, expected.kernel_width)


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True, as_frame=True)
    return X, RandomForestClassifier(5, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def mixed():
    """Levels, one of them unseen; missing numbers."""
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(
        {
            "size": [1.0, 2.0, np.nan, 4.0] * 5,
            "color": ["red", "blue", None, "red"] * 5,
            "count": np.arange(20),
        }
    )
    rows = X[:6].copy()
    rows.loc[1, "color"] = "green"

    def model(frame):
        return frame["size"].fillna(0) * (frame["color"] == "red") + frame["count"]

    explainer = lime_jax.TabularExplainer().fit(X)
    return explainer.explain(rows, model, num_samples=512, num_features=2)


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    images = [rng.random((24, 32, 3)), rng.integers(0, 255, (16, 16, 3), np.uint8)]

    def model(batch):
        red = batch[..., 0].mean((1, 2))
        return np.stack([red, 1 - red], 1)

    explainer = lime_jax.ImageExplainer(segmentation="grid", cell_size=8)
    return explainer.explain(images, model, num_samples=64)


CASES = {
    "exact": ({}, {}),
    "sampled": ({}, {"method": "sampled", "num_samples": 512}),
    "selected": ({}, {"method": "sampled", "num_samples": 512, "num_features": 3}),
    "top label": ({}, {"top_labels": 1}),
    "Shapley": ({"algorithm": "kernel_shap"}, {}),
    "groups": ({"algorithm": "kernel_shap", "groups": {"first": [0, 1, 2]}}, {}),
    "not discretized": ({"discretizer": None}, {"method": "sampled", "num_samples": 512}),
}


@pytest.fixture(scope="module", params=CASES)
def explanations(request, wine):
    settings, options = CASES[request.param]
    X, model = wine
    return lime_jax.TabularExplainer(**settings).fit(X[::4]).explain(X[:9], model, **options)


def test_there_and_back_nothing_is_lost(explanations):
    table = rows_table(explanations)
    table.validate(full=True)
    assert_same(explanations_of(table), explanations)


def test_some_rows_come_back_as_these_rows(explanations):
    assert_same(explanations_of(rows_table(explanations)[2:5]), explanations[2:5])


def test_levels_and_missing_numbers_come_back(mixed):
    assert_same(explanations_of(rows_table(mixed)), mixed)
    assert rows_table(mixed)["value"][1].as_py()[1] == "green"
    assert rows_table(mixed)["condition"][2].as_py()[0] == "size is missing"


def test_images_come_back_with_their_pixels_and_superpixels(pictures):
    table = rows_table(pictures)
    table.validate(full=True)
    assert_same(explanations_of(table), pictures)
    assert [len(one) for one in table["weight"][1].as_py()] == [4, 4]  # no padding
    assert np.shape(table["superpixels"][1].as_py()) == (16, 16)


def test_no_rows_come_back_as_none(wine):
    X, model = wine
    nothing = lime_jax.TabularExplainer().fit(X).explain(X[:0], model)
    assert_same(explanations_of(rows_table(nothing)), nothing)
    assert len(long_table(nothing)) == 0


def test_the_schema_is_the_same_whatever_was_explained(explanations, mixed, pictures):
    for one in (explanations, mixed):
        assert rows_table(one).schema.remove_metadata() == row_schema()
    assert rows_table(pictures).schema.remove_metadata() == row_schema(kind="image")
    for one in (explanations, mixed, pictures):
        assert long_table(one).schema == long_schema()


def test_the_schema_of_a_row_is_what_the_documentation_says():
    assert row_schema().names[:11] == list(LONG_COLUMNS)
    lists = {"label", "feature", "condition", "value", "intercept", "score", "local_pred"}
    for field in row_schema():
        assert pa.types.is_list(field.type) == (
            field.name in lists | {"weight", "std_error", "prediction"}
            or field.name in {"held_out_score", "label_number", "number", "bin"}
            or field.name in {"variable", "support"}
        )


def test_the_long_table_is_the_tidy_one_with_ids_and_facts(explanations):
    tidy, table = explanations.to_dict(), long_table(explanations)
    for name in ("label", "feature", "condition", "value"):
        assert table[name].to_pylist() == tidy[name].tolist()
    for name in NUMBERS:
        np.testing.assert_array_equal(table[name].to_numpy(), tidy[name])
    rows = tidy["row_id"]
    assert table["row_id"].to_pylist() == rows.tolist()
    number = [explanations.output_names.index(name) for name in tidy["label"]]
    place = [explanations.position(int(r), n) for r, n in zip(rows, number, strict=True)]
    for name in ("intercept", "score", "local_pred"):
        np.testing.assert_array_equal(
            table[name].to_numpy(), getattr(explanations, name)[rows, place]
        )
    np.testing.assert_array_equal(
        table["prediction"].to_numpy(), explanations.prediction[rows, number]
    )


def test_lists_say_the_same_as_the_views(explanations):
    row = rows_table(explanations).slice(3, 1).to_pylist()[0]
    position = int(explanations.shown[3])
    pairs = zip(row["condition"], row["weight"][position], strict=True)
    strongest = explanations[3].as_list(3)
    assert set(strongest) <= set(pairs)
    assert row["label"] == [explanations.output_names[k] for k in explanations.labels[3]]


def test_what_is_not_known_is_null(wine):
    X, model = wine
    options = {"method": "sampled", "num_samples": 512, "num_features": 2}
    table = rows_table(lime_jax.TabularExplainer().fit(X).explain(X[:2], model, **options))
    errors = np.array(table["std_error"].to_pylist(), object)
    assert (errors != None).sum(2).tolist() == [[2, 2, 2], [2, 2, 2]]  # noqa: E711
    assert table["held_out_score"].to_pylist() == [[None] * 3] * 2


@pytest.mark.parametrize(
    ("ids", "expected"),
    {
        "whole numbers": ([5, 7], [5, 7]),
        "unsigned": (np.array([5, 7], np.uint64), [5, 7]),
        "text": (["a", "b"], ["a", "b"]),
        "of both": ([5, "b"], ["5", "b"]),
        "too wide": ([2**63, 1], [str(2**63), "1"]),
    }.values(),
)
def test_ids_are_whole_numbers_or_text(wine, ids, expected):
    X, model = wine
    found = lime_jax.TabularExplainer().fit(X).explain(X[:2], model, row_ids=ids)
    table = rows_table(found, ids)
    assert table["row_id"].to_pylist() == expected
    assert table.schema.field("row_id").type in (pa.int64(), pa.string())


def test_another_table_is_refused():
    with pytest.raises(ValueError, match=r"`table`: expected a table of `rows_table`.*weight"):
        explanations_of(pa.table({"weight": [1.0]}))


def test_a_copy_of_the_facts_is_read_not_the_present_ones(wine):
    X, model = wine
    found = lime_jax.TabularExplainer().fit(X).explain(X[:2], model)
    renamed = dataclasses.replace(found, output_names=("a", "b", "c"))
    assert explanations_of(rows_table(renamed)).output_names == ("a", "b", "c")
    assert rows_table(renamed)["label"][0].as_py() == ["a", "b", "c"]
