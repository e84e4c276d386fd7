"""What the tests of tree models share: a sum of trees in plain NumPy, and what "equal" means."""

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.structure import TreeSum

LEVELS = 5
NUM_FEATURES = 4  # the last one is categorical


def random_trees(rng, num_leaves, *, width=1, num_outputs=1, sets=True) -> TreeSum:
    """Trees of given numbers of leaves: missing values either way, sets, infinite thresholds."""
    rows = {name: [] for name in ("column", "threshold", "missing_left", "level_set")}
    left, right, roots = [], [], []
    for count in num_leaves:
        first = len(left)
        roots.append(first)
        left.append(-1)
        right.append(-1)
        leaves = [first]
        while len(leaves) < count:
            node = leaves.pop(rng.integers(len(leaves)))
            left[node], right[node] = len(left), len(left) + 1
            leaves += [len(left), len(left) + 1]
            left += [-1, -1]
            right += [-1, -1]
    nodes = len(left)
    left, right = np.array(left, np.int32), np.array(right, np.int32)
    leaf = left < 0
    column = rng.integers(0, NUM_FEATURES if sets else NUM_FEATURES - 1, nodes)
    by_set = (column == NUM_FEATURES - 1) & ~leaf
    threshold = rng.choice([-np.inf, -1.0, -0.3, 0.1, 0.7, 1e-3, np.inf], nodes)
    rows["column"] = np.where(leaf, -1, column).astype(np.int32)
    rows["threshold"] = np.where(leaf | by_set, np.nan, threshold)
    rows["missing_left"] = (rng.random(nodes) < 0.5) & ~leaf & ~by_set
    rows["level_set"] = np.where(by_set, rng.integers(0, 6, nodes), -1).astype(np.int32)
    level_sets = [rng.random(LEVELS) < 0.5 for _ in range(5)] + [np.array([True, False])]
    value = np.where(leaf[:, None], rng.normal(size=(nodes, width)), 0)
    return TreeSum(
        **rows,
        left=left,
        right=right,
        value=value,
        roots=np.array(roots, np.int32),
        output=rng.integers(0, num_outputs - width + 1, len(roots)).astype(np.int32),
        level_sets=tuple(level_sets) if sets else (),
        base=rng.normal(size=num_outputs),
        num_features=NUM_FEATURES,
    )


def random_inputs(rng, rows):
    values = [-1.0, -0.3, 0.1, 0.7, 1e-3, 0.0, 2.0, -np.inf, np.inf, np.nan]
    inputs = rng.choice(values, (rows, NUM_FEATURES)).astype(np.float32)
    towards = rng.choice([-np.inf, np.inf], inputs.shape).astype(np.float32)
    inputs = np.where(rng.random(inputs.shape) < 0.5, inputs, np.nextafter(inputs, towards))
    inputs[:, -1] = rng.choice([*range(LEVELS), LEVELS, -1, 99, np.nan], rows)
    return inputs


def device_float():
    return np.float64 if jax.config.jax_enable_x64 else np.float32


def walk(trees, X):
    """Outputs and leaves of a `TreeSum`, node by node as its docstring says, in float64."""
    total, leaves = np.tile(trees.base, (len(X), 1)), []
    rows, width = np.arange(len(X)), trees.value.shape[1]
    for root, first in zip(trees.roots, trees.output, strict=True):
        node = np.full(len(X), root)
        while (inner := trees.column[node] >= 0).any():
            x = X[rows, np.maximum(trees.column[node], 0)]
            left = x <= trees.threshold[node]
            for i in np.flatnonzero(inner & (trees.level_set[node] >= 0) & ~np.isnan(x)):
                flags = trees.level_sets[trees.level_set[node[i]]]
                left[i] = 0 <= x[i] < len(flags) and flags[int(x[i])]
            left = np.where(np.isnan(x), trees.missing_left[node], left)
            node = np.where(inner, np.where(left, trees.left[node], trees.right[node]), node)
        total[:, first : first + width] += trees.value[node]
        leaves.append(node)
    return total, np.stack(leaves, axis=1)


def assert_same_leaves(ours, theirs):
    """Their leaf numbers are ours by another name."""
    for own, other in zip(ours.T, np.asarray(theirs).reshape(len(ours), -1).T, strict=True):
        pairs = set(zip(own.tolist(), other.tolist(), strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@jax.jit
def _call(predict, inputs):  # compiles once for all models of one shape
    return predict(inputs)


def assert_equal(model, inputs, expected):
    ours = np.asarray(_call(model.predict, jnp.asarray(inputs, jnp.result_type(float))))
    expected = np.asarray(expected, np.float64).reshape(len(ours), -1)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def at_thresholds(columns, thresholds, rows, dtype):
    """Rows whose tested column is at a threshold, and one step of `dtype` to both sides."""
    inputs = []
    for k, (column, threshold) in enumerate(zip(columns, thresholds, strict=True)):
        for number in (np.float32(threshold), dtype(threshold)):
            for side in (-np.inf, number, np.inf):
                row = rows[k % len(rows)].astype(dtype)
                row[column] = np.nextafter(dtype(number), dtype(side))
                inputs.append(row)
    return np.array(inputs, dtype).reshape(-1, rows.shape[1])


def thresholds_of(trees):
    """The tested columns and finite thresholds of fitted scikit-learn trees."""
    inner = [(t.tree_.children_left >= 0) & np.isfinite(t.tree_.threshold) for t in trees]
    columns = [tree.tree_.feature[use] for tree, use in zip(trees, inner, strict=True)]
    thresholds = [tree.tree_.threshold[use] for tree, use in zip(trees, inner, strict=True)]
    return np.concatenate(columns), np.concatenate(thresholds)


def agree(ours, theirs, rtol=1e-5):
    theirs = np.asarray(theirs)
    theirs = theirs.reshape(len(theirs), -1)
    assert np.shape(ours) == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * np.abs(theirs).max())
