import warnings
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import dummy, linear_model, svm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lime_jax import as_predict_fn
from lime_jax.models.convert.column_map import Identity
from lime_jax.models.convert.columns import NumberColumn
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import normalized_sigmoids, two_symmetric
from lime_jax.models.registry import convert_on
from lime_jax.models.structure import Additive

pytestmark = pytest.mark.precision

REGRESSORS = [
    partial(linear_model.LinearRegression),
    partial(linear_model.LinearRegression, fit_intercept=False),
    partial(linear_model.Ridge),
    partial(linear_model.RidgeCV),
    partial(linear_model.Lasso, alpha=0.1),
    partial(linear_model.LassoCV, cv=2),
    partial(linear_model.ElasticNet, alpha=0.1),
    partial(linear_model.ElasticNetCV, cv=2),
    partial(linear_model.Lars),
    partial(linear_model.LarsCV, cv=2),
    partial(linear_model.LassoLars, alpha=0.01),
    partial(linear_model.LassoLarsCV, cv=2),
    partial(linear_model.LassoLarsIC),
    partial(linear_model.OrthogonalMatchingPursuit),
    partial(linear_model.OrthogonalMatchingPursuitCV, cv=2),
    partial(linear_model.BayesianRidge),
    partial(linear_model.ARDRegression),
    partial(linear_model.HuberRegressor),
    partial(linear_model.TheilSenRegressor, random_state=0, max_subpopulation=50),
    partial(linear_model.QuantileRegressor, alpha=0.01),
    partial(linear_model.SGDRegressor, random_state=0),
    partial(linear_model.PassiveAggressiveRegressor, random_state=0),
    partial(svm.LinearSVR, random_state=0),
    partial(linear_model.TweedieRegressor, power=0),
]
TARGETS_TOGETHER = [
    partial(linear_model.LinearRegression),
    partial(linear_model.Ridge),
    partial(linear_model.MultiTaskLasso, alpha=0.1),
    partial(linear_model.MultiTaskElasticNet, alpha=0.1),
    partial(linear_model.Lars),
    partial(dummy.DummyRegressor),
]
CLASSIFIERS = [
    partial(linear_model.LogisticRegression),
    partial(linear_model.LogisticRegressionCV, Cs=2, cv=2),
    partial(linear_model.SGDClassifier, random_state=0),
    partial(linear_model.SGDClassifier, loss="log_loss", random_state=0),
    partial(linear_model.SGDClassifier, loss="modified_huber", random_state=0),
    partial(linear_model.Perceptron, random_state=0),
    partial(linear_model.PassiveAggressiveClassifier, random_state=0),
    partial(linear_model.RidgeClassifier),
    partial(linear_model.RidgeClassifierCV),
    partial(svm.LinearSVC, random_state=0),
    partial(LinearDiscriminantAnalysis),
    partial(LinearDiscriminantAnalysis, solver="lsqr", shrinkage="auto"),
]
PROBABILISTIC = [
    *CLASSIFIERS[:2],
    *(c for c in CLASSIFIERS if c.keywords.get("loss") in ("log_loss", "modified_huber")),
    *CLASSIFIERS[-2:],
]


def name_of(make):
    options = ", ".join(f"{name}={value}" for name, value in make.keywords.items())
    return f"{make.func.__name__}({options})"


def fitted(make, X, y):
    with warnings.catch_warnings():  # of deprecated classes, and of few iterations
        warnings.simplefilter("ignore")
        return make().fit(X, y)


@pytest.fixture(scope="module")
def X():
    rows = np.random.default_rng(3).normal(size=(60, 4)) * [1, 3, 0.3, 1] + [0, 1, 0, -2]
    return rows.astype(np.float32).astype(np.float64)  # the same rows in both precisions


@pytest.fixture(scope="module")
def score(X):
    return X @ [1.0, 0.5, -2.0, 0.3] + np.random.default_rng(4).normal(size=len(X))


@pytest.fixture(scope="module", params=[2, 3])
def y(request, score):
    return np.digitize(score, np.quantile(score, np.arange(1, request.param) / request.param))


def expected_of(model, method, rows):
    expected = getattr(model, method)(rows)
    return expected.reshape(len(rows), -1)


def assert_same_outputs(model, method, rows):
    converted = as_predict_fn(getattr(model, method))
    assert converted.path == "jax", converted.reason
    for some in (rows, rows[:1]):
        expected = expected_of(model, method, some)
        outputs = converted(some)
        assert outputs.dtype == jnp.result_type(float)
        tolerance = 1e-10 if jax.config.read("jax_enable_x64") else 1e-5
        scale = max(np.abs(expected).max(), 1.0)
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=tolerance * scale)
    return converted


def assert_sum_over_columns(model, method, rows):
    structure = assert_same_outputs(model, method, rows).structure
    assert isinstance(structure, Additive)
    on_host = structure.intercept + (rows - structure.shift) @ structure.slope
    np.testing.assert_allclose(on_host, expected_of(model, method, rows), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("make", REGRESSORS, ids=name_of)
def test_a_linear_regression_is_a_sum_over_columns(make, X, score):
    assert_sum_over_columns(fitted(make, X, score), "predict", X)


@pytest.mark.parametrize("make", TARGETS_TOGETHER, ids=name_of)
def test_several_targets_are_several_outputs(make, X, score):
    model = fitted(make, X, np.stack([score, X[:, 0] - score], axis=1))
    assert_sum_over_columns(model, "predict", X)
    assert as_predict_fn(model.predict)(X).shape == (60, 2)


@pytest.mark.parametrize(
    "make",
    [
        partial(linear_model.PoissonRegressor),
        partial(linear_model.GammaRegressor),
        partial(linear_model.TweedieRegressor, power=1.5),
        partial(linear_model.TweedieRegressor, power=0, link="log"),
    ],
    ids=name_of,
)
def test_a_log_link_is_applied_and_makes_no_sum(make, X, score):
    converted = assert_same_outputs(fitted(make, X, np.exp(score / 3)), "predict", X)
    assert converted.structure is None
    assert "log link" in converted.why_not_exact


@pytest.mark.parametrize("make", CLASSIFIERS, ids=name_of)
def test_the_margins_of_a_linear_classifier_are_sums_over_columns(make, X, y):
    model = fitted(make, X, y)
    assert_sum_over_columns(model, "decision_function", X)
    outputs = as_predict_fn(model.decision_function)(X)
    assert outputs.shape[1] == {2: 1, 3: 3}[len(model.classes_)]


@pytest.mark.parametrize("make", PROBABILISTIC, ids=name_of)
@pytest.mark.parametrize("stretch", [1, 1000])  # far out, where odds leave float32
def test_the_probabilities_of_a_linear_classifier_are_no_sum(make, X, y, stretch):
    converted = assert_same_outputs(fitted(make, X, y), "predict_proba", X * stretch)
    assert converted.structure is None
    assert "output='margin'" in converted.why_not_exact


def test_classes_one_against_the_rest_keep_their_odds_where_float32_has_no_numbers_left():
    margins = np.array([[-200.0, -201.0, -300.0], [-800.0, -900.0, -710.0]])
    odds = np.exp(1)
    expected = [[odds / (1 + odds), 1 / (1 + odds), 0], [1 / 3] * 3]
    np.testing.assert_allclose(normalized_sigmoids(jnp.asarray(margins)), expected, atol=1e-6)


def test_a_binary_multinomial_regression_doubles_the_margin():
    # As scikit-learn before 1.8 did it: a softmax of (-margin, margin).
    pair = np.exp([-0.3, 0.3])
    np.testing.assert_allclose(two_symmetric(jnp.array([[0.3]]))[0], pair / pair.sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("scheme", "solver", "binary", "three"),
    [
        ("ovr", "lbfgs", "two_sigmoids", "normalized_sigmoids"),
        ("auto", "liblinear", "two_sigmoids", "normalized_sigmoids"),
        ("auto", "lbfgs", "two_sigmoids", "softmax"),
        ("deprecated", "lbfgs", "two_sigmoids", "softmax"),
        ("multinomial", "lbfgs", "two_symmetric", "softmax"),
    ],
)
def test_older_logistic_regressions_choose_their_link_by_scheme(
    X, y, scheme, solver, binary, three
):
    model = fitted(linear_model.LogisticRegression, X, y)
    model.multi_class, model.solver = scheme, solver  # as a model of scikit-learn 1.5 has them
    link = as_predict_fn(model.predict_proba).predict.fn.parts[-1].func
    assert link.__name__ == {2: binary, 3: three}[len(model.classes_)]


@pytest.mark.parametrize("strategy", ["prior", "most_frequent", "uniform", "constant"])
def test_a_dummy_classifier_is_a_constant(X, y, strategy):
    model = dummy.DummyClassifier(strategy=strategy, constant=1).fit(X, y)
    assert_sum_over_columns(model, "predict_proba", X)


@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_a_dummy_regression_is_a_constant(X, score, strategy):
    assert_sum_over_columns(dummy.DummyRegressor(strategy=strategy).fit(X, score), "predict", X)


def test_a_sparse_coefficient_matrix_is_read(X, score):
    model = linear_model.SGDRegressor(penalty="l1", random_state=0).fit(X, score)
    dense = np.asarray(as_predict_fn(model.predict)(X))
    np.testing.assert_array_equal(as_predict_fn(model.sparsify().predict)(X), dense)


def test_a_discriminant_analysis_measures_from_its_means(X, y):
    model = LinearDiscriminantAnalysis().fit(X + 1e4, y)
    far = (X + 1e4).astype(np.float32).astype(np.float64)
    assert_sum_over_columns(model, "decision_function", far)
    assert_same_outputs(model, "predict_proba", far)


@pytest.mark.parametrize(
    ("model", "targets", "reason"),
    [
        (dummy.DummyClassifier(strategy="stratified"), "one", "it draws its answers"),
        (dummy.DummyClassifier(), "several", "several labels"),
    ],
)
def test_what_is_refused_runs_on_the_host_and_says_why(X, score, model, targets, reason):
    y = score > 0
    model.fit(X, y if targets == "one" else np.stack([y, ~y], axis=1))
    converted = as_predict_fn(model.predict_proba)
    assert converted.path == "host"
    assert reason in converted.reason


def test_labels_of_several_outputs_are_refused(X, score):
    model = linear_model.RidgeClassifier().fit(X, np.stack([score > 0, score < 1], axis=1))
    converted = as_predict_fn(model.decision_function)
    assert converted.path == "host"
    assert "RidgeClassifier: it gives a row several labels" in converted.reason


def test_a_subclass_with_a_method_of_its_own_is_refused(X, score):
    class Other(linear_model.SGDClassifier):
        def predict_proba(self, X):
            return np.ones((len(X), 2)) / 2

    model = Other(loss="log_loss", random_state=0).fit(X, score > 0)
    assert "a `predict_proba` of its own" in as_predict_fn(model.predict_proba).reason
    assert as_predict_fn(model.decision_function).path == "jax"


@pytest.mark.parametrize("mixed", [False, True], ids=["lines", "behind a step that mixes"])
def test_a_scaler_far_from_0_loses_nothing_in_float32(X, score, mixed):
    far = (X + 1e4).astype(np.float32).astype(np.float64)
    center, scale = far.mean(axis=0) + 1e-4, far.std(axis=0)  # no float32 numbers
    model = linear_model.Ridge().fit((far - center) / scale, score)
    columns = (NumberColumn(k).then("subtract", center[k]) for k in range(4))
    columns = tuple(c.then("divide", scale[c.raw]) for c in columns)
    base = (lambda inputs: Identity()) if mixed else None
    features = Features(columns, base=base, num_raw=4, base_width=4)
    converted = convert_on(model, "predict", features)
    assert (converted.structure is None) == mixed
    expected = model.predict((far - center) / scale)
    np.testing.assert_allclose(converted.predict(far)[:, 0], expected, rtol=0, atol=1e-5)
