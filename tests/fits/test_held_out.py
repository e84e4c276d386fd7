"""Held-out R² is that of each left-out fit on the replicate that it never saw."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.engine.one_row import sample, summarize, units_of
from lime_jax.fits.linear import LinearMethod
from lime_jax.stages.designs import make_design
from lime_jax.stages.moments import pool, weighted_moments
from lime_jax.stages.ridge import pooled_r_squared
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.domain import TabularInstance
from lime_jax.tabular.learn import fit_tabular
from lime_jax.typing import Coordinates, View
from tests.house import samples_of

pytestmark = pytest.mark.precision

FEATURES = 4


def make_stats():
    rng = np.random.default_rng(4)
    numbers, levels = rng.normal(size=(400, 3)), rng.integers(0, 5, size=(400, 1))
    return fit_tabular(np.hstack([numbers, levels]), categorical_features=[3])


def interaction(inputs):
    return jnp.stack(
        [inputs[..., 0] * inputs[..., 1] + (inputs[..., 3] == 1), jnp.cos(3 * inputs[..., 2])], -1
    )


def linear_method(num_replicates, **options):
    design = make_design("iid", 80, num_columns=FEATURES).with_replicates(num_replicates)
    return LinearMethod(design, kernel_width=1.0, alpha=0.5, **options)


def moments_of(rng, num_replicates, num_samples=20):
    """Samples in replicates, and their moments under the method's kernel."""
    z = rng.normal(size=(num_replicates, num_samples, FEATURES))
    y = np.stack([z[..., 0] * z[..., 1] + z[..., 2], np.full(z.shape[:2], 0.3)], -1)
    method = linear_method(num_replicates)
    one = lambda z, y: method.summarize(View(z, z, jnp.zeros(FEATURES)), y)  # noqa: E731
    return z, y, jax.jit(jax.vmap(one))(jnp.asarray(z), jnp.asarray(y))


def own_variables():
    numbers = jnp.arange(FEATURES)
    return Coordinates(jnp.ones(FEATURES), numbers, numbers, jnp.ones(FEATURES, bool), 0 * numbers)


@jax.jit
def solve(method, summaries):
    return method.solve(summaries, own_variables())


def weighted_ridge(z, y, w, alpha):
    """Coefficients and intercept by the normal equations."""
    mean_z, mean_y = np.average(z, axis=0, weights=w), np.average(y, weights=w)
    gram = (w[:, None] * (z - mean_z)).T @ (z - mean_z)
    coef = np.linalg.solve(gram + alpha * np.eye(FEATURES), (w * (y - mean_y)) @ (z - mean_z))
    return coef, mean_y - coef @ mean_z


def test_of_the_sampled_ridge_it_is_cross_validation_over_replicates(x64, rng):
    z, y, summaries = moments_of(rng, 5)
    fit = solve(linear_method(5), summaries)
    w = np.exp(-0.5 * (z**2).sum(-1))
    errors = 0.0
    for r in range(5):
        others = [s for s in range(5) if s != r]
        train = [np.concatenate([a[s] for s in others]) for a in (z, y[..., 0], w)]
        coef, intercept = weighted_ridge(*train, alpha=0.5)
        errors += (w[r] * (y[r, :, 0] - intercept - z[r] @ coef) ** 2).sum()
    flat, weights = y[..., 0].ravel(), w.ravel()
    total = (weights * (flat - np.average(flat, weights=weights)) ** 2).sum()
    np.testing.assert_allclose(fit.held_out_score, [1 - errors / total, 1.0], atol=1e-9)
    assert fit.held_out_score[0] < fit.score[0]


def test_very_many_replicates_are_left_out_in_groups(x64, rng):
    _, _, summaries = moments_of(rng, 128, num_samples=4)
    fit = solve(linear_method(128), summaries)
    pairs = jax.tree.map(lambda a: a.reshape(64, 2, *a.shape[1:]), summaries)
    paired = jax.vmap(lambda pair: pool(pair, jnp.ones(2)))(pairs)
    expected = solve(linear_method(64), paired)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), fit, expected)


def test_the_pooled_score_of_one_model_is_its_score_on_the_whole(x64, rng):
    z, y = rng.normal(size=(3, 9, 2)), rng.normal(size=(3, 9, 1))
    w = rng.uniform(size=(3, 9))
    parts = jax.vmap(weighted_moments)(*map(jnp.asarray, (z, y, w)))
    coef, intercept = jnp.full((3, 1, 2), 0.4), jnp.full((3, 1), 0.1)
    ours = pooled_r_squared(parts, coef, intercept, pool(parts, jnp.ones(3)))
    error = (w * (y[..., 0] - 0.1 - 0.4 * z.sum(-1)) ** 2).sum()
    total = (w * (y[..., 0] - np.average(y[..., 0], weights=w)) ** 2).sum()
    np.testing.assert_allclose(ours, [1 - error / total], rtol=1e-10)


def fresh_score(stats, fits, own, width, model):
    """Mean R² of surrogates on 32,768 samples that none of them saw."""
    config = TabularConfig(num_samples=32768, design="iid", held_out_score=True)
    domain, method = make_domain(stats, config), make_method(stats, config, shared=False)
    samples = samples_of(jax.random.key(99), None, domain, method)
    y = np.asarray(model(domain.inputs(None, samples)), np.float64).reshape(-1, 2)
    z = (np.asarray(samples.bins).reshape(-1, FEATURES) == own).astype(float)
    w = np.exp(-0.5 * (FEATURES - z.sum(1)) / width**2)
    w /= w.sum()
    variance = w @ (y - w @ y) ** 2
    surrogate = np.einsum("sf,kcf->ksc", z, np.asarray(fits.coef, np.float64))
    errors = w @ (y - surrogate - np.asarray(fits.intercept)[:, None]) ** 2
    return (1 - errors / variance).mean(0)


def fit_shared(domain, method, bins, y, own):
    """One row by a neighborhood that all rows share, in replicates of one block."""
    adjusted = method.adjust(method.lay_out(bins[:, None]), y[:, None])
    instance = TabularInstance(own, jnp.zeros(own.shape))
    sums = method.sum_row(domain, instance, adjusted, None)
    return method.solve_row(domain, instance, adjusted, sums, None)


@pytest.mark.parametrize(
    ("shared", "width", "num_samples"), [(True, 1.5, 128), (True, 0.6, 1024), (False, 0.6, 512)]
)
def test_it_is_r_squared_on_samples_never_seen(shared, width, num_samples):
    """On average over 60 runs; R² on the samples of the fit is too good by several errors."""
    stats, own = make_stats(), jnp.array([0, 4, 8, 12])
    config = TabularConfig(width, 0.1, num_samples=num_samples, design="iid", held_out_score=True)
    domain, method = make_domain(stats, config), make_method(stats, config, shared=shared)
    fewer = dataclasses.replace(method, design=method.design.with_replicates(7))

    @functools.partial(jax.jit, static_argnames="count")
    def run(method, keys, count):
        def one(key):
            units = jnp.asarray(units_of(method.design))
            samples = sample(key, None, domain, method, units)
            y = interaction(domain.inputs(None, samples))
            if not shared:
                instance = TabularInstance(own, jnp.zeros(FEATURES))
                summaries = summarize(instance, domain, method, samples, y, units)
                return method.solve(summaries, domain.coordinates(instance))
            return fit_shared(domain, method, samples.bins, y, own)

        assert method.design.num_replicates == count
        return jax.lax.map(one, keys)

    keys = jax.random.split(jax.random.key(1), 60)
    ours, left_out = run(method, keys, 8), run(fewer, keys, 7)
    truth = fresh_score(stats, left_out, np.asarray(own), width, interaction)
    held_out = np.asarray(ours.held_out_score)
    error = held_out.std(0, ddof=1) / 60**0.5
    assert (abs(held_out.mean(0) - truth) < 3.5 * error + 0.005).all()
    assert (np.asarray(ours.score).mean(0) - truth > 2 * error + 0.005).all()


def test_of_an_additive_model_it_is_the_score(key):
    stats = make_stats()
    config = TabularConfig(num_samples=1024, alpha=0.0, held_out_score=True)
    domain, method = make_domain(stats, config), make_method(stats, config, shared=True)
    lows = jnp.asarray(stats.offsets[:-1])

    @jax.jit
    def fit():
        units = jnp.asarray(units_of(method.design))
        bins = sample(key, None, domain, method, units).bins
        y = jnp.stack([(bins == lows).sum(-1).astype(float), 0.0 * bins[..., 0] + 0.1], -1)
        return fit_shared(domain, method, bins, y, lows)

    found = fit()
    np.testing.assert_allclose(found.held_out_score, found.score, atol=1e-4)
    np.testing.assert_allclose(found.held_out_score[1], 1)
