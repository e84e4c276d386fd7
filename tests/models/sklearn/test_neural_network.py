import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from lime_jax import as_predict_fn
from tests.house import assert_converts

pytestmark = pytest.mark.precision

ACTIVATIONS = ["relu", "tanh", "logistic", "identity"]


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(12).normal(size=(60, 3)).astype(np.float32).astype(np.float64)


@pytest.fixture(scope="module")
def score(X):
    return X @ [1.0, 0.5, -1.0]


def fitted(model, X, y):
    with warnings.catch_warnings():  # a network need not be a good one to be the same
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def assert_same_outputs(model, method, rows):
    converted = assert_converts(model, method, rows, tolerance=1e-10)
    assert converted.structure is None
    return converted


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)], ids=str)
def test_a_regression_agrees(activation, hidden, X, score):
    model = MLPRegressor(
        hidden_layer_sizes=hidden, activation=activation, max_iter=5, random_state=0
    )
    assert_same_outputs(fitted(model, X, score), "predict", X)


def test_several_targets_are_several_outputs(X, score):
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0)
    model = fitted(model, X, np.stack([score, X[:, 0]], axis=1))
    assert assert_same_outputs(model, "predict", X)(X).shape == (len(X), 2)


def test_an_exponential_output_is_applied(X, score):
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0)
    model = fitted(model, X, np.exp(score / 4))
    model.out_activation_ = "exp"  # as fitted with loss="poisson", since scikit-learn 1.7
    assert_same_outputs(model, "predict", X)


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_agree(classes, X, score):
    y = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    model = fitted(MLPClassifier(hidden_layer_sizes=(5,), max_iter=5, random_state=0), X, y)
    assert assert_same_outputs(model, "predict_proba", X)(X).shape == (len(X), classes)


def test_several_labels_are_refused(X, score):
    y = np.stack([score > 0, score > 1], axis=1)
    model = fitted(MLPClassifier(hidden_layer_sizes=(5,), max_iter=5, random_state=0), X, y)
    converted = as_predict_fn(model.predict_proba)
    assert converted.path == "host"
    assert "MLPClassifier: it gives a row several labels" in converted.reason
