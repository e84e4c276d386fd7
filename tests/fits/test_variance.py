"""The weighted variance of the outputs, against NumPy on the same samples and on all there are."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import TabularConfig, engine, fit_tabular
from lime_jax.fits.variance import MatchedVariance
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.config import make_domain, make_method
from lime_jax.tabular.domain import TabularInstance, encode_rows
from tests.house import samples_of

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
X = np.column_stack(
    [RNG.normal(size=(300, 70)), RNG.integers(0, 3, 300), RNG.integers(0, 150, 300)]
)
CATEGORICAL = (70, 71)
WIDTH = 2.0


def predict(inputs):
    return jnp.stack([inputs[:, 0] * inputs[:, 1], jnp.sin(inputs[:, 2]), inputs[:, 70]], axis=1)


def never(*samples):
    raise AssertionError("a device model needs no host inputs")


def setting(**options):
    stats = fit_tabular(X, categorical_features=CATEGORICAL)
    config = TabularConfig(kernel_width=WIDTH, num_samples=512, **options)
    domain = jax.device_put(make_domain(stats, config))
    return stats, domain, make_method(stats, config, shared=False)


def engine_rows(stats, count):
    bins, centered = encode_rows(stats, X[:count])
    instances = TabularInstance(bins, centered.astype(jnp.result_type(float)))
    return engine.Rows(instances, np.arange(count, dtype=np.uint32))


def matched(stats, linear):
    few = np.flatnonzero((np.diff(stats.offsets) <= 32)[stats.bin_feature])
    facts = (stats.offsets, stats.probability, stats.bin_feature, few)
    return MatchedVariance(linear, *facts, max_bins=stats.max_bins)


def variances(stats, domain, linear, model, rows):
    method = matched(stats, linear)
    return engine.explain(engine.Work(0, domain, method, DevicePredict(model), rows, never))


def test_with_many_bins_it_is_that_of_the_samples():
    stats, domain, linear = setting()
    rows = engine_rows(stats, 5)
    found = variances(stats, domain, linear, predict, rows)
    key, _ = engine.keys_of(0)
    samples = samples_of(key, None, domain, linear)
    bins = np.asarray(samples.bins).reshape(-1, 72)
    y = np.asarray(predict(domain.inputs(None, samples).reshape(-1, 72)), np.float64)
    for row, own in enumerate(rows.instances.bins):
        w = np.exp(-(bins != own).sum(1) / (2 * WIDTH**2))
        mean = np.average(y, axis=0, weights=w)
        expected = np.average((y - mean) ** 2, axis=0, weights=w)
        np.testing.assert_allclose(found[row], expected, rtol=2e-4)


P = np.array([0.002, 0.02, 0.3, 0.5])
FLAGS = (np.arange(4000)[:, None] * [1, 7, 13, 29] % 4000 < 4000 * P).astype(float)
CORNERS = np.array(list(itertools.product([0.0, 1.0], repeat=4)))


def flags(inputs):
    additive = inputs @ jnp.array([5.0, 2.0, 1.0, 1.0])
    both = additive + inputs[:, 2] * inputs[:, 3]
    return jnp.stack([1e-12 * additive, both], axis=1)


def test_of_rare_flags_it_is_that_of_all_their_combinations():
    stats = fit_tabular(FLAGS, categorical_features=range(4))
    config = TabularConfig(kernel_width=WIDTH, num_samples=512)
    domain = jax.device_put(make_domain(stats, config))
    linear = make_method(stats, config, shared=False)
    x = np.array([[0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 1]])
    bins, centered = encode_rows(stats, x.astype(float))
    instances = TabularInstance(bins, centered.astype(jnp.result_type(float)))
    both = np.tile(np.arange(2, dtype=np.int32), (3, 1))
    rows = engine.Rows(instances, np.arange(3, dtype=np.uint32), both)
    found = variances(stats, domain, linear, flags, rows)
    y = np.asarray(flags(jnp.asarray(CORNERS)), np.float64)
    for row, own in enumerate(x):
        w = np.where(CORNERS == 1, P, 1 - P).prod(1)
        w = w * np.exp(-(own != CORNERS).sum(1) / (2 * WIDTH**2))
        mean = np.average(y, axis=0, weights=w)
        expected = np.average((y - mean) ** 2, axis=0, weights=w)
        np.testing.assert_allclose(found[row, 0], expected[0], rtol=1e-4)
        np.testing.assert_allclose(found[row, 1], expected[1], rtol=0.05)
