"""Thresholds decide without rounding what a library decides after it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.models.trees.thresholds import (
    after_rounding,
    between,
    on_their_side,
    round_down,
    strictly_below,
)

pytestmark = pytest.mark.precision

TOP = float(np.finfo(np.float32).max)
OVERFLOW = 2.0**128 - 2.0**103  # from here on float32 rounds to infinity
SPECIAL = [0.0, 0.1, 1.0, 1 + 2.0**-24, 1 + 2.0**-23 + 2.0**-24, 16777217.0, 2.0**-149, 2.0**-150]
SPECIAL += [5e-324, 1e-50, 1e39, TOP, OVERFLOW, float(np.nextafter(OVERFLOW, 0)), 1.7e308, np.inf]


def rounded(numbers):
    with np.errstate(over="ignore"):
        return np.asarray(numbers).astype(np.float32)


def thresholds():
    rng = np.random.default_rng(0)
    wide = np.ldexp(rng.normal(size=300), rng.integers(-155, 130, 300))
    near = rng.normal(size=300).astype(np.float32).astype(float)
    return np.concatenate([SPECIAL, np.negative(SPECIAL), wide, near])


@np.errstate(over="ignore", invalid="ignore")
def candidates(threshold):
    """Numbers around a threshold: where float32 numbers are, and halfway between them."""
    middle = rounded(threshold)
    singles = [middle, *(np.nextafter(middle, np.float32(side)) for side in (-np.inf, np.inf))]
    doubles = [threshold, *(single.astype(float) for single in singles)]
    doubles += [a / 2 + b / 2 for a in doubles for b in doubles]
    doubles += [np.full_like(threshold, x) for x in (OVERFLOW, -OVERFLOW, np.inf, -np.inf, 0.0)]
    sides = [np.nextafter(x, side) for x in doubles for side in (-np.inf, np.inf)]
    return np.nan_to_num(np.array(doubles + sides), nan=0.0)


DECISIONS = {
    "after_rounding": (after_rounding, lambda x, t: rounded(x) <= t),
    "strictly_below": (strictly_below, lambda x, t: rounded(x) < rounded(t)),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions_are_those_after_rounding(name):
    limit, decide = DECISIONS[name]
    threshold = thresholds()
    inputs = candidates(threshold)
    np.testing.assert_array_equal(inputs <= limit(threshold), decide(inputs, threshold))


@pytest.mark.parametrize("name", DECISIONS)
def test_the_limit_is_the_largest_number_that_passes(name):
    limit, decide = DECISIONS[name]
    threshold = np.array([0.1, 1.0, -3.3, 16777217.0, 2.0**-150, -1e-50])
    at = limit(threshold)
    assert decide(at, threshold).all()
    assert not decide(np.nextafter(at, np.inf), threshold).any()


def test_none_is_below_minus_infinity():
    assert np.isnan(strictly_below(np.array([-np.inf]))).all()


def test_the_device_decides_at_0_although_it_takes_tiny_numbers_for_0():
    dtype = np.dtype(jnp.result_type(float))
    inputs = np.array([-1.0, -np.finfo(dtype).tiny, 0.0, np.finfo(dtype).tiny], dtype)
    limits = np.array([5e-324, 7e-46, 1e-320, 0.0])
    for threshold in np.concatenate([limits, -limits]):
        down = round_down(np.full(4, threshold), dtype)
        decided = jax.jit(lambda a, b: a <= b)(inputs, down)
        np.testing.assert_array_equal(decided, inputs <= threshold)
        assert down.dtype == dtype


@pytest.mark.parametrize("center", [0.0, 60.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_on_thresholds_keep_their_side_when_they_are_rounded(center, dtype):
    values = np.round(np.random.default_rng(0).normal(center, 2, 200), 2)
    thresholds = np.unique(np.concatenate([values[:40], values[40:80] + 0.005]))
    right = values[:, None] <= thresholds
    for added in (False, True):
        rounded = on_their_side(values, thresholds, center, np.dtype(dtype), added=added)
        tests = round_down(thresholds if added else thresholds - center, np.dtype(dtype))
        compared = rounded + dtype(center if added else 0)
        np.testing.assert_array_equal(compared[:, None] <= tests, right)
        near = 4 * np.finfo(dtype).eps * (center + 9)
        np.testing.assert_allclose(rounded + center, values, rtol=0, atol=near)


def test_thresholds_part_given_numbers_as_in_float64():
    values = np.round(np.arange(0, 5, 0.01), 2)
    single = values.astype(np.float32)
    apart = between(values[3:-3:7], values, single)
    np.testing.assert_array_equal(single[:, None] <= apart, values[:, None] <= values[3:-3:7])
    np.testing.assert_array_equal(apart.astype(np.float32), apart)
