"""Models on the device whose outputs 32 bits do not hold: right, on the host, or said."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

import lime_jax
from lime_jax import as_predict_fn, jax_predict
from lime_jax.models.convert.compose import apply
from lime_jax.models.registry import register_converter
from lime_jax.tabular.opening.resolution import on_host_if_far

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = 50 * X[:, 0] + 10 * X[:, 0] * X[:, 1]
FAR = 1.7e9
EXPLAINERS = {
    "lime": ({}, dict(num_samples=256)),
    "kernel_shap": (dict(algorithm="kernel_shap"), {}),
}
SINGLE = jnp.result_type(float) == np.float32


def network():
    net = MLPRegressor(hidden_layer_sizes=[4], max_iter=50, random_state=0, tol=1)
    return TransformedTargetRegressor(net, transformer=StandardScaler())


MODELS = {
    "linear": LinearRegression,
    "histograms": lambda: HistGradientBoostingRegressor(max_iter=3),
    "network": network,
}


@pytest.fixture(scope="module", params=EXPLAINERS)
def explain(request):
    settings, options = EXPLAINERS[request.param]
    explainer = lime_jax.TabularExplainer(**settings).fit(X[:60])
    return lambda model, rows=X[:3], **more: explainer.explain(
        rows, model, row_ids=range(len(rows)), **options, **more
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", MODELS)
def test_samples_of_a_converted_model_are_seen_by_the_model_itself(explain, name):
    model = MODELS[name]().fit(X, Y + FAR)
    found = explain(model, method="sampled")
    expected = explain(lambda rows: model.predict(rows) - FAR)
    if SINGLE:
        assert found.model_path.endswith("float32 does not hold how its outputs differ")
    np.testing.assert_allclose(found.coef, expected.coef, atol=1e-3)
    np.testing.assert_allclose(found.intercept - FAR, expected.intercept, atol=1e-3)
    np.testing.assert_array_equal(found.prediction[:, 0], model.predict(X[:3]))


class Counted:
    """A line that counts the calls, and takes so many rows and no more."""

    def __init__(self, most):
        self.most = most

    def fit(self, X, y=None):
        self.calls = []
        return self

    def predict(self, X):
        self.calls.append(len(X))
        if len(X) > self.most:
            raise ValueError("not these")
        return 2 * np.asarray(X)[:, 0]


@register_converter(Counted, methods=("predict",))
def convert_counted(model, method, features):
    return apply(lambda inputs: 2 * inputs[:, :1], features)


@pytest.mark.parametrize(("most", "calls"), [(1000, 1), (40, 2 if SINGLE else 1)])
def test_a_model_is_asked_once_and_may_refuse_rows_nobody_gave(explain, most, calls):
    model = Counted(most).fit(X)
    found = explain(model, X[:3].astype(np.float32).astype(np.float64))
    assert found.model_path == "jax: Counted.predict converted to JAX"
    assert len(model.calls) == calls


def test_an_exact_answer_stays_exact(explain):
    model = LinearRegression().fit(X, Y + FAR)
    found, near = explain(model), explain(LinearRegression().fit(X, Y))
    assert found.method == "exact"
    np.testing.assert_allclose(found.coef, near.coef, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(found.prediction[:, 0], model.predict(X[:3]))


def test_it_does_not_hang_on_the_other_rows(explain):
    model = LinearRegression().fit(X, Y + FAR)
    together, alone = explain(model, method="sampled"), explain(model, X[:1], method="sampled")
    np.testing.assert_array_equal(alone.coef[0], together.coef[0])
    np.testing.assert_array_equal(alone.intercept[0], together.intercept[0])


def test_contributions_that_are_rounding_are_asked_of_the_model_itself():
    """Of the column that may vary the outputs hardly depend; of the others they do."""
    steps = StandardScaler(), SVR(C=1e-5)
    rows = X * [1, 1, 1e-3]
    model = make_pipeline(*steps).fit(rows, Y)
    explainer = lime_jax.TabularExplainer("kernel_shap", features=[2]).fit(rows[:10])
    found = explainer.explain(rows[:2], model, row_ids=range(2))
    expected = explainer.explain(rows[:2], lambda rows: model.predict(rows), row_ids=range(2))
    assert np.abs(expected.coef).max() < 1e-4 * np.abs(expected.intercept).max()
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-4)


@jax_predict
def plain(rows):
    return 50 * rows[:, 0] + 10 * rows[:, 0] * rows[:, 1]


@pytest.mark.skipif(not SINGLE, reason="float64 holds it")
def test_a_jax_function_that_cannot_tell_its_outputs_apart_is_warned_of(explain):
    far = jax_predict(lambda rows: plain(rows) + FAR)
    with pytest.warns(UserWarning, match=r"return differences from a constant.*JAX_ENABLE_X64=1"):
        explain(far)
    with pytest.warns(UserWarning, match="so far from 0"):
        explain(far, X[:1])


@pytest.mark.parametrize("constant", [0, 1e4])
def test_one_that_can_is_not(explain, constant):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explain(jax_predict(lambda rows: plain(rows) + constant))


@pytest.mark.parametrize("factor", [1e-20, 1e-30, 1e30])
def test_a_jax_function_of_small_or_large_outputs(explain, factor):
    found, expected = explain(jax_predict(lambda rows: factor * plain(rows))), explain(plain)
    np.testing.assert_allclose(found.coef / factor, expected.coef, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(found.std_error / factor, expected.std_error, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.score, expected.score, atol=1e-5)
    np.testing.assert_allclose(found.local_pred / factor, expected.local_pred, atol=1e-3)


def test_outputs_that_are_equal_but_for_the_host_s_own_rounding_stay_on_the_device():
    model = as_predict_fn(LinearRegression().fit(X, Y))
    equal = np.array([[0.3], [np.nextafter(0.3, 1)]])
    assert on_host_if_far(model, equal) is model
    assert on_host_if_far(model, np.array([[0.3], [0.3 + 1e-9]])).path == "host"


def test_a_classifier_that_is_sure_of_its_samples_stays_on_the_device():
    """A probability next to 1 is explained as the mirror image of the other, which has digits."""
    common = RNG.normal(size=(300, 1))  # samples have no such thing: they lie in the middle
    wide = common + 0.1 * RNG.normal(size=(300, 30))
    model = LogisticRegression(C=100.0).fit(wide, common[:, 0] > 1.5)
    explanations = lime_jax.TabularExplainer().fit(wide).explain(wide[:2], model, num_samples=256)
    assert explanations.model_path.startswith("jax")
    host = lime_jax.TabularExplainer().fit(wide)
    same = host.explain(wide[:2], lambda rows: model.predict_proba(rows), num_samples=256)
    largest = np.abs(same.coef).max()
    assert largest < 1e-3
    np.testing.assert_allclose(explanations.coef, same.coef, rtol=0, atol=1e-4 * largest)
