"""A JAX function in a new wrapper, or with new weights, is compiled once."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lime_jax
from lime_jax.models.functions import jax_predict
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import DevicePredict

eqx = pytest.importorskip("equinox")
nnx = pytest.importorskip("flax.nnx")
linen = pytest.importorskip("flax.linen")

pytestmark = pytest.mark.precision

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)


def first(inputs):
    return inputs[:, 0]


def weighted(weights, inputs, power=1):
    return inputs @ weights**power


def outer(weights):
    def inner(inputs):
        return inputs @ weights

    return inner


jitted, marked = jax.jit(weighted), jax_predict(lambda weights, inputs: inputs @ weights)


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Tree:
    weights: jax.Array

    @jax.jit
    def jitted(self, inputs):
        return inputs @ self.weights

    @jax_predict
    def marked(self, inputs):
        return inputs @ self.weights

    def plain(self, inputs):
        return inputs @ self.weights


class Network(nnx.Module):
    def __init__(self, weights):
        self.weights = nnx.Param(weights)

    def __call__(self, inputs):
        return inputs @ self.weights[...]

    def predict(self, inputs):
        return 2 * self(inputs)


class Module(eqx.Module):
    weights: jax.Array

    def __call__(self, inputs):
        return inputs @ self.weights

    def predict(self, inputs):
        return 2 * self(inputs)


class Static:
    @functools.partial(jax.jit, static_argnums=0)
    def predict(self, inputs):
        return inputs[:, 0]


static = Static()
dense = linen.Dense(1)

ONCE = {
    "a new jit": lambda weights: jax.jit(first),
    "a new jit, its arguments donated": lambda weights: jax.jit(first, donate_argnums=0),
    "a new jit of a jit": lambda weights: jax.jit(jax.jit(first)),
    "a partial": lambda weights: functools.partial(jitted, weights),
    "a partial of a new jit": lambda weights: functools.partial(jax.jit(weighted), weights),
    "a partial with a static number": lambda weights: functools.partial(
        jax.jit(weighted, static_argnames="power"), weights, power=2
    ),
    "a partial of what is marked": lambda weights: functools.partial(marked, weights),
    "a Partial of a new jit": lambda weights: jax.tree_util.Partial(jax.jit(weighted), weights),
    "a jitted method": lambda weights: static.predict,
    "a new jit of a method": lambda weights: jax.jit(static.predict),
    "a pytree's jitted method": lambda weights: Tree(weights).jitted,
    "a pytree's marked method": lambda weights: Tree(weights).marked,
    "a new jit of a pytree's method": lambda weights: jax.jit(Tree(weights).plain),
    "an Equinox module": Module,
    "an Equinox module's method": lambda weights: Module(weights).predict,
    "a new jit of an Equinox module": lambda weights: eqx.filter_jit(Module(weights)),
    "a Flax NNX module": Network,
    "a Flax Linen module": lambda weights: dense.bind(
        {"params": {"kernel": weights[:, None], "bias": jnp.zeros(1)}}
    ),
    "a partial of a new jit of a Linen module's method": lambda weights: functools.partial(
        jax.jit(dense.apply), {"params": {"kernel": weights[:, None], "bias": jnp.zeros(1)}}
    ),
}


def outputs_and_traces(models):
    """What each model says, and how often a program was traced for them."""
    traces = []

    @jax.jit
    def call(predict, inputs):
        traces.append(None)
        return predict(inputs)

    opened = [as_predict_fn(model) for model in models]
    assert {model.path for model in opened} == {"jax"}
    return [call(model.predict, jnp.asarray(X)) for model in opened], len(traces)


@pytest.mark.filterwarnings("ignore:Some donated buffers were not usable")
@pytest.mark.parametrize("name", ONCE)
def test_a_model_in_a_new_wrapper_or_with_new_weights_is_traced_once(name):
    models = [ONCE[name](jnp.arange(3.0) + k) for k in range(3)]
    outputs, traces = outputs_and_traces(models)
    for model, found in zip(models, outputs, strict=True):
        np.testing.assert_allclose(found, model(jnp.asarray(X)), rtol=1e-5, atol=1e-6)
    assert traces == 1


@pytest.mark.parametrize("name", ["a new jit", "a partial", "a pytree's jitted method"])
def test_explanations_compile_once_too(name, monkeypatch):
    traces, call = [], DevicePredict.__call__

    def counted(self, inputs):
        traces.append(None)
        return call(self, inputs)

    monkeypatch.setattr(DevicePredict, "__call__", counted)
    explainer = lime_jax.TabularExplainer().fit(X)
    counts = []
    for k in range(3):
        explainer.explain(X[:4], ONCE[name](jnp.arange(3.0) + k), num_samples=64)
        counts.append(len(traces))
    assert counts[0] > 0
    assert counts[1:] == counts[:1] * 2


def test_functions_of_one_code_over_other_values_are_other_functions():
    models = [jax.jit(outer(jnp.full(3, float(k)))) for k in range(3)]
    outputs, traces = outputs_and_traces(models)
    for k, found in enumerate(outputs):
        np.testing.assert_allclose(found, k * X.sum(1), rtol=1e-5, atol=1e-6)
    assert traces == 3


def test_a_jitted_partial_keeps_its_arguments_as_constants():
    def chosen(column, inputs):
        return inputs[:, int(column)]

    models = [jax.jit(functools.partial(chosen, np.array(k))) for k in range(3)]
    outputs, traces = outputs_and_traces(models)
    np.testing.assert_array_equal(np.stack(outputs, axis=1), X)
    assert traces == 3


def test_a_partial_of_a_function_that_is_not_marked_stays_on_the_host():
    assert as_predict_fn(functools.partial(weighted, jnp.ones(3))).path == "host"


def test_a_method_of_a_module_is_not_taken_for_its_call():
    weights = jnp.arange(3.0)
    wanted = 2 * X @ np.arange(3.0)
    for model, path in ((Module(weights), "jax"), (Network(weights), "host")):
        opened = as_predict_fn(model.predict)
        assert opened.path == path
        np.testing.assert_allclose(opened.predict(X), wanted, rtol=1e-5, atol=1e-6)
