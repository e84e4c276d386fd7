"""What a model is, is seen without calling it; new weights of a JAX model do not compile anew."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression

from lime_jax.models.convert.features import RawTable
from lime_jax.models.functions import jax_predict
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import DevicePredict

pytestmark = pytest.mark.precision


@jax.tree_util.register_pytree_node_class
class Affine:
    """A pytree with `__call__`: two arrays and a name."""

    def __init__(self, weights, bias, name="affine"):
        self.weights, self.bias, self.name = weights, bias, name

    def __call__(self, inputs):
        return inputs @ self.weights + self.bias

    def tree_flatten(self):
        return (self.weights, self.bias), self.name

    @classmethod
    def tree_unflatten(cls, name, arrays):
        return cls(*arrays, name)


@jax_predict
def marked(inputs):
    return inputs[:, 0]


def plain(inputs):
    return inputs[:, 0]


X = np.random.default_rng(0).normal(size=(40, 3))
classifier = LogisticRegression().fit(X, np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)])
three = LogisticRegression().fit(X, np.arange(40) % 3)
regressor = LinearRegression().fit(X, X[:, 0])
affine = Affine(jnp.ones((3, 2)), jnp.zeros(2))
with_arrays = jax.tree_util.Partial(lambda weights, inputs: inputs @ weights, jnp.ones(3))

NO, TWO, ONE, THREE = None, ("no", "yes"), ("yes",), ("0", "1", "2")
RECOGNIZED = {
    "classifier": (classifier, None, "jax", "probability", TWO),
    "its predict_proba": (classifier.predict_proba, None, "jax", "probability", TWO),
    "its decision_function": (classifier.decision_function, None, "jax", "margin", ONE),
    "its predict": (classifier.predict, None, "host", "probability", TWO),
    "classifier, margin": (classifier, "margin", "jax", "margin", ONE),
    "bound, but margin": (classifier.predict_proba, "margin", "jax", "margin", ONE),
    "three margins": (three.decision_function, None, "jax", "margin", THREE),
    "regressor": (regressor, None, "jax", "value", NO),
    "its bound predict": (regressor.predict, None, "jax", "value", NO),
    "jitted": (jax.jit(plain), None, "jax", None, NO),
    "marked": (marked, None, "jax", None, NO),
    "marked, probability": (marked, "probability", "jax", "probability", NO),
    "pytree": (affine, None, "jax", None, NO),
    "Partial": (with_arrays, None, "jax", None, NO),
    "plain": (plain, None, "host", None, NO),
    "plain, value": (plain, "value", "host", "value", NO),
    "functools.partial": (functools.partial(plain), None, "host", None, NO),
}


@pytest.mark.parametrize("name", RECOGNIZED)
def test_a_model_is_recognized(name):
    handed, output, path, kind, names = RECOGNIZED[name]
    model = as_predict_fn(handed, output)
    assert (model.path, model.output_kind, model.class_names) == (path, kind, names)
    assert isinstance(model.predict, DevicePredict) == (path == "jax")
    assert model.reason
    batch = X[:5] if path == "host" else jnp.asarray(X[:5])
    assert np.shape(model.predict(batch))[0] == 5


def test_the_method_that_an_output_names_is_called():
    margin = as_predict_fn(classifier, "margin").predict(X)
    np.testing.assert_allclose(margin[:, 0], classifier.decision_function(X), rtol=1e-5, atol=1e-6)
    indicators = as_predict_fn(classifier.predict).predict(X)
    np.testing.assert_array_equal(indicators[:, 1] == 1, classifier.predict(X) == "yes")
    np.testing.assert_array_equal(indicators.sum(1), 1)


@pytest.mark.parametrize(
    ("model", "output", "message"),
    [
        (3, None, "`model`: expected a function of a batch or a fitted estimator, got int"),
        ("model.pmml", None, "got str; PMML is not read here: .* export that to ONNX"),
        ("<PMML version='4.4'/>", None, "PMML is not read here"),
        (Path("model.onnx"), None, "open a file first, an ONNX one by `lime_jax.models.onnx.load`"),
        ("model.json", None, r"`xgboost.Booster\(model_file=...\)`"),
        ({"tree_info": []}, None, "got dict; the dump of a model does not say all of it"),
        (["0:[f0<1]"], None, "got list; the dump of a model"),
        (plain, "logit", "`output`: expected one of probability, margin, value, got 'logit'"),
        (regressor, "probability", "`output`: LinearRegression has no `predict_proba`"),
        (regressor.predict, "margin", "`output`: LinearRegression has no `decision_function`"),
    ],
)
def test_what_is_no_model_is_refused(model, output, message):
    with pytest.raises(ValueError, match=message):
        as_predict_fn(model, output)


def test_a_converted_model_is_a_pytree_and_a_function():
    model = as_predict_fn(three)
    leaves, structure = jax.tree.flatten(model)
    assert leaves
    again = jax.tree.unflatten(structure, leaves)
    assert (again.output_kind, again.class_names) == ("probability", THREE)
    assert again.structure is None
    np.testing.assert_allclose(jax.jit(again)(X), three.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize("table", [None, RawTable.of_numbers(3)])
def test_a_model_that_was_not_fitted_says_so(table):
    with pytest.raises(NotFittedError, match="LogisticRegression"):
        as_predict_fn(LogisticRegression(), table=table)


def test_what_takes_no_mark_is_refused():
    with pytest.raises(ValueError, match="`fn`: expected a Python function, got "):
        jax_predict(len)


@pytest.mark.parametrize("fn", [affine, with_arrays, marked, jax.jit(plain)])
def test_device_predict_is_a_pytree_of_the_arrays(fn):
    predict = DevicePredict(fn)
    leaves, structure = jax.tree.flatten(predict)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    again = jax.tree.unflatten(structure, leaves)
    batch = jnp.asarray(X[:4])
    np.testing.assert_array_equal(again(batch), fn(batch))
    assert structure == jax.tree.structure(again)


def test_new_weights_do_not_trace_anew():
    traces = []

    @jax.jit
    def call(predict, inputs):
        traces.append(None)
        return predict(inputs)

    for scale in range(1, 5):
        model = DevicePredict(Affine(scale * jnp.ones((3, 2)), jnp.zeros(2)))
        np.testing.assert_allclose(call(model, jnp.ones((2, 3))), 3 * scale)
    assert len(traces) == 1
    call(DevicePredict(Affine(jnp.ones((3, 2)), jnp.zeros(2), "other")), jnp.ones((2, 3)))
    assert len(traces) == 2
