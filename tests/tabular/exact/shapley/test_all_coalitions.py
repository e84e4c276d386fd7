"""All coalitions of a function of a sum of trees are what the model says when it is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression

import lime_jax
from lime_jax.tabular import shapley_fits
from lime_jax.tabular.exact.shapley.all_coalitions import TreeMargins
from lime_jax.tabular.exact.shapley.passes import shapley_passes
from lime_jax.tabular.shapley_background import Background
from tests.house import shapley_of_model

pytestmark = pytest.mark.precision

COLUMNS = 6
RNG = np.random.default_rng(5)
X = RNG.integers(-12, 13, (240, COLUMNS)) / 8  # so that thresholds are odd sixteenths
X[:, 4] = RNG.integers(0, 5, 240)
NUMBER = X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + (X[:, 4] == 2) + X[:, 3] / 2
TABLE, ROWS = X[:70], X[100:104]  # more background rows than a word has bits
few: dict[str, Any] = dict(n_estimators=8, max_depth=3, random_state=0)
MODELS = {
    "two classes": (GradientBoostingClassifier(**few), NUMBER > 1),
    "three classes": (GradientBoostingClassifier(**few), np.digitize(NUMBER, [0.5, 1.5])),
    "log target": (
        TransformedTargetRegressor(
            GradientBoostingRegressor(**few), func=np.log, inverse_func=np.exp
        ),
        np.exp(NUMBER),
    ),
    "calibrated": (
        CalibratedClassifierCV(GradientBoostingClassifier(**few), method="isotonic", cv=2),
        NUMBER > 1,
    ),
    "vote": (
        VotingClassifier(
            [
                ("a", GradientBoostingClassifier(**few)),
                ("b", RandomForestClassifier(4, max_depth=3, random_state=0)),
            ],
            voting="soft",
            weights=[2, 1],
        ),
        np.digitize(NUMBER, [0.5, 1.5]),
    ),
    "levels": (
        HistGradientBoostingClassifier(max_iter=8, max_depth=3, categorical_features=[4]),
        NUMBER > 1,
    ),
}


def fitted(name):
    model, target = MODELS[name]
    return model.fit(X, target)


def predict(model, rows):
    return (model.predict_proba if hasattr(model, "predict_proba") else model.predict)(rows)


def explained(model, rows=ROWS, ask=None, weights=None, **settings):
    explainer = lime_jax.TabularExplainer("kernel_shap", **settings)
    return explainer.fit(TABLE, sample_weight=weights).explain(rows, model, **(ask or {}))


@pytest.fixture
def is_not_called(monkeypatch):
    def refuse(*_):
        raise AssertionError("the model was called for coalitions")

    monkeypatch.setattr(shapley_fits.ShapTask, "_sampled", refuse)


@pytest.mark.parametrize("name", MODELS)
def test_values_are_those_of_the_definition(name, is_not_called):
    model = fitted(name)
    rows = ROWS.copy()
    rows[0, :4] = TABLE[3, :4] + 1 / 16  # on thresholds
    settings: dict[str, Any] = {}
    if name == "levels":
        settings = dict(categorical_features=[4])
        rows[1, 0] = np.nan
    found = explained(model, rows, **settings)
    truth, base = shapley_of_model(lambda inputs: predict(model, inputs), rows, TABLE)
    np.testing.assert_allclose(found.coef, truth, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(found.intercept, base, rtol=1e-5)
    assert (found.std_error == 0).all()
    assert (found.method, found.num_samples, found.num_replicates) == ("sampled", 2**COLUMNS, 0)


@pytest.mark.parametrize(
    ("settings", "groups"),
    [
        (dict(groups=[[0, 3], [1, 4]]), [0, 1, 2, 0, 1, 3]),
        (dict(features=[0, 1, 2, 3]), [0, 1, 2, 3, -1, -1]),
        (dict(link="logit"), None),
    ],
    ids=["groups", "held", "logit"],
)
def test_groups_held_columns_links_and_weights(settings, groups, is_not_called):
    model, weights = fitted("two classes"), RNG.integers(0, 4, len(TABLE)) * 1.0
    found = explained(model, weights=weights, **settings)

    def log_odds(p):
        return np.log(p) - np.log1p(-p)

    link = log_odds if "link" in settings else None
    truth, base = shapley_of_model(model.predict_proba, ROWS, TABLE, weights, groups, link)
    if groups is not None:
        numbers = np.asarray(groups)
        truth = truth[..., [numbers[int(names[0])] for names in found.groups]]
    np.testing.assert_allclose(found.coef, truth, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.intercept, base, rtol=1e-5, atol=1e-5)


def test_they_are_those_of_calls_with_their_scores_in_every_batch(monkeypatch):
    model = fitted("two classes")
    found = explained(model, X[80:100], dict(labels=[1]))
    alone = explained(model, X[85:86], dict(labels=[1]))
    np.testing.assert_array_equal(found.coef[5], alone.coef[0])
    monkeypatch.setattr(Background, "lists_all", lambda self, request: False)
    called = explained(model, X[80:100], dict(labels=[1]))
    for name in ("coef", "intercept", "local_pred", "score", "held_out_score"):
        ours, theirs = getattr(found, name), getattr(called, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6, err_msg=name)


def test_thirteen_columns_are_all_asked_by_default_and_fourteen_are_sampled():
    for columns in (13, 14):
        wide = np.tile(X, 3)[:, :columns] + np.arange(columns) / 32
        model = GradientBoostingClassifier(**few).fit(wide, NUMBER > 1)
        explainer = lime_jax.TabularExplainer("kernel_shap").fit(wide[:3])
        found = explainer.explain(wide[100:101], model)
        assert (found.num_samples == 2**13) is (columns == 13)
        assert bool(found.std_error.any()) is (columns == 14)
        total = found.intercept + found.coef.sum(-1)
        np.testing.assert_allclose(total, model.predict_proba(wide[100:101]), atol=2e-6)


def test_margins_are_the_trees_own():
    model = fitted("two classes")
    trees = lime_jax.as_predict_fn(model).converted.linked.structure
    known = TABLE, np.full(len(TABLE), 1 / len(TABLE)), np.arange(COLUMNS), COLUMNS
    found = TreeMargins(shapley_passes(trees, *known))(ROWS)
    code = np.arange(2**COLUMNS)[:, None] >> np.arange(COLUMNS) & 1
    inputs = np.where(code[:, None] == 1, ROWS[:, None, None], TABLE)
    expected = model.decision_function(inputs.reshape(-1, COLUMNS))
    np.testing.assert_allclose(found[..., 0].ravel(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingRegressor(loss="poisson", max_iter=20, random_state=0),
        TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp),
    ],
    ids=["trees", "columns"],
)
def test_outputs_far_from_0_are_those_of_the_host(model):
    rng = np.random.default_rng(0)
    table = rng.integers(-20, 21, (80, 4)) / 8
    model.fit(table, 1e8 + table[:, 0] * table[:, 1] + table[:, 2])
    background, rows = table[:10], table[20:24]
    found = lime_jax.TabularExplainer("kernel_shap").fit(background).explain(rows, model)
    values, _ = shapley_of_model(model.predict, rows, background)
    np.testing.assert_allclose(found.coef[:, 0], values[:, 0], atol=2e-3 * np.ptp(values))
