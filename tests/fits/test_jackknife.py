"""The jackknife leaves out what it says, and knows the standard error of a mean."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.fits.jackknife import jackknife_standard_error, leave_one_out
from lime_jax.stages.moments import pool, weighted_moments

pytestmark = pytest.mark.precision


@pytest.mark.parametrize("num_replicates", [1, 2, 8])
def test_the_first_fit_has_all_replicates_and_every_other_lacks_one(num_replicates):
    include = leave_one_out(num_replicates)
    assert include.shape == (num_replicates + 1, num_replicates)
    assert include[0].all()
    np.testing.assert_array_equal(
        np.flatnonzero(include[1:] == 0), np.arange(num_replicates) * (num_replicates + 1)
    )


def test_the_standard_error_of_a_mean_is_the_textbooks(x64, rng):
    values = rng.normal(size=(8, 3))
    include = leave_one_out(8)
    means = include @ values / include.sum(1, keepdims=True)
    ours = jackknife_standard_error(means[0], means[1:])
    np.testing.assert_allclose(ours, values.std(0, ddof=1) / np.sqrt(8), rtol=1e-10)


def test_left_out_rows_pool_to_the_moments_without_a_replicate(x64, rng):
    z = jnp.asarray(rng.normal(size=(4, 10, 2)))
    stacked = jax.vmap(weighted_moments)(z, z, jnp.ones((4, 10)))
    pooled = jax.vmap(pool, in_axes=(None, 0))(stacked, leave_one_out(4))
    rest = jnp.delete(z, 2, axis=0).reshape(-1, 2)
    np.testing.assert_allclose(pooled.mean_z[0], z.reshape(-1, 2).mean(0), rtol=1e-10)
    np.testing.assert_allclose(pooled.mean_z[3], rest.mean(0), rtol=1e-10)


def test_an_estimate_that_does_not_move_has_no_error():
    np.testing.assert_array_equal(
        jackknife_standard_error(jnp.ones((2, 3)), jnp.ones((5, 2, 3))), np.zeros((2, 3))
    )


def test_the_full_estimate_stands_in_for_an_undefined_one(x64):
    left_out = jnp.array([1.0, jnp.nan, 3.0])
    ours = jackknife_standard_error(jnp.array(2.0), left_out)
    expected = jackknife_standard_error(jnp.array(2.0), jnp.array([1.0, 2.0, 3.0]))
    assert float(ours) == float(expected)


def test_one_replicate_says_nothing_about_the_error():
    assert jnp.isnan(jackknife_standard_error(jnp.ones(2), jnp.ones((1, 2)))).all()


def test_jit_equals_eager_and_vmap_equals_loop(x64, rng):
    full, left_out = jnp.asarray(rng.normal(size=(5, 2))), jnp.asarray(rng.normal(size=(6, 5, 2)))
    eager = jackknife_standard_error(full, left_out)
    np.testing.assert_allclose(jax.jit(jackknife_standard_error)(full, left_out), eager, rtol=1e-12)
    batched = jax.vmap(jackknife_standard_error, in_axes=(0, 1))(full, left_out)
    np.testing.assert_allclose(batched, eager, rtol=1e-12)
