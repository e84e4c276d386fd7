"""What the tests of tree models share: a sum of trees in plain NumPy, and what "equal" means."""

import jax
import jax.numpy as jnp
import numpy as np


def evaluate(trees, inputs):
    """Outputs and leaves of a `TreeSum` in NumPy, as its docstring says."""
    total = np.tile(trees.base, (len(inputs), 1))
    leaves = np.empty((len(inputs), len(trees.roots)), np.int64)
    for i, x in enumerate(inputs):
        for j, (node, output) in enumerate(zip(trees.roots, trees.output, strict=True)):
            while trees.column[node] >= 0:
                value, number = x[trees.column[node]], trees.level_set[node]
                if np.isnan(value):
                    left = trees.missing_left[node]
                elif number >= 0:
                    flags = trees.level_sets[number]
                    left = 0 <= value < len(flags) and flags[int(value)]
                else:
                    left = value <= trees.threshold[node]
                node = (trees.left if left else trees.right)[node]
            total[i, output : output + trees.value.shape[1]] += trees.value[node]
            leaves[i, j] = node
    return total, leaves


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
