"""Outputs on their own scale: what is put back is what was there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.fits.output_scale import OutputScale, power_of_two
from lime_jax.typing import LinearFit

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size", [1e-300, 1e-20, 1.0, 1e36, 1e300])
@pytest.mark.parametrize("far", [0, 1, -1e7])
def test_samples_keep_their_differences(size, far):
    deviations = RNG.normal(size=(101, 1))
    y = size * (far + deviations)
    scale = OutputScale.of_samples(y)
    inward = scale.inward(y)
    assert inward.dtype == jnp.result_type(float)
    assert 0.25 < np.abs(inward).max() <= 1
    expected = (deviations - np.median(deviations)) * (size / scale.unit)
    np.testing.assert_allclose(inward, expected, atol=1e-6 if abs(far) < 2 else 1e-5)


def test_equal_outputs_are_equal_whatever_the_last_digit_of_a_mean_says():
    y = np.full((50, 1), 1.7e9)
    y[::3] = np.nextafter(1.7e9, 2e9)
    scale = OutputScale.of_samples(y)
    assert not scale.inward(y).any()


def test_every_output_and_every_row_has_a_scale_of_its_own():
    y = RNG.normal(size=(3, 40, 2)) * [1e-20, 1e30] * np.array([1, 8, 64])[:, None, None]
    scale = OutputScale.of_samples(y)
    assert scale.origin.shape == scale.unit.shape == (3, 2)
    for row in range(3):
        alone = OutputScale.of_samples(y[row])
        np.testing.assert_array_equal(scale.take(row).origin, alone.origin)
        np.testing.assert_array_equal(scale.inward(y)[row], alone.inward(y[row]))


def test_units_are_exact_powers_of_two():
    assert power_of_two(np.array([0, 5e-324, 1, 3.0, np.inf])).tolist() == [1, 2**-1073, 2, 4, 1]


def linear_fit(rows=2, labels=1):
    narrow, wide = jnp.ones((rows, labels), jnp.float32), jnp.ones((rows, labels, 3), jnp.float32)
    fit = LinearFit(
        coef=0.3 * wide,
        std_error=0.01 * wide,
        selected=wide > 0,
        intercept=0.5 * narrow,
        score=0.7 * narrow,
        local_pred=0.9 * narrow,
        effective_samples=jnp.ones(rows),
        support=jnp.zeros((rows, 3), jnp.int32),
    )
    return jax.tree.map(np.asarray, fit)


def test_a_fit_is_put_back_in_64_bits():
    scale = OutputScale(np.array([0.0, 1.7e9]), np.array([1.0, 128.0]))
    found = scale.outward(linear_fit(), np.array([[1], [0]]))
    assert found.coef.dtype == np.float32
    np.testing.assert_allclose(found.coef[:, 0, 0], [0.3 * 128, 0.3], rtol=1e-6)
    np.testing.assert_array_equal(found.intercept[:, 0], [1.7e9 + 64, 0.5])
    np.testing.assert_allclose(found.local_pred[0, 0] - 1.7e9, 0.9 * 128, rtol=1e-6)
    assert found.score[0, 0] == np.float32(0.7)


@pytest.mark.parametrize("unit", [2.0**-200, 2.0**200])
def test_weights_that_32_bits_do_not_hold_are_put_back_in_64(unit):
    found = OutputScale(np.zeros(1), np.array([unit])).outward(linear_fit(), None)
    assert found.coef.dtype == np.float64
    np.testing.assert_array_equal(found.coef / unit, linear_fit().coef)


def test_mean_squares_are_put_back_squared():
    scale = OutputScale(np.zeros(2), np.array([2.0, 0.5]))
    np.testing.assert_array_equal(scale.outward(np.ones((3, 2)), None), [[4, 0.25]] * 3)
