"""A JAX image model in a new wrapper each call: nothing is traced, and nothing compiled, again."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lime_jax

IMAGES = np.random.default_rng(8).uniform(size=(2, 16, 16, 3)).astype(np.float32)
TRACED, COMPILED = [], []


@jax.monitoring.register_event_duration_secs_listener
def note(event, duration, **facts):
    if event == "/jax/core/compile/backend_compile_duration":
        COMPILED.append(facts)


def network(weights, images):
    TRACED.append(images.shape)
    return jnp.tanh(images.mean((1, 2)) @ weights)


def first_channel(images):
    TRACED.append(images.shape)
    return images[..., 0].mean((1, 2))


@jax.tree_util.register_pytree_node_class
class Module:
    def __init__(self, weights):
        self.weights = weights

    def __call__(self, images):
        return network(self.weights, images)

    def tree_flatten(self):
        return (self.weights,), None

    @classmethod
    def tree_unflatten(cls, _, children):
        return cls(*children)


WRAPPED = {
    "a new jit": lambda weights: jax.jit(first_channel),
    "a partial of a new jit": lambda weights: functools.partial(jax.jit(network), weights),
    "a new jit of a partial of a pytree": lambda weights: jax.jit(
        jax.tree_util.Partial(network, weights)
    ),
    "a pytree": Module,
    "a new jit of its method": lambda weights: jax.jit(Module(weights).__call__),
}


@pytest.mark.parametrize("algorithm", ["lime", "kernel_shap"])
@pytest.mark.parametrize("name", WRAPPED)
def test_nothing_is_compiled_again(name, algorithm):
    weights = np.random.default_rng(9).normal(size=(3, 2)).astype(np.float32)
    explainer = lime_jax.ImageExplainer(algorithm, segmentation="grid", cell_size=8)

    def explain():
        explainer.explain(IMAGES, WRAPPED[name](jax.device_put(weights)), num_samples=16)

    explain()
    before = len(TRACED), len(COMPILED)
    assert before[0] > 0
    explain()
    assert (len(TRACED), len(COMPILED)) == before
