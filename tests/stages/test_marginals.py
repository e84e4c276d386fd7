"""Every marginal is SciPy's inverse CDF, and a sample of a bin lies in that bin."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as law
from scipy.special import ndtr, ndtri

from lime_jax.stages.marginals import categorical, normal, truncated_normal
from lime_jax.tabular.domain import TabularDomain, encode_rows, host_inputs
from lime_jax.tabular.learn import fit_tabular

pytestmark = pytest.mark.precision


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-5), (np.float64, 1e-12)])
def test_normal_is_scipys_quantile(x64, rng, dtype, tolerance):
    levels = rng.uniform(1e-6, 1 - 1e-6, 500).astype(dtype)
    ours = normal(jnp.asarray(levels))
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, ndtri(levels.astype(np.float64)), rtol=tolerance, atol=1e-6)


LIMITS = [(-1.0, 1.0), (-0.1, 3.0), (-4.0, 0.2), (-0.01, 0.01), (-8.0, 8.0)]


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-4), (np.float64, 1e-9)])
def test_truncated_normal_is_scipys_quantile(x64, rng, limits, dtype, tolerance):
    levels = rng.uniform(0.001, 0.999, 200).astype(dtype)
    mean, std = 5.0, 2.0
    constants = [jnp.full(200, c, dtype) for c in (mean, std, *map(ndtr, limits))]
    ours = truncated_normal(jnp.asarray(levels), *constants)
    expected = law.truncnorm.ppf(levels.astype(np.float64), *limits, loc=mean, scale=std)
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, expected, atol=tolerance)


@pytest.mark.parametrize("level", [1e-7, 0.5, 1 - 1e-7])
def test_a_law_without_width_is_its_mean_exactly(level):
    one = jnp.ones(())
    assert float(truncated_normal(level * one, 0.1 * one, 0 * one, 0 * one, one)) == np.float32(0.1)


def probabilities(rng):
    """Bins of three columns, one of them with 500 levels, some never seen."""
    several = np.array([0.0, 0.3, 0.0, 0.5, 0.2, 0.0])
    many = rng.exponential(size=500) * (rng.uniform(size=500) < 0.9)
    parts = [several, many / many.sum(), np.ones(1)]
    cumulative = [np.cumsum(p) for p in parts]
    for c, p in zip(cumulative, parts, strict=True):
        c[np.flatnonzero(p)[-1] :] = 1.0
    offsets = np.concatenate([[0], np.cumsum([len(p) for p in parts])])
    return np.concatenate(parts), np.concatenate(cumulative), offsets


def test_categorical_draws_by_frequency_and_leaves_a_uniform(rng):
    p, cumulative, offsets = probabilities(rng)
    draws = 40_000
    uniforms = jnp.asarray((rng.integers(0, 2**23, (draws, 3)) + 0.5) * 2.0**-23, float)
    bins, rest = categorical(
        uniforms, jnp.asarray(cumulative), jnp.asarray(p), jnp.asarray(offsets), 500
    )
    counts = np.bincount(np.asarray(bins).ravel(), minlength=len(p))
    assert not counts[p == 0].any()
    for k in (0, 1):
        own = slice(offsets[k], offsets[k + 1])
        seen = p[own] > 0
        chi = law.chisquare(counts[own][seen], p[own][seen] * draws)
        assert chi.pvalue > 1e-3
    assert float(rest.min()) > 0
    assert float(rest.max()) < 1
    for k in (0, 2):
        assert law.kstest(np.asarray(rest[:, k], np.float64), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("edge", [2.0**-24, 1 - 2.0**-24])
def test_the_extreme_uniforms_draw_bins_that_were_seen(rng, edge):
    p, cumulative, offsets = probabilities(rng)
    bins, rest = categorical(
        jnp.full((1, 3), edge), jnp.asarray(cumulative), jnp.asarray(p), jnp.asarray(offsets), 500
    )
    assert (p[np.asarray(bins)] > 0).all()
    assert ((rest > 0) & (rest < 1)).all()


def test_jit_equals_eager_and_vmap_equals_loop(x64, rng):
    p, cumulative, offsets = map(jnp.asarray, probabilities(rng))
    uniforms = jnp.asarray(rng.uniform(0.01, 0.99, size=(6, 3)))

    def draw(uniforms):
        bins, rest = categorical(uniforms, cumulative, p, offsets, 500)
        return bins, truncated_normal(rest, 0 * rest, 1 + 0 * rest, 0.1 + 0 * rest, 0.9 + 0 * rest)

    batched = jax.jit(jax.vmap(draw))(uniforms)
    for i in range(6):
        for ours, expected in zip(batched, draw(uniforms[i]), strict=True):
            np.testing.assert_allclose(ours[i], expected, rtol=1e-12)


def samples_of(stats, draws):
    domain = TabularDomain(
        stats,
        jnp.ones(stats.num_features, bool),
        sampling="bins",
        encoding="same_bin",
        distance_space="encoded",
    )
    return domain.realize(None, draws)


def assert_samples_stay_in_their_bins(X, stats, samples):
    inputs = host_inputs(stats, samples, "bins")
    np.testing.assert_array_equal(encode_rows(stats, inputs)[0], samples.bins)
    missing = np.isnan(inputs)
    center = np.broadcast_to(stats.center, inputs.shape)
    for k in range(X.shape[1]):
        ours, seen = inputs[~missing[:, k], k], X[~np.isnan(X[:, k]), k]
        # To the rounding of a value relative to its column's center.
        slack = np.spacing(abs(center[0, k]) + abs(seen).max())
        assert (ours >= seen.min() - slack).all()
        assert (ours <= seen.max() + slack).all()


column = st.one_of(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=8, max_size=8),
    st.lists(st.sampled_from([0.0, 1.0, 0.1, 1e9, 1e9 + 1, np.nan]), min_size=8, max_size=8),
    st.lists(st.integers(0, 9).map(lambda i: 1.6e9 + 20 * i), min_size=8, max_size=8),
)


@settings(deadline=None, max_examples=100)
@given(table=st.lists(column, min_size=3, max_size=3), seed=st.integers(0, 99))
@pytest.mark.parametrize("discretizer", ["quartile", None])
def test_a_sample_of_a_bin_is_digitized_into_that_bin(table, seed, discretizer):
    X, rng = np.array(table).T, np.random.default_rng(seed)
    stats = fit_tabular(X, discretizer=discretizer)
    # Whatever the device says of a bin, in its own precision: its limits and numbers between.
    bins = np.stack(
        [
            rng.choice(np.flatnonzero((stats.bin_feature == k) & (stats.probability > 0)), 64)
            for k in range(3)
        ],
        axis=1,
    ).astype(np.int32)
    low, high = stats.bin_lower[bins], stats.bin_upper[bins]
    share = rng.choice([0.0, 1.0, 0.5, 1e-9, 1 - 1e-9], size=bins.shape)
    values = (low + share * (high - low)).astype(np.float32)
    assert_samples_stay_in_their_bins(X, stats, SimpleNamespace(bins=bins, values=values))


def test_so_is_one_of_timestamps_20_seconds_apart_and_of_4000_levels(rng):
    X = np.column_stack(
        [
            1_700_000_000.0 + 20 * rng.integers(0, 10, 4000),
            1_700_000_000.0 + 20 * rng.integers(0, 10, 4000),
            rng.permutation(4000) + 0.5,
            1e-3 * rng.normal(size=4000) + 100,
        ]
    )
    stats = fit_tabular(X, discretizer="decile", categorical_features=[1, 2])
    draws = (rng.integers(0, 2**23, (512, 4)) + 0.5) * 2.0**-23
    draws[0], draws[1] = 2.0**-24, 1 - 2.0**-24
    samples = samples_of(stats, jnp.asarray(draws, float))
    assert_samples_stay_in_their_bins(X, stats, samples)


def test_a_spiked_bin_returns_its_value_exactly(rng):
    values = np.concatenate([np.full(400, 0.1), rng.uniform(1, 2, 600)])
    stats = fit_tabular(values[:, None])
    draws = jnp.asarray(rng.uniform(0.001, 0.399, size=(50, 1)), float)
    inputs = host_inputs(stats, samples_of(stats, draws), "bins")
    np.testing.assert_array_equal(inputs, 0.1)
