from functools import partial

import jax
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, RadiusNeighborsRegressor

from lime_jax import as_predict_fn
from lime_jax.models.sklearn import distances

METRICS = [
    {},
    dict(metric="manhattan"),
    dict(metric="chebyshev"),
    dict(metric="minkowski", p=3),
]


@pytest.fixture(scope="module")
def X():
    rows = np.random.default_rng(7).normal(size=(70, 3)) * [1, 2, 0.5]
    return rows.astype(np.float32).astype(np.float64)


@pytest.fixture(scope="module")
def queries():
    rows = np.random.default_rng(8).normal(size=(40, 3)) * [1, 2, 0.5]
    return rows.astype(np.float32).astype(np.float64)


@pytest.fixture(scope="module")
def score(X):
    return X @ [1.0, 0.5, -1.0]


@pytest.fixture(scope="module", params=[2, 3])
def y(request, score):
    return np.digitize(score, np.quantile(score, np.arange(1, request.param) / request.param))


def assert_same_outputs(model, method, rows):
    converted = as_predict_fn(getattr(model, method))
    assert converted.path == "jax", converted.reason
    assert converted.structure is None
    expected = getattr(model, method)(rows).reshape(len(rows), -1)
    close = 1e-10 if jax.config.read("jax_enable_x64") else 1e-5
    scale = max(np.abs(expected).max(), 1.0)
    np.testing.assert_allclose(converted(rows), expected, rtol=0, atol=close * scale)
    return converted


@pytest.mark.parametrize("metric", METRICS, ids=repr)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_a_regression_is_the_mean_of_the_nearest(metric, weights, X, score, queries):
    model = KNeighborsRegressor(4, weights=weights, **metric).fit(X, score)
    assert_same_outputs(model, "predict", queries)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_classes_have_shares_among_the_nearest(weights, X, y, queries):
    model = KNeighborsClassifier(5, weights=weights, metric="manhattan").fit(X, y)
    outputs = assert_same_outputs(model, "predict_proba", queries)(queries)
    assert outputs.shape == (len(queries), len(model.classes_))


@pytest.mark.parametrize("algorithm", ["brute", "kd_tree", "ball_tree"])
def test_the_library_s_way_of_searching_does_not_matter(algorithm, X, y, queries):
    model = KNeighborsClassifier(3, algorithm=algorithm).fit(X, y)
    assert_same_outputs(model, "predict_proba", queries)


def test_several_targets_are_several_outputs(X, score, queries):
    model = KNeighborsRegressor(3).fit(X, np.stack([score, X[:, 0]], axis=1))
    assert assert_same_outputs(model, "predict", queries)(queries).shape == (len(queries), 2)


def test_one_row_and_blocks_of_rows_are_like_many(monkeypatch, X, score, queries):
    model = KNeighborsRegressor(3, weights="distance").fit(X, score)
    assert_same_outputs(model, "predict", queries[:1])
    monkeypatch.setattr(distances, "PAIRS_AT_ONCE", 7 * len(X))  # 7 rows, and 5 at the end
    assert_same_outputs(model, "predict", queries)


def test_points_at_distance_0_are_all_that_counts(X, score):
    twice, values = np.concatenate([X, X[:1]]), np.append(score, score[0] + 1)
    model = KNeighborsRegressor(3, weights="distance").fit(twice, values)
    converted = assert_same_outputs(model, "predict", X)
    assert float(converted(X)[0, 0]) == pytest.approx(score[0] + 0.5, abs=1e-5)


@pytest.mark.parametrize("offset", [0.1, 1e4])
def test_rows_of_the_training_data_are_found_in_float32(offset, X, score):
    far = X + offset  # numbers that float32 does not have
    model = KNeighborsRegressor(3, weights="distance").fit(far, score)
    np.testing.assert_allclose(as_predict_fn(model)(far)[:, 0], score, atol=1e-5)


def test_rows_far_from_0_keep_their_neighbors_in_float32(X, score, queries):
    far, asked = ((rows + 1e4).astype(np.float32).astype(np.float64) for rows in (X, queries))
    model = KNeighborsRegressor(3, weights="distance", algorithm="kd_tree").fit(far, score)
    assert_same_outputs(model, "predict", asked)


def test_the_first_of_equally_near_points_is_nearer():
    model = KNeighborsRegressor(2).fit([[1.0], [-1.0], [1.0], [3.0]], [1.0, 2.0, 4.0, 8.0])
    assert as_predict_fn(model)(np.zeros((1, 1))).tolist() == [[1.5]]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (partial(KNeighborsRegressor, metric="cosine"), "its metric is cosine"),
        (partial(KNeighborsRegressor, metric=lambda a, b: abs(a - b).sum()), "is a function"),
        (partial(KNeighborsRegressor, weights=lambda d: 1 / (1 + d)), "weights are a function"),
        (
            partial(KNeighborsRegressor, metric="minkowski", metric_params=dict(w=np.ones(3))),
            "weights of its own",
        ),
        (RadiusNeighborsRegressor, "RadiusNeighborsRegressor has no JAX form"),
    ],
)
def test_what_is_refused_runs_on_the_host_and_says_why(make, reason, X, score):
    converted = as_predict_fn(make().fit(X, score).predict)
    assert converted.path == "host"
    assert reason in converted.reason


def test_sparse_data_and_several_labels_are_refused(X, score):
    assert "sparse matrix" in as_predict_fn(KNeighborsRegressor().fit(csr_matrix(X), score)).reason
    several = KNeighborsClassifier().fit(X, np.stack([score > 0, score > 1], axis=1))
    assert "it gives a row several labels" in as_predict_fn(several.predict_proba).reason
