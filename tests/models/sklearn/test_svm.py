import warnings
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.kernel_ridge import KernelRidge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from lime_jax import as_predict_fn
from lime_jax.models.convert.features import RawTable
from lime_jax.models.sklearn import distances
from lime_jax.models.structure import Additive
from tests.house import assert_converts

pytestmark = pytest.mark.precision

KERNELS = [
    dict(kernel="linear"),
    dict(kernel="rbf", gamma=0.7),
    dict(kernel="poly", degree=2, coef0=0.5, gamma=0.2),
    dict(kernel="sigmoid", gamma=0.05, coef0=-0.1),
]
REGRESSORS = [SVR, NuSVR, partial(KernelRidge, alpha=20.0)]


def fitted(make, X, y):
    with warnings.catch_warnings():  # `probability` is deprecated, models that have it are not gone
        warnings.simplefilter("ignore", FutureWarning)
        return make().fit(X, y)


@pytest.fixture(scope="module")
def X():
    rows = np.random.default_rng(5).normal(size=(80, 3)) * [1, 2, 0.5]
    return rows.astype(np.float32).astype(np.float64)


@pytest.fixture(scope="module")
def score(X):
    return X @ [1.0, 0.5, -1.0] + 0.3 * X[:, 0] ** 2


@pytest.fixture(scope="module", params=[2, 4])
def y(request, score):
    noisy = score + np.random.default_rng(6).normal(size=len(score))
    return np.digitize(noisy, np.quantile(noisy, np.arange(1, request.param) / request.param))


@pytest.mark.parametrize("options", KERNELS, ids=repr)
@pytest.mark.parametrize("make", REGRESSORS)
def test_a_regression_is_a_sum_of_kernels(make, options, X, score):
    converted = assert_converts(make(**options).fit(X, score), "predict", X)
    assert isinstance(converted.structure, Additive) == (options["kernel"] == "linear")


@pytest.mark.parametrize(
    ("shape", "options"), [*(("ovr", k) for k in KERNELS), *(("ovo", k) for k in KERNELS[:2])]
)
def test_margins_are_those_of_classes_or_of_their_pairs(shape, options, X, y):
    model = SVC(decision_function_shape=shape, **options).fit(X, y)
    converted = assert_converts(model, "decision_function", X)
    is_sum = options["kernel"] == "linear" and (shape == "ovo" or len(model.classes_) == 2)
    assert isinstance(converted.structure, Additive) == is_sum
    if is_sum:
        on_host = converted.structure.intercept + X @ converted.structure.slope
        expected = model.decision_function(X).reshape(len(X), -1)
        np.testing.assert_allclose(on_host, expected, rtol=1e-10, atol=1e-10)
    if len(model.classes_) == 2:
        assert converted(X).shape == (len(X), 1)


# Kernels weighted by hundreds, as for nu=0.3, would leave float32 few digits of their sum.
@pytest.mark.parametrize("make", [partial(SVC, C=3.0), partial(NuSVC, nu=0.6)])
def test_probabilities_are_coupled_as_libsvm_does_it(make, X, y):
    model = fitted(partial(make, probability=True, random_state=0), X, y)
    assert_converts(model, "decision_function", X)
    converted = assert_converts(model, "predict_proba", X)
    assert converted(X).shape == (len(X), len(model.classes_))
    assert "output='margin'" in converted.why_not_exact


def test_rows_far_from_0_keep_their_distances_in_float32(X, y):
    far = (X + 1e4).astype(np.float32).astype(np.float64)
    model = SVC(gamma=0.5).fit(far, y)
    assert_converts(model, "decision_function", far)
    ridge = KernelRidge(kernel="rbf", gamma=0.5).fit(far, X[:, 0])
    assert_converts(ridge, "predict", far)


def test_large_and_small_columns_keep_their_distances_in_float32(X, score):
    rows = (X * [1000, 1, 1]).astype(np.float32).astype(np.float64)
    assert_converts(SVR(gamma=0.3).fit(rows, score), "predict", rows)


@pytest.mark.parametrize("kernel", ["rbf", "poly"])
def test_blocks_of_rows_change_nothing(monkeypatch, kernel, X, score):
    monkeypatch.setattr(distances, "PAIRS_AT_ONCE", 7 * len(X))  # 7 rows, and 3 at the end
    assert_converts(KernelRidge(kernel=kernel).fit(X, score), "predict", X)


def test_kernel_ridge_has_as_many_outputs_as_targets(X, score):
    model = KernelRidge(kernel="rbf").fit(X, np.stack([score, -score, X[:, 0]], axis=1))
    assert assert_converts(model, "predict", X)(X).shape == (len(X), 3)


def test_a_class_without_doubt_is_at_libsvm_s_limits(X):
    model = fitted(partial(SVC, probability=True, random_state=0), X, X[:, 0] > 0)
    assert_converts(model, "predict_proba", X * 100)


def test_one_row_is_like_many(X, y):
    model = fitted(partial(SVC, probability=True, random_state=0), X, y)
    assert_converts(model, "predict_proba", X[:1])


def test_a_model_can_be_compiled_and_mapped(X, y):
    model = fitted(partial(SVC, probability=True, random_state=0), X, y)
    converted = as_predict_fn(model.predict_proba)
    batches = jnp.asarray(X.reshape(4, 20, 3))
    outputs = jax.jit(lambda model, batches: jax.vmap(model)(batches))(converted, batches)
    np.testing.assert_allclose(outputs.reshape(len(X), -1), model.predict_proba(X), atol=1e-5)


def test_a_categorical_column_comes_as_codes(X, score):
    levels = (-1.0, 0.25, 30.0)
    codes = np.arange(len(X)) % 3
    table = RawTable(None, (None, levels, None))
    rows, decoded = X.copy(), X.copy()
    rows[:, 1], decoded[:, 1] = codes, np.take(levels, codes)
    model = SVR(gamma=0.1).fit(decoded, score)
    outputs = as_predict_fn(model, table=table)(rows)
    np.testing.assert_allclose(outputs[:, 0], model.predict(decoded), atol=2e-5)


def test_a_sum_of_kernels_has_gradients(X, score):
    model = SVR(gamma=0.5).fit(X, score)
    gradient = jax.grad(lambda row: as_predict_fn(model)(row[None])[0, 0])(jnp.asarray(X[0]))
    step = np.eye(3) * 1e-5
    expected = (model.predict(X[0] + step) - model.predict(X[0] - step)) / 2e-5
    np.testing.assert_allclose(gradient, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "method", "reason"),
    [
        (SVC, "predict_proba", None),
        (partial(KernelRidge, kernel=lambda a, b: a @ b), "predict", "its kernel is a function"),
        (partial(KernelRidge, kernel="laplacian"), "predict", "its kernel is laplacian"),
        (SVC, "predict", "it predicts classes, one column for each"),
        (OneClassSVM, "decision_function", "OneClassSVM has no JAX form"),
    ],
)
def test_what_is_refused_runs_on_the_host_and_says_why(make, method, reason, X, score):
    model = make().fit(X, score > 0)
    if reason is None:
        with pytest.raises(ValueError, match="SVC has no `predict_proba`"):
            as_predict_fn(model, output="probability")
        return
    converted = as_predict_fn(getattr(model, method))
    assert converted.path == "host"
    assert reason in converted.reason


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (SVC(kernel="precomputed"), "kernel"),
        (KernelRidge(kernel="precomputed"), "kernel"),
        (KNeighborsRegressor(metric="precomputed"), "metric"),
    ],
)
def test_a_kernel_that_was_worked_out_before_is_refused(model, word, X, score):
    y = score > 0 if isinstance(model, SVC) else score
    away = np.abs(X[:, None] - X).sum(-1)
    model.fit(away if word == "metric" else X @ X.T, y)
    with pytest.raises(ValueError, match=f"`model`: .* with {word}='precomputed', whose columns"):
        as_predict_fn(model)
    behind = make_pipeline(FunctionTransformer(lambda rows: rows @ X.T), model)
    assert as_predict_fn(behind).path == "host"


@pytest.mark.parametrize(
    ("make", "method"),
    [
        (SVR, "predict"),
        (partial(KernelRidge, kernel="rbf"), "predict"),
        (partial(SVC, kernel="linear"), "decision_function"),
    ],
)
def test_sparse_data_are_refused(make, method, X, score):
    y = score > 0 if method == "decision_function" else score
    reason = as_predict_fn(getattr(make().fit(csr_matrix(X), y), method)).reason
    assert "it was fitted on a sparse matrix" in reason
