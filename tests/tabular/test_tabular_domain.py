"""A sample is bins and values; every choice of sampling, encoding and distance means something."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from lime_jax.tabular import domain
from lime_jax.tabular.domain import (
    DISTANCE_SPACES,
    ENCODINGS,
    SAMPLINGS,
    TabularDomain,
    encode_rows,
    host_inputs,
)
from lime_jax.tabular.learn import fit_tabular
from lime_jax.typing import Support

pytestmark = pytest.mark.precision

ROWS, DRAWS = 400, 256
LEVELS = 2  # the column of levels


def table(rng):
    return np.column_stack(
        [rng.normal(100, 15, ROWS), rng.exponential(size=ROWS), rng.integers(0, 4, ROWS)]
    )


@pytest.fixture(scope="module")
def X():
    return table(np.random.default_rng(5))


@pytest.fixture(scope="module")
def stats(X):
    return fit_tabular(X, categorical_features=[LEVELS])


def domain_of(stats, sampling="bins", encoding="same_bin", distance_space="encoded", held=()):
    perturbed = ~np.isin(np.arange(stats.num_features), held)
    return TabularDomain(
        stats,
        jnp.asarray(perturbed),
        sampling=sampling,
        encoding=encoding,
        distance_space=distance_space,
        all_perturbed=not held,
    )


def draws_of(rng, samples=DRAWS, features=3):
    return jnp.asarray((rng.integers(0, 2**23, (samples, features)) + 0.5) * 2.0**-23, float)


def test_the_device_encodes_as_the_host_does(X, stats, rng):
    new = table(rng)
    new[0, LEVELS] = 9.0  # a level that training never saw
    new[1, 0] = np.nan  # a missing value that training never saw
    new[2] = [1e6, -1e6, 2.0]
    encoded = jax.jit(jax.vmap(domain_of(stats).encode))(jnp.asarray(new, float))
    bins, values = encode_rows(stats, new)
    np.testing.assert_array_equal(encoded.bins, bins)
    np.testing.assert_allclose(encoded.values, values, rtol=1e-6)
    assert (bins[0, LEVELS], bins[1, 0]) == (-1, -1)
    assert bins[2].tolist() == [3, 4, 10]


def test_float64_encodes_the_training_rows_on_their_edges_alike(x64, X):
    stats = fit_tabular(X, categorical_features=[LEVELS])
    encoded = jax.vmap(domain_of(stats).encode)(jnp.asarray(X))
    np.testing.assert_array_equal(encoded.bins, encode_rows(stats, X)[0])


def test_missing_values_of_training_are_known(rng):
    X = np.array([[1.0, 0], [2, np.nan], [np.nan, 1], [3, np.nan]])
    stats = fit_tabular(X, categorical_features=[1])
    encoded = jax.vmap(domain_of(stats).encode)(jnp.asarray(X, float))
    np.testing.assert_array_equal(encoded.bins, encode_rows(stats, X)[0])
    assert encoded.bins[2, 0] == stats.missing_bin[0]
    assert encoded.bins[1, 1] == stats.missing_bin[1]
    samples = domain_of(stats).realize(None, draws_of(rng, features=2))
    inputs = host_inputs(stats, samples, "bins")
    missing = np.asarray(samples.bins) == stats.missing_bin
    np.testing.assert_array_equal(np.isnan(inputs), missing)
    assert missing.any(0).all()


def test_a_given_bin_without_training_rows_is_unknown(X):
    stats = fit_tabular(X[:, :1], discretizer=[[-1e9, 100.0]])
    outside = np.array([[-2e9]])
    assert encode_rows(stats, outside)[0].tolist() == [[-1]]
    encoded = domain_of(stats).encode(jnp.asarray(outside[0], float))
    assert encoded.bins.tolist() == [-1]
    fields = domain_of(stats).coordinates(encoded)
    assert not fields.varies.any()
    assert fields.support.tolist() == [Support.NONE]


COMBINATIONS = list(itertools.product(SAMPLINGS, ENCODINGS, DISTANCE_SPACES))


@pytest.mark.parametrize(("sampling", "encoding", "space"), COMBINATIONS)
def test_every_combination_means_what_it_says(X, stats, rng, sampling, encoding, space):
    domain = domain_of(stats, sampling, encoding, space)
    x = jnp.asarray(X[3], float)

    @jax.jit
    def see(x, draws):
        instance = domain.encode(x)
        samples = domain.realize(instance, draws)
        return instance, samples, domain.view(instance, samples), domain.coordinates(instance)

    instance, samples, view, coordinates = see(x, draws_of(rng))
    inputs = np.asarray(domain.inputs(None, samples))
    bins = encode_rows(stats, host_inputs(stats, samples, sampling))[0]
    # float32 rounds one in some thousand values across an edge, except by "bins" sampling.
    assert (bins != np.asarray(samples.bins)).mean() <= (0 if sampling == "bins" else 2e-3)
    assert domain.shared == (sampling != "around")
    assert np.isin(inputs[:, LEVELS], [0, 1, 2, 3]).all()

    same = np.asarray(samples.bins) == np.asarray(instance.bins)
    scaler = StandardScaler().fit(X)
    units, own_units = scaler.transform(inputs), scaler.transform(X[3:4])[0]
    units[:, LEVELS], own_units[LEVELS] = same[:, LEVELS], 1
    expected = {"same_bin": (same, np.ones(3)), "standardized": (units, own_units)}
    if encoding == "one_hot":
        assert view.z.shape == (DRAWS, stats.num_bins)
        np.testing.assert_array_equal(np.asarray(view.z).sum(1), 3)
        np.testing.assert_array_equal(np.flatnonzero(coordinates.z), instance.bins)
        np.testing.assert_array_equal(view.z[:, instance.bins], same)
        np.testing.assert_array_equal(coordinates.variable, instance.bins)
        np.testing.assert_array_equal(coordinates.feature, stats.bin_feature)
    else:
        np.testing.assert_allclose(view.z, expected[encoding][0], atol=2e-5)
        np.testing.assert_allclose(coordinates.z, expected[encoding][1], atol=2e-5)
        np.testing.assert_array_equal(coordinates.variable, [0, 1, 2])
    if space == "encoded":
        np.testing.assert_array_equal(view.points, view.z)
        np.testing.assert_array_equal(view.origin, coordinates.z)
    else:
        np.testing.assert_allclose(view.points, expected["standardized"][0], atol=2e-5)
        np.testing.assert_allclose(view.origin, expected["standardized"][1], atol=2e-5)
    assert coordinates.varies.all()
    assert coordinates.support.tolist() == [Support.FULL] * 3


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_held_columns_keep_xs_values(X, stats, rng, sampling):
    domain = domain_of(stats, sampling, held=(0, LEVELS))
    instance = domain.encode(jnp.asarray(X[3], float))
    samples = domain.realize(instance, draws_of(rng))
    inputs = domain.inputs(None, samples)
    for k in (0, LEVELS):
        np.testing.assert_array_equal(inputs[:, k], np.asarray(X[3], inputs.dtype)[k])
        np.testing.assert_array_equal(samples.bins[:, k], instance.bins[k])
    assert len(np.unique(inputs[:, 1])) > DRAWS // 2
    assert domain.coordinates(instance).varies.tolist() == [False, True, False]
    assert not domain.shared


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_samples_have_the_moments_they_are_drawn_with(X, stats, rng, sampling):
    count = 20_000
    domain = domain_of(stats, sampling)
    instance = domain.encode(jnp.asarray(X[3], float))
    samples = domain.realize(instance, draws_of(rng, count))
    inputs = np.asarray(domain.inputs(None, samples), np.float64)
    levels = np.arange(4)
    share = (inputs[:, LEVELS, None] == levels).mean(0)
    training = (X[:, LEVELS, None] == levels).mean(0)
    assert (abs(share - training) < 4 * np.sqrt(training * (1 - training) / count)).all()
    numbers = inputs[:, :2]
    if sampling == "bins":
        bins = encode_rows(stats, inputs)[0]
        for k, b in itertools.product(range(2), range(4)):
            flat = stats.offsets[k] + b
            p, own = stats.probability[flat], numbers[bins[:, k] == flat, k]
            assert abs(len(own) / count - p) < 4 * np.sqrt(p * (1 - p) / count)
            low, high = stats.bin_lower[flat], stats.bin_upper[flat]
            assert own.min() >= (low + stats.center[k]) * (1 - 1e-6)
            assert own.max() <= (high + stats.center[k]) * (1 + 1e-6)
        return
    middle = X[3, :2] if sampling == "around" else X[:, :2].mean(0)
    scale = X[:, :2].std(0)
    assert (abs(numbers.mean(0) - middle) < 4 * scale / np.sqrt(count)).all()
    assert (abs(numbers.std(0) / scale - 1) < 4 / np.sqrt(2 * count)).all()


def test_vmap_equals_loop_over_rows(X, stats, rng):
    domain = domain_of(stats, "around", "one_hot", "standardized")
    draws = draws_of(rng, 16)

    def see(x):
        instance = domain.encode(x)
        return domain.view(instance, domain.realize(instance, draws))

    rows = jnp.asarray(X[:4], float)
    batched, one = jax.jit(jax.vmap(see))(rows), jax.jit(see)
    for i in range(4):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a[i], b, rtol=1e-5, atol=1e-5),  # noqa: B023
            batched,
            one(rows[i]),
        )


def test_rows_in_blocks_have_the_same_bins(rng, monkeypatch):
    X = np.column_stack([rng.normal(size=50), rng.integers(0, 3, 50)])
    X[::7, 0] = np.nan
    stats = fit_tabular(X, categorical_features=[1])
    rows = np.concatenate([X, [[np.inf, 7], [-np.inf, -1]]])
    bins, values = encode_rows(stats, rows)
    monkeypatch.setattr(domain, "_ROWS_AT_ONCE", 8)
    again, same = encode_rows(stats, rows)
    np.testing.assert_array_equal(again, bins)
    np.testing.assert_array_equal(same, values)
    assert (bins[-2:, 1] == -1).all()
    assert (bins[:50] >= 0).all()
