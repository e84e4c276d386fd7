"""Bins are NumPy's, scikit-learn's and lime's; a weight counts as that many rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lime.discretize import EntropyDiscretizer
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

from lime_jax.stages.bins import (
    DECILES,
    QUARTILES,
    digitize,
    entropy_edges,
    one_hot,
    one_hot_bins,
    percentile_edges,
    ragged_search,
    tilt,
    weighted_percentiles,
)

pytestmark = pytest.mark.precision


@pytest.mark.parametrize("percentiles", [QUARTILES, DECILES, (0.0, 33.3, 100.0)])
@pytest.mark.parametrize("rows", [1, 2, 101])
def test_percentile_edges_are_numpys(x64, rng, percentiles, rows):
    values = rng.normal(size=rows)
    ours = percentile_edges(jnp.asarray(values), percentiles)
    np.testing.assert_allclose(ours, np.percentile(values, percentiles), rtol=1e-12)


def test_percentile_edges_of_a_spiked_column_are_kept_equal():
    values = jnp.array([0.0] * 6 + [1.0, 2.0])
    np.testing.assert_allclose(percentile_edges(values, (25.0, 50.0, 90.0)), [0, 0, 1.3], rtol=1e-6)


def test_a_value_on_an_edge_stays_in_the_lower_bin(x64, rng):
    edges = np.sort(rng.normal(size=7))
    values = np.concatenate([edges, edges + 1e-9, rng.normal(size=50), [-np.inf, np.inf]])
    ours = digitize(jnp.asarray(values), jnp.asarray(edges))
    np.testing.assert_array_equal(ours, np.searchsorted(edges, values, side="left"))


def test_new_values_fall_in_the_bins_of_scikit_learn(x64, rng):
    column, new = rng.normal(size=(400, 1)), rng.normal(size=(300, 1))
    binner = KBinsDiscretizer(
        4, encode="ordinal", strategy="quantile", quantile_method="averaged_inverted_cdf"
    ).fit(column)
    edges = jnp.asarray(binner.bin_edges_[0][1:-1])
    ours = digitize(jnp.asarray(new[:, 0]), edges)
    np.testing.assert_array_equal(ours, binner.transform(new)[:, 0])


def test_one_hot_is_scikit_learns_and_an_unknown_code_is_all_zeros():
    codes = np.array([[0], [2], [1], [2]])
    expected = OneHotEncoder(categories=[range(3)], sparse_output=False).fit_transform(codes)
    np.testing.assert_array_equal(one_hot(jnp.asarray(codes[:, 0]), 3), expected)
    np.testing.assert_array_equal(one_hot(jnp.array([-1, 3]), 3), np.zeros((2, 3)))


def test_one_hot_bins_puts_the_columns_side_by_side(rng):
    codes = np.stack([rng.integers(0, 2, 20), rng.integers(0, 5, 20)], 1)
    encoder = OneHotEncoder(categories=[range(2), range(5)], sparse_output=False)
    ours = one_hot_bins(jnp.asarray(codes + np.array([0, 2])), jnp.array([0] * 2 + [1] * 5))
    np.testing.assert_array_equal(ours, encoder.fit_transform(codes))
    nothing = one_hot_bins(jnp.array([-1, 3]), jnp.array([0] * 2 + [1] * 5))
    np.testing.assert_array_equal(nothing, [0, 0, 0, 1, 0, 0, 0])


columns = st.lists(
    st.tuples(st.integers(-5, 5), st.integers(0, 4)), min_size=1, max_size=12
).filter(lambda rows: any(weight for _, weight in rows))


@settings(deadline=None, max_examples=80)
@given(rows=columns, percentiles=st.lists(st.floats(0, 100), min_size=1, max_size=4))
def test_a_weight_counts_as_that_many_rows(rows, percentiles):
    values, weight = np.array(rows, np.float64).T
    repeated = np.repeat(values, weight.astype(int))
    ours = weighted_percentiles(values, percentiles, weight)
    np.testing.assert_allclose(ours, np.percentile(repeated, percentiles), atol=1e-9)


def test_equal_weights_of_any_size_change_nothing(rng):
    values = rng.normal(size=31)
    ours = weighted_percentiles(values, DECILES, np.full(31, 0.3))
    np.testing.assert_allclose(ours, np.percentile(values, DECILES), rtol=1e-9)


def test_entropy_edges_are_limes(rng):
    data = load_breast_cancer()
    X = np.column_stack([data.data[:, [0, 3, 11]], np.zeros(len(data.data))])
    limes = EntropyDiscretizer(X, [], list("abcd"), labels=data.target, random_state=0)
    for k, edges in enumerate(limes.bins(X, data.target)):
        np.testing.assert_array_equal(entropy_edges(X[:, k], data.target), edges)


@pytest.mark.parametrize("widths", [(1,), (1, 2, 3), (4, 1, 4000, 7), (33, 32)])
def test_ragged_search_is_searchsorted_column_by_column(x64, rng, widths):
    offsets = np.concatenate([[0], np.cumsum(widths)])
    bounds = np.concatenate([np.sort(rng.choice(10**6, w, replace=False)) for w in widths]) / 1e6
    values = rng.uniform(size=(200, len(widths)))
    values[:50] = bounds[rng.integers(offsets[:-1], offsets[1:], size=(50, len(widths)))]
    ours = ragged_search(
        jnp.asarray(values), jnp.asarray(bounds), jnp.asarray(offsets), max(widths)
    )
    for k, width in enumerate(widths):
        own = bounds[offsets[k] : offsets[k + 1]]
        expected = np.minimum(np.searchsorted(own, values[:, k]), width - 1) + offsets[k]
        np.testing.assert_array_equal(ours[:, k], expected)


@pytest.mark.parametrize("width", [0.3, 1.0, 4.1])
def test_tilt_is_the_weighted_share_of_the_own_bin(x64, width):
    # Two columns, four cells: the kernel weighs a mismatch by exp(-1 / 2 width²).
    p, other = 0.2, 0.7
    cells = [(p if a else 1 - p) * (other if b else 1 - other) for a in (0, 1) for b in (0, 1)]
    weights = [np.exp(-(2 - a - b) / (2 * width**2)) for a in (0, 1) for b in (0, 1)]
    mass = np.multiply(cells, weights)
    ours = tilt(jnp.array(p), width)
    np.testing.assert_allclose(ours, mass[2:].sum() / mass.sum(), rtol=1e-12)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_an_empty_or_full_bin_stays_so_under_any_tilt(p):
    assert float(tilt(jnp.array(p), 0.05)) == p


def test_jit_equals_eager_and_vmap_equals_loop(x64, rng):
    table = jnp.asarray(rng.normal(size=(40, 3)))

    def codes(column):
        edges = percentile_edges(column)
        return edges, one_hot(digitize(column, edges), 4)

    batched = jax.jit(jax.vmap(codes, in_axes=1))(table)
    for k in range(3):
        for ours, expected in zip(batched, codes(table[:, k]), strict=True):
            np.testing.assert_allclose(ours[k], expected, rtol=1e-12)
