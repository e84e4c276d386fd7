"""Tables of subtrees give values and interactions by their definitions, however rows come."""

from __future__ import annotations

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from lime_jax.models import as_predict_fn
from lime_jax.models.trees import tree_predict
from lime_jax.tabular.exact.shapley import blocks
from lime_jax.tabular.exact.shapley.blocks import Maker, shapley_blocks
from lime_jax.tabular.exact.shapley.subtrees import subtrees_of
from tests.house import all_coalitions

pytestmark = pytest.mark.precision

FEATURES = 6


def tolerance():
    return dict(rtol=0, atol=1e-12 if jnp.result_type(float) == np.float64 else 2e-6)


def worths(predict, rows, background, groups):
    """Mean output over the background, (coalitions, rows, outputs)."""
    keeps = np.where(groups >= 0, all_coalitions(groups.max() + 1)[:, groups], True)
    inputs = np.where(keeps[:, None, None], rows[:, None], background)
    outputs = np.asarray(predict(inputs.reshape(-1, rows.shape[1])))
    return outputs.reshape(*inputs.shape[:3], -1).mean(2)


def share(size, others, value):
    """Weight of one coalition of some of the others."""
    if value == "banzhaf":
        return 0.5**others
    return math.factorial(size) * math.factorial(others - size) / math.factorial(others + 1)


def by_definition(worth, members, value):
    """Sum over the coalitions of others of what the members change together."""
    players = len(worth).bit_length() - 1
    bits = [1 << (players - 1 - player) for player in members]
    total = 0
    for number in range(len(worth)):
        if not any(number & bit for bit in bits):
            weight = share(number.bit_count(), players - len(bits), value)
            for some in range(2 ** len(bits)):
                added = sum(bit for k, bit in enumerate(bits) if some >> k & 1)
                sign = (-1) ** (len(bits) - some.bit_count())
                total = total + weight * sign * worth[number + added]
    return total


def table(rng, rows):
    X = rng.integers(-8, 9, (rows, FEATURES)) / 4
    return X, X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + (X[:, 3] > 0.5) * X[:, 4] + 0.1 * X[:, 5]


def three_classes(X, y):
    return RandomForestClassifier(4, max_depth=5, random_state=0).fit(X, np.digitize(y, [0.0, 2.0]))


def forest(X, y):
    return RandomForestRegressor(5, max_depth=6, random_state=0).fit(X, y)


def game(structure, background, groups=None, **options):
    groups = np.arange(FEATURES) if groups is None else np.asarray(groups)
    weights = np.full(len(background), 1 / len(background))
    return shapley_blocks(structure, background, weights, groups, int(groups.max()) + 1, **options)


def every_label(structure, rows):
    return np.tile(np.arange(structure.num_outputs), (len(rows), 1))


@pytest.mark.parametrize("value", ["shapley", "banzhaf"])
@pytest.mark.parametrize(
    "groups", [range(6), [0, 1, 0, -1, 2, 3]], ids=["columns", "groups and a held column"]
)
@pytest.mark.parametrize("make", [forest, three_classes])
def test_values_and_interactions_are_those_of_the_definition(rng, make, groups, value):
    X, y = table(rng, 200)
    structure = as_predict_fn(make(X, y)).structure
    groups, rows, background = np.asarray(groups), X[:3], X[50:60]
    made = game(structure, background, groups, value=value, interactions=True)
    fit, together = made.explain(rows, every_label(structure, rows))
    worth = worths(tree_predict(structure), rows, background, groups)
    for player in range(groups.max() + 1):
        want = by_definition(worth, [player], value)
        np.testing.assert_allclose(fit.coef[:, :, player], want, **tolerance())
    np.testing.assert_allclose(fit.intercept, worth[0], **tolerance())
    pairs = made.sums.pairs.tolist()
    for low in range(groups.max() + 1):
        for high in range(low + 1, groups.max() + 1):
            want = by_definition(worth, [low, high], value)
            place = pairs.index([low, high]) if [low, high] in pairs else None
            found = 0 if place is None else together[:, :, place]
            np.testing.assert_allclose(found, np.zeros_like(want) + want, **tolerance())


def test_large_tables_are_made_for_some_rows_after_the_other(rng, monkeypatch):
    X, y = table(rng, 200)
    structure = as_predict_fn(forest(X, y)).structure
    kept = game(structure, X[50:60], interactions=True)
    monkeypatch.setattr(blocks, "KEPT_BYTES", 0)
    monkeypatch.setattr(blocks, "_ROWS_OF_TABLES", 4096)
    made = game(structure, X[50:60], interactions=True)
    assert all(isinstance(part.tables, Maker) for part in made.parts)
    rows = rng.integers(-8, 9, (9000, FEATURES)) / 4
    ticks = []
    ours = made.explain(rows, every_label(structure, rows), ticks.append)
    want = kept.explain(rows, every_label(structure, rows))
    np.testing.assert_array_equal(ours[0].coef, want[0].coef)
    np.testing.assert_array_equal(ours[1], want[1])
    assert ticks == [4096, 4096, 808]


def test_a_row_has_the_same_bits_in_every_batch(rng):
    X, y = table(rng, 200)
    structure = as_predict_fn(three_classes(X, y)).structure
    made = game(structure, X[50:90])
    rows = rng.integers(-8, 9, (5000, FEATURES)) / 4
    together, _ = made.explain(rows, every_label(structure, rows))
    labels = np.array([[2, 0], [1, 0]])
    few, _ = made.explain(rows[[4500, 3]], labels)
    for number, row in enumerate([4500, 3]):
        np.testing.assert_array_equal(few.coef[number], together.coef[row, labels[number]])
        np.testing.assert_array_equal(
            few.intercept[number], together.intercept[row, labels[number]]
        )


def test_a_number_just_beside_a_threshold_goes_where_the_model_sends_it(rng):
    X, y = table(rng, 300)
    structure = as_predict_fn(forest(X, y)).structure
    inner = np.flatnonzero(structure.column >= 0)[:200]
    edge = structure.threshold[inner]
    rows = X[rng.integers(0, 300, 3 * len(inner))]
    beside = [np.nextafter(edge, -np.inf), edge, np.nextafter(edge, np.inf)]
    rows[np.arange(len(rows)), np.tile(structure.column[inner], 3)] = np.concatenate(beside)
    fit, _ = game(structure, X[:20]).explain(rows, np.zeros((len(rows), 1), int))
    leaf = np.full(len(rows), structure.base[0])
    for root in structure.roots:
        node = np.full(len(rows), root)
        while (structure.column[node] >= 0).any():
            at = structure.column[node] >= 0
            goes = rows[np.arange(len(rows)), structure.column[node]] <= structure.threshold[node]
            node = np.where(at, np.where(goes, structure.left[node], structure.right[node]), node)
        leaf += structure.value[node, 0]
    np.testing.assert_allclose(fit.local_pred[:, 0], leaf, rtol=0, atol=2e-6)


def test_a_threshold_that_no_number_passes_sends_all_to_the_right(rng):
    X, y = table(rng, 100)
    structure = as_predict_fn(forest(X, y)).structure
    threshold = structure.threshold.copy()
    threshold[structure.roots] = np.nan
    never = dataclasses.replace(structure, threshold=threshold)
    fit, _ = game(never, X[:10]).explain(X[10:20], np.zeros((10, 1), int))
    np.testing.assert_allclose(fit.local_pred, tree_predict(never)(X[10:20]), **tolerance())


def test_subtrees_have_few_bits_and_all_leaves(rng):
    X, y = table(rng, 200)
    structure = as_predict_fn(forest(X, y)).structure
    for bits in (3, 7, 10):
        chunks = subtrees_of(structure, np.arange(FEATURES), bits)
        assert chunks is not None
        groups = [group for chunk in chunks for group in chunk.groups]
        leaves = np.concatenate([some.node for group in groups for some in group.leaves])
        np.testing.assert_array_equal(np.sort(leaves), np.flatnonzero(structure.column < 0))
        assert max(group.bits for group in groups if group.tests.shape[1]) <= bits
