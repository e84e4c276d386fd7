"""What a function of a sum says of coalitions by formula is what it says when it is called."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import lime_jax
from lime_jax.tabular import shapley_fits
from tests.house import shapley_of_model

pytestmark = pytest.mark.precision

ROWS = 5
FIELDS = ("coef", "std_error", "intercept", "score", "local_pred", "held_out_score")
NUMBERS, LEVELS = [f"n{k}" for k in range(9)], ["letter", "color", "size"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, len(NUMBERS))), columns=NUMBERS)
    for name, levels in zip(LEVELS, ("abcd", "rgb", "sml"), strict=True):
        frame[name] = rng.choice(list(levels), 200)
    return frame


@pytest.fixture(scope="module")
def target(table):
    return table.n0 - 0.5 * table.n1 + (table.letter == "a") + 0.3 * table.n2


def behind_encoders(model):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(
        make_column_transformer((numbers, NUMBERS), (OneHotEncoder(), LEVELS)), model
    )


def models(target):
    three = np.digitize(target, [-0.5, 0.8])
    return {
        "logistic": (LogisticRegression(), target > 0),
        "three classes": (LogisticRegression(), three),
        "one against the rest": (SGDClassifier(loss="log_loss", random_state=0), three),
        "clipped": (SGDClassifier(loss="modified_huber", random_state=0), target > 0),
        "counts": (PoissonRegressor(), np.exp(target / 2)),
        "log target": (
            TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp),
            np.exp(target),
        ),
    }


KINDS = tuple(models(np.zeros(3)))


def on_host_only(pipeline):
    """The same model as a function of a frame: nothing is known of its inside."""
    call = pipeline.predict_proba if hasattr(pipeline, "predict_proba") else pipeline.predict
    return lambda frame: call(frame)


def explained(table, model, rows, **settings):
    explainer = lime_jax.TabularExplainer("kernel_shap", seed=3, **settings)
    return explainer.fit(table[:30]).explain(rows, model, num_samples=128)


def both(table, pipeline, rows, **settings):
    """Explanations by formula, and by calls of the model for every coalition."""
    models = pipeline, on_host_only(pipeline)
    return [explained(table, model, rows, **settings) for model in models]


def is_not_called(*_):
    raise AssertionError("the model was called for coalitions")


def is_the_same(formula, called, tolerance=2e-6):
    for name in FIELDS:
        ours, theirs = getattr(formula, name), getattr(called, name)
        size = max(1.0, np.abs(called.coef).max())
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * size, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_those_of_calls_for_every_coalition(table, target, kind, monkeypatch):
    model, y = models(target)[kind]
    pipeline = behind_encoders(model).fit(table, y)
    rows = table[100 : 100 + ROWS]
    called = explained(table, on_host_only(pipeline), rows)
    monkeypatch.setattr(shapley_fits.ShapTask, "_sampled", is_not_called)
    formula = explained(table, pipeline, rows)
    assert formula.method == "sampled"
    assert (formula.std_error > 0).any()
    is_the_same(formula, called)


@pytest.mark.parametrize(
    "settings",
    [
        {"link": "logit"},
        {"groups": {"first": ["n0", "letter"], "second": ["n1", "n2"]}},
        {"features": [*NUMBERS[:5], "letter"]},
        {"summarize": 7},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_links_groups_held_columns_and_weights_of_a_background(
    table, target, settings, monkeypatch
):
    pipeline = behind_encoders(LogisticRegression()).fit(table, target > 0)
    rows = table[100 : 100 + ROWS]
    called = explained(table, on_host_only(pipeline), rows, **settings)
    monkeypatch.setattr(shapley_fits.ShapTask, "_sampled", is_not_called)
    formula = explained(table, pipeline, rows, **settings)
    is_the_same(formula, called, 1e-5 if "link" in settings else 2e-6)


def test_of_all_coalitions_they_are_exact(table, target):
    X = table[NUMBERS[:5]].to_numpy()
    model = LogisticRegression().fit(X, target > 0)
    rows = X[50 : 50 + ROWS]
    found = explained(X, model, rows)
    exact, base = shapley_of_model(model.predict_proba, rows, X[:30])
    np.testing.assert_allclose(found.coef, exact, atol=2e-6)
    np.testing.assert_allclose(found.intercept, np.broadcast_to(base, (ROWS, 2)), atol=2e-6)
    assert not found.std_error.any()


def test_a_missing_number_adds_what_its_imputed_value_does(table, target):
    holes = table.copy()
    holes.loc[100:101, "n0"] = np.nan
    holes.loc[3:5, "n1"] = np.nan
    pipeline = behind_encoders(LogisticRegression()).fit(holes, target > 0)
    formula, called = both(holes, pipeline, holes[100 : 100 + ROWS])
    is_the_same(formula, called)


def test_a_level_that_was_never_met_adds_nothing(table, target):
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((StandardScaler(), NUMBERS), (encoder, LEVELS))
    pipeline = make_pipeline(columns, LogisticRegression()).fit(table, target > 0)
    rows = table[100 : 100 + ROWS].copy()
    rows.iloc[1, rows.columns.get_loc("letter")] = "new"
    formula, called = both(table, pipeline, rows)
    is_the_same(formula, called)


def test_numbers_far_from_zero_lose_nothing(table, target):
    far = table.assign(n0=1.7e9 + 20 * table.n0.round(3))
    pipeline = behind_encoders(LogisticRegression()).fit(far, target > 0)
    formula, called = both(far, pipeline, far[100 : 100 + ROWS])
    is_the_same(formula, called)


def test_probabilities_that_differ_by_rounding_are_asked_of_the_model_itself(table, target):
    X = table[NUMBERS].to_numpy()
    model = LogisticRegression().fit(X, target > 0)
    model.intercept_ = model.intercept_ - 25  # all probabilities below 1e-8
    formula, called = both(X, model, X[100 : 100 + ROWS])
    assert 0 < np.abs(called.coef).max() < 1e-6
    np.testing.assert_allclose(
        formula.coef, called.coef, rtol=1e-4, atol=1e-4 * np.abs(called.coef).max()
    )


def test_a_row_is_explained_alike_in_every_batch(table, target):
    pipeline = behind_encoders(LogisticRegression()).fit(table, target > 0)
    explainer = lime_jax.TabularExplainer("kernel_shap").fit(table[:30])
    together = explainer.explain(table[60:120], pipeline, num_samples=128)
    alone = explainer.explain(table[75:76], pipeline, num_samples=128)
    np.testing.assert_allclose(together.coef[15], alone.coef[0], rtol=0, atol=1e-6)


def test_a_link_of_a_link_is_known_as_one(table, monkeypatch):
    X, y = table[NUMBERS].to_numpy(), np.exp(table.n0.to_numpy())
    counts = TransformedTargetRegressor(PoissonRegressor(), func=np.sqrt, inverse_func=np.square)
    model, rows = counts.fit(X, y), X[100 : 100 + ROWS]
    called = explained(X, on_host_only(model), rows)
    monkeypatch.setattr(shapley_fits.ShapTask, "_sampled", is_not_called)
    is_the_same(explained(X, model, rows), called, 1e-5)
