"""Path-dependent values are those of the recursion that defines them, by tables and by passes."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from lime_jax.models import as_predict_fn
from lime_jax.tabular.exact.shapley import paths
from lime_jax.tabular.exact.shapley.paths import PathValues, path_tables
from tests.house import all_coalitions, shapley_values

pytestmark = pytest.mark.precision

FEATURES = 5


def tolerance():
    return dict(rtol=0, atol=1e-12 if jnp.result_type(float) == np.float64 else 2e-6)


def forest(max_depth, classes=False):
    rng = np.random.default_rng(0)
    X = rng.integers(-8, 9, (150, FEATURES)) / 4
    X[rng.random(X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X)
    y = y[:, 0] * y[:, 1] + np.abs(y[:, 2]) + (y[:, 3] > 0.5) * y[:, 4]
    if classes:
        model = RandomForestClassifier(3, max_depth=max_depth, random_state=0)
        model.fit(X, np.digitize(y, [0.0, 2.0]))
    else:
        model = RandomForestRegressor(3, max_depth=max_depth, random_state=0).fit(X, y)
    return as_predict_fn(model).structure, X[:4]


def expected_by_tree(trees, node, x, keeps):
    """A tree's output where only some columns are known: both ways by covers at the others."""
    column = trees.column[node]
    if column < 0:
        return trees.value[node]
    left, right = trees.left[node], trees.right[node]
    goes_left = (
        trees.missing_left[node] if np.isnan(x[column]) else x[column] <= trees.threshold[node]
    )
    if keeps[column]:
        return expected_by_tree(trees, left if goes_left else right, x, keeps)
    sides = [trees.cover[side] * expected_by_tree(trees, side, x, keeps) for side in (left, right)]
    return sum(sides) / trees.cover[node]


def worths(trees, rows, groups):
    """(coalitions, rows, outputs)"""
    keeps = np.where(groups >= 0, all_coalitions(groups.max() + 1)[:, groups], True)
    return np.array(
        [
            [
                trees.base + sum(expected_by_tree(trees, r, x, some) for r in trees.roots)
                for x in rows
            ]
            for some in keeps
        ]
    )


def every_label(trees, rows):
    return np.tile(np.arange(trees.num_outputs), (len(rows), 1))


@pytest.mark.parametrize(
    "groups", [range(5), [0, 1, 0, -1, 2]], ids=["columns", "groups and a held column"]
)
@pytest.mark.parametrize("classes", [False, True])
def test_values_are_those_of_the_definition(classes, groups, monkeypatch):
    trees, rows = forest(6, classes)
    given = np.asarray(groups), max(groups) + 1
    worth = worths(trees, rows, given[0])
    values = PathValues(trees, *given)
    by_passes, _ = values.explain(rows, every_label(trees, rows))
    monkeypatch.setattr(paths, "_FEW_ROWS", 0)
    monkeypatch.setattr(paths, "_STEPS_A_CELL", 0)
    assert values._tables_pay(4)
    by_tables, _ = values.explain(rows, every_label(trees, rows))
    for fit in (by_passes, by_tables):
        np.testing.assert_allclose(fit.coef, shapley_values(worth), **tolerance())
        np.testing.assert_allclose(fit.intercept, worth[0], **tolerance())
        np.testing.assert_allclose(fit.local_pred, worth[-1], **tolerance())


def test_interactions_and_banzhaf_values_are_those_of_the_definition():
    trees, rows = forest(4)
    groups = np.arange(FEATURES)
    worth = worths(trees, rows, groups)
    made = path_tables(trees, groups, FEATURES, "banzhaf", True)
    fit, together = made.explain(rows, every_label(trees, rows))
    passes, _ = PathValues(trees, groups, FEATURES, "banzhaf").explain(
        rows, every_label(trees, rows)
    )
    by_player = worth.reshape(*[2] * FEATURES, *worth.shape[1:])
    for player in range(FEATURES):
        want = np.diff(by_player, axis=player).reshape(-1, *worth.shape[1:]).mean(0)
        np.testing.assert_allclose(fit.coef[:, :, player], want, **tolerance())
        np.testing.assert_allclose(passes.coef[:, :, player], want, **tolerance())
    for number, (low, high) in enumerate(made.pairs.tolist()):
        both = np.diff(np.diff(by_player, axis=low), axis=high)
        want = both.reshape(-1, *worth.shape[1:]).mean(0)
        np.testing.assert_allclose(together[:, :, number], want, **tolerance())


def test_where_no_training_row_came_half_goes_each_way():
    trees, rows = forest(3)
    inner = np.flatnonzero(trees.column >= 0)[-1]
    cover = trees.cover.copy()
    cover[[trees.left[inner], trees.right[inner]]] = 0
    none = dataclasses.replace(trees, cover=cover)
    cover = cover.copy()
    cover[[trees.left[inner], trees.right[inner]]] = 1
    half = dataclasses.replace(trees, cover=cover)
    found = [
        PathValues(some, np.arange(FEATURES), FEATURES).explain(rows, every_label(some, rows))[0]
        for some in (none, half)
    ]
    np.testing.assert_array_equal(found[0].coef, found[1].coef)


def test_a_row_has_the_same_values_in_every_batch():
    trees, _ = forest(None, classes=True)
    rows = np.random.default_rng(1).integers(-8, 9, (150, FEATURES)) / 4
    values = PathValues(trees, np.arange(FEATURES), FEATURES)
    together, _ = values.explain(rows, every_label(trees, rows))
    few, _ = values.explain(rows[[140, 3]], np.array([[2, 0], [1, 0]]))
    for number, (row, labels) in enumerate([(140, [2, 0]), (3, [1, 0])]):
        np.testing.assert_allclose(few.coef[number], together.coef[row, labels], **tolerance())


def test_large_sums_of_trees_are_passed_over_some_after_the_other(monkeypatch):
    from lime_jax.tabular.exact.shapley import path_passes

    trees, rows = forest(None)
    found = []
    for nodes in (10**6, 1):
        monkeypatch.setattr(path_passes, "_NODES_AT_ONCE", nodes)
        values = PathValues(trees, np.arange(FEATURES), FEATURES)
        found.append(values.explain(rows, every_label(trees, rows))[0])
    np.testing.assert_allclose(found[0].coef, found[1].coef, **tolerance())
    np.testing.assert_allclose(found[0].intercept, found[1].intercept, **tolerance())
