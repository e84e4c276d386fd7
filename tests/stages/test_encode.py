"""Encodings are lime's binary columns and scikit-learn's StandardScaler."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lime.lime_tabular import LimeTabularExplainer
from sklearn.preprocessing import StandardScaler

from lime_jax.stages.encode import same_bin, standardize
from lime_jax.tabular.domain import encode_rows
from lime_jax.tabular.learn import fit_tabular

pytestmark = pytest.mark.precision


def test_same_bin_is_limes_binary_column(rng):
    X = rng.normal(size=(80, 3))
    lime = LimeTabularExplainer(X, discretizer="quartile", random_state=0)
    generate = lime._LimeTabularExplainer__data_inverse
    binary, inverse = generate(X[0], 50)
    stats = fit_tabular(X)
    bins, own = encode_rows(stats, inverse)[0], encode_rows(stats, X[:1])[0][0]
    np.testing.assert_array_equal(same_bin(jnp.asarray(bins), jnp.asarray(own)), binary)


def test_a_bin_without_training_mass_matches_nothing():
    ours = same_bin(jnp.array([[0, 2], [1, 2]]), jnp.array([-1, 2]))
    np.testing.assert_array_equal(ours, [[0, 1], [0, 1]])


def test_standardize_is_scikit_learns(x64, rng):
    X = rng.normal(3, 7, size=(30, 4))
    ours = standardize(jnp.asarray(X), jnp.asarray(X.mean(0)), jnp.asarray(X.std(0)))
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(X), rtol=1e-10, atol=1e-12)


def test_jit_equals_eager_and_vmap_equals_loop(rng):
    bins = jnp.asarray(rng.integers(0, 3, size=(10, 4)))
    batched = jax.jit(jax.vmap(same_bin, in_axes=(None, 0)))(bins, bins)
    for i in range(10):
        np.testing.assert_array_equal(batched[i], same_bin(bins, bins[i]))
