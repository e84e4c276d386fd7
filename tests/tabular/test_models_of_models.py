"""Stacks, votes, calibrated classifiers and transformed targets: the library's own, on thresholds
too, and their Shapley values within the errors that they say."""

from __future__ import annotations

import functools

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
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge

import lime_jax
from lime_jax.models.opening import as_predict_fn
from tests.house import shapley_of_model

pytestmark = pytest.mark.precision

COLUMNS, SAMPLES, SEEDS = 12, 128, 2
RNG = np.random.default_rng(3)
X = RNG.integers(-12, 13, (240, COLUMNS)) / 8  # so that thresholds are odd sixteenths
NUMBER = X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + X[:, 3:].sum(1) / 2
TWO, THREE = (NUMBER > 1).astype(int), np.digitize(NUMBER, [0.5, 1.5])
TABLE, ROWS = X[:8], X[100:104]

few = dict(max_depth=3, random_state=0)
boosted = GradientBoostingClassifier(n_estimators=6, **few)
bins = HistGradientBoostingClassifier(max_iter=6, max_depth=3, early_stopping=False)
forest = RandomForestClassifier(4, **few)
values = GradientBoostingRegressor(n_estimators=6, **few)
bin_values = HistGradientBoostingRegressor(max_iter=6, max_depth=3, early_stopping=False)
several = [("a", boosted), ("b", bins), ("c", forest), ("d", LogisticRegression())]
regressors = [("a", values), ("b", bin_values), ("c", Ridge())]

MODELS = {
    "stack": (StackingClassifier(several, cv=2), TWO),
    "stack of three classes": (StackingClassifier(several[:2], cv=2, passthrough=True), THREE),
    "stack of numbers": (StackingRegressor(regressors, Ridge(), cv=2), NUMBER),
    "vote": (VotingClassifier(several, voting="soft", weights=[2, 1, 1, 3]), TWO),
    "vote of numbers": (VotingRegressor(regressors), NUMBER),
    "sigmoid": (CalibratedClassifierCV(bins, cv=2), TWO),
    "isotonic": (CalibratedClassifierCV(forest, method="isotonic", cv=2), TWO),
    "temperature": (CalibratedClassifierCV(boosted, method="temperature", cv=2), THREE),
    "log target": (
        TransformedTargetRegressor(values, func=np.log, inverse_func=np.exp),
        np.exp(NUMBER),
    ),
}


@functools.cache
def fitted(name):
    model, target = MODELS[name]
    return model.fit(X, target)


def predict(model, rows):
    call = model.predict_proba if hasattr(model, "predict_proba") else model.predict
    return call(rows)


@pytest.mark.parametrize("name", MODELS)
def test_on_thresholds_and_next_to_them_it_is_the_librarys_own(name):
    model = fitted(name)
    on_them = (RNG.integers(-12, 12, (60, COLUMNS)) * 2 + 1) / 16
    near = [np.nextafter(on_them, side) for side in (-9, 9)]
    single = on_them.astype(np.float32)
    left, right = (np.nextafter(single, np.float32(side)).astype(float) for side in (-9, 9))
    rows = np.concatenate([left, right, on_them, *near])
    ours = as_predict_fn(model)
    assert ours.path == "jax", ours.reason
    found = np.asarray(ours(rows))
    expected = predict(model, rows)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=2e-5, atol=2e-6)
    of_left, of_right = np.split(expected, 5)[:2]
    assert np.abs(of_left - of_right).max() > 0.01  # thresholds are there


@pytest.mark.parametrize("name", ["stack", "temperature", "log target"])
def test_shapley_values_come_from_coalitions_of_each_background_row(name, monkeypatch):
    model = fitted(name)

    def is_not_asked(*_):
        raise AssertionError("coalitions were shared")

    monkeypatch.setattr("lime_jax.tabular.shapley_background.BackgroundDomain", is_not_asked)
    found = [explained(model, seed) for seed in range(SEEDS)]
    assert all(some.method == "sampled" for some in found)
    assert found[0].model_path.startswith("jax")
    truth, base = shapley_of_model(lambda rows: predict(model, rows), ROWS, TABLE)
    np.testing.assert_allclose(found[0].intercept, base, rtol=2e-5, atol=2e-6)
    error = np.stack([some.coef for some in found]) - truth
    said = np.stack([some.std_error for some in found])
    assert 0.7 < np.sqrt((error**2).mean() / (said**2).mean()) < 1.3


@pytest.mark.parametrize("name", ["stack of numbers", "vote of numbers"])
def test_shapley_values_of_trees_and_lines_are_exact(name):
    model = fitted(name)
    found = explained(model, 0)
    assert found.method == "exact", found.model_path
    truth, base = shapley_of_model(lambda rows: predict(model, rows), ROWS, TABLE)
    np.testing.assert_allclose(found.coef, truth, rtol=2e-5, atol=4e-6)
    np.testing.assert_allclose(found.intercept, base, rtol=2e-5, atol=4e-6)


def test_lime_of_trees_and_lines_is_the_mean_of_what_it_says_of_both():
    model = fitted("vote of numbers")
    explainer = lime_jax.TabularExplainer(discretizer=None).fit(X)
    found, *members = (
        explainer.explain(ROWS, one, score=False) for one in (model, *model.estimators_)
    )
    assert {one.method for one in (found, *members)} == {"exact"}
    for name in ("coef", "intercept", "local_pred"):
        mean = np.mean([getattr(one, name) for one in members], axis=0)
        np.testing.assert_allclose(getattr(found, name), mean, rtol=2e-5, atol=4e-6)
    few = explainer.explain(ROWS, model, num_features=2)
    assert ((few.coef != 0).sum(-1) == 2).all()
    assert ((few.score > 0) & (few.score < 1)).all()


def explained(model, seed):
    explainer = lime_jax.TabularExplainer("kernel_shap", seed=seed).fit(TABLE)
    return explainer.explain(ROWS, model, num_samples=SAMPLES)
