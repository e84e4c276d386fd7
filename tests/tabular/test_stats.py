"""A table's statistics are lime's and scikit-learn's, with weights, missing values and spikes."""

import jax
import numpy as np
import pytest
from lime.discretize import DecileDiscretizer, EntropyDiscretizer, QuartileDiscretizer
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from lime_jax.tabular.learn import fit_tabular
from lime_jax.tabular.stats import CategoricalColumn, NumericColumn, TabularStats

pytestmark = pytest.mark.precision

LIMES = {
    "quartile": QuartileDiscretizer,
    "decile": DecileDiscretizer,
    "entropy": EntropyDiscretizer,
}


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(return_X_y=True)


def in_units(stats, name):
    """A field relative to `center`, in the columns' own units."""
    return getattr(stats, name) + stats.center[stats.bin_feature]


@pytest.mark.parametrize("discretizer", LIMES)
def test_the_bins_are_limes(cancer, discretizer):
    X, y = cancer
    names = [str(k) for k in range(30)]
    lime = LIMES[discretizer](X, [], names, labels=y, random_state=0)
    stats = fit_tabular(X, discretizer=discretizer, y=y)
    codes = lime.discretize(X)
    for k in range(30):
        own = slice(stats.offsets[k], stats.offsets[k + 1])
        frequency = np.bincount(codes[:, k].astype(int), minlength=len(lime.means[k])) / len(X)
        np.testing.assert_allclose(stats.probability[own], frequency, atol=1e-12)
        np.testing.assert_allclose(in_units(stats, "upper_edge")[own][:-1], lime.maxs[k][:-1])
        np.testing.assert_allclose(stats.upper_edge[own][-1], np.inf)
        np.testing.assert_allclose(in_units(stats, "bin_mean")[own], lime.means[k], rtol=1e-9)
        np.testing.assert_allclose(stats.bin_std[own], lime.stds[k], rtol=1e-6, atol=2e-11)
        wide = stats.bin_std[own] > 0
        for ours, theirs in (("bin_lower", lime.mins[k]), ("bin_upper", lime.maxs[k])):
            np.testing.assert_allclose(
                in_units(stats, ours)[own][wide], np.array(theirs)[wide], rtol=1e-9
            )


def test_the_units_are_scikit_learns(cancer):
    X = np.column_stack([cancer[0], np.full(569, 0.1)])
    scaler, stats = StandardScaler().fit(X), fit_tabular(X)
    np.testing.assert_allclose(stats.mean + stats.center, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(stats.scale, scaler.scale_, rtol=1e-9)


def leaves_equal(ours, expected, **tolerance):
    assert jax.tree.structure(ours) == jax.tree.structure(expected)
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(ours), jax.tree.leaves(expected), strict=True
    ):
        np.testing.assert_allclose(a, b, err_msg=jax.tree_util.keystr(path), **tolerance)


@pytest.mark.parametrize("discretizer", [*LIMES, None])
def test_a_weight_counts_as_that_many_rows(rng, discretizer):
    X = np.column_stack(
        [rng.normal(size=60), rng.integers(0, 4, 60), rng.integers(0, 3, 60), rng.normal(size=60)]
    )
    X[::7, 3] = np.nan
    y, weight = (X[:, 0] > 0.2).astype(int), rng.integers(0, 4, 60)
    options = dict(discretizer=discretizer, categorical_features=[2])
    ours = fit_tabular(X, y=y, sample_weight=weight, **options)
    expected = fit_tabular(np.repeat(X, weight, 0), y=np.repeat(y, weight), **options)
    leaves_equal(ours, expected, rtol=1e-9, atol=1e-9)


def test_numbers_alone_give_the_same_statistics(rng):
    X = np.column_stack(
        [rng.normal(size=80), 1.7e9 + 20 * rng.integers(0, 15, 80), rng.integers(0, 3, 80)]
    )
    X[:5, 0] = np.nan
    columns = []
    for k in (0, 1):
        values = X[~np.isnan(X[:, k]), k]
        edges = np.unique(np.percentile(values, [25, 50, 75]))
        bins = [values[np.searchsorted(edges, values) == b] for b in range(len(edges) + 1)]
        columns.append(
            NumericColumn(
                edges=edges,
                frequencies=[len(b) / 80 for b in bins],
                means=[b.mean() for b in bins],
                stds=[b.std() for b in bins],
                lower=[values.min(), *edges],
                upper=[*edges, values.max()],
                mean=values.mean(),
                std=values.std(),
                missing=1 - len(values) / 80,
            )
        )
    columns.append(CategoricalColumn([0, 1, 2], np.bincount(X[:, 2].astype(int)) / 80))
    expected = fit_tabular(X, categorical_features=[2])
    leaves_equal(TabularStats.from_columns(columns), expected, rtol=1e-7, atol=1e-9)


def bins_of(values, **options):
    stats = fit_tabular(np.asarray(values, float)[:, None], **options)
    return stats, stats.probability, in_units(stats, "bin_mean"), stats.bin_std


def test_missing_values_have_a_bin_of_their_own():
    stats, p, mean, _ = bins_of([1, 2, 3, 4, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(p, [1 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 2])
    np.testing.assert_array_equal(mean, [1, 2, 3, 4, np.nan])
    assert stats.missing_bin.tolist() == [4]
    assert float(stats.scale[0]) == np.std([1, 2, 3, 4])


def test_missing_values_of_a_categorical_column_are_its_last_level():
    stats, p, _, _ = bins_of([2, np.nan, 1, np.nan], categorical_features=[0])
    np.testing.assert_allclose(p, [1 / 4, 1 / 4, 1 / 2])
    assert stats.missing_bin.tolist() == [2]


@pytest.mark.parametrize(
    ("values", "probability", "mean"),
    [
        ([0.1] * 7, [1], [0.1]),
        ([7.0], [1], [7.0]),
        ([np.nan] * 3, [0, 1], [None, np.nan]),
        # Quartiles 0, 1.5 and 3.25: the first bin is the spike.
        ([0.0] * 4 + [1, 2, 3, 4, 5, 6], [0.4, 0.1, 0.2, 0.3], [0, 1, 2.5, 5]),
    ],
    ids=["constant", "one row", "all missing", "spiked"],
)
def test_columns_without_width_keep_their_value_exactly(values, probability, mean):
    stats, p, means, stds = bins_of(values)
    np.testing.assert_allclose(p, probability)
    for ours, expected, share, width in zip(means, mean, p, stds, strict=True):
        if share > 0:
            np.testing.assert_array_equal(ours, expected)
            assert (width == 0) == (expected not in (2.5, 5))
    assert float(stats.scale[0]) > 0


def test_not_discretized_is_one_bin_and_given_edges_are_kept(rng):
    X = rng.normal(size=(40, 3))
    assert fit_tabular(X, discretizer=None).num_bins == 3
    given = fit_tabular(X, discretizer=[[0.5, -0.5, 0.5], [], [0.0]])
    assert np.diff(given.offsets).tolist() == [3, 1, 2]
    np.testing.assert_allclose(in_units(given, "upper_edge")[:2], [-0.5, 0.5])
    mapped = fit_tabular(X, discretizer={1: [0.0], 2: None})
    assert np.diff(mapped.offsets).tolist() == [4, 2, 1]


def test_the_bins_lie_one_after_the_other(rng):
    X = np.column_stack([rng.normal(size=50), rng.integers(0, 7, 50), np.zeros(50)])
    stats = fit_tabular(X, categorical_features=[1])
    assert np.diff(stats.offsets).tolist() == [4, 7, 1]
    assert stats.bin_feature.tolist() == [0] * 4 + [1] * 7 + [2]
    assert (stats.max_bins, stats.num_bins, stats.num_features) == (7, 12, 3)
    last = stats.offsets[1:] - 1
    np.testing.assert_array_equal(stats.cumulative[last], 1)


def test_timestamps_20_seconds_apart_stay_apart_in_float32():
    stats = fit_tabular(1.7e9 + 20 * np.arange(10.0)[:, None], discretizer="decile")
    assert len(np.unique(stats.upper_edge.astype(np.float32))) == 10
    assert len(np.unique(stats.bin_mean.astype(np.float32))) == 10


NUMERIC = dict(
    edges=[0.0], frequencies=[0.5, 0.5], means=[-1, 1], stds=[1, 1], lower=[-2, 0], upper=[0, 2]
)
X = np.arange(8.0).reshape(4, 2)
REFUSED = {
    "no rows": (lambda: fit_tabular(np.zeros((0, 2))), "`X_train`.*neither 0"),
    "one axis": (lambda: fit_tabular(np.zeros(3)), "`X_train`: expected \\(rows, features\\)"),
    "infinite": (lambda: fit_tabular([[1.0, np.inf]]), "`X_train`.*infinity in column 1"),
    "weights short": (lambda: fit_tabular(X, sample_weight=[1]), "`sample_weight`: expected 4"),
    "weights negative": (lambda: fit_tabular(X, sample_weight=[1, 1, -1, 1]), "`sample_weight`"),
    "weights NaN": (lambda: fit_tabular(X, sample_weight=[1, 1, np.nan, 1]), "`sample_weight`"),
    "weights zero": (lambda: fit_tabular(X, sample_weight=[0] * 4), "not all 0"),
    "discretizer": (lambda: fit_tabular(X, discretizer="tercile"), "`discretizer`.*'tercile'"),
    "too few edges": (lambda: fit_tabular(X, discretizer=[[1.0]]), "`discretizer`.*2 columns"),
    "column": (
        lambda: fit_tabular(X, discretizer={5: [1.0]}),
        "`discretizer`.*2 columns, got 5",
    ),
    "edges": (lambda: fit_tabular(X, discretizer=[[np.nan], []]), "`discretizer`.*finite"),
    "no y": (lambda: fit_tabular(X, discretizer="entropy"), "`y`.*4 rows, got none"),
    "short y": (lambda: fit_tabular(X, discretizer="entropy", y=[0]), "`y`.*4 rows, got 1"),
    "levels": (lambda: fit_tabular(X, categorical_features=[2]), "`categorical_features`"),
    "no columns": (lambda: TabularStats.from_columns([]), "`columns`.*at least one"),
    "descending": (
        lambda: TabularStats.from_columns([CategoricalColumn([1, 0], [0.5, 0.5])]),
        "`columns`: levels of column 0",
    ),
    "frequencies": (
        lambda: TabularStats.from_columns([CategoricalColumn([0, 1], [0.5, 0.4])]),
        "`columns`.*sum to 1",
    ),
    "twice": (
        lambda: TabularStats.from_columns(
            [
                NumericColumn(
                    **NUMERIC | dict(edges=[0, 0], frequencies=[0.5, 0, 0.5]), mean=0, std=1
                )
            ]
        ),
        "`columns`: edges of column 0",
    ),
    "lengths": (
        lambda: TabularStats.from_columns(
            [NumericColumn(**NUMERIC | dict(means=[0]), mean=0, std=1)]
        ),
        "`columns`: column 0 has 1 edges",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_name(name):
    call, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        call()


def test_statistics_are_a_pytree_of_arrays(rng):
    stats = fit_tabular(rng.normal(size=(20, 2)))
    leaves, structure = jax.tree.flatten(stats)
    assert all(isinstance(leaf, np.ndarray) for leaf in leaves)
    again = jax.tree.unflatten(structure, leaves)
    assert again.max_bins == stats.max_bins
    leaves_equal(again, stats)
