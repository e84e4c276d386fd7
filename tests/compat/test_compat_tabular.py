"""Explainers of tables: `lime`'s names and views, our samples, and `lime`'s own where asked."""

from __future__ import annotations

import pickle

import lime.lime_tabular
import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import LinearRegression, LogisticRegression

from lime_jax.compat import discretize
from lime_jax.compat.lime_base import LimeBase
from lime_jax.compat.lime_tabular import LimeTabularExplainer, RecurrentTabularExplainer

COLUMNS = ["age", "color", "hours"]
COLORS = {1: ["red", "green", "blue"]}
KINDS = LimeTabularExplainer, lime.lime_tabular.LimeTabularExplainer


@pytest.fixture(scope="module")
def X():
    random = np.random.default_rng(3)
    colors = random.integers(0, 3, 200)
    return np.stack([random.normal(40, 9, 200), colors, random.gamma(2, 10, 200)], axis=1)


@pytest.fixture(scope="module")
def classifier(X):
    return LogisticRegression(max_iter=500).fit(X / 10, (X[:, 0] + 9 * X[:, 1] > 49))


@pytest.fixture(scope="module")
def model(classifier):
    return lambda rows: classifier.predict_proba(rows / 10)


OPTIONS = dict(
    feature_names=COLUMNS,
    class_names=["no", "yes"],
    categorical_features=[1],
    categorical_names=COLORS,
)


@pytest.mark.parametrize("in_bins", [True, False], ids=["bins", "numbers"])
def test_weights_are_those_of_lime_but_for_the_noise(X, model, in_bins):
    """Both are estimates of the same, each with as much noise as `lime`'s seeds show."""
    options = dict(OPTIONS, discretize_continuous=in_bins)
    ours = LimeTabularExplainer(X, random_state=0, **options).explain_instance(X[4], model)
    theirs = [
        KINDS[1](X, random_state=seed, **options).explain_instance(X[4], model, num_samples=1000)
        for seed in range(6)
    ]
    weights = np.array([[dict(one.local_exp[1])[k] for k in range(3)] for one in theirs])
    own = np.array([dict(ours.local_exp[1])[k] for k in range(3)])
    error = weights.std(0, ddof=1) * np.sqrt(1 / 6 + 1 / 2)
    assert (np.abs(own - weights.mean(0)) < 5 * error + 0.01 * np.abs(own)).all()
    assert ours.as_list()[0][0] == theirs[0].as_list()[0][0]
    assert {name for name, _ in ours.as_list()} == {name for name, _ in theirs[0].as_list()}
    np.testing.assert_allclose(ours.predict_proba, theirs[0].predict_proba)


@pytest.mark.parametrize("in_bins", [True, False], ids=["bins", "numbers"])
@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, {"model_regressor": LinearRegression()}),
        ({}, {"distance_metric": "chebyshev"}),
        ({"kernel": lambda distances, kernel_width: 1 / (1 + distances)}, {}),
    ],
    ids=["a regressor", "a metric", "a kernel"],
)
def test_where_parts_of_others_come_in_the_numbers_are_those_of_lime(
    X, model, in_bins, settings, more
):
    options = {**OPTIONS, **settings, "discretize_continuous": in_bins, "random_state": 8}
    ours, theirs = (
        kind(X, **options).explain_instance(X[4], model, num_samples=200, **more) for kind in KINDS
    )
    assert dict(ours.as_list()) == pytest.approx(dict(theirs.as_list()), abs=1e-10)
    assert ours.intercept[1] == pytest.approx(theirs.intercept[1], abs=1e-10)
    assert ours.score == pytest.approx(theirs.score, abs=1e-10)


@pytest.mark.parametrize("in_bins", [True, False], ids=["bins", "numbers"])
def test_samples_can_be_drawn_as_lime_draws_them(X, in_bins):
    options = dict(OPTIONS, discretize_continuous=in_bins, random_state=1)
    ours, theirs = (
        kind(X, **options)._LimeTabularExplainer__data_inverse(X[2], 50) for kind in KINDS
    )
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other)


def test_a_base_of_ones_own_is_asked(X, model):
    class Loud(LimeBase):
        asked = 0

        def explain_instance_with_data(self, *arguments, **options):
            Loud.asked += 1
            return super().explain_instance_with_data(*arguments, **options)

    explainer = LimeTabularExplainer(X, **OPTIONS)
    explainer.base = Loud(explainer.base.kernel_fn)
    explainer.explain_instance(X[0], model, labels=(0, 1), num_samples=50)
    assert Loud.asked == 2


def test_attributes_are_those_of_lime(X):
    ours, theirs = (kind(X, **OPTIONS) for kind in KINDS)
    assert ours.categorical_features == theirs.categorical_features == [0, 1, 2]
    assert ours.feature_names == theirs.feature_names
    assert ours.discretizer.names == theirs.discretizer.names
    for k in range(3):
        assert ours.feature_values[k] == theirs.feature_values[k]
        np.testing.assert_allclose(ours.feature_frequencies[k], theirs.feature_frequencies[k])
    np.testing.assert_allclose(ours.scaler.mean_, theirs.scaler.mean_)
    np.testing.assert_allclose(ours.scaler.scale_, theirs.scaler.scale_)


def test_many_rows_in_one_call(X, model):
    explainer = LimeTabularExplainer(X, **OPTIONS, random_state=0)
    found = explainer.explain_instances(X[:5], model, num_features=2, top_labels=2)
    assert [len(one.as_list(0)) for one in found] == [2] * 5
    for one, row in zip(found, X, strict=False):
        assert one.top_labels == np.argsort(-model(row[None])[0]).tolist()
        assert one.available_labels() == one.top_labels
        opposite = {name: -weight for name, weight in one.as_list(0)}
        assert opposite == pytest.approx(dict(one.as_list(1)), abs=1e-5)
        assert one.in_result(1, one.local_exp[1][0][0])[1] > 0
        assert one.local_pred[1] == pytest.approx(one.result.local_pred[1])


def test_exact_weights_have_no_noise(X):
    regression = LinearRegression().fit(X, X @ [1.0, 5.0, 0.5])
    options = dict(mode="regression", feature_names=COLUMNS, exact=True)
    one, other = (
        LimeTabularExplainer(X, random_state=seed, **options).explain_instance(
            X[1], regression.predict
        )
        for seed in (0, 1)
    )
    assert one.as_list() == other.as_list()
    assert one.result.method == "exact"


def test_a_regression_has_both_signs(X):
    explainer = LimeTabularExplainer(X, mode="regression", feature_names=COLUMNS, random_state=0)
    found = explainer.explain_instance(X[3], lambda rows: rows[:, :1] * 2)
    assert found.local_exp[0] == [(k, -weight) for k, weight in found.local_exp[1]]
    assert found.intercept[0] == found.intercept[1]
    assert found.predicted_value == 2 * X[3, 0]
    assert found.min_value < found.predicted_value < found.max_value
    assert found.as_list()[0][0].count("age") == 1
    with pytest.raises(NotImplementedError):
        found.available_labels()


def test_bins_of_ones_own(X, model):
    class Halves(discretize.BaseDiscretizer):
        def bins(self, data, labels):
            return [np.array([np.median(data[:, k])]) for k in self.to_discretize]

    explainer = LimeTabularExplainer(
        X, **{**OPTIONS, "discretizer": Halves(X, [1], COLUMNS)}, random_state=0
    )
    names = [name for name, _ in explainer.explain_instance(X[0], model).as_list()]
    assert f"age <= {np.median(X[:, 0]):.2f}" in names or f"age > {np.median(X[:, 0]):.2f}" in names


def test_statistics_in_place_of_rows(X, model):
    whole = LimeTabularExplainer(X, **OPTIONS, random_state=0)
    own = whole.discretizer
    stats = dict(
        means=own.means,
        stds=own.stds,
        mins=own.mins,
        maxs=own.maxs,
        bins={k: own.maxs[k][:-1] for k in own.maxs},
        feature_values=whole.feature_values,
        feature_frequencies=whole.feature_frequencies,
    )
    bare = LimeTabularExplainer(
        np.zeros((2, 3)), **OPTIONS, random_state=0, training_data_stats=stats
    )
    one, other = (each.explain_instance(X[0], model) for each in (whole, bare))
    assert dict(one.as_list()) == pytest.approx(dict(other.as_list()), abs=1e-6)
    with pytest.raises(ValueError, match="`training_data_stats`"):
        LimeTabularExplainer(X, training_data_stats={"means": {}})


def test_sparse_rows_reach_the_model_as_they_are(rng):
    rows = scipy.sparse.random(40, 12, 0.4, format="csr", random_state=0)
    weights = np.arange(12.0)

    def model(batch):
        assert scipy.sparse.issparse(batch)
        return batch @ weights

    explainer = LimeTabularExplainer(rows, mode="regression", random_state=0)
    found = explainer.explain_instance(rows[0], model, num_features=8)
    assert len(found.as_list()) == 8
    held = dict(zip(rows[0].indices.tolist(), rows[0].data.tolist(), strict=True))
    for column, weight in found.local_exp[1]:
        assert weight == pytest.approx(weights[column] * held.get(column, 0), rel=0.05, abs=1e-9)


def test_a_hypercube_is_accepted(X, model):
    found = LimeTabularExplainer(X, **OPTIONS).explain_instance(X[0], model, sampling_method="lhs")
    assert len(found.as_list()) == 3


def test_explainers_can_be_pickled(X, model):
    explainer = LimeTabularExplainer(X, **OPTIONS, random_state=4)
    again = pickle.loads(pickle.dumps(explainer))
    one, other = (each.explain_instance(X[0], model).as_map() for each in (explainer, again))
    assert one == other


@pytest.mark.parametrize(
    ("settings", "more", "named"),
    [
        ({"mode": "regresion"}, {}, "`mode`"),
        ({"discretizer": "thirds"}, {}, "`discretizer`"),
        ({"discretizer": "entropy"}, {}, "`labels`"),
        ({}, {"predict_fn": np.zeros((3, 2))}, "`predict_fn`"),
        ({}, {"labels": ("maybe",)}, "`labels`"),
        ({}, {"num_samples": 0}, "`num_samples`"),
        ({}, {"sampling_method": "sobol"}, "`sampling_method`"),
        ({}, {"data_row": np.zeros(2)}, "`data_row`"),
        ({"class_names": None}, {"predict_fn": lambda rows: rows[:, 0]}, "`predict_fn`"),
    ],
)
def test_bad_arguments_are_named(X, model, settings, more, named):
    with pytest.raises(ValueError, match=named):
        LimeTabularExplainer(X, **{**OPTIONS, **settings}).explain_instance(
            **{"data_row": X[0], "predict_fn": model, **more}
        )


def test_text_in_a_table_is_named():
    with pytest.raises(ValueError, match="`training_data`"):
        LimeTabularExplainer(np.array([["a", "b"]]))


def test_series_are_tables_of_their_steps(rng):
    X = rng.normal(size=(60, 4, 2))
    explainer = RecurrentTabularExplainer(
        X, mode="regression", feature_names=["load", "heat"], random_state=0
    )
    found = explainer.explain_instance(X[0], lambda series: 3 * series[:, -2, 1])
    assert "heat_t-1" in found.as_list()[0][0]
    assert explainer.feature_names[:4] == ["load_t-3", "load_t-2", "load_t-1", "load_t-0"]
    theirs = lime.lime_tabular.RecurrentTabularExplainer(X, feature_names=["load", "heat"])
    assert explainer.feature_names == theirs.feature_names
    with pytest.raises(ValueError, match="`data_row`"):
        explainer.explain_instance(X[0, :3], lambda series: series[:, 0, 0])
    with pytest.raises(ValueError, match="`training_data`"):
        RecurrentTabularExplainer(X[0])


def test_levels_of_a_series_are_those_of_a_feature(rng):
    X = rng.integers(0, 3, (60, 4, 2)).astype(float)
    with pytest.warns(UserWarning, match="all of their steps"):
        explainer = RecurrentTabularExplainer(X, categorical_features=[1], mode="regression")
    assert set(explainer.discretizer.names) == {0, 1, 2, 3}
