"""Equinox and Flax modules, handed over as they are, run on batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import as_predict_fn

eqx = pytest.importorskip("equinox")
nnx = pytest.importorskip("flax.nnx")
linen = pytest.importorskip("flax.linen")

pytestmark = pytest.mark.precision

X = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)  # as many rows as columns


class OfRows(eqx.Module):
    weights: jax.Array

    def __call__(self, x):
        return jax.nn.softmax(x - x.mean()) * self.weights


class OfBatches(eqx.Module):
    weights: jax.Array

    def __call__(self, x):
        return x[:, :2] @ self.weights


class WithDropout(eqx.Module):
    linear: eqx.nn.Linear
    dropout: eqx.nn.Dropout

    def __call__(self, x):
        return self.dropout(self.linear(x))


class Network(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(4, 8, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(self.norm(nnx.relu(self.first(x)))))


key = jax.random.key(0)
with_dropout = WithDropout(eqx.nn.Linear(4, 3, key=key), eqx.nn.Dropout(0.5))
mlp = eqx.nn.MLP(4, 3, 8, 1, key=key)
scalar = eqx.nn.MLP(4, "scalar", 8, 1, key=key)
of_rows, of_batches = OfRows(jnp.arange(4.0)), OfBatches(jnp.ones((2, 3)))
inference = eqx.nn.inference_mode(with_dropout)

EQUINOX = {
    "MLP": (mlp, lambda x: jax.vmap(mlp)(x)),
    "MLP of one number": (scalar, lambda x: jax.vmap(scalar)(x)),
    "of rows": (of_rows, lambda x: jax.vmap(of_rows)(x)),
    "of batches": (of_batches, of_batches),
    "in inference mode": (inference, lambda x: jax.vmap(inference)(x)),
}


@pytest.mark.parametrize("name", EQUINOX)
def test_an_equinox_module_is_mapped_over_rows_if_it_takes_one(name):
    module, on_batch = EQUINOX[name]
    model = as_predict_fn(module)
    assert (model.path, model.output_kind) == ("jax", None)
    np.testing.assert_allclose(model(jnp.asarray(X)), on_batch(X), rtol=1e-5, atol=1e-6)


def test_an_equinox_module_in_training_says_how_to_leave_it():
    model = as_predict_fn(with_dropout)
    with pytest.raises(Exception, match=r"requires a key|matmul|dot_general") as caught:
        model(jnp.asarray(X[:3]))
    assert "equinox.nn.inference_mode" in "".join(caught.value.__notes__)


def test_an_equinox_module_without_a_call_is_refused():
    class Nothing(eqx.Module):
        weights: jax.Array

    with pytest.raises(ValueError, match="`model`: expected an Equinox module with `__call__`"):
        as_predict_fn(Nothing(jnp.ones(2)))


def nnx_network(seed=0):
    network = Network(nnx.Rngs(seed))
    network(X)  # statistics of a batch
    network.eval()
    return network


def test_a_flax_nnx_module_runs_as_it_is_called():
    network = nnx_network()
    model = as_predict_fn(network)
    assert (model.path, model.output_kind) == ("jax", None)
    np.testing.assert_allclose(model(jnp.asarray(X)), network(X), rtol=1e-5, atol=1e-6)


def test_a_flax_nnx_module_in_training_is_refused():
    network = nnx_network()
    network.train()
    with pytest.raises(ValueError, match=r"in training mode; call `model.eval\(\)` first"):
        as_predict_fn(network)


dense = linen.Dense(3)


def test_a_bound_linen_module_runs_and_a_bare_one_is_refused():
    variables = dense.init(key, X)
    model = as_predict_fn(dense.bind(variables))
    assert model.path == "jax"
    np.testing.assert_allclose(model(X), dense.apply(variables, X), rtol=1e-6)
    with pytest.raises(ValueError, match=r"hand over `model.bind\(variables\)`"):
        as_predict_fn(dense)


MAKERS = {
    "equinox": lambda seed: eqx.nn.MLP(4, 3, 8, 1, key=jax.random.key(seed)),
    "nnx": nnx_network,
    "linen": lambda seed: dense.bind(dense.init(jax.random.key(seed), X)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_modules_of_one_make_are_traced_once(name):
    traces = []

    @jax.jit
    def call(predict, x):
        traces.append(1)
        return predict(x)

    made = MAKERS[name](0)
    first = call(as_predict_fn(made).predict, X)
    call(as_predict_fn(made).predict, X)
    other = call(as_predict_fn(MAKERS[name](1)).predict, X)
    assert len(traces) == 1
    assert not np.allclose(first, other)
