"""R² of surrogates that are known, against NumPy on the very same samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import TabularConfig, engine, fit_tabular
from lime_jax.fits.surrogate_score import SurrogateDomain, Surrogates, SurrogateScore
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.config import make_domain, make_method
from lime_jax.tabular.domain import TabularInstance, encode_rows
from tests.house import samples_of

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
COEF = RNG.normal(size=(2, 2, 2, 3)).astype(np.float32)  # rows, widths, labels, features
INTERCEPT = RNG.normal(size=(2, 2, 2)).astype(np.float32)
LABELS = np.array([[2, 0], [1, 2]], np.int32)
WIDTHS = (1.0, 3.0)


def predict(inputs):
    line = inputs @ jnp.array([0.5, -1.0, 2.0])
    return jnp.stack([inputs[:, 0] * inputs[:, 1], jnp.sin(inputs[:, 2]), line], axis=1)


@pytest.mark.parametrize("around", [True, False])
def test_it_is_r_squared_of_the_rows_samples(around):
    sampling = "around" if around else "normal"
    stats = fit_tabular(X, discretizer=None)
    configs = [
        TabularConfig(width, num_samples=256, sampling=sampling, encoding="standardized")
        for width in WIDTHS
    ]
    domain = jax.device_put(make_domain(stats, configs[0]))
    linear = [make_method(stats, config, shared=False) for config in configs]
    methods = [SurrogateScore(one, number) for number, one in enumerate(linear)]
    bins, centered = encode_rows(stats, X[:2])
    instances = TabularInstance(bins, centered.astype(jnp.result_type(float)))
    ids = np.arange(2, dtype=np.uint32)
    rows = engine.Rows(Surrogates(instances, COEF, INTERCEPT), ids, LABELS)
    key = engine.keys_of(0)[around]
    assert domain.shared != around
    model, never = DevicePredict(predict), lambda samples, numbers: None
    work = engine.Work(0, SurrogateDomain(domain), methods[0], model, rows, never)
    found = engine.sweep(work, methods)
    for row in range(2):
        instance = jax.tree.map(lambda leaf, r=row: jnp.asarray(leaf[r]), instances)
        row_key = jax.random.fold_in(key, ids[row]) if around else key
        samples = samples_of(row_key, instance, domain, linear[0])
        samples = jax.tree.map(lambda leaf: leaf.reshape(-1, 3), samples)
        y = np.asarray(predict(domain.inputs(None, samples)), np.float64)[:, LABELS[row]]
        view = domain.view(instance, samples)
        for width, method in enumerate(linear):
            w = np.asarray(method.weights(view), np.float64)
            missed = y - np.asarray(view.z) @ COEF[row, width].T - INTERCEPT[row, width]
            mean = np.average(y, axis=0, weights=w)
            expected = 1 - w @ missed**2 / (w @ (y - mean) ** 2)
            np.testing.assert_allclose(found[width][row], expected, rtol=1e-3, atol=1e-4)
