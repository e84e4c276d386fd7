"""Masks: every subset once, complements side by side, players kept with their probability.

They are drawn or given; the player that is not there is never kept.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.stages.masks import (
    MaskSamples,
    all_subsets,
    bernoulli_masks,
    complementary_pairs,
    mask_coordinates,
    mask_view,
    masks_of,
    subsets_of_size,
)
from lime_jax.typing import Support

pytestmark = pytest.mark.precision

PRESENT = np.array([True, True, True, False])


def test_a_player_is_kept_with_its_probability(rng):
    uniforms = jnp.asarray(rng.random((4000, 3)))
    kept = np.asarray(bernoulli_masks(uniforms, jnp.array([0.0, 0.3, 1.0])))
    assert kept.dtype == bool
    assert not kept[:, 0].any()
    assert kept[:, 2].all()
    assert abs(kept[:, 1].mean() - 0.3) < 5 * math.sqrt(0.21 / 4000)


def test_every_mask_is_followed_by_its_complement(rng):
    masks = rng.random((6, 4)) < 0.5
    pairs = complementary_pairs(masks)
    np.testing.assert_array_equal(pairs[::2], masks)
    np.testing.assert_array_equal(pairs[1::2], ~masks)


@pytest.mark.parametrize(("num_players", "size"), [(5, 0), (5, 2), (5, 5), (1, 1), (6, 3)])
def test_subsets_of_a_size_are_the_combinations(num_players, size):
    members = [tuple(np.flatnonzero(mask)) for mask in subsets_of_size(num_players, size)]
    assert members == list(itertools.combinations(range(num_players), size))


@pytest.mark.parametrize("num_players", [1, 2, 3, 8])
def test_all_subsets_are_there_once_none_and_all_first(num_players):
    masks = all_subsets(num_players)
    assert masks.shape == (2**num_players, num_players)
    assert len(np.unique(masks, axis=0)) == 2**num_players
    assert not masks[0].any()
    np.testing.assert_array_equal(masks[1::2], ~masks[::2])


def test_given_masks_stay_but_for_players_that_are_not_there():
    given = jnp.asarray(np.indices([2] * 4).reshape(4, -1).T.astype(bool))
    masks = masks_of(given, PRESENT, 0.5)
    assert masks.dtype == bool
    np.testing.assert_array_equal(masks, np.asarray(given) & PRESENT)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_uniforms_become_masks_of_a_probability(key, probability):
    uniforms = jax.random.uniform(key, (4000, 4), jnp.result_type(float))
    masks = np.asarray(masks_of(uniforms, PRESENT, probability))
    np.testing.assert_array_equal(masks[:, :3], np.asarray(uniforms)[:, :3] < probability)
    assert not masks[:, 3].any()
    error = np.sqrt(probability * (1 - probability) / 4000)
    np.testing.assert_allclose(masks[:, :3].mean(0), probability, atol=4 * error)


def test_x_sees_ones_and_zeros_and_itself_with_all_players(rng):
    masks = jnp.asarray(rng.random((5, 4)) < 0.5)
    view = mask_view(MaskSamples(masks), PRESENT)
    np.testing.assert_array_equal(view.z, masks)
    assert view.z.dtype == jnp.result_type(float)
    np.testing.assert_array_equal(view.points, view.z)
    np.testing.assert_array_equal(view.origin, [1, 1, 1, 0])


def test_every_player_is_one_variable_and_absent_ones_do_not_vary():
    coordinates = jax.jit(mask_coordinates)(PRESENT)
    np.testing.assert_array_equal(coordinates.z, [1, 1, 1, 0])
    np.testing.assert_array_equal(coordinates.varies, PRESENT)
    np.testing.assert_array_equal(coordinates.variable, np.arange(4))
    np.testing.assert_array_equal(coordinates.feature, np.arange(4))
    assert (np.asarray(coordinates.support) == Support.FULL).all()
