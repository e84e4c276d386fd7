"""Uniforms are keyed, strictly inside (0, 1), and as even as their design promises."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import qmc

from lime_jax.stages.designs import (
    Design,
    block_plan,
    iid,
    latin_hypercube,
    make_design,
    replicate_plan,
    sobol,
    sobol_direction_numbers,
    uniform_from_bits,
    uniforms,
)

NAMES = ("iid", "latin_hypercube", "sobol")
MIXED = np.array([False, True, False, False, True])


def numeric(num_columns: int) -> np.ndarray:
    return np.zeros(num_columns, bool)


net = jax.jit(sobol, static_argnums=4)
cube = jax.jit(latin_hypercube, static_argnums=(3, 4, 5))


def draw(design: Design, key) -> np.ndarray:
    """All points, (replicates, points, columns)."""
    replicates, blocks = jnp.arange(design.num_replicates), jnp.arange(design.num_blocks)
    one = lambda replicate, block: uniforms(design, key, replicate, block)  # noqa: E731
    grid = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(replicates, blocks)
    return np.asarray(grid).reshape(design.num_replicates, design.replicate_size, -1)


# Plans


@pytest.mark.parametrize(
    ("num_samples", "plan"),
    [
        (2, (2, 1)),
        (3, (3, 1)),
        (16, (8, 2)),
        (1000, (16, 64)),
        (4096, (8, 512)),
        (5000, (10, 512)),
        (2**27, (16, 2**23)),  # no more points in a replicate than a uniform has digits
    ],
)
def test_samples_are_rounded_up_to_whole_replicates(num_samples, plan):
    assert replicate_plan(num_samples) == plan


@given(st.integers(2, 10**7))
def test_a_plan_has_enough_replicates_and_wastes_less_than_one(num_samples):
    num_replicates, replicate_size = replicate_plan(num_samples)
    assert num_replicates >= 2
    assert num_samples <= num_replicates * replicate_size < num_samples + replicate_size
    num_blocks, block_size = block_plan(replicate_size)
    assert num_blocks * block_size == replicate_size
    assert block_size <= 512


def test_a_design_says_what_it_draws():
    design = make_design("sobol", 10_000, MIXED)
    sizes = (design.num_replicates, design.replicate_size, design.num_blocks, design.block_size)
    assert sizes == (10, 1024, 2, 512)
    assert design.num_samples == 10_240
    assert design.discrete_columns == "some"
    assert make_design("iid", 100, ~numeric(3)).discrete_columns == "all"
    assert make_design("iid", 100, numeric(3)).discrete_columns == "none"


def test_numeric_columns_take_the_first_sobol_dimensions_and_discrete_ones_none():
    numbers = np.asarray(make_design("sobol", 4096, MIXED).direction_numbers)
    np.testing.assert_array_equal(numbers[~MIXED], sobol_direction_numbers(3, 9))
    assert not numbers[MIXED].any()
    assert make_design("sobol", 4096, ~numeric(3)).direction_numbers is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("halton", 100, numeric(2)), r'`design` must be one of "iid", "latin_hypercube", "sobol"'),
        (("iid", 1, numeric(2)), r"`num_samples` must be at least 2, got 1"),
        (("iid", 100, np.zeros(2)), r"`discrete` must be a vector of bools.*float64"),
        (("iid", 100, np.zeros((2, 2), bool)), r"`discrete` must be a vector.*\(2, 2\)"),
        (("sobol", 100, numeric(21_202)), r'`design`="sobol".*21,201.*got 21,202.*design="iid"'),
    ],
)
def test_what_cannot_be_planned_is_refused_with_its_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_design(*arguments)


def test_more_discrete_columns_than_direction_numbers_are_fine():
    discrete = np.ones(21_300, bool)
    discrete[7] = False
    assert make_design("sobol", 2, discrete).direction_numbers.shape == (21_300, 0)


# Bits


def test_uniforms_are_the_same_in_both_precisions_and_never_0_or_1():
    bits = np.array([0, 1, 2**9 - 1, 2**9, 2**31, 2**32 - 1], np.uint32)
    expected = ((bits >> 9).astype(np.float64) + 0.5) / 2**23
    for x64, dtype in ((False, np.float32), (True, np.float64)):
        with jax.enable_x64(x64):
            values = np.asarray(uniform_from_bits(jnp.asarray(bits)))
        assert values.dtype == dtype
        np.testing.assert_array_equal(values.astype(np.float64), expected)
        assert 0 < values.min() < values.max() < 1


@pytest.mark.parametrize("name", NAMES)
def test_uniforms_do_not_depend_on_precision(name, key):
    values = []
    for x64 in (False, True):
        with jax.enable_x64(x64):
            values.append(draw(make_design(name, 64, MIXED), key).astype(np.float64))
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize("name", NAMES)
def test_blocks_are_the_same_alone_in_any_order_jitted_and_vmapped(name, key):
    design = make_design(name, 8 * 1024, MIXED)  # two blocks of 512 in a replicate
    together = draw(design, key).reshape(8, 2, 512, 5)
    alone = jax.jit(uniforms)
    for replicate, block in ((7, 1), (0, 0), (7, 0)):
        expected = together[replicate, block]
        np.testing.assert_array_equal(alone(design, key, replicate, block), expected)
    np.testing.assert_array_equal(uniforms(design, key, 7, 0), together[7, 0])
    keys = jax.random.split(key, 3)
    rows = jax.jit(jax.vmap(uniforms, (None, 0, None, None)))(design, keys, 1, 1)
    for row, row_key in zip(rows, keys, strict=True):
        np.testing.assert_array_equal(row, alone(design, row_key, 1, 1))


@pytest.mark.parametrize("name", ["latin_hypercube", "sobol"])
def test_smaller_blocks_draw_the_same_net(name, key):
    def strata(block_size):
        blocks = range(64 // block_size)
        if name == "sobol":
            numbers = jnp.asarray(sobol_direction_numbers(3, 6))
            made = [net(key, 2, block, numbers, block_size) for block in blocks]
        else:
            made = [cube(key, 2, block, block_size, 64, 3) for block in blocks]
        return np.floor(np.concatenate(made) * 64)

    np.testing.assert_array_equal(strata(8), strata(64))


# Every design


@pytest.mark.parametrize("num_samples", [2, 20])
@pytest.mark.parametrize("name", NAMES)
def test_tiny_designs_work(name, num_samples, key):
    points = draw(make_design(name, num_samples, MIXED), key)
    assert points.shape == (*replicate_plan(num_samples), 5)
    assert 0 < points.min() < points.max() < 1


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_uniform_over_keys(name):
    design = make_design(name, 64, MIXED)
    keys = jax.random.split(jax.random.key(3), 2000)
    points = np.asarray(jax.jit(jax.vmap(lambda k: uniforms(design, k, 1, 0)))(keys))
    p_values = stats.kstest(points.reshape(2000, -1), "uniform").pvalue
    assert p_values.min() > 0.01 / p_values.size


@pytest.mark.parametrize("name", NAMES)
def test_rows_replicates_and_columns_are_independent(name):
    design = make_design(name, 256, MIXED)
    keys = jax.random.split(jax.random.key(5), 1500)
    both = jnp.arange(2)
    draw_both = jax.jit(jax.vmap(lambda k: jax.vmap(lambda r: uniforms(design, k, r, 0))(both)))
    points = np.asarray(draw_both(keys), np.float64) - 0.5  # (rows, 2 replicates, 32, 5)
    first, second = points[:, 0], points[:, 1]
    for left, right in (
        (first, second),  # another replicate of the row
        (first[:-1], first[1:]),  # another row
        (first, np.roll(first, 1, axis=-1)),  # another column
        (first[..., [1]], second[..., [0]]),  # a discrete column and another's numeric one
    ):
        sums = (left * right).sum(1)  # over the points of a replicate: one number for each row
        score = sums.mean(0) / (sums.std(0) / np.sqrt(len(sums)))
        assert np.abs(score).max() < 4
        squares = ((left**2 - 1 / 12) * (right**2 - 1 / 12)).sum(1)
        score = squares.mean(0) / (squares.std(0) / np.sqrt(len(squares)))
        assert np.abs(score).max() < 4


@pytest.mark.parametrize("name", NAMES)
def test_even_designs_integrate_a_smooth_function_better(name):
    design = make_design(name, 8 * 256, numeric(4))
    keys = jax.random.split(jax.random.key(11), 60)

    @jax.jit
    def mean(key):
        blocks = jax.vmap(lambda replicate: uniforms(design, key, replicate, 0))(jnp.arange(8))
        x = blocks.reshape(-1, 4) - 0.5
        return jnp.mean(jnp.sum(jnp.exp(x), 1) + 4 * x[:, 0] * x[:, 1] * (1 + x[:, 2]))

    truth = 4 * 2 * np.sinh(0.5)
    error = np.sqrt(np.mean((np.asarray(jax.vmap(mean)(keys)) - truth) ** 2))
    # Standard deviations of the integrand (0.71) and of its interaction (0.34), by 2048 points.
    low, high = {
        "iid": (0.012, 0.020),
        "latin_hypercube": (0.005, 0.010),
        "sobol": (0.0, 0.0016),
    }[name]
    assert low < error < high


# Latin hypercube


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([0, 1, 5, 10]), st.sampled_from([1, 4]), st.integers(0, 2**31 - 1))
def test_every_stratum_is_hit_once(num_bits, num_columns, seed):
    size = 2**num_bits
    num_blocks, block_size = block_plan(size)
    key = jax.random.key(seed)
    blocks = [cube(key, 1, block, block_size, size, num_columns) for block in range(num_blocks)]
    strata = np.floor(np.concatenate(blocks).astype(np.float64) * size)
    expected = np.broadcast_to(np.arange(size)[:, None], (size, num_columns))
    np.testing.assert_array_equal(np.sort(strata, axis=0), expected)


def test_strata_are_permuted_like_a_fair_shuffle():
    keys = jax.random.split(jax.random.key(2), 12_000)
    points = jax.jit(jax.vmap(lambda k: latin_hypercube(k, 0, 0, 8, 8, 1)[:, 0]))(keys)
    strata = np.floor(np.asarray(points) * 8).astype(int)
    p_values = []
    for i in range(8):
        for j in range(i):  # each of the 56 ordered pairs of strata is equally likely
            pairs = np.bincount(8 * strata[:, i] + strata[:, j], minlength=64).reshape(8, 8)
            p_values.append(stats.chisquare(pairs[~np.eye(8, dtype=bool)]).pvalue)
    assert min(p_values) > 0.01 / len(p_values)


def test_jitter_is_uniform_inside_the_stratum(key):
    points = draw(make_design("latin_hypercube", 4096, numeric(4)), key).astype(np.float64)
    assert stats.kstest((points * 512 % 1).ravel(), "uniform").pvalue > 0.01


# Sobol


@pytest.mark.parametrize(("num_columns", "num_bits"), [(1, 1), (2, 4), (7, 6), (30, 9), (300, 3)])
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


@pytest.mark.parametrize("num_bits", [1, 4, 10])
def test_scrambled_points_are_still_a_net(num_bits, key):
    size = 2**num_bits
    design = make_design("sobol", 8 * size, numeric(6))
    for replicate in draw(design, key).astype(np.float64):
        in_order = np.sort(np.floor(replicate * size), axis=0)
        np.testing.assert_array_equal(in_order, np.arange(size)[:, None] + np.zeros((1, 6)))
        for bits in range(num_bits + 1):  # every elementary interval of the first two columns
            cells = np.floor(replicate[:, 0] * 2**bits) * 2 ** (num_bits - bits)
            cells += np.floor(replicate[:, 1] * 2 ** (num_bits - bits))
            assert np.unique(cells).size == size


def test_scrambles_differ_beyond_a_shift(key):
    # A shift alone would leave the exclusive or of two points the same in every replicate.
    points = (draw(make_design("sobol", 4096, numeric(3)), key).astype(np.float64) * 2**23).astype(
        np.int64
    )
    gaps = points[:, 37] ^ points[:, 300]  # (replicates, columns)
    assert all(np.unique(gaps[:, column]).size == 8 for column in range(3))


def test_discrete_columns_of_a_sobol_design_are_iid(key):
    mixed = make_design("sobol", 4096, MIXED)
    points, independent = draw(mixed, key)[3], iid(key, 3, 0, 512, 5)
    nets = net(key, 3, 0, mixed.direction_numbers, 512)
    np.testing.assert_array_equal(points[:, MIXED], independent[:, MIXED])
    np.testing.assert_array_equal(points[:, ~MIXED], nets[:, ~MIXED])
    every = make_design("sobol", 4096, ~numeric(5))
    np.testing.assert_array_equal(uniforms(every, key, 3, 0), independent)


def test_a_scramble_shares_no_random_word_with_any_block(key):
    # fold_in(key, i) is split(key)[i]: a careless scramble repeats the words of blocks 0 and 1.
    numbers = jnp.asarray(np.zeros((4, 1), np.uint32))  # no direction: the bare shift
    shift = np.asarray(net(key, 0, 0, numbers, 1))
    blocks = np.concatenate([np.asarray(iid(key, 0, block, 64, 4)) for block in (0, 1)])
    assert not np.isin(shift, blocks).any()
