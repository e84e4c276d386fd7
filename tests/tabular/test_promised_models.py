"""A model that is promised to stay as it is answers for a shared neighborhood once."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from lime_jax import TabularExplainer, unchanging
from lime_jax.engine import shared
from tests.house import assert_same

X = np.random.default_rng(3).normal(size=(60, 3))
FEW = {"num_samples": 256}


class Counting:
    """A function of rows that counts them; its slope can be changed."""

    def __init__(self):
        self.rows, self.slope = 0, 1.0

    def __call__(self, batch):
        self.rows += len(batch)
        return np.tanh(self.slope * batch).sum(1)


@pytest.fixture
def explainer():
    return TabularExplainer().fit(X)


def test_block_after_block_asks_for_the_samples_once(explainer):
    model = Counting()
    promised = unchanging(model)
    blocks = [explainer.explain(X[k : k + 6], promised, **FEW) for k in range(0, 60, 6)]
    assert model.rows == 60 + 256
    for k, block in enumerate(blocks):
        assert_same(block, explainer.explain(X[6 * k : 6 * k + 6], Counting(), **FEW))


def test_what_it_said_is_laid_out_once(explainer, monkeypatch):
    laid_out, adjust = [], shared.adjust
    monkeypatch.setattr(shared, "adjust", lambda *given: laid_out.append(1) or adjust(*given))
    promised = unchanging(Counting())
    for row in range(3):
        explainer.explain(X[row : row + 1], promised, **FEW)
    assert len(laid_out) == 1
    explainer.explain(X[:1], Counting(), **FEW)
    assert len(laid_out) == 2


def test_as_many_samples_as_needed_build_on_the_first(explainer):
    model = Counting()
    promised = unchanging(model)
    first = explainer.explain(X[:6], promised, num_samples="auto")
    asked = model.rows
    again = explainer.explain(X[:6], promised, num_samples="auto")
    assert model.rows - asked < asked
    assert_same(first, again)


def test_without_a_promise_it_is_asked_each_time(explainer):
    model = Counting()
    before = explainer.explain(X[:4], model, **FEW)
    model.slope = -1.0
    after = explainer.explain(X[:4], model, **FEW)
    np.testing.assert_allclose(after.coef, -before.coef, atol=1e-6)


def test_a_promise_holds_for_its_model_alone(explainer):
    first, second = Counting(), Counting()
    second.slope = -1.0
    one = explainer.explain(X[:4], unchanging(first), **FEW)
    other = explainer.explain(X[:4], unchanging(second), **FEW)
    np.testing.assert_allclose(other.coef, -one.coef, atol=1e-6)
    again = explainer.explain(X[:4], unchanging(second), **FEW)  # a new promise of the same model
    assert second.rows == 2 * (4 + 256)
    assert_same(other, again)


def test_settings_that_change_what_is_asked_are_no_part_of_it(explainer):
    """One of two probabilities, or both; other seeds; other outputs."""
    model = KNeighborsClassifier(5).fit(X, X[:, 0] > 0)
    promised = unchanging(model)
    for options in ({}, {"labels": [0, 1]}, {"labels": [1]}):
        found = explainer.explain(X[:4], promised, **FEW, **options)
        assert found.model_path.startswith("host")
        assert_same(found, TabularExplainer().fit(X).explain(X[:4], model, **FEW, **options))
    other = explainer.set_params(seed=1).explain(X[:4], promised, **FEW)
    assert_same(other, TabularExplainer(seed=1).fit(X).explain(X[:4], model, **FEW))


def test_a_promise_may_be_given_twice():
    promised = unchanging(Counting())
    assert unchanging(promised) is promised
