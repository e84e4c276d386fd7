"""Coalitions: complementary, distinct, of the Shapley kernel's sizes and weights, replayable."""

import math

import jax
import numpy as np
import pytest

from lime_jax.stages.coalition_units import fewest_coalitions, make_shapley_design
from lime_jax.stages.coalitions import random_subsets, shapley_coalitions

pytestmark = pytest.mark.precision

BUDGETS = [(2, 4), (6, 40), (7, 128), (12, 1024), (15, 2048), (14, 12000), (30, 2048), (201, 700)]


@pytest.mark.parametrize(("num_players", "budget"), BUDGETS)
def test_coalitions_are_distinct_complementary_pairs(key, num_players, budget):
    masks = shapley_coalitions(key, num_players, budget).masks
    assert masks.shape == (budget, num_players)
    assert not masks[0].any()
    np.testing.assert_array_equal(masks[1::2], ~masks[::2])
    assert len(np.unique(np.packbits(masks, axis=1), axis=0)) == budget


@pytest.mark.parametrize(("num_players", "budget"), BUDGETS)
def test_weights_add_up_to_the_kernels_mass(key, num_players, budget):
    coalitions = shapley_coalitions(key, num_players, budget)
    sizes = coalitions.masks.sum(1)
    weights = np.repeat(coalitions.weights, 2)
    found = np.bincount(sizes, weights, minlength=num_players + 1)[1:-1]
    size = np.arange(1, num_players)
    mass = 1 / (size * (num_players - size))
    assert weights[0] == 0
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-12)
    if budget >= 4 * num_players:  # every size is met: each has its own mass
        np.testing.assert_allclose(found, mass / mass.sum(), rtol=1e-9)


@pytest.mark.parametrize(("num_players", "budget"), BUDGETS)
def test_it_is_known_how_much_of_a_size_is_left_out(key, num_players, budget):
    coalitions = shapley_coalitions(key, num_players, budget)
    sizes = coalitions.masks.sum(1)
    counts = np.bincount(sizes, minlength=num_players + 1)
    there = counts / np.array([float(math.comb(num_players, k)) for k in range(num_players + 1)])
    np.testing.assert_allclose(coalitions.left_out_share, 1 - there[sizes[::2]], atol=1e-9)


def test_small_sizes_are_complete_where_the_budget_covers_them(key):
    coalitions = shapley_coalitions(key, 15, 2048)
    counts = np.bincount(coalitions.masks.sum(1))
    assert counts[[1, 2, 13, 14]].tolist() == [15, 105, 105, 15]
    assert 0 < counts[7] < math.comb(15, 7)


def test_coalitions_are_a_function_of_key_players_and_budget(key):
    first, again = (shapley_coalitions(key, 30, 512).masks for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = shapley_coalitions(jax.random.key(8), 30, 512).masks
    assert (first != other).any()


def test_the_state_of_numpys_generator_is_left_alone(key):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    shapley_coalitions(key, 30, 512)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_players_are_alike(key):
    inside = np.mean(
        [shapley_coalitions(jax.random.key(i), 9, 64).masks[2::2] for i in range(100)], (0, 1)
    )
    # 31 pairs of one mask each, of which a ninth to four ninths of the players are inside.
    assert np.abs(inside - inside.mean()).max() < 5 * math.sqrt(0.25 / (100 * 31))


def test_sizes_that_are_met_by_chance_have_their_mass_on_average():
    size = np.arange(1, 100)
    mass = 1 / (size * (100 - size))
    middle = []
    for i in range(60):
        coalitions = shapley_coalitions(jax.random.key(i), 100, 62)
        met = abs(coalitions.masks.sum(1) - 50) < 20
        middle.append(np.repeat(coalitions.weights, 2)[met].sum())
    expected = mass[abs(size - 50) < 20].sum() / mass.sum()
    assert abs(np.mean(middle) - expected) < 5 * np.std(middle) / math.sqrt(60) + 1e-3


def test_random_subsets_have_their_sizes_and_are_all_alike(rng):
    masks = random_subsets(rng, 4, np.full(6000, 2))
    numbers, counts = np.unique(masks @ [1, 2, 4, 8], return_counts=True)
    assert numbers.tolist() == [3, 5, 6, 9, 10, 12]
    assert np.abs(counts - 1000).max() < 5 * math.sqrt(1000)


@pytest.mark.parametrize(
    ("num_players", "asked", "made"),
    [
        *((1, "auto", 2), (3, "auto", 8), (11, "auto", 2048), (12, "auto", 2072), (30, 2048, 2048)),
        *((5, 20, 32), (7, 60, 128), (9, 100, 100)),
    ],
)
def test_a_design_has_the_coalitions_that_are_asked_for(num_players, asked, made):
    assert make_shapley_design(num_players, asked).num_samples == made


@pytest.mark.parametrize("asked", [100, 999, 1000, 2108, 2168, 5000, 100_001])
def test_a_design_fills_units_with_few_to_spare(asked):
    design, other = make_shapley_design(20, asked), make_shapley_design(25, asked)
    assert asked <= design.num_samples < 1.02 * asked + 2
    assert design.num_samples == design.num_replicates * design.block_size
    assert design.block_size % 2 == 0
    assert design.block_size <= 64
    assert (design.num_replicates, design.block_size) == (other.num_replicates, other.block_size)


def test_too_few_coalitions_are_refused_with_what_is_needed():
    assert fewest_coalitions(60) == 182
    make_shapley_design(60, 182)
    with pytest.raises(ValueError, match=r"`num_samples`.* at least 182 for 60 players, got 181"):
        make_shapley_design(60, 181)
    with pytest.raises(ValueError, match=r"`num_samples`.*'all'"):
        make_shapley_design(60, "all")
    with pytest.raises(ValueError, match="`num_players` must be at least 1, got 0"):
        make_shapley_design(0)
