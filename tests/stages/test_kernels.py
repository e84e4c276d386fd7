"""Distances equal scikit-learn's, kernel weights equal lime's, and gradients are finite."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from lime_jax.stages.kernels import (
    distance,
    effective_sample_size,
    exponential_kernel,
    inverse_choose,
    shapley_kernel,
)

pytestmark = pytest.mark.precision

METRICS = ("euclidean", "cosine", "manhattan")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distance_equals_scikit_learn(x64, rng, metric, dtype):
    points = rng.normal(size=(20, 5)).astype(dtype)
    points[3] = 0
    points[4] = points[0]
    expected = pairwise_distances(points.astype(np.float64), points[:1], metric=metric)[:, 0]
    ours = distance(jnp.asarray(points), jnp.asarray(points[0]), metric)
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("metric", METRICS)
def test_distance_from_a_zero_origin_equals_scikit_learn(x64, rng, metric):
    points = rng.normal(size=(5, 3))
    expected = pairwise_distances(points, np.zeros((1, 3)), metric=metric)[:, 0]
    ours = distance(jnp.asarray(points), jnp.zeros(3), metric)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match=r"`metric` should be one of .*'hamming'"):
        distance(jnp.zeros((2, 2)), jnp.zeros(2), "hamming")


@pytest.mark.parametrize("width", [0.25, 3, 4.1])
def test_the_kernel_is_limes(rng, width):
    distances = rng.uniform(0, 9, size=50)
    expected = np.sqrt(np.exp(-(distances**2) / width**2))
    ours = exponential_kernel(jnp.asarray(distances), width)
    np.testing.assert_allclose(ours, expected, rtol=2e-4, atol=1e-30)


@pytest.mark.parametrize("metric", METRICS)
def test_gradients_are_finite_where_a_point_meets_the_origin(metric):
    points = jnp.array([[1.0, 2.0], [0.0, 0.0], [3.0, -1.0]])

    def total(points, width, origin):
        return exponential_kernel(distance(points, origin, metric), width).sum()

    for origin in (points[0], points[1]):
        for gradient in jax.grad(total, argnums=(0, 1, 2))(points, jnp.array(0.7), origin):
            assert jnp.isfinite(gradient).all()


def test_the_derivative_by_the_width_is_the_formula(x64):
    distances, width = jnp.array([0.0, 0.5, 2.0]), 0.7
    ours = jax.jacobian(lambda width: exponential_kernel(distances, width))(width)
    expected = distances**2 / width**3 * np.exp(-(distances**2) / (2 * width**2))
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1.0, 1.0, 1.0, 1.0], 4.0),
        ([5.0, 0.0, 0.0], 1.0),
        ([1.0, 2.0], 9 / 5),
        ([1e-30, 1e-30], 2.0),
        ([0.0, 0.0], 0.0),
    ],
)
def test_effective_sample_size_is_kishs(weights, expected):
    assert float(effective_sample_size(jnp.array(weights))) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_jit_equals_eager_and_vmap_equals_loop(x64, rng, metric):
    points = jnp.asarray(rng.normal(size=(9, 4)))

    def weigh(origin):
        weights = exponential_kernel(distance(points, origin, metric), 1.5)
        return weights, effective_sample_size(weights)

    weights, sizes = jax.jit(jax.vmap(weigh))(points)
    for i in range(9):
        np.testing.assert_allclose(weights[i], weigh(points[i])[0], rtol=1e-12)
        np.testing.assert_allclose(sizes[i], weigh(points[i])[1], rtol=1e-12)
        np.testing.assert_allclose(jax.jit(weigh)(points[i])[0], weights[i], rtol=1e-12)


@pytest.mark.parametrize("players", [1, 2, 3, 6, 31])
def test_the_shapley_kernel_is_lundberg_and_lees(players):
    sizes = range(1, players)
    kernel = [(players - 1) / (math.comb(players, k) * k * (players - k)) for k in sizes]
    np.testing.assert_allclose(shapley_kernel(players), kernel, rtol=1e-12)
    choose = [math.comb(players, k) for k in range(players + 1)]
    np.testing.assert_allclose(1 / inverse_choose(players), choose, rtol=1e-12)


def test_the_shapley_kernel_of_thousands_of_players_is_finite():
    kernel = shapley_kernel(2000)
    assert np.isfinite(kernel).all()
    np.testing.assert_array_equal(kernel, kernel[::-1])
