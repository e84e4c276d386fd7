"""What earlier tests leave of a column, against walks through a tree, few columns or many."""

from __future__ import annotations

import numpy as np
import pytest

from lime_jax.models.structure import TreeSum
from lime_jax.tabular.exact.splits import splits_of


def full_tree(depth: int, num_features: int) -> TreeSum:
    """Random tests of three columns; node i has the children 2i + 1 and 2i + 2."""
    rng = np.random.default_rng(0)
    number = np.arange(2 ** (depth + 1) - 1, dtype=np.int32)
    inner = number < 2**depth - 1
    return TreeSum(
        column=np.where(inner, rng.integers(0, 3, len(number)), -1).astype(np.int32),
        threshold=np.where(inner, rng.normal(size=len(number)), np.nan),
        missing_left=np.zeros(len(number), bool),
        level_set=np.full(len(number), -1, np.int32),
        left=np.where(inner, 2 * number + 1, -1).astype(np.int32),
        right=np.where(inner, 2 * number + 2, -1).astype(np.int32),
        value=np.where(inner, 0.0, number)[:, None],
        roots=np.zeros(1, np.int32),
        output=np.zeros(1, np.int32),
        level_sets=(),
        base=np.zeros(1),
        num_features=num_features,
    )


@pytest.mark.parametrize("num_features", [3, 100])
def test_a_split_parts_what_the_last_test_of_its_column_leaves(num_features):
    trees = full_tree(6, num_features)
    splits = splits_of(trees, np.zeros(num_features, bool))
    level = [(0, dict.fromkeys(range(3), (-np.inf, np.inf)))]
    expected = []
    while trees.column[level[0][0]] >= 0:
        sides = [], []
        for node, ends in level:
            column, at = int(trees.column[node]), float(trees.threshold[node])
            low, high = ends[column]
            at = min(max(at, low), high)
            expected.append((column, low, at, high))
            sides[0].append((trees.left[node], ends | {column: (low, at)}))
            sides[1].append((trees.right[node], ends | {column: (at, high)}))
        level = sides[0] + sides[1]
    marks = splits.marks
    value = np.concatenate(marks.thresholds)
    found = np.stack([splits.column, value[splits.lower], value[splits.test], value[splits.upper]])
    np.testing.assert_array_equal(found.T, expected)
