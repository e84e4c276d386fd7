"""A background is all rows, or one real row of each cluster with the weight of the cluster."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans

from lime_jax import TabularExplainer
from lime_jax.tabular.background_rows import learn_background

pytestmark = pytest.mark.precision

X = np.random.default_rng(5).normal(size=(60, 3))
NUMERIC = np.zeros(3, bool)


def rows_of(table):
    return {tuple(row) for row in table.tolist()}


def test_without_a_summary_it_is_the_rows_with_equal_weights():
    background, weights = learn_background(X, NUMERIC)
    np.testing.assert_array_equal(background, X)
    np.testing.assert_allclose(weights, 1 / 60)


def test_weights_add_up_to_1_and_rows_that_count_nothing_are_left_out():
    given = np.tile([0, 1, 3], 20)
    background, weights = learn_background(X, NUMERIC, given)
    np.testing.assert_array_equal(background, X[given > 0])
    np.testing.assert_allclose(weights, given[given > 0] / 80)


@pytest.mark.parametrize("count", [1, 4, 60])
def test_a_summary_is_of_rows_that_exist(count):
    background, weights = learn_background(X, NUMERIC, summarize=count)
    assert len(rows_of(background)) == len(weights) == count
    assert rows_of(background) <= rows_of(X)
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).all()


def test_each_is_the_nearest_to_its_center_and_stands_for_its_cluster():
    scaled = (X - X.mean(0)) / X.std(0)
    clusters = KMeans(4, random_state=7).fit(scaled)
    background, weights = learn_background(X, NUMERIC, summarize=4, seed=7)
    for number, center in enumerate(clusters.cluster_centers_):
        mine = np.flatnonzero(clusters.labels_ == number)
        nearest = mine[((scaled[mine] - center) ** 2).sum(1).argmin()]
        np.testing.assert_array_equal(background[number], X[nearest])
        assert weights[number] == pytest.approx(len(mine) / 60)


def test_units_of_the_columns_do_not_matter():
    units = np.array([1e-3, 1.0, 1e6])
    plain, _ = learn_background(X, NUMERIC, summarize=5)
    scaled, _ = learn_background(X * units + 3, NUMERIC, summarize=5)
    assert rows_of(np.round((scaled - 3) / units, 6)) == rows_of(np.round(plain, 6))


def test_weights_of_rows_are_weights_of_clusters():
    rows = np.array([[0.0], [0.1], [5.0], [5.1], [5.2]])
    given = np.array([1.0, 0.0, 2.0, 2.0, 5.0])
    background, weights = learn_background(rows, np.array([False]), given, summarize=2)
    found = dict(zip(background[:, 0].tolist(), weights.tolist(), strict=True))
    assert found.keys() >= {0.0}  # 0.1 is no part of the background
    assert found[0.0] == pytest.approx(0.1)
    assert sum(found.values()) == pytest.approx(1)


def test_levels_are_as_far_apart_as_they_are_different_not_as_their_codes():
    codes = np.repeat([[0.0], [1.0], [9.0]], [10, 10, 10], axis=0)
    background, weights = learn_background(codes, np.array([True]), summarize=3)
    assert sorted(background[:, 0]) == [0, 1, 9]
    np.testing.assert_allclose(weights, 1 / 3)


def test_missing_numbers_are_a_place_of_their_own():
    rows = np.repeat([[-1.0], [1.0], [np.nan]], [5, 5, 10], axis=0)
    background, weights = learn_background(rows, np.array([False]), summarize=3)
    order = np.argsort(background[:, 0])
    np.testing.assert_array_equal(background[order, 0], [-1, 1, np.nan])
    np.testing.assert_allclose(weights[order], [0.25, 0.25, 0.5])


@pytest.mark.parametrize("column", [np.full(20, 3.0), np.full(20, np.nan)], ids=["same", "missing"])
def test_no_more_rows_than_there_are_different_ones(column):
    background, weights = learn_background(column[:, None], np.array([False]), summarize=5)
    np.testing.assert_array_equal(background, column[:1, None])
    np.testing.assert_allclose(weights, [1.0])


def test_the_seed_decides():
    first, again, other = (learn_background(X, NUMERIC, summarize=15, seed=s)[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert rows_of(first) != rows_of(other)


def test_a_frame_of_anything_can_be_summarized():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "color": rng.choice(["red", "blue"], 40),
            "size": np.where(rng.random(40) < 0.2, np.nan, rng.normal(size=40)),
            "time": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 99, 40), "h"),
        }
    )
    explainer = TabularExplainer("kernel_shap", summarize=5).fit(table)
    calls = []

    def model(frame):
        calls.append(frame)
        return frame["size"].fillna(0).to_numpy() * (frame["color"] == "red").to_numpy()

    explainer.explain(table[:1], model)
    [_, asked] = calls
    assert len(asked) == 5 * 2**3
    taken = asked[-5:] if set(asked[:5]["time"]) == {table["time"][0]} else asked[:5]
    merged = taken.merge(table.drop_duplicates(), how="left", indicator=True)
    assert (merged["_merge"] == "both").all()


REFUSED = [
    (dict(sample_weight=-np.ones(60)), r"`sample_weight`: .*none negative"),
    (dict(sample_weight=np.zeros(60)), r"`sample_weight`: .*not all 0"),
    (dict(sample_weight=np.ones(3)), r"`sample_weight`: expected 60.*got shape \(3,\)"),
    (dict(sample_weight=np.full(60, np.nan)), r"`sample_weight`: expected 60 finite numbers"),
    (dict(summarize=0), r"`summarize`: expected a whole number from 1 to 60, got 0"),
    (dict(summarize=61), r"`summarize`: .*from 1 to 60, got 61"),
    (dict(summarize=2.0), r"`summarize`: .*got 2.0"),
    (dict(summarize=True), r"`summarize`: .*got True"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_is_not_usable_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        learn_background(X, NUMERIC, **options)
