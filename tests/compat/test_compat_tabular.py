"""Explainers of tables: `lime`'s own numbers row by row, and our samples for many rows."""

from __future__ import annotations

import pickle

import lime.lime_tabular
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from statsmodels.regression.linear_model import WLS

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


def same(ours, theirs):
    """All that explanations of `lime` say."""
    assert list(ours.local_exp) == list(theirs.local_exp)
    for label, pairs in theirs.local_exp.items():
        assert [k for k, _ in ours.local_exp[label]] == [k for k, _ in pairs]
        assert dict(ours.local_exp[label]) == pytest.approx(dict(pairs), rel=1e-9, abs=1e-11)
        assert ours.intercept[label] == pytest.approx(theirs.intercept[label], rel=1e-9)
        names = [name for name, _ in theirs.as_list(label)]
        assert [name for name, _ in ours.as_list(label)] == names
    assert ours.score == pytest.approx(theirs.score, rel=1e-9)
    assert ours.local_pred == pytest.approx(theirs.local_pred, rel=1e-9)


def both(X, settings, ask):
    """The same question to `lime` and to us."""
    return [ask(kind(X, **{**OPTIONS, "random_state": 8, **settings})) for kind in KINDS]


WAYS = {
    "bins": {},
    "deciles": {"discretizer": "decile"},
    "numbers": {"discretize_continuous": False},
    "around": {"discretize_continuous": False, "sample_around_instance": True},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"top_labels": 2, "num_features": 2},
        {"num_features": 1, "distance_metric": "cosine"},
        {"model_regressor": LinearRegression()},
        {"distance_metric": "chebyshev"},
    ],
    ids=["defaults", "selected", "another metric", "a regressor", "a rare metric"],
)
def test_one_row_has_the_numbers_of_lime(X, model, way, more):
    same(*both(X, way, lambda one: one.explain_instance(X[4], model, num_samples=300, **more)))


@pytest.mark.parametrize("selection", ["none", "highest_weights", "lasso_path"])
def test_so_has_every_selection_and_kernel(X, model, selection):
    settings = {
        "feature_selection": selection,
        "kernel": lambda distances, kernel_width: 1 / (1 + distances),
    }
    ask = dict(num_samples=300, num_features=2)
    same(*both(X, settings, lambda one: one.explain_instance(X[4], model, **ask)))


def test_so_has_a_forest_of_many_columns_row_after_row(rng):
    rows = rng.gamma(2, size=(120, 9)) * 10.0 ** np.arange(-4, 5)
    rows[:, 3] = rng.integers(0, 40, 120)  # more levels than are compared one by one
    forest = RandomForestClassifier(8, random_state=0).fit(rows, rows[:, 1] > 0.001)
    settings = {"categorical_features": [3], "categorical_names": None, "feature_names": None}

    def ask(one):
        return [one.explain_instance(row, forest.predict_proba) for row in rows[:3]]

    for ours, theirs in zip(*both(rows, settings, ask), strict=True):
        same(ours, theirs)


def test_so_has_a_regression(X):
    settings = {"mode": "regression"}
    ours, theirs = both(X, settings, lambda one: one.explain_instance(X[3], lambda r: r[:, 0] ** 2))
    same(ours, theirs)
    for name in ("predicted_value", "min_value", "max_value"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name))


def test_a_bin_of_one_number_is_drawn_as_that_number(rng):
    """`lime` puts 0 in its place; here 1 is the least number and most of the column."""
    rows = np.where(rng.random((50, 1)) < 0.6, 1.0, rng.random((50, 1)) + 2)
    found = [kind(rows, random_state=0) for kind in KINDS]
    drawn = [one._LimeTabularExplainer__data_inverse(rows[0], 80)[1][:, 0] for one in found]
    assert rows.min() == drawn[0].min() == 1
    np.testing.assert_allclose(drawn[0][drawn[1] != 0], drawn[1][drawn[1] != 0])
    assert (drawn[0][drawn[1] == 0] == 1).all()


@pytest.mark.parametrize("in_bins", [True, False], ids=["bins", "numbers"])
def test_many_rows_have_weights_of_lime_but_for_the_noise(X, model, in_bins):
    """Both are estimates of the same, each with as much noise as `lime`'s seeds show."""
    options = dict(OPTIONS, discretize_continuous=in_bins)
    ours = LimeTabularExplainer(X, random_state=0, **options).explain_instances(X[4:5], model)[0]
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


class TestErrorBars:
    def test_are_as_wide_as_the_weights_of_seeds_differ(self, X, model):
        found = [
            LimeTabularExplainer(X, random_state=seed, **OPTIONS).explain_instance(
                X[4], model, num_samples=400
            )
            for seed in range(30)
        ]
        weights, errors = (
            np.array([getattr(one.result.explanations, name)[0, 0] for one in found])
            for name in ("coef", "std_error")
        )
        np.testing.assert_allclose(errors.mean(0), weights.std(0, ddof=1), rtol=0.45)

    @pytest.mark.parametrize(
        "more",
        [
            {},
            {"model_regressor": Lasso(0.01)},
            {"distance_metric": "chebyshev"},
            {"num_features": 1},
            {"labels": (0, 1)},
            {"labels": (-1,)},
        ],
    )
    @pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
    def test_are_there_whatever_is_asked(self, X, model, way, more):
        explainer = LimeTabularExplainer(X, **{**OPTIONS, **way})
        found = explainer.explain_instance(X[2], model, num_samples=200, **more)
        for label, pairs in found.local_exp.items():
            place = found.result.explanations.labels[0].tolist().index(label % 2)
            for k, weight in pairs:
                assert found.result.explanations.coef[0, place, k] == weight
                assert found.result.explanations.std_error[0, place, k] > 0
        assert found.result.explanations.effective_samples[0] > 1

    def test_say_what_the_columns_are(self, X, model):
        found = LimeTabularExplainer(X, **OPTIONS, random_state=0).explain_instance(X[2], model)
        named = [(name, pytest.approx(weight)) for name, weight in found.as_list()]
        assert found.result.as_list() == named
        names = dict(zip(COLUMNS, range(3), strict=True))
        assert found.result.explanations.value(0, names["color"]) == COLORS[1][int(X[2, 1])]

    def test_say_what_was_never_met(self, X, model):
        row = np.array([40.0, 2, 9])
        levels = X[X[:, 1] < 2]
        found = LimeTabularExplainer(levels, **OPTIONS).explain_instance(row, model)
        assert found.result.explanations.never_met.tolist() == [[False, True, False]]

    def test_are_those_of_least_squares_where_a_base_is_of_somebody_else(self, X, model):
        class Halved(LimeBase):
            def explain_instance_with_data(self, *arguments, **options):
                found = super().explain_instance_with_data(*arguments, **options)
                return found[0], [(k, weight / 2) for k, weight in found[1]], *found[2:]

        explainer = LimeTabularExplainer(X, **OPTIONS, random_state=0)
        explainer.base = Halved(explainer.base.kernel_fn)
        found = explainer.explain_instance(X[0], model, num_samples=100)
        assert found.in_result(1, 0)[0] == dict(found.local_exp[1])[0]
        assert found.in_result(1, 0)[1] > 0

    def test_of_least_squares_are_whites(self, X, model):
        """statsmodels has them, of the same samples."""
        explainer = LimeTabularExplainer(X, **OPTIONS, random_state=0)
        kept = []

        def watched(rows):
            kept.append(model(rows))
            return kept[-1]

        ask = dict(num_samples=100, model_regressor=LinearRegression())
        found = explainer.explain_instance(X[0], watched, **ask)
        again = LimeTabularExplainer(X, **OPTIONS, random_state=0)
        data, _ = again._LimeTabularExplainer__data_inverse(X[0], 100)
        weights = again.base.kernel_fn(np.sqrt((data == 0).sum(1)))
        fit = WLS(kept[0][:, 1], np.column_stack([np.ones(100), data]), weights).fit(cov_type="HC0")
        errors = [found.in_result(1, k)[1] for k in range(3)]
        np.testing.assert_allclose(errors, fit.bse[1:], rtol=1e-9)

    def test_are_left_out_where_weights_are_not_of_columns(self, X, model):
        class Named(LimeBase):
            def explain_instance_with_data(self, *arguments, **options):
                found = super().explain_instance_with_data(*arguments, **options)
                return found[0], [(COLUMNS[k], weight) for k, weight in found[1]], *found[2:]

        explainer = LimeTabularExplainer(X, **OPTIONS)
        explainer.base = Named(explainer.base.kernel_fn)
        assert explainer.explain_instance(X[0], model, num_samples=100).result is None


def test_a_fitted_model_can_be_handed_over(X, classifier):
    options = dict(OPTIONS, random_state=0)
    one, other = (
        LimeTabularExplainer(X, **options).explain_instance(X[0], said, num_samples=100)
        for said in (classifier, classifier.predict_proba)
    )
    assert one.as_map() == other.as_map()


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


@pytest.mark.parametrize("mode", ["classification", "regression"])
def test_one_series_has_the_numbers_of_lime(rng, mode):
    series = rng.normal(size=(60, 5, 2))
    kinds = RecurrentTabularExplainer, lime.lime_tabular.RecurrentTabularExplainer

    def model(rows):
        assert rows.shape[1:] == (5, 2)
        high = 1 / (1 + np.exp(-rows[:, 1, 0] * rows[:, 4, 1] - rows[:, 0, 0]))
        return high if mode == "regression" else np.stack([1 - high, high], axis=1)

    settings = dict(mode=mode, feature_names=["load", "heat"], random_state=3)
    same(*(kind(series, **settings).explain_instance(series[0], model) for kind in kinds))


def test_levels_of_a_series_are_those_of_a_feature(rng):
    X = rng.integers(0, 3, (60, 4, 2)).astype(float)
    with pytest.warns(UserWarning, match="all of their steps"):
        explainer = RecurrentTabularExplainer(X, categorical_features=[1], mode="regression")
    assert set(explainer.discretizer.names) == {0, 1, 2, 3}
