"""Uniforms are keyed, strictly inside (0, 1), and as even as their design promises."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lime_jax.stages.designs import (
    BLOCK_SIZE,
    Design,
    block_plan,
    latin_hypercube,
    make_design,
    replicate_plan,
    uniforms,
)
from lime_jax.stages.sobol import sobol, sobol_direction_numbers

pytestmark = pytest.mark.precision

NAMES = ("iid", "latin_hypercube", "sobol")
NUM_COLUMNS = 5


@jax.jit
def draw_all(design: Design, key):
    """All points, (replicates, blocks, points, columns)."""
    replicates, blocks = jnp.arange(design.num_replicates), jnp.arange(design.num_blocks)
    one = functools.partial(uniforms, design, key)
    return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(replicates, blocks)


@functools.cache
def draw(name: str, num_samples: int) -> np.ndarray:
    """All points of one row, (replicates, points, columns)."""
    design = make_design(name, num_samples, NUM_COLUMNS)
    points = np.asarray(draw_all(design, jax.random.key(7)))
    return points.reshape(design.num_replicates, design.replicate_size, NUM_COLUMNS)


@functools.cache
def draw_rows(name: str) -> np.ndarray:
    """Two replicates of 32 points for many rows, (2000, 2, 32, columns)."""
    design = make_design(name, 256, NUM_COLUMNS)
    keys = jax.random.split(jax.random.key(5), 2000)
    pair = jax.vmap(uniforms, (None, None, 0, None))
    rows = jax.jit(jax.vmap(pair, (None, 0, None, None)))(design, keys, jnp.arange(2), 0)
    return np.asarray(rows).astype(np.float64)


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
    assert block_size <= BLOCK_SIZE


def test_a_design_says_what_it_draws():
    design = make_design("sobol", 10_000, NUM_COLUMNS)
    sizes = (design.num_replicates, design.replicate_size, design.num_blocks, design.block_size)
    assert sizes == (10, 1024, 2, 512)
    assert design.num_samples == 10_240


def test_a_sobol_design_has_direction_numbers_for_every_column_and_the_others_none():
    numbers = make_design("sobol", 4096, 30).direction_numbers
    np.testing.assert_array_equal(numbers, sobol_direction_numbers(30, 9))
    for name in ("iid", "latin_hypercube"):
        assert make_design(name, 4096, 30).direction_numbers is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("halton", 100, 2), r'`design` must be one of "iid", "latin_hypercube", "sobol"'),
        (("iid", 1, 2), r"`num_samples` must be at least 2, got 1"),
        (("iid", 100, 0), r"`num_columns` must be at least 1, got 0"),
        (("sobol", 100, 21_202), r'`design`="sobol".*21,201.*got 21,202.*design="iid"'),
    ],
)
def test_what_cannot_be_planned_is_refused_with_its_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_design(*arguments)


# Every design


@pytest.mark.parametrize("name", NAMES)
def test_uniforms_do_not_depend_on_precision(name):
    with jax.enable_x64(not jax.config.jax_enable_x64):  # pyright: ignore[reportAttributeAccessIssue]
        other = draw.__wrapped__(name, 20)
    assert other.dtype != draw(name, 20).dtype
    np.testing.assert_array_equal(draw(name, 20).astype(np.float64), other.astype(np.float64))


@pytest.mark.parametrize("name", NAMES)
def test_blocks_are_the_same_alone_and_in_any_order(name, key):
    design = make_design(name, 8 * 1024, NUM_COLUMNS)
    together = draw(name, 8 * 1024).reshape(8, 2, 512, NUM_COLUMNS)
    alone = jax.jit(uniforms)
    for replicate, block in ((7, 1), (0, 0), (7, 0)):
        expected = together[replicate, block]
        np.testing.assert_array_equal(alone(design, key, replicate, block), expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_without_jit_is_the_same_as_in_a_batch(name):
    design, rows = make_design(name, 256, NUM_COLUMNS), draw_rows(name)
    keys = jax.random.split(jax.random.key(5), 2000)
    for row in (0, 1234):
        np.testing.assert_array_equal(uniforms(design, keys[row], 1, 0), rows[row, 1])


@pytest.mark.parametrize("name", ["latin_hypercube", "sobol"])
def test_smaller_blocks_draw_the_same_net(name, key):
    def strata(block_size):
        if name == "sobol":
            numbers = jnp.asarray(sobol_direction_numbers(3, 6))
            one = lambda block: sobol(key, 2, block, numbers, block_size)  # noqa: E731
        else:
            one = lambda block: latin_hypercube(key, 2, block, block_size, 64, 3)  # noqa: E731
        points = jax.jit(jax.vmap(one))(jnp.arange(64 // block_size))
        return np.floor(np.asarray(points).reshape(64, 3) * 64)

    np.testing.assert_array_equal(strata(8), strata(64))


@pytest.mark.parametrize("num_samples", [2, 20])
@pytest.mark.parametrize("name", NAMES)
def test_tiny_designs_work(name, num_samples):
    points = draw(name, num_samples)
    assert points.shape == (*replicate_plan(num_samples), NUM_COLUMNS)
    assert 0 < points.min() < points.max() < 1


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_uniform_over_keys(name):
    p_values = stats.kstest(draw_rows(name)[:, 1].reshape(2000, -1), "uniform").pvalue
    assert p_values.min() > 0.01 / p_values.size


@pytest.mark.parametrize("name", NAMES)
def test_rows_replicates_and_columns_are_independent(name):
    points = draw_rows(name) - 0.5
    first, second = points[:, 0], points[:, 1]
    for left, right in (
        (first, second),  # another replicate of the row
        (first[:-1], first[1:]),  # another row
        (first, np.roll(first, 1, axis=-1)),  # another column
        (first[..., [1]], second[..., [0]]),  # another column of another replicate
    ):
        sums = (left * right).sum(1)  # over the points of a replicate: one number for each row
        score = sums.mean(0) / (sums.std(0) / np.sqrt(len(sums)))
        assert np.abs(score).max() < 4
        squares = ((left**2 - 1 / 12) * (right**2 - 1 / 12)).sum(1)
        score = squares.mean(0) / (squares.std(0) / np.sqrt(len(squares)))
        assert np.abs(score).max() < 4


@pytest.mark.parametrize(
    ("name", "low", "high"),
    # Standard deviations of the integrand (0.71) and of its interaction (0.34), by 32 points.
    [("iid", 0.110, 0.140), ("latin_hypercube", 0.045, 0.075), ("sobol", 0.0, 0.030)],
)
def test_even_designs_integrate_a_smooth_function_better(name, low, high):
    x = draw_rows(name)[:, 0] - 0.5
    integrand = np.exp(x[..., :4]).sum(-1) + 4 * x[..., 0] * x[..., 1] * (1 + x[..., 2])
    error = integrand.mean(1) - 4 * 2 * np.sinh(0.5)
    assert low < np.sqrt(np.mean(error**2)) < high


# Even designs


@pytest.mark.parametrize("size", [1, 2, 32, 1024])
@pytest.mark.parametrize("name", ["latin_hypercube", "sobol"])
def test_every_stratum_of_every_column_is_hit_once(name, size):
    replicates = {
        1: lambda: draw(name, 2),
        2: lambda: draw(name, 20),
        32: lambda: draw_rows(name)[:100].reshape(-1, 32, NUM_COLUMNS),
        1024: lambda: draw(name, 8 * 1024),
    }[size]()
    strata = np.sort(np.floor(replicates.astype(np.float64) * size), axis=1)
    expected = np.broadcast_to(np.arange(size)[:, None], (size, NUM_COLUMNS))
    np.testing.assert_array_equal(strata, np.broadcast_to(expected, strata.shape))


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


def test_jitter_is_uniform_inside_the_stratum():
    points = draw("latin_hypercube", 8 * 1024).astype(np.float64)
    assert stats.kstest((points * 1024 % 1).ravel(), "uniform").pvalue > 0.01


def test_discrete_columns_of_a_sobol_design_are_iid_and_take_no_dimension(key):
    discrete = np.array([False, True, False])
    mixed = make_design("sobol", 4096, 3, discrete)
    points = np.asarray(uniforms(mixed, key, 3, 0))
    plain = np.asarray(uniforms(make_design("iid", 4096, 3), key, 3, 0))
    np.testing.assert_array_equal(points[:, 1], plain[:, 1])
    numbers = np.asarray(mixed.direction_numbers)
    two = np.asarray(make_design("sobol", 4096, 2).direction_numbers)
    np.testing.assert_array_equal(numbers[~discrete], two)
    assert (points[:, [0, 2]] != plain[:, [0, 2]]).mean() > 0.99
    every = make_design("sobol", 4096, 3, np.ones(3, bool))
    np.testing.assert_array_equal(uniforms(every, key, 3, 0), plain)
    with pytest.raises(ValueError, match=r"`discrete` must be \(3,\) bools, got \(2,\)"):
        make_design("sobol", 4096, 3, np.ones(2, bool))


@pytest.mark.parametrize("discrete", [None, np.array([True, False, False])])
@pytest.mark.parametrize("name", ["iid", "latin_hypercube", "sobol"])
def test_more_columns_leave_the_uniforms_of_the_first_ones(name, discrete, key):
    few = make_design(name, 512, 3, discrete)
    more = uniforms(few.with_columns(7), key, 3, 0)
    assert more.shape == (64, 7)
    np.testing.assert_array_equal(more[:, :3], uniforms(few, key, 3, 0))
    assert len(np.unique(more, axis=1).T) == 7


@pytest.mark.parametrize("size", [1, 32, BLOCK_SIZE])
def test_padded_blocks_begin_with_the_uniforms_of_a_block_of_their_own(size, key):
    design = make_design("iid", 8 * size, NUM_COLUMNS)
    padded = design.padded()
    assert padded.block_size == BLOCK_SIZE
    for unit in ((0, 0), (7, 0)):
        own = np.asarray(jax.jit(uniforms)(design, key, *unit))
        np.testing.assert_array_equal(np.asarray(jax.jit(uniforms)(padded, key, *unit))[:size], own)
    counted = np.asarray(padded.counted(jnp.ones(BLOCK_SIZE)))
    np.testing.assert_array_equal(counted, np.arange(BLOCK_SIZE) < size)


def test_padded_designs_of_other_sizes_are_one_program():
    few, more = (make_design("iid", size, NUM_COLUMNS).padded() for size in (128, 256))
    assert jax.tree.structure(few) == jax.tree.structure(more)
    for other in (make_design("iid", 8192, NUM_COLUMNS), make_design("sobol", 256, NUM_COLUMNS)):
        assert other.padded() is other
