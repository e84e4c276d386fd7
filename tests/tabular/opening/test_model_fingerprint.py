"""The fingerprint of a fitted model: another one for each other content."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.neural_network import MLPRegressor

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
