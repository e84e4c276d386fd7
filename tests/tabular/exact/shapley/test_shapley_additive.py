"""Shapley values of a sum over columns: what each column adds beyond its mean."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from lime_jax import engine
from lime_jax.models import as_predict_fn
from lime_jax.models.convert.additive_predict import additive_predict
from lime_jax.models.structure import Additive
from lime_jax.tabular.exact.shapley import shapley_form, shapley_tables, shapley_why_not
from tests.house import shapley_of_model

pytestmark = pytest.mark.precision

# Two numeric columns, one of them far from 0, one with missing values, and one of levels.
MODEL = Additive(
    intercept=np.array([0.5, -1.0]),
    shift=np.array([1.0, 1e6, 0.0, 0.0]),
    slope=np.array([[1.0, -0.5], [0.3, 0.0], [-1.0, 0.75], [0.0, 0.0]]),
    missing=np.array([[0, 0], [0, 0], [3.0, -2.0], [0, 0]]),
    level_value=np.array([[1.0, 0.0], [-2.0, 3.0], [0.5, 0.5]]),
    level_offsets=np.array([0, 0, 0, 0, 3], np.int32),
)


def table(rng, rows):
    X = rng.integers(-8, 9, (rows, 4)) / 4.0
    X[:, 1] += 1e6
    X[::3, 2] = np.nan
    X[:, 3] = rng.integers(0, 3, rows)
    return X


def tolerance():
    return dict(rtol=0, atol=1e-9 if jnp.result_type(float) == np.float64 else 2e-6)


def explain(structure, X, background, weights=None, groups=None):
    if weights is None:
        weights = np.full(len(background), 1 / len(background))
    groups = np.arange(structure.num_features) if groups is None else np.asarray(groups)
    players = int(groups.max()) + 1
    tables = shapley_tables(structure, background, weights, groups, players)
    labels = np.tile(np.arange(structure.num_outputs, dtype=np.int32), (len(X), 1))
    rows = engine.Rows(X.astype(jnp.result_type(float)), np.arange(len(X), dtype=np.uint32), labels)
    return engine.explain_exact(shapley_form(tables), rows, None)


def of_columns(X):
    """What each column adds, (rows, outputs, columns)."""
    numbers = [
        np.where(
            np.isnan(X[:, k, None]),
            MODEL.missing[k],
            (X[:, k, None] - MODEL.shift[k]) * MODEL.slope[k],
        )
        for k in range(3)
    ]
    return np.stack([*numbers, MODEL.level_value[X[:, 3].astype(int)]], -1)


@pytest.mark.parametrize("weighted", [False, True])
def test_values_are_what_columns_add_beyond_their_means(rng, weighted):
    X, background = table(rng, 6), table(rng, 9)
    weights = rng.dirichlet(np.ones(9)) if weighted else np.full(9, 1 / 9)
    fit = explain(MODEL, X, background, weights)
    mean = np.einsum("k,koc->oc", weights, of_columns(background))
    np.testing.assert_allclose(fit.coef, of_columns(X) - mean, **tolerance())
    expected = np.tile(MODEL.intercept + mean.sum(-1), (6, 1))
    np.testing.assert_allclose(fit.intercept, expected, **tolerance())
    own = MODEL.intercept + of_columns(X).sum(-1)
    np.testing.assert_allclose(fit.local_pred, own, **tolerance())


@pytest.mark.parametrize("groups", [[0, 1, 1, 0], [1, -1, 0, -1]], ids=["groups", "held columns"])
def test_values_are_the_sum_over_all_coalitions(rng, groups):
    X, background = table(rng, 5), table(rng, 7)
    fit = explain(MODEL, X, background, groups=groups)
    predict = additive_predict(MODEL)
    values, expected = shapley_of_model(predict, X, background, groups=groups)
    np.testing.assert_allclose(fit.coef, values, **tolerance())
    np.testing.assert_allclose(fit.intercept, expected, **tolerance())


def test_a_linear_model_has_its_slopes_times_distances_from_the_mean(rng):
    X = rng.integers(-8, 9, (40, 5)) / 4
    model = LinearRegression().fit(X, X @ [1.0, -2.0, 0.0, 0.5, 3.0])
    structure = as_predict_fn(model).structure
    fit = explain(structure, X[:4], X[10:])
    want = (X[:4] - X[10:].mean(0)) * model.coef_
    np.testing.assert_allclose(fit.coef[:, 0], want, **tolerance())
    assert not fit.std_error.any()
    assert fit.selected.all()


def test_what_the_model_does_not_know_stays_unknown(rng):
    X, background = table(rng, 4), table(rng, 7)
    X[1, 3] = -1
    fit = explain(MODEL, X, background)
    unknown = np.zeros((4, 4), bool)
    unknown[1, 3] = True
    np.testing.assert_array_equal(np.isnan(fit.coef[:, 0]), unknown)


def test_levels_need_a_categorical_column():
    assert shapley_why_not(MODEL, 4, np.arange(4) == 3) == ""
    assert "column 3" in shapley_why_not(MODEL, 4, np.zeros(4, bool))
