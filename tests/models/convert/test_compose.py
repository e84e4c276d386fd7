"""Sums of trees and linear models behind steps, averaged and scaled: NumPy's own numbers."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.models.convert.columns import (
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
    PointColumn,
)
from lime_jax.models.convert.compose import apply, average, linear, linked, scaled, sum_of_trees
from lime_jax.models.convert.features import Features, RawTable, raw_features
from lime_jax.models.convert.links import softmax, two_sigmoids
from lime_jax.models.convert.tree_sums import merge_trees, move
from lime_jax.models.structure import Additive, TreeSum

pytestmark = pytest.mark.precision

NAN = np.nan
TABLE = RawTable(("x", "c", "n"), (None, ("a", None, "b"), None))
ROWS = np.array([[x, c, n] for x in (-1.5, 0.25, 3, NAN) for c in (0, 1, 2) for n in (1, 4, NAN)])
SCALED = NumberColumn(0).then("subtract", 0.5).then("divide", 0.3)
FILLED = dataclasses.replace(NumberColumn(0), missing=-1.0)
NUMBERS = LevelColumn(1, np.array([2.0, NAN, -1.0]))
POINTS = PointColumn(2, np.array([4.0, NAN]), np.array([5.0, 6.0]), 0.0)
SIDES = Features((SCALED, NUMBERS, FILLED, POINTS), num_raw=3, table=TABLE)


def values_of(features, rows):
    """The columns in float64."""
    out = []
    for column in features.columns:
        raw = rows[:, column.raw]
        if isinstance(column, NumberColumn):
            out.append(np.where(np.isnan(raw), column.missing, column.values(raw)))
        elif isinstance(column, LevelColumn):
            out.append(column.values[raw.astype(int)])
        else:
            value = np.full(len(raw), column.other)
            for point, own in zip(column.points, column.values, strict=True):
                value[(raw == point) | (np.isnan(raw) & np.isnan(point))] = own
            out.append(value)
    return np.stack(out, 1)


def stumps(columns, thresholds, missing_left, outputs=(0,), num_outputs=1, width=1):
    """Trees of one test: the left leaf has the values 1, 2, ..., the right one 10, 20, ..."""
    n = len(columns)
    node = np.arange(n)[:, None] * 3
    column, threshold = np.full((n, 3), -1, np.int32), np.full((n, 3), NAN)
    column[:, 0], threshold[:, 0] = columns, thresholds
    left, right = np.full((n, 3), -1), np.full((n, 3), -1)
    left[:, :1], right[:, :1] = node + 1, node + 2
    value = np.zeros((n, 3, width))
    value[:, 1] = np.arange(1, n + 1)[:, None] * (1 + np.arange(width))
    value[:, 2] = 10 * value[:, 1]
    return TreeSum(
        column=column.ravel(),
        threshold=threshold.ravel(),
        missing_left=np.array([[m, False, False] for m in missing_left]).ravel(),
        level_set=np.full(3 * n, -1, np.int32),
        left=left.ravel().astype(np.int32),
        right=right.ravel().astype(np.int32),
        value=value.reshape(3 * n, width),
        roots=node.ravel().astype(np.int32),
        output=np.resize(np.array(outputs, np.int32), n),
        level_sets=(),
        base=np.full(num_outputs, 0.5),
        num_features=4,
    )


def evaluated(trees, rows):
    total = np.tile(trees.base, (len(rows), 1))
    for x, row in zip(rows, total, strict=True):
        for node, first in zip(trees.roots, trees.output, strict=True):
            while (k := trees.column[node]) >= 0:
                if (number := trees.level_set[node]) >= 0:
                    left = trees.level_sets[number][int(x[k])]
                elif np.isnan(x[k]):
                    left = trees.missing_left[node]
                else:
                    left = x[k] <= trees.threshold[node]
                node = (trees.left if left else trees.right)[node]
            row[first : first + trees.value.shape[1]] += trees.value[node]
    return total


TREES = stumps([0, 0, 1, 1, 2, 1], [0.1, -3.0, 0.0, 2.0, -1.0, 0.0], [True, False] * 3)
ALL = stumps([0, 1, 2, 3, 3, 3], [0.1, 0.0, 0.2, 5.0, 0.0, 5.5], [False] * 6)


def test_trees_move_to_the_raw_columns():
    converted = sum_of_trees(TREES, SIDES)
    expected = evaluated(TREES, values_of(SIDES, ROWS))
    raw = converted.structure
    np.testing.assert_array_equal(evaluated(raw, ROWS), expected)
    np.testing.assert_allclose(converted.predict(ROWS), expected)
    assert raw.num_features == 3
    assert len(raw.level_sets) == len({s.tobytes() for s in raw.level_sets}) == 3


def test_trees_on_points_stay_on_the_device():
    converted = sum_of_trees(ALL, SIDES)
    assert converted.structure is None
    assert "column 'n' is encoded by level, but is numeric here" in converted.why_not_exact
    assert "`categorical_features`" in converted.why_not_exact
    np.testing.assert_allclose(converted.predict(ROWS), evaluated(ALL, values_of(SIDES, ROWS)))


def test_trees_on_sums_of_columns_are_refused():
    mixed = raw_features(RawTable.of_numbers(3)).after(lambda x: x[:, ::-1], 3, None, "a step")
    with pytest.raises(NotConvertibleError, match="a step mixes columns"):
        sum_of_trees(stumps([0], [0.5], [False]), mixed)


def test_thresholds_move_to_the_raw_column():
    number = NumberColumn(2).then("subtract", 1e7).then("divide", 3.0)  # rounds in float32
    (at,) = number.values(np.array([1e7 + 1]))
    features = raw_features(RawTable.of_numbers(3)).replaced([number])
    converted = sum_of_trees(stumps([0], [at], [False]), features)
    ours = converted.predict(np.array([[0, 0, 1e7 + 1], [0, 0, 1e7 + 2]]))
    np.testing.assert_allclose(ours, [[1.5], [10.5]])


def test_sets_of_changed_numbers_are_asked_of_the_number():
    trees = dataclasses.replace(
        stumps([0], [NAN], [False]),
        level_set=np.array([0, -1, -1], np.int32),
        level_sets=(np.array([False, True]),),
    )
    features = Features((NumberColumn(0).then("subtract", 1.0),), num_raw=1)
    converted = sum_of_trees(trees, features)
    assert "column 0 is changed before it is read by level" in converted.why_not_exact
    np.testing.assert_allclose(converted.predict(np.array([[2.0], [1.0]])), [[1.5], [10.5]])


def test_a_large_forest_behind_a_large_one_hot_moves_fast():
    levels, nodes = 4000, 75_000
    one_hot = np.eye(levels, dtype=np.int8)
    columns = tuple(LevelColumn(0, own) for own in one_hot)
    features = Features(columns, num_raw=1)
    rng = np.random.default_rng(0)
    trees = stumps(rng.integers(levels, size=nodes), np.full(nodes, 0.5), np.zeros(nodes, bool))
    raw = move(trees, features, ())
    assert len(raw.level_sets) == len(np.unique(trees.column)) - 1
    for node in 3 * rng.integers(nodes, size=50):
        flags = raw.level_sets[raw.level_set[node]]
        np.testing.assert_array_equal(flags, one_hot[trees.column[node]] <= 0.5)


COEF = np.array([[1.0, -2.0, 0.5, 0.0], [0.0, 3.0, 4.0, 0.0]])
KNOWN = LevelColumn(1, np.array([2.0, 5.0, -1.0]))
LINES = Features((SCALED, KNOWN, FILLED, POINTS), num_raw=3, table=TABLE)
INTERCEPT = np.array([0.25, -1.0])


def reference(model, rows):
    total, first = np.tile(model.intercept, (len(rows), 1)), model.level_offsets
    for k, value in enumerate(rows.T):
        if first[k + 1] > first[k]:
            total += model.level_value[first[k] + value.astype(int)]
        else:
            line = (value - model.shift[k])[:, None] * model.slope[k]
            total += np.where(np.isnan(value)[:, None], model.missing[k], line)
    return total


def test_a_linear_model_is_a_sum_over_raw_columns():
    converted = linear(COEF, INTERCEPT, LINES)
    assert isinstance(converted.structure, Additive)
    some = ROWS[~np.isnan(ROWS[:, 0])]
    expected = values_of(LINES, some)[:, :3] @ COEF[:, :3].T + INTERCEPT
    np.testing.assert_allclose(reference(converted.structure, some), expected, rtol=1e-12)
    np.testing.assert_allclose(converted.predict(some), expected, rtol=1e-5)
    assert np.isnan(converted.predict(ROWS[np.isnan(ROWS[:, 0])])).all()  # nobody fills `SCALED`


def test_a_missing_number_that_is_not_used_is_no_matter():
    filled = dataclasses.replace(SCALED, missing=4.0)
    features = Features((filled, KNOWN, NumberColumn(2)), num_raw=3, table=TABLE)
    converted = linear(np.array([[2.0, 1.0, 0.0]]), np.zeros(1), features)
    expected = values_of(features, ROWS)[:, :2] @ [2.0, 1.0]
    np.testing.assert_allclose(reference(converted.structure, ROWS)[:, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(converted.predict(ROWS)[:, 0], expected, rtol=1e-5)


WITHOUT = {
    "clipped": ((SCALED.then("clip", 0.0, 1.0), KNOWN), "column 'x' is clipped"),
    "points": ((POINTS, KNOWN), "column 'n' is encoded by level"),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_a_linear_model_of_other_columns_has_no_structure(name):
    columns, why = WITHOUT[name]
    features = Features(columns, num_raw=3, table=TABLE)
    converted = linear(COEF[:, :2], INTERCEPT, features)
    assert converted.structure is None
    assert why in converted.why_not_exact
    some = ROWS[~np.isnan(ROWS[:, 0])]
    expected = values_of(features, some) @ COEF[:, :2].T + INTERCEPT
    np.testing.assert_allclose(converted.predict(some), expected, rtol=1e-5, atol=1e-5)


WEIGHTS = np.array([0.25, 2.0])
SOME = ROWS[~np.isnan(ROWS).any(axis=1)]


def members(kind):
    first, second = SIDES, LINES.replaced([FILLED.then("divide", 7.0), KNOWN, SCALED, POINTS])
    if kind == "trees":
        return [sum_of_trees(TREES, SIDES), sum_of_trees(TREES, second)]
    if kind == "linear":
        return [linear(COEF, INTERCEPT, LINES), linear(COEF, INTERCEPT, second)]
    return [sum_of_trees(TREES, first), linear(COEF[:1], INTERCEPT[:1], second)]


@pytest.mark.parametrize("kind", ["trees", "linear", "both"])
def test_an_average_of_models(kind):
    parts = members(kind)
    whole = average(parts, WEIGHTS)
    expected = sum(w * np.asarray(p.predict(SOME)) for w, p in zip(WEIGHTS, parts, strict=True))
    np.testing.assert_allclose(whole.predict(SOME), expected, rtol=2e-5)
    if kind == "both":
        trees, columns = whole.structure.trees, whole.structure.columns
        both = evaluated(trees, SOME) + reference(columns, SOME)
        np.testing.assert_allclose(both, expected, rtol=2e-5)
    elif kind == "linear":
        own = [reference(p.structure, SOME) for p in parts]
        np.testing.assert_allclose(reference(whole.structure, SOME), np.tensordot(WEIGHTS, own, 1))
    else:
        own = [evaluated(p.structure, SOME) for p in parts]
        np.testing.assert_allclose(evaluated(whole.structure, SOME), np.tensordot(WEIGHTS, own, 1))
        assert len(whole.structure.level_sets) == len(
            {s.tobytes() for s in whole.structure.level_sets}
        )


def test_lines_that_cross_0_far_apart_are_averaged_where_one_does():
    far = Features((NumberColumn(0).then("subtract", 1e6),), num_raw=1)
    parts = [linear(np.zeros((1, 1)), np.ones(1), far), linear(np.ones((1, 1)), np.ones(1), far)]
    assert average(parts, [0.5, 0.5]).structure.shift.tolist() == [1e6]


NARROW = stumps([0, 1, 2], [0.1, 0.0, 0.2], [False] * 3, outputs=(1, 0, 1), num_outputs=2)
WIDE = stumps([0, 2], [0.3, 0.1], [True] * 2, num_outputs=2, width=2)


@pytest.mark.parametrize("parts", [(NARROW, NARROW), (NARROW, WIDE), (WIDE, NARROW)])
def test_trees_of_any_width_merge(parts):
    rows = values_of(SIDES, ROWS)
    merged = merge_trees(parts, WEIGHTS)
    expected = sum(w * evaluated(p, rows) for w, p in zip(WEIGHTS, parts, strict=True))
    np.testing.assert_allclose(evaluated(merged, rows), expected)


@pytest.mark.parametrize("kind", ["narrow", "wide", "linear", "no structure"])
def test_a_scaled_model(kind):
    plain = raw_features(RawTable.of_numbers(3))
    model = {
        "narrow": lambda: sum_of_trees(NARROW, plain),
        "wide": lambda: sum_of_trees(WIDE, plain),
        "linear": lambda: linear(COEF[:, :3], INTERCEPT, plain),
        "no structure": lambda: apply(lambda x: x[:, :2], plain),
    }[kind]()
    scale, shift = np.array([2.0, -3.0]), np.array([10.0, 0.5])
    ours = scaled(model, scale, shift)
    np.testing.assert_allclose(
        ours.predict(SOME), np.asarray(model.predict(SOME)) * scale + shift, rtol=1e-5
    )
    assert type(ours.structure) is type(model.structure)
    if kind == "linear":
        expected = reference(model.structure, SOME) * scale + shift
        np.testing.assert_allclose(reference(ours.structure, SOME), expected)
    elif kind != "no structure":
        expected = evaluated(model.structure, SOME) * scale + shift
        np.testing.assert_allclose(evaluated(ours.structure, SOME), expected)


def test_links():
    margin = jnp.array([[0.0], [2.0]])
    second = 1 / (1 + np.exp([0.0, -2.0]))
    np.testing.assert_allclose(two_sigmoids(margin), np.stack([1 - second, second], 1), rtol=1e-6)
    np.testing.assert_allclose(softmax(jnp.array([[1.0, 1.0]])), [[0.5, 0.5]])
    plain = raw_features(RawTable.of_numbers(2))
    model = linked(linear(np.ones((2, 2)), np.zeros(2), plain), softmax, "no more")
    assert (model.structure, model.why_not_exact) == (None, "no more")
    np.testing.assert_allclose(model.predict(np.ones((1, 2))), [[0.5, 0.5]])
