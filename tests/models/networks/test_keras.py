"""Keras 3 models run in JAX on its JAX backend, and by their own `predict` on any other."""

import os
import subprocess
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import as_predict_fn
from lime_jax.models.convert.features import RawTable

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.precision
if keras.backend.backend() != "jax":
    pytest.skip("another backend was chosen", allow_module_level=True)

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


class OnHostOnly(Subclassed):
    def call(self, x):
        return jnp.asarray(np.asarray(self.dense(x)) * 2)


def sequential():
    layers = [
        keras.layers.Dense(5, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.layers[1].moving_mean.assign(np.arange(5))
    return model


def functional(outputs=1):
    first = keras.Input((4,))
    made = [keras.layers.Dense(2)(first) for _ in range(outputs)]
    return keras.Model(first, made if outputs > 1 else made[0])


def subclassed():
    model = Subclassed()
    model(X[:2])
    return model


@pytest.mark.parametrize("make", [sequential, functional, subclassed])
def test_a_keras_model_runs_in_jax_as_it_predicts(make):
    model = make()
    for handed in (model, model.predict):
        opened = as_predict_fn(handed)
        assert (opened.path, opened.output_kind, opened.structure) == ("jax", None, None)
        got = jax.jit(lambda predict, x: predict(x))(opened.predict, jnp.asarray(X))
        expected = model.predict(X, verbose=0)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert as_predict_fn(model, "probability").output_kind == "probability"


def test_an_opened_model_outlives_further_training():
    model = functional()
    model.compile("sgd", "mse")
    before = as_predict_fn(model)
    expected = model.predict(X, verbose=0)
    model.fit(X, np.zeros((20, 2)), verbose=0)
    np.testing.assert_allclose(before(jnp.asarray(X)), expected, rtol=1e-5, atol=1e-6)


def test_new_weights_of_the_same_model_do_not_trace_again():
    model, traces = sequential(), []

    @jax.jit
    def call(predict, x):
        traces.append(1)
        return predict(x)

    call(as_predict_fn(model).predict, X)
    call(as_predict_fn(model.predict).predict, X)
    model.layers[0].kernel.assign(model.layers[0].kernel + 1)
    changed = call(as_predict_fn(model).predict, X)
    assert len(traces) == 1
    np.testing.assert_allclose(changed, model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_a_model_that_does_not_trace_runs_on_the_host():
    model = OnHostOnly()
    model(X[:2])
    opened = as_predict_fn(model, table=RawTable.of_numbers(4))
    assert opened.path == "host"
    assert "it does not trace" in opened.reason
    assert as_predict_fn(subclassed(), table=RawTable.of_numbers(4)).path == "jax"


def test_several_outputs_are_refused_when_called():
    opened = as_predict_fn(functional(outputs=2))
    assert opened.path == "host"
    assert "several outputs" in opened.reason
    with pytest.raises(ValueError, match="`model`: expected one output, got a list of 2"):
        opened(X)


def several_inputs(named=False):
    made = {"b": keras.Input((1,), name="b"), "a": keras.Input((1,), name="a", dtype="int32")}
    wide = keras.Input((2,), name="rest")
    parts = [made["b"], keras.layers.Embedding(9, 3)(made["a"])[:, 0]]
    parts += [] if named else [wide]
    result = keras.layers.Dense(2)(keras.layers.Concatenate()(parts))
    return keras.Model(made if named else [*made.values(), wide], result)


def test_several_inputs_take_the_columns_one_after_the_other():
    model, rows = several_inputs(), np.abs(X)
    rows[:, 1] = np.arange(20) % 9
    opened = as_predict_fn(model)
    assert opened.path == "jax"
    theirs = model.predict([rows[:, :1], rows[:, 1:2].astype("int32"), rows[:, 2:]], verbose=0)
    np.testing.assert_allclose(opened(rows), theirs, rtol=1e-5, atol=1e-6)


def test_several_inputs_take_the_columns_of_their_names():
    model, rows = several_inputs(named=True), np.abs(X)
    rows[:, 0] = np.arange(20) % 9
    opened = as_predict_fn(model, table=RawTable(("a", "x", "b", "y"), (None,) * 4))
    batch = {"a": rows[:, :1].astype("int32"), "b": rows[:, 2:3]}
    theirs = model.predict(batch, verbose=0)
    np.testing.assert_allclose(opened(rows), theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("named", "count"), [(False, 3), (True, 2)])
def test_columns_that_no_input_is_known_to_take_are_refused(named, count):
    table = RawTable(None, (None,) * count)
    with pytest.raises(
        ValueError, match=r"`model`: this Keras model has . inputs, .*b \(None, 1\)"
    ):
        as_predict_fn(several_inputs(named), table=table)


def test_a_model_without_weights_is_refused():
    with pytest.raises(ValueError, match="`model`: expected a Keras model that is built"):
        as_predict_fn(keras.Sequential([keras.layers.Dense(2)]))


def test_on_another_backend_the_model_predicts_on_the_host():
    code = """
import keras, numpy as np
from lime_jax import as_predict_fn
assert keras.backend.backend() == "numpy"
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
opened = as_predict_fn(model.predict)
assert opened.path == "host" and "Keras runs on numpy" in opened.reason, opened.reason
X = np.random.default_rng(0).normal(size=(5, 4))
np.testing.assert_allclose(opened(X), model.predict(X, verbose=0), rtol=1e-6)
"""
    environment = os.environ | {"KERAS_BACKEND": "numpy"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)
