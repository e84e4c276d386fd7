"""The fingerprint of a fitted model: another one for each other content."""

from types import FunctionType

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lime_jax import TabularExplainer
from lime_jax.tabular.opening.fingerprint import fingerprint

X = np.random.default_rng(0).normal(size=(3000, 3))
Y = X[:, 0] * X[:, 1]


def test_the_same_content_has_the_same_one():
    forest = RandomForestRegressor(5, random_state=0).fit(X, Y)
    assert fingerprint(forest, None) == fingerprint(forest, None) is not None


def test_what_is_not_fitted_has_none():
    assert fingerprint(lambda batch: batch[:, 0], None) is None


def test_the_output_belongs_to_it():
    forest = RandomForestRegressor(2, random_state=0).fit(X, Y)
    assert fingerprint(forest, None) != fingerprint(forest, "value")


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.__imul__(-1),
        lambda values: values[[3, 5]].__imul__(-1),
        lambda values: values.__setitem__(1, values[1] + 1e-12),
        lambda values: values.__setitem__(slice(None), values[::-1].copy()),
        lambda values: values.__setitem__(-1, 7.0),
    ],
    ids=["signs", "none", "last digits", "order", "end"],
)
def test_an_array_that_changed_in_place_has_another_one(change, request):
    forest = RandomForestRegressor(2, random_state=0).fit(X, Y)
    before = fingerprint(forest, None)
    values = forest.estimators_[0].tree_.value
    change(values)
    is_same = "none" in request.node.callspec.id  # of a copy
    assert (fingerprint(forest, None) == before) == is_same


def test_two_flipped_signs_are_seen():
    forest = RandomForestRegressor(2, random_state=0).fit(X, Y)
    before, values = fingerprint(forest, None), forest.estimators_[0].tree_.value
    for first in range(0, 60, 2):
        values[first : first + 2] *= -1
        assert fingerprint(forest, None) != before
        values[first : first + 2] *= -1


def test_training_that_goes_on_makes_another_one():
    network = MLPRegressor(hidden_layer_sizes=(4,), max_iter=1, random_state=0)
    network.partial_fit(X, Y)
    before = fingerprint(network, None)
    assert before != fingerprint(network.partial_fit(X, Y), None)


class Fitted:
    """A model that is one array."""

    def __init__(self, array):
        self.array = array

    def fit(self, X, y):
        return self


ARRAYS = {
    "rows": np.arange(6.0).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(12.0)[::2],
    "long": np.arange(10_001.0),
    "long columns": np.asfortranarray(np.arange(10_000.0).reshape(100, 100)),
    "objects": np.array(["a", None, 3], object),
    "dates": np.array(["2020-01-01", "2021-01-01"], "datetime64[D]"),
    "texts": np.array(["a", "bc"]),
    "truths": np.array([True, False]),
    "records": np.zeros(3, [("x", float), ("y", np.int8)]),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_of_all_kinds_are_read(array):
    changed = array.copy(order="K")
    assert fingerprint(Fitted(changed), None) == fingerprint(Fitted(array.copy(order="K")), None)
    before = fingerprint(Fitted(changed), None)
    changed.flat[len(changed.flat) - 1] = array.flat[0]
    if array.dtype.names:
        changed["y"][-1] = 1
    assert fingerprint(Fitted(changed), None) != before is not None


def test_the_same_bytes_of_another_shape_or_type_are_another_model():
    zeros = [np.zeros(6), np.zeros((2, 3)), np.zeros((3, 2)), np.zeros(6, np.int64), np.zeros(0)]
    assert len({fingerprint(Fitted(array), None) for array in zeros}) == len(zeros)


def sums(X):
    return X.sum(1)


def written_again(monkeypatch, name, **body):
    """A class or function of this file as a notebook's next cell would put it in its place."""
    old = globals()[name]
    if isinstance(old, type):
        new = type(name, old.__bases__, {**vars(old), **body})
    else:
        new = FunctionType((lambda X: -X.sum(1)).__code__, globals(), name)
    new.__module__, new.__qualname__ = __name__, name
    monkeypatch.setitem(globals(), name, new)
    return new


class Sums(RegressorMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return X.sum(1)


def test_a_class_that_was_written_again_has_another_one(monkeypatch):
    before, same = fingerprint(Sums().fit(X), None), fingerprint(Sums().fit(X), None)
    assert before == same is not None
    explainer = TabularExplainer().fit(X)
    first = explainer.explain(X[:3], Sums().fit(X), num_samples=256)
    new = written_again(monkeypatch, "Sums", predict=lambda self, X: -X.sum(1))
    assert fingerprint(new().fit(X), None) not in (before, None)
    second = explainer.explain(X[:3], new().fit(X), num_samples=256)
    np.testing.assert_allclose(second.prediction, -first.prediction)
    np.testing.assert_allclose(second.coef, -first.coef, atol=1e-6)


def test_a_function_that_was_written_again_makes_another_one(monkeypatch):
    def pipeline():
        return make_pipeline(FunctionTransformer(globals()["sums"]), FunctionTransformer())

    before, same = (fingerprint(pipeline().fit(X), None) for _ in range(2))
    assert before == same is not None
    written_again(monkeypatch, "sums")
    assert fingerprint(pipeline().fit(X), None) not in (before, None)
