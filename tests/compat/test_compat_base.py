"""`LimeBase`, bins and numbers by label, against `lime`'s."""

from __future__ import annotations

import lime.discretize
import lime.lime_base
import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import Lasso

from lime_jax.compat import discretize
from lime_jax.compat.lime_base import LimeBase
from lime_jax.compat.scores import LocalPrediction, Score


def kernel(distances):
    return np.exp(-distances)


@pytest.fixture
def samples(rng):
    data = rng.normal(size=(60, 8))
    labels = data @ rng.normal(size=(8, 2)) + 0.1 * rng.normal(size=(60, 2))
    return data, labels, rng.random(60)


METHODS = ["none", "forward_selection", "highest_weights", "lasso_path", "auto"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [3, 7])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
def test_fits_are_those_of_lime(samples, method, count, is_sparse):
    data, *rest = samples
    data[np.abs(data) < 0.3] = 0
    theirs = lime.lime_base.LimeBase(kernel).explain_instance_with_data(
        data, *rest, 1, count, feature_selection=method
    )
    own = scipy.sparse.csr_matrix(data) if is_sparse else data
    ours = LimeBase(kernel).explain_instance_with_data(
        own, *rest, 1, count, feature_selection=method
    )
    assert [k for k, _ in ours[1]] == [k for k, _ in theirs[1]]
    np.testing.assert_allclose([w for _, w in ours[1]], [w for _, w in theirs[1]], 1e-12, 1e-14)
    for one, other in zip(ours[::2], theirs[::2], strict=True):
        assert one == pytest.approx(other, rel=1e-12)
    np.testing.assert_allclose(ours[3], theirs[3], 1e-12)


def test_more_columns_than_samples_are_fitted_as_lime_fits_them(rng):
    data, labels = rng.normal(size=(20, 50)), rng.normal(size=(20, 1))
    ours, theirs = (
        base(kernel).explain_instance_with_data(data, labels, np.zeros(20), 0, 50, "none")
        for base in (LimeBase, lime.lime_base.LimeBase)
    )
    np.testing.assert_allclose(
        sorted(w for _, w in ours[1]), sorted(w for _, w in theirs[1]), 1e-9, 1e-12
    )


def test_columns_that_say_the_same_are_no_matter(rng):
    data = rng.normal(size=(40, 3))
    data = np.concatenate([data, data, np.ones((40, 1))], axis=1)
    labels = data[:, :1] - data[:, 1:2]
    chosen = LimeBase(kernel).forward_selection(data, labels[:, 0], np.ones(40), 6)
    assert sorted(k % 3 for k in chosen[:2].tolist()) == [0, 1]
    assert len(set(chosen.tolist())) == 6


def test_any_regressor_is_fitted(samples):
    ours, theirs = (
        base(kernel).explain_instance_with_data(*samples, 0, 8, model_regressor=Lasso(0.1))
        for base in (LimeBase, lime.lime_base.LimeBase)
    )
    assert ours[1] == [(int(k), float(w)) for k, w in theirs[1]]


def test_an_unknown_selection_is_named(samples):
    with pytest.raises(ValueError, match="`feature_selection`"):
        LimeBase(kernel).explain_instance_with_data(*samples, 0, 3, feature_selection="best")


@pytest.mark.parametrize("name", ["Quartile", "Decile", "Entropy"])
def test_bins_are_those_of_lime(rng, name):
    data = rng.normal(size=(80, 3))
    ours, theirs = (
        getattr(module, f"{name}Discretizer")(
            data, [1], ["a", "b", "c"], labels=data[:, 0] + data[:, 2] > 0, random_state=4
        )
        for module in (discretize, lime.discretize)
    )
    assert ours.names == theirs.names
    assert ours.to_discretize == theirs.to_discretize
    for known in ("means", "stds", "mins", "maxs"):
        for k in (0, 2):
            np.testing.assert_allclose(getattr(ours, known)[k], getattr(theirs, known)[k])
    bins = ours.discretize(data)
    assert np.array_equal(bins, theirs.discretize(data))
    assert np.array_equal(ours.discretize(data[5]), theirs.discretize(data)[5])
    np.testing.assert_allclose(ours.undiscretize(bins), theirs.undiscretize(bins))


def test_a_bin_of_one_number_is_that_number():
    data = np.full((9, 1), 5.0)
    constant = discretize.QuartileDiscretizer(data, [], ["a"])
    assert constant.undiscretize(constant.discretize(data)).tolist() == data.tolist()


def test_bins_of_somebody_else(rng):
    class Halves(discretize.BaseDiscretizer):
        def bins(self, data, labels):
            return [np.array([0.0]) for _ in self.to_discretize]

    data = rng.normal(size=(20, 2))
    assert Halves(data, [], ["a", "b"]).names[1] == ["b <= 0.00", "b > 0.00"]
    with pytest.raises(NotImplementedError, match="`bins`"):
        discretize.BaseDiscretizer(data, [], ["a", "b"])


def test_scores_are_numbers_and_tables():
    score = Score.of({2: 0.5, 0: 0.25})
    assert (score, round(score, 2), f"{score:.2f}", score[2]) == (0.25, 0.25, "0.25", 0.5)
    assert list(score.items()) == [(2, 0.5), (0, 0.25)]
    assert score.get(7, 0.0) == 0.0


def test_local_predictions_are_arrays_and_tables():
    prediction = LocalPrediction.of({1: 0.5, 2: 0.25})
    assert prediction.shape == (1,)
    assert (prediction[0], prediction[1], prediction[2]) == (0.25, 0.5, 0.25)
    assert bool(prediction < 0.3)
    assert (prediction + 1).tolist() == [1.25]
    assert LocalPrediction.of({0: 1.0, 1: 2.0})[0] == 1.0
