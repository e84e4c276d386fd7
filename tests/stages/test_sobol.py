"""Sobol points are SciPy's, scrambled anew in each replicate, and a net after that."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import qmc

from lime_jax.stages.sobol import sobol, sobol_direction_numbers

pytestmark = pytest.mark.precision


@functools.cache
def nets(num_bits: int, num_columns: int = 30) -> np.ndarray:
    """Eight replicates, (8, points, columns)."""
    key, numbers = jax.random.key(7), jnp.asarray(sobol_direction_numbers(num_columns, num_bits))
    replicate = lambda number: sobol(key, number, 0, numbers, 2**num_bits)  # noqa: E731
    return np.asarray(jax.jit(jax.vmap(replicate))(jnp.arange(8))).astype(np.float64)


@pytest.mark.parametrize(("num_columns", "num_bits"), [(1, 1), (7, 6), (30, 9), (300, 3)])
def test_direction_numbers_are_scipys(num_columns, num_bits):
    numbers = sobol_direction_numbers(num_columns, num_bits)
    points = np.zeros((1, num_columns), np.uint32)
    for bit in range(num_bits):
        points = np.concatenate([points, points ^ numbers[:, bit]])
    expected = qmc.Sobol(num_columns, scramble=False).random_base2(num_bits)
    order, expected_order = np.lexsort(points.T), np.lexsort(expected.T)
    np.testing.assert_array_equal(points[order] / 2.0**32, expected[expected_order])


def test_direction_numbers_are_made_once_and_cannot_be_changed():
    numbers = sobol_direction_numbers(3, 5)
    assert numbers is sobol_direction_numbers(3, 5)
    with pytest.raises(ValueError, match="read-only"):
        numbers[0, 0] = 1


def test_more_columns_than_direction_numbers_are_refused():
    with pytest.raises(ValueError, match=r'`design`="sobol".*21,201.*got 21,202.*design="iid"'):
        sobol_direction_numbers(21_202, 1)


@pytest.mark.parametrize("num_bits", [1, 4, 9])
def test_scrambled_points_are_still_a_net(num_bits):
    size = 2**num_bits
    for replicate in nets(num_bits):
        for bits in range(num_bits + 1):  # every elementary interval of the first two columns
            cells = np.floor(replicate[:, 0] * 2**bits) * 2 ** (num_bits - bits)
            cells += np.floor(replicate[:, 1] * 2 ** (num_bits - bits))
            np.testing.assert_array_equal(np.sort(cells), np.arange(size))


def test_scrambles_differ_beyond_a_shift():
    # A shift alone would leave the exclusive or of two points the same in every replicate.
    points = (nets(9) * 2**23).astype(np.int64)
    gaps = points[:, 37] ^ points[:, 300]  # (replicates, columns)
    assert all(np.unique(gaps[:, column]).size == 8 for column in range(3))


def test_pairs_of_binary_columns_are_orthogonal_to_every_column():
    # Frequency 1/2, where a column is one digit of the net and aliases, if any, are complete.
    for replicate in nets(9):
        signs = np.sign(replicate - 0.5)
        pairs = (signs[:, :, None] * signs[:, None, :]).reshape(512, -1)
        np.testing.assert_array_equal(signs.T @ pairs, 0)
        np.testing.assert_array_equal(signs.T @ signs, 512 * np.eye(30))


def test_products_of_three_binary_columns_can_be_a_column():
    # The price of that: what `make_design` says about odd models.
    signs = np.sign(nets(4, 8)[0] - 0.5)
    triples = np.einsum("na,nb,nc,nd->abcd", *[signs] * 4)
    first, second, third, fourth = np.nonzero(np.abs(triples) == 16)
    assert ((first < second) & (second < third) & (third < fourth)).any()
