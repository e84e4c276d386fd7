import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier

from lime_jax.models import trees as trees_module
from lime_jax.models.structure import TreeSum
from lime_jax.models.trees import traversal as traversal_module
from lime_jax.models.trees import tree_predict
from lime_jax.models.trees.masks import Masks
from lime_jax.models.trees.traversal import Traversal
from tests.models.trees.tree_oracle import random_inputs, random_trees

pytestmark = pytest.mark.precision

MASKS, TRAVERSAL = 10**6, 0
WAYS = pytest.mark.parametrize("largest_mask", [MASKS, TRAVERSAL], ids=["masks", "traversal"])


@jax.jit
def call(predict, inputs):
    return predict(inputs)


def leaves_of(trees: TreeSum, inputs):
    """The rule of `TreeSum`, one row and one tree at a time."""
    reached = np.zeros((len(inputs), len(trees.roots)), np.int64)
    for (i, t), _ in np.ndenumerate(reached):
        node = trees.roots[t]
        while trees.column[node] >= 0:
            value = float(inputs[i, trees.column[node]])
            if trees.level_set[node] >= 0:
                flags = trees.level_sets[trees.level_set[node]]
                goes_left = 0 <= value < len(flags) and flags[int(value)]
            elif np.isnan(value):
                goes_left = trees.missing_left[node]
            else:
                goes_left = value <= trees.threshold[node]
            node = trees.left[node] if goes_left else trees.right[node]
        reached[i, t] = node
    return reached


def outputs_of(trees: TreeSum, inputs):
    total = np.tile(trees.base, (len(inputs), 1))
    width = trees.value.shape[1]
    for leaf, output in zip(leaves_of(trees, inputs).T, trees.output, strict=True):
        total[:, output : output + width] += trees.value[leaf]
    return total


def numbering_leaves(trees: TreeSum) -> TreeSum:
    """The same trees, but each has an output of its own: the number of the leaf."""
    numbers = np.where(trees.column < 0, np.arange(len(trees.column)), 0.0)
    count = len(trees.roots)
    output = np.arange(count, dtype=np.int32)
    return dataclasses.replace(trees, value=numbers[:, None], output=output, base=np.zeros(count))


def from_sklearn(forest, num_features) -> TreeSum:
    fitted = [e.tree_ for e in forest.estimators_]
    first = np.cumsum([0, *(t.node_count for t in fitted)])[:-1]
    leaf = np.concatenate([t.children_left for t in fitted]) < 0

    def join(name, shift=0):
        parts = [getattr(t, name) + shift * k for t, k in zip(fitted, first, strict=True)]
        return np.where(leaf, -1, np.concatenate(parts))

    return TreeSum(
        column=join("feature").astype(np.int32),
        threshold=np.where(leaf, np.nan, np.concatenate([t.threshold for t in fitted])),
        missing_left=(join("missing_go_to_left") == 1) & ~leaf,
        level_set=np.full(len(leaf), -1, np.int32),
        left=join("children_left", 1).astype(np.int32),
        right=join("children_right", 1).astype(np.int32),
        value=np.where(leaf[:, None], np.concatenate([t.value[:, 0] for t in fitted]), 0)
        / len(fitted),
        roots=first.astype(np.int32),
        output=np.zeros(len(fitted), np.int32),
        level_sets=(),
        base=np.zeros(fitted[0].value.shape[2]),
        num_features=num_features,
    )


def with_missing(rng, inputs):
    return np.where(rng.random(inputs.shape) < 0.1, np.nan, inputs)


@pytest.fixture(scope="module")
def iris():
    rng = np.random.default_rng(0)
    inputs, classes = load_iris(return_X_y=True)
    inputs = with_missing(rng, inputs).astype(np.float32)
    forest = RandomForestClassifier(12, random_state=0).fit(inputs, classes)
    return forest, from_sklearn(forest, inputs.shape[1]), inputs


@pytest.fixture(scope="module")
def deep():
    inputs, classes = make_classification(1500, 6, n_informative=4, flip_y=0.3, random_state=0)
    inputs = inputs.astype(np.float32)
    forest = RandomForestClassifier(8, random_state=0).fit(inputs, classes)
    return forest, from_sklearn(forest, inputs.shape[1]), inputs


def at_thresholds(trees: TreeSum, inputs):
    """Rows with each threshold in its column, rounded either way to float32, and beside it."""
    inner = np.flatnonzero(trees.column >= 0)[:300]
    rows = []
    for towards in (None, -np.inf, np.inf):
        block = inputs[np.arange(len(inner)) % len(inputs)].copy()
        point = trees.threshold[inner].astype(np.float32)
        if towards is not None:
            point = np.nextafter(point, np.float32(towards))
        block[np.arange(len(inner)), trees.column[inner]] = point
        rows.append(block)
    rows = np.concatenate(rows)
    return rows[~np.isinf(rows).any(axis=1)]  # scikit-learn takes none


@pytest.mark.parametrize("name", ["iris", "deep"])
@pytest.mark.parametrize("largest_mask", [None, TRAVERSAL])
def test_a_forest_reaches_the_leaves_that_scikit_learn_reaches(name, largest_mask, request):
    forest, trees, inputs = request.getfixturevalue(name)
    inputs = np.concatenate([inputs[:200], at_thresholds(trees, inputs)])
    options = {} if largest_mask is None else {"largest_mask": largest_mask}
    leaves = call(tree_predict(numbering_leaves(trees), **options), inputs)
    np.testing.assert_array_equal(leaves - trees.roots, forest.apply(inputs))


@pytest.mark.parametrize("name", ["iris", "deep"])
def test_a_forest_predicts_what_scikit_learn_predicts(name, request):
    forest, trees, inputs = request.getfixturevalue(name)
    expected = forest.predict_proba(inputs)
    np.testing.assert_allclose(call(tree_predict(trees), inputs), expected, rtol=1e-5, atol=1e-9)


def test_the_size_of_a_tree_chooses_the_strategy(iris, deep):
    (small,) = tree_predict(iris[1]).parts
    (large,) = tree_predict(deep[1]).parts
    assert isinstance(small, Masks)
    assert isinstance(large, Traversal)


SIZES = {
    "full word": [32, 31, 32],
    "two words": [33, 64, 60],
    "one leaf": [1, 1],
    "mixed": [1, 2, 40, 3, 150, 33, 1],
    "many": [3] * 150,
}


@WAYS
@pytest.mark.parametrize("num_leaves", SIZES.values(), ids=SIZES)
def test_every_row_reaches_the_leaf_of_the_rule(rng, num_leaves, largest_mask):
    trees = random_trees(rng, num_leaves)
    inputs = random_inputs(rng, 60)
    leaves = call(tree_predict(numbering_leaves(trees), largest_mask=largest_mask), inputs)
    np.testing.assert_array_equal(leaves, leaves_of(trees, inputs))


@pytest.mark.parametrize(
    ("word", "by_rank", "child_apart"),
    [(32, True, False), (12, False, False), (0, False, True)],
)
def test_nodes_may_need_one_word_or_more(rng, monkeypatch, word, by_rank, child_apart):
    monkeypatch.setattr(traversal_module, "_WORD", word)
    trees = random_trees(rng, [30] * 20)
    inputs = random_inputs(rng, 60)
    predict = tree_predict(numbering_leaves(trees), largest_mask=TRAVERSAL)
    (part,) = predict.parts
    assert (part.ranks is not None, part.child is not None) == (by_rank, child_apart)
    np.testing.assert_array_equal(predict(inputs), leaves_of(trees, inputs))


@WAYS
@pytest.mark.parametrize(("width", "num_outputs"), [(1, 1), (1, 3), (3, 3), (2, 4)])
def test_trees_add_to_their_outputs(rng, width, num_outputs, largest_mask):
    trees = random_trees(rng, [5] * 70, width=width, num_outputs=num_outputs)
    inputs = random_inputs(rng, 20)
    outputs = call(tree_predict(trees, largest_mask=largest_mask), inputs)
    np.testing.assert_allclose(outputs, outputs_of(trees, inputs), rtol=1e-5, atol=1e-5)


@WAYS
def test_a_float32_sum_of_thousands_of_trees_is_accurate(rng, largest_mask):
    trees = random_trees(rng, [2] * 5000)
    trees = dataclasses.replace(trees, value=np.full_like(trees.value, 0.1), base=np.zeros(1))
    outputs = call(tree_predict(trees, largest_mask=largest_mask), random_inputs(rng, 3))
    np.testing.assert_allclose(outputs, 500, rtol=1e-5)


@WAYS
@pytest.mark.parametrize("rows", [0, 1, 50])
def test_rows_are_worked_on_in_blocks(rng, monkeypatch, rows, largest_mask):
    trees = numbering_leaves(random_trees(rng, [20, 7]))
    predict = tree_predict(trees, largest_mask=largest_mask)
    inputs = random_inputs(rng, rows)
    whole = call(predict, inputs)
    monkeypatch.setattr(trees_module, "_ROWS_AT_ONCE", 8)
    assert whole.shape == (rows, 2)
    np.testing.assert_array_equal(jax.jit(predict.__call__)(inputs), whole)


@WAYS
def test_jit_and_vmap_change_nothing(rng, largest_mask):
    predict = tree_predict(random_trees(rng, [40, 9, 30]), largest_mask=largest_mask)
    batches = np.stack([random_inputs(rng, 30) for _ in range(3)])
    loop = np.stack([call(predict, batch) for batch in batches])
    np.testing.assert_allclose(predict(batches[0]), loop[0], rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.vmap(predict))(batches), loop, rtol=1e-6)
    rows = jax.jit(jax.vmap(lambda row: predict(row[None])[0]))(batches[0])
    np.testing.assert_allclose(rows, loop[0], rtol=1e-6)


@WAYS
def test_other_numbers_of_the_same_shape_compile_once(rng, largest_mask):
    trees = random_trees(rng, [12, 20], sets=False)
    others = dataclasses.replace(trees, value=trees.value * 2, threshold=trees.threshold + 0.1)
    traces = []

    @jax.jit
    def counted(predict, inputs):
        traces.append(1)
        return predict(inputs)

    inputs = random_inputs(rng, 10)
    for each in (trees, others):
        predict = tree_predict(each, largest_mask=largest_mask)
        np.testing.assert_allclose(
            counted(predict, inputs), outputs_of(each, inputs), rtol=1e-5, atol=1e-6
        )
    assert len(traces) == 1


def chain(depth: int) -> TreeSum:
    """Leaf k is reached from k - 1 to k."""
    inner = np.arange(2 * depth + 1) % 2 == 0
    inner[-1] = False
    node = np.arange(2 * depth + 1)
    return TreeSum(
        column=np.where(inner, 0, -1).astype(np.int32),
        threshold=np.where(inner, node / 2, np.nan),
        missing_left=np.zeros(len(node), bool),
        level_set=np.full(len(node), -1, np.int32),
        left=np.where(inner, node + 1, -1).astype(np.int32),
        right=np.where(inner, node + 2, -1).astype(np.int32),
        value=np.where(inner, 0.0, np.minimum((node - 1) / 2, depth) // 1)[:, None],
        roots=np.zeros(1, np.int32),
        output=np.zeros(1, np.int32),
        level_sets=(),
        base=np.zeros(1),
        num_features=1,
    )


def test_a_tree_may_be_a_chain_of_thousands_of_nodes():
    depth = 3000
    inputs = np.array([-5.0, 0.0, 0.5, 1.0, 1500.0, 2998.5, 2999.0, 2999.5, 1e9, np.nan])
    outputs = tree_predict(chain(depth))(inputs[:, None])[:, 0]
    # The last inner node ends in leaf 2999 on both sides of the formula above.
    expected = np.minimum(np.where(np.isnan(inputs), depth, np.ceil(np.maximum(inputs, 0))), depth)
    np.testing.assert_array_equal(outputs, np.minimum(expected, depth - 1))


def test_without_trees_the_base_is_left(rng):
    trees = random_trees(rng, [2])
    none = dataclasses.replace(
        trees,
        **{name: getattr(trees, name)[:0] for name in ("column", "threshold", "missing_left")},
        **{name: getattr(trees, name)[:0] for name in ("level_set", "left", "right", "value")},
        **{name: getattr(trees, name)[:0] for name in ("roots", "output")},
    )
    outputs = tree_predict(none)(random_inputs(rng, 4))
    np.testing.assert_allclose(outputs, np.tile(trees.base, (4, 1)), rtol=1e-6)


def test_one_set_of_levels_may_serve_columns_of_two_lengths():
    # The same flags, asked of two columns: the columns' codes must not be confused.
    flags = (np.array([True, False, True]),)
    trees = TreeSum(
        column=np.array([0, -1, 1, -1, -1], np.int32),
        threshold=np.full(5, np.nan),
        missing_left=np.zeros(5, bool),
        level_set=np.array([0, -1, 0, -1, -1], np.int32),
        left=np.array([1, -1, 3, -1, -1], np.int32),
        right=np.array([2, -1, 4, -1, -1], np.int32),
        value=np.array([[0.0], [10.0], [0.0], [20.0], [30.0]]),
        roots=np.zeros(1, np.int32),
        output=np.zeros(1, np.int32),
        level_sets=flags,
        base=np.zeros(1),
        num_features=2,
    )
    inputs = np.array([[0, 1], [1, 2], [1, 1], [7, 0], [-1, np.nan], [np.nan, 2]])
    outputs = tree_predict(trees)(jnp.asarray(inputs))[:, 0]
    np.testing.assert_array_equal(outputs, [10, 20, 30, 20, 30, 20])
