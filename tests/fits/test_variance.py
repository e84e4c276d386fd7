"""The weighted variance of the outputs, against NumPy on the very same samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import TabularConfig, engine, fit_tabular
from lime_jax.domains.config import make_domain, make_method
from lime_jax.domains.tabular import TabularInstance, encode_rows
from lime_jax.fits.variance import MatchedVariance, OutputVariance
from lime_jax.models.predict import DevicePredict
from lime_jax.neighborhood import sample, units_of

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
    return engine.Rows(instances, np.arange(count, dtype=np.uint32), np.zeros((count, 1), np.int32))


@pytest.mark.parametrize("kind", [MatchedVariance, OutputVariance])
def test_shared_samples_weighted_by_matches(kind):
    stats, domain, linear = setting()
    more = (stats.offsets, stats.max_bins) if kind is MatchedVariance else ()
    key, _ = engine.keys_of(0)
    rows = engine_rows(stats, 5)
    neighborhood = engine.SharedNeighborhood()
    found = engine.explain_shared(
        key, domain, kind(linear, *more), DevicePredict(predict), rows, never, neighborhood
    )
    samples = sample(key, None, domain, linear, jnp.asarray(units_of(linear.design)))
    bins = np.asarray(samples.bins).reshape(-1, 72)
    y = np.asarray(predict(domain.inputs(None, samples).reshape(-1, 72)), np.float64)
    for row, own in enumerate(rows.instances.bins):
        w = np.exp(-(bins != own).sum(1) / (2 * WIDTH**2))
        mean = np.average(y, axis=0, weights=w)
        expected = np.average((y - mean) ** 2, axis=0, weights=w)
        np.testing.assert_allclose(found[row], expected, rtol=2e-4)


def test_samples_of_each_rows_own():
    options = dict(sampling="around", encoding="standardized")
    stats, domain, linear = setting(**options)
    _, key = engine.keys_of(0)
    rows = engine_rows(stats, 2)
    found = engine.explain_rows(
        key, domain, OutputVariance(linear), DevicePredict(predict), rows, never
    )
    instance = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), rows.instances)
    own_key = jax.random.fold_in(key, rows.ids[0])
    samples = sample(own_key, instance, domain, linear, jnp.asarray(units_of(linear.design)))
    samples = jax.tree.map(lambda leaf: leaf.reshape(-1, 72), samples)
    y = np.asarray(predict(domain.inputs(None, samples)), np.float64)
    w = np.asarray(linear.weights(domain.view(instance, samples)), np.float64)
    mean = np.average(y, axis=0, weights=w)
    expected = np.average((y - mean) ** 2, axis=0, weights=w)
    np.testing.assert_allclose(found[0], expected, rtol=2e-4)
