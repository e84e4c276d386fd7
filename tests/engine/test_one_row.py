"""A unit's samples depend on nothing but the key and its numbers; groups of any size agree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.engine import budget
from lime_jax.engine.one_row import (
    average_background,
    explain_one,
    predict,
    sample,
    summarize,
    units_of,
)
from lime_jax.stages.designs import make_design
from lime_jax.stages.masks import MaskSamples
from lime_jax.tabular.background import BackgroundDomain
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.learn import fit_tabular
from tests.house import samples_of

# JAX keeps a NumPy constant in the precision it first met it in: one precision for one `stats`.
pytestmark = pytest.mark.usefixtures("x64")

X = np.random.default_rng(3).normal(size=(100, 3))
STATS = fit_tabular(X)
CONFIG = TabularConfig(num_samples=8192)  # two blocks in each of eight replicates


@pytest.fixture
def parts(x64):
    domain, method = make_domain(STATS, CONFIG), make_method(STATS, CONFIG, shared=False)
    return domain, method, domain.encode(jnp.asarray(X[0], float))


def model(inputs):
    return jnp.stack([inputs[:, 0] * inputs[:, 1], jnp.sin(inputs[:, 2])], 1)


@pytest.mark.parametrize(("samples", "shape"), [(64, (8, 1)), (8192, (8, 2)), (5000, (10, 1))])
def test_units_are_every_block_of_every_replicate(samples, shape):
    units = units_of(make_design("iid", samples, num_columns=2))
    expected = [(r, b) for r in range(shape[0]) for b in range(shape[1])]
    assert [tuple(unit) for unit in units.tolist()] == expected


def test_samples_do_not_depend_on_how_units_are_grouped(parts, key):
    domain, method, instance = parts
    units = jnp.asarray(units_of(method.design))
    draw = jax.jit(lambda units: sample(key, instance, domain, method, units))
    together, order = draw(units), jnp.array([9, 2])
    apart = draw(units[order])
    np.testing.assert_array_equal(apart.bins, together.bins[order])
    np.testing.assert_allclose(apart.values, together.values[order], rtol=1e-6)
    assert len(np.unique(together.values[..., 0])) > 8000


def test_explanations_do_not_depend_on_how_many_units_are_in_memory(parts, key):
    domain, method, _ = parts
    instance = domain.encode(jnp.asarray(X[0]))
    fits = [
        jax.jit(lambda: explain_one(key, instance, domain, method, model, units_at_once=at_once))()  # noqa: B023
        for at_once in (None, 2)
    ]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-9), *fits)


def test_units_in_any_order_sum_up_to_the_same(parts, key, rng):
    domain, method, _ = parts
    instance = domain.encode(jnp.asarray(X[0]))
    units = jnp.asarray(units_of(method.design))
    samples = samples_of(key, instance, domain, method)
    y = jnp.asarray(rng.normal(size=(16, 512, 2)))

    @jax.jit
    def add(order):
        taken = jax.tree.map(lambda a: a[order], samples)
        return summarize(instance, domain, method, taken, y[order], units[order])

    whole, shuffled = add(jnp.arange(16)), add(jnp.asarray(rng.permutation(16)))
    assert whole.weight.shape == (8,)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-9), whole, shuffled)


def test_a_model_of_one_output_may_leave_out_its_axis(parts, key):
    domain, method, instance = parts
    samples = samples_of(key, instance, domain, method, [[0, 0], [3, 1]])
    flat = predict(lambda inputs: inputs[:, 1], domain, None, samples)
    assert flat.shape == (2, 512, 1)
    np.testing.assert_array_equal(flat[..., 0], domain.inputs(None, samples)[..., 1])
    booleans = predict(lambda inputs: inputs[:, :2] > 0, domain, None, samples)
    assert booleans.dtype == jnp.result_type(float)


class TestBackground:
    """Every sample has an input for each background row; the model is averaged over them."""

    ROWS = np.random.default_rng(5).normal(size=(7, 3))
    WEIGHTS = np.arange(1.0, 8.0) / 28

    def domain(self):
        rows, weights = jnp.asarray(self.ROWS), jnp.asarray(self.WEIGHTS)
        return BackgroundDomain(rows, weights, jnp.array([0, 1, 1]), 2)

    def masks(self, rng):
        return MaskSamples(jnp.asarray(rng.random((3, 8, 2)) < 0.5))

    def by_hand(self, samples):
        kept = np.asarray(samples.masks)[..., None, [0, 1, 1]]
        inputs = np.where(kept, X[0], self.ROWS)
        outputs = np.asarray(model(jnp.asarray(inputs.reshape(-1, 3)))).reshape(3, 8, 7, 2)
        return np.einsum("usko,k->uso", outputs, self.WEIGHTS)

    def test_outputs_are_weighted_means_over_the_background(self, rng):
        samples = self.masks(rng)
        ours = predict(model, self.domain(), jnp.asarray(X[0]), samples)
        np.testing.assert_allclose(ours, self.by_hand(samples), atol=1e-12)

    @pytest.mark.parametrize("at_once", [1, 5, 24])
    def test_predictions_in_chunks_are_the_same(self, rng, monkeypatch, at_once):
        monkeypatch.setattr(budget, "samples_per_prediction", lambda *sizes: at_once)
        sizes = []

        def spy(inputs):
            sizes.append(inputs.shape)
            return model(inputs)

        samples = self.masks(rng)
        ours = jax.jit(lambda x: predict(spy, self.domain(), x, samples))(jnp.asarray(X[0]))
        np.testing.assert_allclose(ours, self.by_hand(samples), atol=1e-12)
        assert set(sizes) == {(at_once * 7, 3)}

    def test_small_differences_of_large_outputs_survive_32_bits(self, rng):
        with jax.enable_x64(False):
            small = rng.normal(size=(16, 7, 1)).round(2)
            y = jnp.asarray(1e5 + small, jnp.float32).reshape(-1, 1)
            weights = jnp.asarray(self.WEIGHTS, jnp.float32)
            ours = np.asarray(average_background(y, weights), np.float64)
        expected = np.asarray(y, np.float64).reshape(16, 7) @ self.WEIGHTS
        np.testing.assert_allclose(ours[:, 0], expected, atol=0.5 * np.spacing(np.float32(1e5)))
