import numpy as np
import pytest
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

from lime_jax import as_predict_fn
from tests.house import assert_converts

pytestmark = pytest.mark.precision


@pytest.fixture(scope="module")
def X():
    rows = np.random.default_rng(9).normal(size=(80, 3)) * [1, 2, 0.5] + [0, 1, 0]
    return rows.astype(np.float32).astype(np.float64)


@pytest.fixture(scope="module")
def counts():
    return np.random.default_rng(10).poisson(2, (80, 3)).astype(np.float64)


@pytest.fixture(scope="module", params=[2, 3])
def y(request, X):
    score = X @ [1.0, 0.5, -1.0] + np.random.default_rng(11).normal(size=len(X))
    return np.digitize(score, np.quantile(score, np.arange(1, request.param) / request.param))


def assert_same_outputs(model, method, rows):
    converted = assert_converts(model, method, rows)
    assert converted.structure is None
    assert converted.why_not_exact
    return converted


@pytest.mark.parametrize("offset", [0, 1e4])
def test_gaussian_classes_agree_near_0_and_far_from_it(offset, X, y):
    rows = (X + offset).astype(np.float32).astype(np.float64)
    assert_same_outputs(GaussianNB().fit(rows, y), "predict_proba", rows)


@pytest.mark.parametrize("make", [MultinomialNB, ComplementNB])
def test_classes_of_counts_agree(make, counts, y):
    assert_same_outputs(make().fit(counts, y), "predict_proba", counts)


def test_a_complement_of_one_class_alone_is_certain(counts):
    model = ComplementNB().fit(counts, np.zeros(len(counts)))
    assert_same_outputs(model, "predict_proba", counts)


@pytest.mark.parametrize("binarize", [0.0, 0.1, 2.0, None])
def test_classes_of_flags_agree_also_at_the_threshold(binarize, counts, y):
    rows = np.where(counts == 1, binarize, counts) if binarize else counts
    rows = rows > 1 if binarize is None else rows
    model = BernoulliNB(binarize=binarize).fit(rows, y)
    assert_same_outputs(model, "predict_proba", rows.astype(float))


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
@pytest.mark.parametrize("offset", [0, 1e4])
def test_elliptic_classes_agree_near_0_and_far_from_it(method, offset, X, y):
    rows = (X + offset).astype(np.float32).astype(np.float64)
    model = QuadraticDiscriminantAnalysis(reg_param=0.01).fit(rows, y)
    outputs = assert_same_outputs(model, method, rows)(rows)
    one = method == "decision_function" and len(model.classes_) == 2
    assert outputs.shape[1] == (1 if one else len(model.classes_))


def test_what_is_not_converted_says_so(counts, y):
    converted = as_predict_fn(CategoricalNB().fit(counts, y).predict_proba)
    assert converted.path == "host"
    assert "CategoricalNB has no JAX form" in converted.reason
