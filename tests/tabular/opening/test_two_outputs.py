"""Two probabilities that add up to 1 are explained from the second alone."""

import numpy as np
import pytest

import lime_jax
from lime_jax.tabular.opening.two_outputs import NotMirroredError, second_output

pytestmark = pytest.mark.precision

X = np.random.default_rng(0).normal(size=(80, 3))


def probabilities(v):
    p = 1 / (1 + np.exp(-(v[:, 0] * v[:, 1] + v[:, 2])))
    return np.stack([1 - p, p], axis=1)


@pytest.fixture(scope="module")
def explainer():
    return lime_jax.TabularExplainer().fit(X)


@pytest.fixture(scope="module")
def explanations(explainer):
    return explainer.explain(X[:4], probabilities, num_samples=256, num_features=2)


def test_the_first_output_is_the_mirror_image_of_the_second(explanations):
    np.testing.assert_array_equal(explanations.labels, [[0, 1]] * 4)
    np.testing.assert_array_equal(explanations.coef[:, 0], -explanations.coef[:, 1])
    np.testing.assert_allclose(explanations.intercept.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(explanations.local_pred.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(explanations.std_error[:, 0], explanations.std_error[:, 1])


def test_it_is_what_a_fit_of_both_outputs_gives(explainer, explanations, monkeypatch):
    def never(model):
        raise NotMirroredError

    monkeypatch.setattr("lime_jax.tabular.opening.two_outputs.second_output", never)
    both = explainer.explain(X[:4], probabilities, num_samples=256, num_features=2)
    for name in ("coef", "std_error", "intercept", "local_pred", "score"):
        ours, expected = getattr(explanations, name), getattr(both, name)
        np.testing.assert_allclose(ours, expected, atol=1e-5, err_msg=name)


def test_single_labels_and_top_labels_come_with_their_own_sign(explainer, explanations):
    one = explainer.explain(X[:4], probabilities, labels=[0], num_samples=256, num_features=2)
    np.testing.assert_array_equal(one.coef[:, 0], explanations.coef[:, 0])
    top = explainer.explain(X[:4], probabilities, top_labels=1, num_samples=256, num_features=2)
    rows, best = np.arange(4), explanations.prediction.argmax(1)
    np.testing.assert_array_equal(top.coef[:, 0], explanations.coef[rows, best])


def test_outputs_that_do_not_add_up_are_fitted_one_by_one(explainer):
    def sloppy(v):  # adds up on the rows to explain, not on all samples
        p = probabilities(v)
        return p if len(v) < 10 else p * np.where(v[:, :1] > 1, 0.5, 1)

    with pytest.raises(NotMirroredError):
        second_output(sloppy)(np.full((10, 3), 2.0))
    fit = explainer.explain(X[:4], sloppy, num_samples=256)
    assert np.abs(fit.coef[:, 0] + fit.coef[:, 1]).max() > 1e-3
