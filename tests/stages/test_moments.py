"""Moments equal NumPy's weighted covariances, merge exactly, and keep their digits in float32."""

import functools

import chex
import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from lime_jax.stages.moments import empty_moments, merge, pool, varying, weighted_moments

pytestmark = pytest.mark.precision


def samples(rng, num_samples=60, num_features=4, num_outputs=2):
    z = rng.normal(size=(num_samples, num_features)) + np.arange(num_features)
    y = z[:, :num_outputs] ** 2 + rng.normal(size=(num_samples, num_outputs))
    return jnp.asarray(z), jnp.asarray(y), jnp.asarray(rng.uniform(size=num_samples))


def part(data, start, stop):
    return weighted_moments(*(leaf[start:stop] for leaf in data))


def close(a, b, tolerance=None):
    single = jnp.asarray(a.weight).dtype == jnp.float32
    tolerance = tolerance or (2e-5 if single else 1e-11)
    chex.assert_trees_all_close(a, b, rtol=tolerance, atol=tolerance)


def test_equals_numpys_weighted_covariance(rng):
    z, y, weights = samples(rng)
    moments = weighted_moments(z, y, weights)
    covariance = np.cov(np.hstack([z, y]).T, aweights=weights, ddof=0) * np.sum(weights)
    rtol = 1e-5 if z.dtype == jnp.float32 else 1e-12
    np.testing.assert_allclose(moments.zz, covariance[:4, :4], rtol, atol=rtol)
    np.testing.assert_allclose(moments.zy, covariance[:4, 4:], rtol, atol=rtol)
    np.testing.assert_allclose(moments.yy, np.diag(covariance)[4:], rtol)
    np.testing.assert_allclose(moments.mean_z, np.average(z, axis=0, weights=weights), rtol)
    np.testing.assert_allclose(moments.mean_y, np.average(y, axis=0, weights=weights), rtol)
    np.testing.assert_allclose(moments.weight, np.sum(weights), rtol)
    np.testing.assert_allclose(moments.weight_squared, np.sum(np.square(weights)), rtol)


def test_no_weight_gives_finite_zeros(rng):
    z, y, weights = samples(rng)
    chex.assert_trees_all_equal(
        weighted_moments(z, y, 0 * weights), empty_moments(4, 2, dtype=z.dtype)
    )


def test_the_gradient_is_finite_where_all_weights_vanish(rng):
    z, y, weights = samples(rng)
    gradient = jax.grad(lambda weights: weighted_moments(z, y, weights).zz.sum())(0 * weights)
    assert jnp.isfinite(gradient).all()


def test_a_zero_weight_is_no_sample(rng):
    data = samples(rng)
    z, y, weights = data
    close(weighted_moments(z, y, weights.at[40:].set(0)), part(data, 0, 40))


def test_a_large_offset_keeps_the_digits_of_float32(rng):
    z = rng.normal(size=(2048, 3)) + 1e4
    y = z @ np.array([[1.0], [2.0], [-1.0]]) + rng.normal(size=(2048, 1)) + 1e4
    z, y = z.astype(np.float32), y.astype(np.float32)
    weights = rng.uniform(size=2048).astype(np.float32)
    expected = np.cov(np.hstack([z, y]).T.astype(np.float64), aweights=weights, ddof=0)
    whole = weighted_moments(jnp.asarray(z), jnp.asarray(y), jnp.asarray(weights))
    chunks = [
        weighted_moments(*(jnp.asarray(a[i : i + 256]) for a in (z, y, weights)))
        for i in range(0, 2048, 256)
    ]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *chunks)
    for moments in (whole, functools.reduce(merge, chunks), pool(stacked, jnp.ones(8))):
        assert moments.zz.dtype == jnp.float32
        for ours, truth in ((moments.zz, expected[:3, :3]), (moments.zy, expected[:3, 3:])):
            np.testing.assert_allclose(ours / moments.weight, truth, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(moments.yy / moments.weight, expected[3:, 3], rtol=1e-3)


def test_merge_equals_one_pass(rng):
    data = samples(rng)
    close(merge(part(data, 0, 17), part(data, 17, 60)), part(data, 0, 60))


def test_empty_moments_are_neutral(rng):
    moments = weighted_moments(*samples(rng))
    empty = empty_moments(4, 2, moments.zz.dtype)
    chex.assert_trees_all_equal(merge(moments, empty), moments)
    chex.assert_trees_all_equal(merge(empty, moments), moments)
    chex.assert_trees_all_equal(merge(empty, empty), empty)


compiled_moments, compiled_merge = jax.jit(weighted_moments), jax.jit(merge)
values = st.floats(-100, 100, width=32)


three_parts = st.tuples(
    arrays.arrays(np.float64, (3, 5, 2), elements=values),
    arrays.arrays(np.float64, (3, 5, 1), elements=values),
    arrays.arrays(np.float64, (3, 5), elements=st.floats(0, 4, width=16)),
)


@settings(max_examples=40, deadline=None)
@given(three_parts)
def test_merge_is_associative_and_commutative(parts):
    with jax.enable_x64(True):
        z, y, weights = map(jnp.asarray, parts)
        a, b, c = (compiled_moments(z[i], y[i], weights[i]) for i in range(3))
        together = compiled_merge(compiled_merge(a, b), c)
        close(together, compiled_merge(a, compiled_merge(b, c)), 1e-8)
        close(compiled_merge(a, b), compiled_merge(b, a), 1e-8)
        whole = compiled_moments(z.reshape(15, 2), y.reshape(15, 1), weights.reshape(15))
        close(together, whole, 1e-8)


@pytest.mark.parametrize("included", [[0, 1, 2, 3], [0, 2, 3], [1], []])
@pytest.mark.parametrize("dtype", [bool, float])
def test_pool_equals_one_pass_over_the_included(rng, included, dtype):
    z, y, weights = samples(rng)
    blocks = tuple(leaf.reshape(4, 15, *leaf.shape[1:]) for leaf in (z, y, weights))
    stacked = jax.vmap(weighted_moments)(*blocks)
    include = jnp.zeros(4).at[jnp.array(included, int)].set(1).astype(dtype)
    rows = jnp.repeat(include.astype(bool), 15)
    close(pool(stacked, include), weighted_moments(z, y, weights * rows))


def test_jit_equals_eager_and_vmap_equals_loop(rng):
    z, y, weights = samples(rng)
    close(jax.jit(weighted_moments)(z, y, weights), weighted_moments(z, y, weights))
    many = jnp.stack([weights, weights**2, 1 - weights])
    batched = jax.vmap(weighted_moments, in_axes=(None, None, 0))(z, y, many)
    for i in range(3):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], batched)
        close(one, weighted_moments(z, y, many[i]))
    include = jnp.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    pooled = jax.jit(jax.vmap(pool, in_axes=(None, 0)))(batched, include)
    for i in range(2):
        close(jax.tree.map(lambda leaf, i=i: leaf[i], pooled), pool(batched, include[i]))


@pytest.mark.parametrize("constant", [0.0, 0.1, 12345.678])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_column_does_not_vary(x64, rng, constant, dtype):
    z = np.column_stack([np.full(999, constant), rng.normal(size=999), rng.random(999) < 0.01])
    z, weights = jnp.asarray(z, dtype), jnp.asarray(rng.uniform(size=999), dtype)
    assert varying(weighted_moments(z, z[:, :1], weights)).tolist() == [False, True, True]
