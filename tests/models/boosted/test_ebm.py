"""Explainable boosting machines in JAX: terms as trees, bins for missing values and new levels."""

import copy

import numpy as np
import pandas as pd
import pytest
from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

import lime_jax
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.registry import convert
from tests.house import shapley_of_model
from tests.models.trees.tree_oracle import walk

pytestmark = [
    pytest.mark.precision,
    pytest.mark.filterwarnings("ignore:Missing values detected:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*global explanations:UserWarning"),
]

SMALL = {"outer_bags": 1, "inner_bags": 0, "max_rounds": 30, "max_bins": 16, "n_jobs": 1}
RNG = np.random.default_rng(5)
X = RNG.normal(size=(240, 3)).round(2)
X[RNG.random(240) < 0.1, 0] = np.nan
TARGET = np.nan_to_num(X[:, 0]) + X[:, 1] * X[:, 2] + RNG.normal(size=240) / 3
COLORS = ["red", "lime", "blue"]


def frame():
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    table["color"] = RNG.choice(COLORS, 240)
    table.loc[4:9, "color"] = None
    return table


def fitted(kind, y, table=X, **parameters):
    # With NumPy 2.0 `interpret` would take numbers for levels.
    types = ["continuous"] * 3 + ["nominal"] * (table.shape[1] - 3)
    parameters = {"feature_types": types, **parameters}
    return kind(**SMALL, random_state=1, **parameters).fit(table, y)


def on_the_cuts(model):
    """Rows at, just below and just above each cut of each column, and with missing numbers."""
    rows = [X[:20], np.where(RNG.random((20, 3)) < 0.3, np.nan, X[20:40])]
    for column, by_order in enumerate(model.bins_):
        for cuts in by_order:
            near = np.concatenate([cuts, np.nextafter(cuts, -9), np.nextafter(cuts, 9)])
            some = X[np.arange(len(near)) % len(X)].copy()
            some[:, column] = near
            rows.append(some)
    return np.concatenate(rows)


def assert_equal(model, rows, expected):
    ours = np.asarray(model(rows))
    np.testing.assert_allclose(ours, expected.reshape(ours.shape), rtol=2e-6, atol=2e-6)


def assert_sums(model, rows, expected):
    sums, _ = walk(model.structure, rows)
    np.testing.assert_allclose(sums, expected.reshape(len(rows), -1), rtol=1e-9, atol=1e-12)


KINDS = {
    "two classes": (ExplainableBoostingClassifier, TARGET > 0, {"interactions": 2}),
    "three classes": (ExplainableBoostingClassifier, np.digitize(TARGET, [-1, 1]), {}),
    "numbers": (ExplainableBoostingRegressor, TARGET, {"interactions": [(0, 1, 2), (1, 2)]}),
    "counts": (
        ExplainableBoostingRegressor,
        np.round(np.exp(TARGET / 3)),
        {"objective": "poisson_deviance", "interactions": 1},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_output_is_the_library_s_on_every_cut(kind):
    estimator, y, parameters = KINDS[kind]
    model = fitted(estimator, y, **parameters)
    rows = on_the_cuts(model)
    if estimator is ExplainableBoostingClassifier:
        margin, output = as_predict_fn(model, "margin"), as_predict_fn(model)
        assert_sums(margin, rows, model.decision_function(rows))
        assert_equal(output, rows, model.predict_proba(rows))
        assert "its margin is" in output.why_not_exact
        return
    output = as_predict_fn(model)
    assert output.path == "jax"
    assert_equal(output, rows, model.predict(rows))
    if kind == "numbers":
        assert_sums(output, rows, model.predict(rows))
    else:
        assert output.structure is None


def test_levels_missing_ones_and_new_ones_have_bins():
    table = frame()
    model = fitted(ExplainableBoostingClassifier, TARGET > 0, table, interactions=[("b", "color")])
    explainer = lime_jax.TabularExplainer().fit(table)
    rows = table[:12].copy()
    rows.loc[1, "color"] = "gray"  # which it has not met
    found = explainer.explain(rows, model.decision_function)
    assert found.method == "exact"
    np.testing.assert_allclose(found.prediction[:, 0], model.decision_function(rows), rtol=1e-6)


def test_levels_by_number():
    codes = pd.DataFrame({"a": X[:, 1], "code": RNG.integers(0, 4, 240) * 2})
    types = ["continuous", "nominal"]
    model = fitted(ExplainableBoostingRegressor, TARGET, codes, feature_types=types)
    levels = (0, 2, 4, 6, 9, None)
    converted = convert(model, "predict", RawTable(("a", "code"), (None, levels)))
    rows = np.column_stack([np.repeat(X[:6, 1], 6), np.tile(np.arange(6.0), 6)])
    as_numbers = np.array(levels, object)[rows[:, 1].astype(int)]
    expected = model.predict(pd.DataFrame({"a": rows[:, 0], "code": as_numbers}))
    assert_sums(converted, rows, expected)
    with pytest.raises(NotConvertibleError, match="name it in `categorical_features`"):
        convert(model, "predict", RawTable.of_numbers(2))


def test_lime_and_shapley_values_are_exact():
    model = fitted(ExplainableBoostingRegressor, TARGET, interactions=[(0, 1), (1, 2)])
    known = np.nan_to_num(X)
    rows, background = known[:4], known[10:30]
    shapley = lime_jax.TabularExplainer("kernel_shap").fit(background).explain(rows, model)
    expected, base = shapley_of_model(model.predict, rows, background)
    assert shapley.method == "exact"
    np.testing.assert_allclose(shapley.coef, expected, atol=2e-6)
    np.testing.assert_allclose(shapley.intercept, base, atol=2e-6)
    explainer = lime_jax.TabularExplainer(seed=2).fit(known)
    exact = explainer.explain(rows, model)
    sampled = explainer.explain(rows, lambda Z: model.predict(Z), num_samples=2**14)
    assert exact.method == "exact"
    assert not exact.std_error.any()
    assert (np.abs(exact.coef - sampled.coef) < 5 * sampled.std_error + 1e-6).all()


def test_columns_in_another_order_are_found_by_name():
    table = frame()
    model = fitted(ExplainableBoostingClassifier, TARGET > 0, table, interactions=1)
    turned = table[["color", "c", "a", "b"]]
    found = lime_jax.TabularExplainer().fit(turned).explain(turned[:5], model.decision_function)
    np.testing.assert_allclose(found.prediction[:, 0], model.decision_function(table[:5]))


def test_a_link_that_is_not_known_stays_on_the_host():
    model = copy.copy(fitted(ExplainableBoostingClassifier, TARGET > 0, interactions=0))
    model.link_ = "probit"
    with pytest.raises(NotConvertibleError, match="its link is probit"):
        convert(model, "predict_proba", RawTable.of_numbers(3))
