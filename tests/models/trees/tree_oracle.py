"""What the tests of tree models share: a sum of trees in plain NumPy, and what "equal" means."""

import jax
import jax.numpy as jnp
import numpy as np


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
