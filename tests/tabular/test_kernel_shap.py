"""KernelSHAP for tables is the definition of Shapley values, whatever model, table and batch."""

import pickle
import warnings

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from threadpoolctl import threadpool_limits

import lime_jax
from lime_jax import TabularExplainer, jax_predict
from lime_jax.tabular import shapley_fits
from lime_jax.tabular.background_rows import learn_background
from tests import house
from tests.house import ALL_BUT_SCORES, shapley_of_model

pytestmark = pytest.mark.precision

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import shap

RNG = np.random.default_rng(20261121)
X = RNG.integers(-8, 9, (200, 4)) / 4  # quarters: 32 bits hold them, and so do thresholds
BACKGROUND, ROWS = X[:6], X[6:10]
Y = X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + (X[:, 3] > 0.5)
WIDE = RNG.normal(size=(9, 13))
FEW = 64  # of the 8,192 coalitions of 13 columns


def game(v):
    return np.sin(v[:, 0] * v[:, 1]) + v[:, 2] ** 2 * (v[:, 3] > 0) + v[:, 1]


def game_in_jax(v):
    return jnp.sin(v[:, 0] * v[:, 1]) + v[:, 2] ** 2 * (v[:, 3] > 0) + v[:, 1]


def wide_game(v):
    return np.sin(v[:, 0] + v[:, 5]) * v[:, 1] + v[:, 2:].sum(1) + v[:, 3] * v[:, 4]


def two(v):
    p = 1 / (1 + np.exp(-game(v)))
    return np.stack([1 - p, p], axis=1)


def brute_force(predict, rows, background=BACKGROUND, weights=None, groups=None, link=None):
    return shapley_of_model(predict, rows, background, weights, groups, link)


def explain(model=game, rows=ROWS, background=BACKGROUND, weights=None, ask=None, **settings):
    explainer = TabularExplainer("kernel_shap", **settings)
    explainer.fit(background, sample_weight=weights)
    return explainer.explain(rows, model, **(ask or {}))


def assert_same(ours, expected, tolerance=1e-6):
    close = (*ALL_BUT_SCORES, "score")
    equal = ("labels", "key_ids", "values", "samples_used", "prediction")
    house.assert_same(ours, expected, close, equal, tolerance)


def assert_adds_up(explanations, tolerance=2e-6):
    total = explanations.intercept + explanations.coef.sum(-1)
    np.testing.assert_allclose(total, explanations.local_pred, rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads of boosted trees, which wait for each other, are slow where many tests run."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def plain():
    return explain()


@pytest.fixture(scope="module")
def forest():
    return RandomForestRegressor(5, max_depth=4, random_state=0).fit(X, Y)


@pytest.fixture(scope="module")
def wide_forest():
    table = RNG.normal(size=(150, 13)).astype(np.float32)
    return RandomForestClassifier(5, random_state=0).fit(table, wide_game(table) > 0)


@pytest.fixture(scope="module")
def wide():
    return TabularExplainer("kernel_shap").fit(WIDE[:3])


@pytest.fixture(scope="module")
def sampled(wide):
    return wide.explain(WIDE[3:], wide_game, num_samples=FEW)


class TestTheDefinition:
    @pytest.mark.parametrize("kind", ["host", "jax", "converted"])
    def test_all_coalitions_of_any_kind_of_model(self, kind, forest):
        model = {"host": game, "jax": jax_predict(game_in_jax), "converted": forest}[kind]
        predict = forest.predict if kind == "converted" else game
        ours = explain(model, ask=dict(method="sampled"))
        values, expected = brute_force(predict, ROWS)
        np.testing.assert_allclose(ours.coef, values, atol=1e-5)
        np.testing.assert_allclose(ours.intercept, expected, atol=1e-5)
        np.testing.assert_allclose(ours.local_pred[:, 0], predict(ROWS), atol=1e-5)
        np.testing.assert_allclose(ours.prediction[:, 0], predict(ROWS), atol=1e-6)
        assert (ours.std_error == 0).all()
        assert (ours.num_samples, ours.num_replicates, ours.method) == (16, 0, "sampled")
        assert ours.model_path.startswith("host" if kind == "host" else "jax")
        assert ours.algorithm == "kernel_shap"

    def test_eleven_columns_are_enumerated_by_default(self):
        ours = explain(wide_game_of_11, WIDE[3:5, :11], WIDE[:2, :11])
        values, _ = brute_force(wide_game_of_11, WIDE[3:5, :11], WIDE[:2, :11])
        assert ours.num_samples == 2**11
        np.testing.assert_allclose(ours.coef, values, atol=1e-5)

    def test_rows_of_the_background_may_count_unequally(self):
        weights = np.array([1.0, 0.0, 3.0, 0.5, 0.0, 2.0, 0.25, 1.0])
        ours = explain(background=X[:8], weights=weights)
        values, expected = brute_force(game, ROWS, X[:8], weights)
        np.testing.assert_allclose(ours.coef, values, atol=1e-5)
        np.testing.assert_allclose(ours.expected_value, expected, atol=1e-5)

    def test_one_column_and_one_background_row(self):
        ours = explain(lambda v: v[:, 0] ** 2, X[6:10, :1], X[:1, :1])
        expected = X[6:10, 0] ** 2 - X[0, 0] ** 2
        np.testing.assert_allclose(ours.coef[:, 0, 0], expected, atol=1e-6)
        np.testing.assert_allclose(ours.intercept, X[0, 0] ** 2, rtol=1e-6)
        np.testing.assert_allclose(ours.score, 1)
        assert (ours.num_samples, ours.num_replicates) == (2, 0)

    def test_a_summary_is_the_weighted_rows_that_it_takes(self):
        rows, weights = learn_background(X, np.zeros(4, bool), summarize=6, seed=3)
        assert len(rows) == 6
        ours = explain(background=X, summarize=6, seed=3)
        np.testing.assert_allclose(ours.coef, brute_force(game, ROWS, rows, weights)[0], atol=1e-5)

    def test_the_logit_link_is_of_the_mean_probability(self):
        def logit(p):
            return np.log(p) - np.log1p(-p)

        ours = explain(two, link="logit")
        values, expected = brute_force(two, ROWS, link=logit)
        np.testing.assert_allclose(ours.coef, values, atol=2e-5)
        np.testing.assert_allclose(ours.intercept, expected, atol=1e-5)
        np.testing.assert_allclose(ours.local_pred, logit(ours.prediction), atol=1e-5)
        assert_adds_up(ours)

    def test_a_column_that_is_not_read_gets_nothing_and_twins_get_the_same(self):
        ours = explain(lambda v: v[:, 0] * v[:, 1] + v[:, 0] + v[:, 1], [[0.5, 0.5, 2, 1.0]])
        equal = TabularExplainer("kernel_shap").fit(np.stack([X[:6, 0]] * 2 + [X[:6, 1]] * 2, 1))
        twins = equal.explain([[0.5, 0.5, 2, 1.0]], lambda v: np.exp(v[:, 0] * v[:, 1]))
        np.testing.assert_allclose(ours.coef[0, 0, 2:], 0, atol=1e-6)
        assert twins.coef[0, 0, 0] == pytest.approx(twins.coef[0, 0, 1], abs=1e-5)
        assert abs(twins.coef[0, 0, 0]) > 0.01


def wide_game_of_11(v):
    return np.sin(v[:, 0] + v[:, 5]) * v[:, 1] + v[:, 2] * v[:, 3] * v[:, 4] + v[:, 10]


class TestClosedForms:
    def test_trees_are_exact_and_agree_with_interventional_tree_shap(self):
        model = RandomForestClassifier(8, max_depth=5, random_state=0).fit(
            X, np.digitize(Y, [0, 2])
        )
        oracle = shap.TreeExplainer(model, X[:40], feature_perturbation="interventional")
        values = oracle.shap_values(X[40:60], check_additivity=False)
        ours = explain(model, X[40:60], X[:40])
        assert ours.method == "exact"
        assert ours.coef.shape == (20, 3, 4)
        np.testing.assert_allclose(np.moveaxis(ours.coef, 1, 2), values, atol=1e-5)
        np.testing.assert_allclose(ours.intercept[0], oracle.expected_value, atol=1e-5)
        np.testing.assert_allclose(ours.local_pred, ours.prediction, atol=1e-5)
        assert (ours.std_error == 0).all()
        assert (ours.samples_used == 0).all()
        assert_adds_up(ours)

    def test_exact_and_all_coalitions_are_the_same(self, forest):
        exact = explain(forest, groups={"pair": [1, 3]})
        complete = explain(lambda v: forest.predict(v), groups={"pair": [1, 3]})
        assert (exact.method, complete.method) == ("exact", "sampled")
        np.testing.assert_allclose(exact.coef, complete.coef, atol=1e-5)
        np.testing.assert_allclose(exact.intercept, complete.intercept, atol=1e-5)
        assert exact.groups == complete.groups

    def test_a_linear_model_is_slope_times_distance_from_the_mean(self):
        model = LinearRegression().fit(WIDE, WIDE @ np.arange(13) + 0.5)
        weights = np.array([1.0, 2.0, 5.0])
        explainer = TabularExplainer("kernel_shap").fit(WIDE[:3], sample_weight=weights)
        mean = np.average(WIDE[:3], axis=0, weights=weights)
        expected = model.coef_ * (WIDE[3:] - mean)
        exact = explainer.explain(WIDE[3:], model)
        sampled = explainer.explain(WIDE[3:], lambda v: model.predict(v), num_samples=FEW)
        assert (exact.method, sampled.method) == ("exact", "sampled")
        np.testing.assert_allclose(exact.coef[:, 0], expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(sampled.coef[:, 0], expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(sampled.score, 1, atol=1e-5)
        np.testing.assert_allclose(sampled.std_error, 0, atol=1e-4)


class TestSampled:
    def test_within_noise_of_the_truth_and_of_shap(self, wide, sampled):
        truth, expected = brute_force(wide_game, WIDE[3:], WIDE[:3])
        np.testing.assert_allclose(sampled.intercept, expected, atol=1e-5)
        np.testing.assert_allclose(sampled.local_pred[:, 0], wide_game(WIDE[3:]), atol=1e-5)
        error = sampled.coef - truth
        z = np.sqrt((error**2).mean() / (sampled.std_error**2).mean())
        assert 0.3 < z < 1.5
        oracle = shap.KernelExplainer(wide_game, WIDE[:3])
        state = np.random.get_state()  # noqa: NPY002 (shap draws from the global generator)
        np.random.seed(0)  # noqa: NPY002
        theirs = oracle.shap_values(WIDE[3:], nsamples=FEW, l1_reg=False, silent=True)
        np.random.set_state(state)  # noqa: NPY002
        noise = np.sqrt(((theirs - truth[:, 0]) ** 2).mean())
        assert np.sqrt((error**2).mean()) < 1.1 * noise
        assert noise < 6 * np.sqrt((sampled.std_error**2).mean())

    def test_it_adds_up_and_says_what_it_took(self, sampled):
        assert_adds_up(sampled)
        assert sampled.num_samples == FEW
        assert (sampled.samples_used == FEW).all()
        assert (sampled.effective_samples == FEW).all()
        assert sampled.num_replicates == FEW // 2  # complementary pairs
        assert (sampled.std_error > 0).all()
        assert (sampled.held_out_score <= sampled.score + 1e-6).all()
        assert np.isnan(sampled.kernel_width)

    def test_a_device_model_is_asked_the_same_coalitions(self, wide, sampled):
        @jax_predict
        def in_jax(v):
            return jnp.sin(v[:, 0] + v[:, 5]) * v[:, 1] + v[:, 2:].sum(1) + v[:, 3] * v[:, 4]

        ours = wide.explain(WIDE[3:], in_jax, num_samples=FEW)
        np.testing.assert_allclose(ours.coef, sampled.coef, atol=2e-5)
        np.testing.assert_allclose(ours.std_error, sampled.std_error, atol=2e-5)

    @pytest.mark.parametrize(
        "index",
        [[2], slice(1, 4), [5, 0, 3, 4, 1, 2], [1, 1]],
        ids=["one", "slice", "any", "twice"],
    )
    def test_a_row_is_the_same_whatever_is_around_it(self, wide, sampled, index):
        ours = wide.explain(WIDE[3:][index], wide_game, num_samples=FEW)
        assert_same(ours, sampled[index])

    @pytest.mark.parametrize("batch_size", [1, 100])
    def test_the_batch_size_is_nobodys_business(self, wide, sampled, batch_size):
        sizes = []

        def spy(v):
            sizes.append(len(v))
            return wide_game(v)

        ours = wide.explain(WIDE[3:5], spy, num_samples=FEW, batch_size=batch_size)
        assert_same(ours, sampled[:2])
        assert max(sizes) <= batch_size
        assert sum(sizes) == 2 + 2 * FEW * 3

    def test_row_ids_are_names_only(self, wide, sampled):
        ours = wide.explain(WIDE[3:], wide_game, num_samples=FEW, row_ids=list("abcdef"))
        np.testing.assert_array_equal(ours.coef, sampled.coef)
        assert (ours.key_ids != sampled.key_ids).all()

    def test_another_seed_is_other_coalitions(self, sampled):
        other = explain(wide_game, WIDE[3:], WIDE[:3], ask=dict(num_samples=FEW), seed=1)
        difference = np.abs(other.coef - sampled.coef)
        assert 1e-3 < difference.max() < 8 * sampled.std_error.max()

    def test_two_probabilities_are_mirror_images(self):
        ours = explain(two)
        np.testing.assert_array_equal(ours.coef[:, 0], -ours.coef[:, 1])
        np.testing.assert_allclose(ours.coef, brute_force(two, ROWS)[0], atol=1e-5)
        np.testing.assert_allclose(ours.local_pred, ours.prediction, atol=1e-6)
        assert_adds_up(ours)


class TestCoalitionsOfTrees:
    """A sum of trees need not be called: what it says of coalitions is a formula."""

    @pytest.mark.parametrize(
        ("settings", "ask"),
        [
            ({}, dict(labels=[0, 1])),
            (dict(link="logit"), dict(top_labels=1)),
            (dict(groups=[[0, 1]], features=list(range(12))), {}),
        ],
        ids=["both-classes", "log-odds-of-the-top-class", "groups-and-a-held-column"],
    )
    def test_it_says_what_it_says_when_it_is_called(self, wide_forest, settings, ask):
        ask = dict(num_samples=FEW, method="sampled", **ask)
        ours, called = (
            explain(model, WIDE[3:], WIDE[:3], [1, 2, 5], ask, **settings)
            for model in (wide_forest, lambda rows: wide_forest.predict_proba(rows))
        )
        assert (ours.method, ours.num_samples) == ("sampled", called.num_samples)
        assert ours.model_path.startswith("jax")
        for name in ("coef", "std_error", "intercept", "local_pred", "score", "held_out_score"):
            np.testing.assert_allclose(
                getattr(ours, name), getattr(called, name), rtol=1e-5, atol=1e-5, err_msg=name
            )
        np.testing.assert_array_equal(ours.labels, called.labels)

    def test_it_is_called_only_where_its_tables_would_be_too_large(self, wide_forest, monkeypatch):
        ask = dict(num_samples=FEW, method="sampled")
        calls = []
        explain_by_calls = shapley_fits.engine.explain
        monkeypatch.setattr(
            shapley_fits.engine,
            "explain",
            lambda work: calls.append(1) or explain_by_calls(work),
        )
        by_formula = explain(wide_forest, WIDE[3:], WIDE[:3], ask=ask)
        assert not calls
        monkeypatch.setattr(shapley_fits, "coalition_game", lambda *given: None)
        by_calls = explain(wide_forest, WIDE[3:], WIDE[:3], ask=ask)
        assert calls
        np.testing.assert_allclose(by_formula.coef, by_calls.coef, atol=1e-5)
        np.testing.assert_allclose(by_formula.std_error, by_calls.std_error, atol=1e-5)

    def test_another_link_or_seed_is_not_what_was_kept(self, wide_forest):
        ask = dict(num_samples=FEW, method="sampled")
        explainer = TabularExplainer("kernel_shap").fit(WIDE[:3])
        for changed in ({}, dict(seed=1), dict(link="logit"), {}):
            explainer.set_params(seed=0, link="identity").set_params(**changed)
            kept = explainer.explain(WIDE[3:5], wide_forest, **ask)
            fresh = explain(wide_forest, WIDE[3:5], WIDE[:3], ask=ask, **changed)
            np.testing.assert_array_equal(kept.coef, fresh.coef)


class TestPlayers:
    def test_columns_of_a_group_play_together(self):
        ours = explain(groups={"pair": [1, 3]})
        values, _ = brute_force(game, ROWS, groups=[0, 1, 2, 1])
        assert ours.feature_names == ("0", "pair", "2")
        assert ours.groups == (("0",), ("1", "3"), ("2",))
        np.testing.assert_allclose(ours.coef, values, atol=1e-5)
        assert ours.condition(0, 0) == f"0 = {ROWS[0, 0]:.2f}"
        assert ours.condition(0, 1) == "pair"
        assert ours.value(0, 1) == ""
        lists = explain(groups=[[3, 1]])
        assert lists.feature_names == ("0", "1 & 3", "2")
        np.testing.assert_array_equal(lists.coef, ours.coef)

    def test_one_hot_columns_of_a_frame(self):
        color, size = RNG.choice(["red", "blue"], 30), RNG.normal(size=(2, 30))
        table = pd.get_dummies(pd.DataFrame({"color": color, "size": size[0], "weight": size[1]}))
        parts = ["color_red", "color_blue"]

        def model(frame):
            return np.asarray(frame["color_red"] * frame["size"] - 2.0 * frame["color_blue"])

        ours = explain(model, table[:3], table[10:16], groups={"color": parts})
        assert ours.feature_names == ("size", "weight", "color")
        values, _ = brute_force(
            lambda v: model(pd.DataFrame(v, columns=table.columns)),
            table[:3].to_numpy(np.float64),
            table[10:16].to_numpy(np.float64),
            groups=[0, 1, 2, 2],
        )
        np.testing.assert_allclose(ours.coef, values, atol=1e-5)

    def test_held_columns_keep_the_rows_values(self):
        ours = explain(features=[0, 1, 3])
        values, expected = brute_force(game, ROWS, groups=[0, 1, -1, 2])
        assert ours.feature_names == ("0", "1", "3")
        np.testing.assert_allclose(ours.coef, values, atol=1e-5)
        np.testing.assert_allclose(ours.intercept, expected, atol=1e-5)
        np.testing.assert_array_equal(ours.values, ROWS[:, [0, 1, 3]])


class TestOutputs:
    def test_several_outputs_and_some_of_them(self):
        def three(v):
            return np.stack([game(v), v[:, 0], v[:, 1] * v[:, 2]], axis=1)

        every = explain(three, class_names=["a", "b", "c"])
        np.testing.assert_allclose(every.coef, brute_force(three, ROWS)[0], atol=1e-5)
        assert every.output_kind == "value"
        one = explain(three, class_names=["a", "b", "c"], ask=dict(labels=["c"]))
        np.testing.assert_array_equal(one.labels, [[2]] * 4)
        np.testing.assert_allclose(one.coef, every.coef[:, 2:], atol=1e-6)
        top = explain(three, ask=dict(top_labels=1))
        highest = three(ROWS).argmax(1)
        np.testing.assert_array_equal(top.labels[:, 0], highest)
        np.testing.assert_allclose(top.coef[:, 0], every.coef[np.arange(4), highest], atol=1e-6)

    def test_a_model_may_return_one_axis_in_few_bits(self, plain):
        ours = explain(lambda v: game(v).astype(np.float32))
        np.testing.assert_allclose(ours.coef, plain.coef, atol=1e-5)

    @pytest.mark.parametrize("ask", [{}, dict(labels=[0])])
    def test_no_rows(self, ask):
        none = explain(rows=X[:0], groups={"pair": [1, 3]}, ask=ask)
        assert none.coef.shape == none.std_error.shape == (0, 1, 3)
        assert none.values.shape == none.support.shape == (0, 3)
        assert len(none.to_pandas()) == 0
        page = none.as_html()
        assert "KernelSHAP" in page
        assert "Which features matter most" not in page


def mixed(rows):
    rng = np.random.default_rng(rows)
    size = rng.integers(-8, 9, rows) / 4
    size[::5] = np.nan
    color = np.array(["blue", "green", "red", None], object)[np.arange(rows) % 4]
    return {"size": size, "color": color, "sure": rng.integers(0, 2, rows).astype(bool)}


LIBRARIES = {
    "pandas": lambda columns: pd.DataFrame(columns),
    "category": lambda columns: pd.DataFrame(columns).astype({"color": "category"}),
    "polars": lambda columns: pl.DataFrame({**columns, "color": columns["color"].tolist()}),
}


def of_mixed(table):
    """Reads text, as it is, and counts what it does not know."""
    size = np.nan_to_num(np.array(table["size"], np.float64))
    worth = {"red": 2.0, "green": -1.0, "pink": 7.0}
    color = np.array([worth.get(name, 0.5) for name in list(table["color"])])
    return size * color + np.array(table["sure"], np.float64)


def by_hand(rows, background):
    """The same by the definition, on numbered rows: 3 players."""
    both = {name: [*rows[name], *background[name]] for name in rows}
    count, numbers = len(rows["size"]), np.arange(len(both["size"]))

    def predict(v):
        picked = {name: [both[name][int(i)] for i in v[:, k]] for k, name in enumerate(both)}
        return of_mixed(pd.DataFrame(picked))

    table = np.stack([numbers] * 3, axis=1).astype(float)
    return brute_force(predict, table[:count], table[count:])[0]


class TestTables:
    @pytest.mark.parametrize("library", LIBRARIES)
    def test_text_missing_values_and_flags(self, library):
        make, rows, background = LIBRARIES[library], mixed(4), mixed(8)
        ours = explain(of_mixed, make(rows), make(background))
        np.testing.assert_allclose(ours.coef, by_hand(rows, background), atol=1e-5)
        assert ours[0].explanations.condition(0, 0) == "size = missing"
        assert ours.condition(3, 1) == "color = missing"
        assert ours.condition(1, 1) == "color = green"

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_a_host_model_gets_the_rows_own_level_where_the_background_lacks_it(self, library):
        make, rows, background = LIBRARIES[library], mixed(4), mixed(8)
        rows["color"][2] = "pink"
        ours = explain(of_mixed, make(rows), make(background))
        np.testing.assert_allclose(ours.coef, by_hand(rows, background), atol=1e-5)
        assert ours.condition(2, 1) == "color = pink"
        np.testing.assert_allclose(ours.local_pred, ours.prediction, atol=1e-6)

    def test_levels_of_trees_are_exact(self):
        table = pd.DataFrame(mixed(120)).astype({"color": "category"})
        model = HistGradientBoostingRegressor(
            max_iter=8, min_samples_leaf=5, categorical_features="from_dtype", random_state=0
        )
        model.fit(table, of_mixed(table))
        exact = explain(model, table[:5], table[40:48])
        complete = explain(lambda frame: model.predict(frame), table[:5], table[40:48])
        assert (exact.method, complete.method) == ("exact", "sampled")
        np.testing.assert_allclose(exact.coef, complete.coef, atol=1e-5)
        np.testing.assert_allclose(exact.local_pred, exact.prediction, atol=1e-5)
        assert np.abs(exact.coef[:, 0, 1]).max() > 0.1

    @pytest.mark.parametrize("kind", ["one-hot, linear", "ordinal, forest"])
    def test_a_converted_model_is_asked_about_unseen_levels_in_the_same_way(self, kind):
        encoder = (
            OneHotEncoder(handle_unknown="ignore")
            if kind.startswith("one-hot")
            else OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        )
        last = LinearRegression() if kind.endswith("linear") else RandomForestRegressor(3)
        columns = ColumnTransformer([("levels", encoder, ["color"])], remainder="passthrough")
        table = pd.DataFrame(mixed(60)).fillna({"size": 0.25, "color": "grey"})
        model = make_pipeline(columns, last).fit(table, of_mixed(table))
        rows = table[:3].copy()
        rows.loc[1, "color"] = "pink"
        exact = explain(model, rows, table[40:48])
        host = explain(lambda frame: model.predict(frame), rows, table[40:48])
        assert (exact.method, host.method) == ("exact", "sampled")
        np.testing.assert_allclose(exact.coef, host.coef, atol=1e-5)
        np.testing.assert_allclose(exact.local_pred, exact.prediction, atol=1e-5)
        np.testing.assert_array_equal(exact.std_error, 0)

    def test_numeric_levels_of_a_jax_model_are_their_numbers(self):
        table = X.copy()
        table[:, 3] = np.array([10.0, 20.0, 50.0])[np.arange(200) % 3]
        rows = table[6:10].copy()
        rows[1, 3] = 77.0
        settings = dict(background=table[:6], categorical_features=[3])
        host = explain(lambda v: v[:, 0] * v[:, 3], rows, **settings)
        device = explain(jax_predict(lambda v: v[:, 0] * v[:, 3]), rows, **settings)
        np.testing.assert_allclose(device.coef, host.coef, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(device.prediction, host.prediction)


class TestViews:
    def test_texts_name_the_rows_own_values(self, plain):
        one = plain[1]
        pairs = one.as_list(2)
        order = np.argsort(-np.abs(plain.coef[1, 0]))
        assert pairs == [
            (f"{k} = {ROWS[1, k]:.2f}", pytest.approx(float(plain.coef[1, 0, k])))
            for k in order[:2]
        ]
        assert one.as_map()[0][0] == (order[0], pytest.approx(float(plain.coef[1, 0, order[0]])))
        assert one.intercept == {0: pytest.approx(float(plain.expected_value[1, 0]))}

    def test_the_tidy_table_has_every_player(self):
        table = explain(groups={"pair": [1, 3]}).to_pandas()
        assert len(table) == 4 * 3
        assert table["feature"][:3].tolist() == ["0", "pair", "2"]
        assert table["condition"][:3].tolist() == [
            f"0 = {ROWS[0, 0]:.2f}",
            "pair",
            f"2 = {ROWS[0, 2]:.2f}",
        ]
        assert table["value"][1] == ""
        assert (table["std_error"] == 0).all()

    def test_a_file_keeps_everything(self, tmp_path):
        ours = explain(groups={"pair": [1, 3]})
        ours.save(tmp_path / "e.npz")
        back = lime_jax.load(tmp_path / "e.npz")
        assert_same(back, ours, 0)
        assert (back.algorithm, back.groups) == (ours.algorithm, ours.groups)
        assert back[0].as_list() == ours[0].as_list()
        assert back.as_html() == ours.as_html()

    def test_shap_gets_its_own(self, plain):
        theirs = plain.to_shap()
        np.testing.assert_allclose(theirs.values, plain.coef[:, 0])
        np.testing.assert_allclose(theirs.base_values, plain.intercept[:, 0])
        np.testing.assert_array_equal(theirs.data, ROWS)

    def test_a_picture(self, sampled):
        axes = sampled[0].as_pyplot_figure(3).axes[0]
        assert len(axes.get_yticklabels()) == 3
        assert " = " in axes.get_yticklabels()[0].get_text()

    @pytest.mark.parametrize("which", ["all coalitions", "some", "exact"])
    def test_the_pages_speak_of_shapley_values(self, which, plain, sampled, forest):
        ours = {"all coalitions": plain, "some": sampled}.get(which)
        ours = explain(forest) if ours is None else ours
        for page in (ours[0].as_html(), ours.as_html()):
            assert "Shapley values" in page
            assert "expected value" in page
            for word in ("surrogate", "kernel", "intercept", "effective", "replicates", "nan"):
                assert word not in page.split("</style>")[1], word
        page = ours[0].as_html()
        assert ("estimated" in page) == (which == "some")
        assert ("interval" in page.split("</style>")[1]) == (which == "some")

    def test_weights_behind_a_link_are_said_to_be_log_odds(self):
        page = explain(two, link="logit")[0].as_html()
        assert "log-odds" in page


class TestManners:
    def test_parameters_and_clones(self, plain):
        explainer = TabularExplainer("kernel_shap", link="logit", groups=[[0, 1]], summarize=3)
        assert explainer.get_params()["groups"] == [[0, 1]]
        assert clone(explainer).get_params() == explainer.get_params()
        fitted = TabularExplainer("kernel_shap").fit(BACKGROUND)
        assert_same(clone(fitted).fit(BACKGROUND).explain(ROWS, game), plain, 0)

    def test_a_pickle_explains_the_same(self, plain, forest):
        fitted = TabularExplainer("kernel_shap").fit(BACKGROUND)
        before = len(pickle.dumps(fitted))
        exact = fitted.explain(ROWS, forest)
        assert_same(fitted.explain(ROWS, game), plain, 0)
        assert len(pickle.dumps(fitted)) == before
        other = pickle.loads(pickle.dumps(fitted))
        assert_same(other.explain(ROWS, game), plain, 0)
        assert_same(other.explain(ROWS, forest), exact, 0)

    def test_settings_count_when_they_are_used_but_what_fit_learned_stays(self, plain):
        explainer = TabularExplainer("kernel_shap").fit(BACKGROUND)
        logit = explainer.set_params(link="logit").explain(ROWS, two)
        assert_same(logit, explain(two, link="logit"), 0)
        assert_same(explainer.set_params(link="identity").explain(ROWS, game), plain, 0)
        with pytest.raises(ValueError, match=r"`algorithm`: .*`fit`"):
            explainer.set_params(algorithm="lime").explain(ROWS, game)

    def test_the_same_call_again_is_the_same(self, forest):
        explainer = TabularExplainer("kernel_shap").fit(BACKGROUND)
        first, again = explainer.explain(ROWS, forest), explainer.explain(ROWS, forest)
        assert_same(first, again, 0)
        assert_same(
            explainer.fit(X[20:26]).explain(ROWS, forest), explain(forest, background=X[20:26])
        )

    def test_seconds_of_timestamps_are_not_lost(self):
        times = pd.Timestamp("2026-11-21") + pd.to_timedelta(20 * np.arange(60), "s")
        table = pd.DataFrame({"time": times, "size": X[:60, 0]})
        later = (table["time"] - times[0]).dt.total_seconds() / 300
        model = HistGradientBoostingRegressor(max_iter=10, min_samples_leaf=3)
        numbers = table.assign(time=table["time"].astype("int64") / 1e9)
        model.fit(numbers, later + table["size"])
        truth = explain(lambda table: model.predict(table), numbers[:5], numbers[20:26])
        for method in ("exact", "sampled"):
            ours = explain(model, numbers[:5], numbers[20:26], ask=dict(method=method))
            np.testing.assert_allclose(ours.coef, truth.coef, atol=1e-5)
            np.testing.assert_allclose(ours.local_pred, ours.prediction, atol=1e-5)
        # Nor are they lost where another row is years away.
        years = numbers[20:21].assign(time=1.0)
        rows = pd.concat([numbers[:5], years])
        ours = explain(model, rows, numbers[20:26], ask=dict(method="sampled"))
        np.testing.assert_allclose(ours.coef[:5], truth.coef, atol=1e-5)

    def test_log_odds_need_probabilities_on_all_samples(self):
        explainer = TabularExplainer("kernel_shap", link="logit").fit(np.zeros((3, 2)))
        with pytest.raises(ValueError, match="not all probabilities, which link='logit' needs"):
            explainer.explain(np.ones((1, 2)), lambda t: np.where(t.sum(1) == 2, 0.5, 7.0))

    def test_a_large_background_is_warned_about(self):
        explainer = TabularExplainer("kernel_shap").fit(np.arange(6000.0).reshape(3000, 2))
        with pytest.warns(UserWarning, match="3,000 rows"):
            explainer.explain(np.ones((1, 2)), lambda table: table.sum(1))
