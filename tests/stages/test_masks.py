"""Masks: every subset once, complements side by side, players kept with their probability."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.stages.masks import (
    all_subsets,
    bernoulli_masks,
    complementary_pairs,
    subsets_of_size,
)


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
