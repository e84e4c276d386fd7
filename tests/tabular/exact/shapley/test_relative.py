"""A moved model says of moved numbers what it said of the numbers, and 32 bits hold these."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from lime_jax.models import as_predict_fn
from lime_jax.models.convert.features import RawTable
from lime_jax.models.structure import Additive, TreeSum
from lime_jax.tabular.exact.shapley.relative import make_relative

pytestmark = pytest.mark.precision

START = 1.6e9
RNG = np.random.default_rng(4)
TIMES = START + 20.0 * RNG.integers(0, 50, 60)
X = np.stack([TIMES, RNG.normal(size=60), RNG.integers(0, 3, 60)], axis=1)
X[::7, 1] = np.nan
WEIGHTS = np.full(60, 1 / 60)


def trees_by_hand(trees, row):
    """In float64, node by node; one output."""
    total = trees.base[0]
    for root in trees.roots:
        node = root
        while trees.column[node] >= 0:
            value = row[trees.column[node]]
            if trees.level_set[node] >= 0:
                left = trees.level_sets[trees.level_set[node]][int(value)]
            elif np.isnan(value):
                left = trees.missing_left[node]
            else:
                left = value <= trees.threshold[node]
            node = trees.left[node] if left else trees.right[node]
        total += trees.value[node, 0]
    return total


@pytest.fixture(scope="module")
def trees():
    model = HistGradientBoostingRegressor(
        max_iter=5, min_samples_leaf=3, categorical_features=[2], random_state=0
    )
    model.fit(X, (X[:, 0] - START) / 500 + np.nan_to_num(X[:, 1]) + 3 * (X[:, 2] == 1))
    table = RawTable(None, (None, None, (0.0, 1.0, 2.0)))
    structure = as_predict_fn(model, None, table).structure
    assert isinstance(structure, TreeSum)
    assert (structure.level_set >= 0).any()
    return structure


def test_numbers_of_trees_become_ranks_among_their_thresholds(trees):
    moved, relative = make_relative(trees, X, WEIGHTS)
    ranks = relative(X)
    np.testing.assert_array_equal(ranks, ranks.astype(np.float32))
    np.testing.assert_array_equal(ranks[:, 2], X[:, 2])
    np.testing.assert_array_equal(np.isnan(ranks), np.isnan(X))
    known = np.unique(trees.threshold[(trees.column == 0)])
    np.testing.assert_array_equal(ranks[:, 0], [(known < time).sum() for time in X[:, 0]])
    for row, rank in zip(X, ranks, strict=True):
        assert trees_by_hand(moved, rank) == trees_by_hand(trees, row)


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_a_number_next_to_a_threshold_stays_on_its_side(trees, step):
    moved, relative = make_relative(trees, X, WEIGHTS)
    for column in (0, 1):
        mine = (trees.column == column) & (trees.level_set < 0)
        for threshold in trees.threshold[mine]:
            row = np.array([[START + 333.0, 0.1, 1.0]])
            row[0, column] = threshold + step * np.spacing(threshold)
            assert trees_by_hand(moved, relative(row)[0]) == trees_by_hand(trees, row[0])


def test_lines_are_relative_to_the_mean_of_the_background():
    table = X[:, [0, 2]]
    structure = as_predict_fn(LinearRegression().fit(table, X[:, 0] - START)).structure
    assert isinstance(structure, Additive)
    moved, relative = make_relative(structure, table[:5], np.full(5, 0.2))
    near = relative(table)
    np.testing.assert_allclose(near, table - table[:5].mean(0), atol=1e-6)
    before = ((table - structure.shift) * structure.slope[:, 0]).sum(1)
    after = ((near - moved.shift) * moved.slope[:, 0]).sum(1)
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_levels_of_lines_stay_and_a_missing_column_has_no_mean():
    lines = Additive(
        intercept=np.zeros(1),
        shift=np.zeros(2),
        slope=np.array([[2.0], [0.0]]),
        missing=np.array([[5.0], [0.0]]),
        level_value=np.array([[1.0], [7.0]]),
        level_offsets=np.array([0, 0, 2], np.int32),
    )
    table = np.array([[np.nan, 1.0], [np.nan, 0.0]])
    moved, relative = make_relative(lines, table, np.array([0.5, 0.5]))
    np.testing.assert_array_equal(relative(table), table)
    np.testing.assert_array_equal(moved.shift, lines.shift)
