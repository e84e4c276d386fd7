"""A padded table says of its own columns what the table says."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax import TabularExplainer, fit_tabular, jax_predict
from lime_jax.engine.keys import keys_of
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.domain import TabularInstance, encode_rows
from lime_jax.tabular.padded import PaddedTable

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 5)).round(2)
X[:, 3] = RNG.integers(0, 3, 300)
X[:, 4] = RNG.integers(0, 40, 300)  # more levels than a narrow column has
STATS = fit_tabular(X, categorical_features=[3, 4])
PADDED = PaddedTable(STATS)


def by_hand(batch):
    return batch[:, 0] * (batch[:, 3] == 1) + batch[:, 1] + (batch[:, 4] > 20)


def test_it_has_more_columns_and_bins():
    assert PADDED.num_features == PADDED.stats.num_features == 8
    assert PADDED.stats.num_bins > STATS.num_bins
    assert PADDED.wide.tolist() == [False] * 4 + [True] + [False] * 3
    assert set(PADDED.narrow_bins) >= set(range(STATS.offsets[4]))


def drawn(domain, method, key):
    return jax.jit(lambda key: domain.realize(None, method.draws(key, 1, 0)))(key)


@pytest.mark.parametrize("design", ["sobol", "iid", "latin_hypercube"])
def test_samples_of_its_own_columns_are_the_same(design):
    config = TabularConfig(num_samples=512, design=design)
    domain, key = make_domain(STATS, config), keys_of(3)[0]
    method = make_method(STATS, config, shared=True)
    few = drawn(domain, method, key)
    more = drawn(PADDED.domain(domain), PADDED.method(method), key)
    np.testing.assert_array_equal(more.bins[:, :5], few.bins)
    np.testing.assert_array_equal(more.values[:, :5], few.values)
    rows = PADDED.instances(TabularInstance(*encode_rows(STATS, X[:1])))
    assert (more.bins[:, 5:] == rows.bins[:, 5:]).all()


@pytest.mark.parametrize(
    ("num_features", "labels"), [(None, None), (2, np.array([1, 0]))], ids=["all", "two"]
)
def test_fits_of_its_own_columns_are_the_same(num_features, labels):
    config = TabularConfig(num_samples=512, num_features=num_features, held_out_score=True)
    domain = make_domain(STATS, config)
    method = make_method(STATS, config, shared=True)
    bins, centered = encode_rows(STATS, X[:6])
    rows = TabularInstance(bins, centered.astype(jnp.result_type(float)))
    few = explain(domain, method, rows, labels)
    more = explain(PADDED.domain(domain), PADDED.method(method), PADDED.instances(rows), labels)
    assert not more.selected[..., 5:].any()
    assert (more.coef[..., 5:] == 0).all()
    cut = PADDED.cut(more)
    for field in dataclasses.fields(few):
        ours, plain = (np.asarray(getattr(fit, field.name)) for fit in (cut, few))
        np.testing.assert_allclose(ours, plain, rtol=2e-4, atol=2e-6, err_msg=field.name)


@jax.jit
def explain(domain, method, rows, labels):
    """A shared neighborhood and the fits to it, step by step."""
    replicates = jnp.arange(method.design.num_replicates)
    draws = jax.vmap(lambda r: method.draws(keys_of(3)[0], r, 0))(replicates)
    samples = jax.vmap(lambda d: domain.realize(None, d))(draws)
    one = 1.0 * by_hand(samples.values.reshape(-1, samples.values.shape[-1]))
    y = jnp.stack([one, one**2], -1).reshape(*samples.bins.shape[:2], 2)[:, None]
    layout = method.lay_out(samples.bins[:, None])
    adjusted = method.adjust(layout, y)

    def fit(row):
        sums = method.sum_row(domain, row, adjusted, labels)
        return method.solve_row(domain, row, adjusted, sums, labels)

    return jax.vmap(fit)(jax.tree.map(jnp.asarray, rows))


def test_a_model_sees_the_columns_of_the_table():
    seen = []

    def on_host(batch):
        seen.append(batch.shape[1])
        return by_hand(batch)

    @jax_predict
    def on_device(batch):
        seen.append(batch.shape[1])
        return by_hand(batch)

    explainer = TabularExplainer(categorical_features=[3, 4]).fit(X)
    host = explainer.explain(X[:4], on_host, num_samples=256)
    device = explainer.explain(X[:4], on_device, num_samples=256)
    assert set(seen) == {5}
    assert host.coef.shape == device.coef.shape == (4, 1, 5)
    np.testing.assert_allclose(host.coef, device.coef, atol=1e-5)
