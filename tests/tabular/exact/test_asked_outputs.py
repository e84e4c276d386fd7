"""Of a model of many outputs, closed forms are made of those that rows ask for."""

import jax
import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression

from lime_jax import TabularExplainer, as_predict_fn
from lime_jax.tabular.exact.asked import of_asked_outputs
from tests.house import X

pytestmark = pytest.mark.precision

COUNT = 41
CLASSES = (np.arange(len(X)) * 7) % COUNT
TARGETS = np.random.default_rng(0).normal(size=(len(X), COUNT))
ROWS = X[:12]  # more than are explained one by one
PARTS = ("coef", "intercept", "local_pred", "score", "effective_samples", "support")


@pytest.fixture(scope="module")
def models():
    return {
        "forest": RandomForestClassifier(3, max_depth=4, random_state=0).fit(X, CLASSES),
        "boosted": GradientBoostingClassifier(n_estimators=1, max_depth=2).fit(X, CLASSES),
        "columns": LinearRegression().fit(X, TARGETS),
    }


def called(name, model):
    return model.decision_function if name == "boosted" else model


@pytest.mark.parametrize("name", ["forest", "boosted", "columns"])
def test_explanations_are_those_of_all_outputs(models, name):
    model, explainer = called(name, models[name]), TabularExplainer().fit(X)
    every = explainer.explain(ROWS, model, method="exact", score=False)
    for labels in ({"labels": [7, 3]}, {"top_labels": 1}):
        some = explainer.explain(ROWS, model, method="exact", score=False, **labels)
        assert some.method == "exact"
        for part in PARTS[:4]:
            whole, found = getattr(every, part), getattr(some, part)
            index = some.labels[..., None] if whole.ndim == 3 else some.labels
            expected = np.take_along_axis(whole, index, 1)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-6, err_msg=part)
        for part in PARTS[4:]:
            np.testing.assert_array_equal(getattr(some, part), getattr(every, part))


@pytest.mark.parametrize("method", ["exact", "sampled"])  # of trees, sampled is of a formula too
@pytest.mark.parametrize("name", ["forest", "boosted", "columns"])
def test_shapley_values_are_those_of_all_outputs(models, name, method):
    model, explainer = called(name, models[name]), TabularExplainer("kernel_shap").fit(X[:9])
    every = explainer.explain(ROWS, model, method=method)
    for labels in ({"labels": [7, 3]}, {"top_labels": 1}):
        some = explainer.explain(ROWS, model, method=method, **labels)
        for part in ("coef", "std_error", "intercept", "local_pred", "score"):
            whole, found = getattr(every, part), getattr(some, part)
            index = some.labels[..., None] if whole.ndim == 3 else some.labels
            expected = np.take_along_axis(whole, index, 1)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-6, err_msg=part)


def test_tables_hold_no_other_output(models):
    explainer = TabularExplainer().fit(X)
    explainer.explain(ROWS, models["forest"], labels=[7], score=False)
    kept = explainer._recent_models.opened[0].tables
    [tables] = [kept[facts][1] for facts in kept if isinstance(facts, tuple) and facts[-1] is False]
    sizes = {size for leaf in jax.tree.leaves(tables) for size in np.shape(leaf)}
    assert sizes
    assert COUNT not in sizes
    assert COUNT - 1 not in sizes  # the last of probabilities follows from the others


@pytest.mark.parametrize("name", ["forest", "boosted", "columns"])
def test_a_structure_of_some_outputs_says_of_them_what_the_whole_does(models, name):
    structure = as_predict_fn(called(name, models[name])).structure
    outputs = np.array([3, 7, 40])
    some, labels, which = of_asked_outputs(structure, np.array([[7], [3], [40]]))
    assert which == (3, 7, 40)
    np.testing.assert_array_equal(labels, [[1], [0], [2]])
    assert some.num_outputs == 3
    if name == "columns":
        np.testing.assert_array_equal(some.slope, structure.slope[:, outputs])
        return
    whole, part = (leaf_sums(trees, X[:20]) for trees in (structure, some))
    np.testing.assert_allclose(part, whole[:, outputs], rtol=1e-12)


def leaf_sums(trees, rows):
    total = np.tile(trees.base, (len(rows), 1))
    for root, output in zip(trees.roots, trees.output, strict=True):
        for row, values in enumerate(rows):
            node = root
            while trees.column[node] >= 0:
                goes_left = values[trees.column[node]] <= trees.threshold[node]
                node = (trees.left if goes_left else trees.right)[node]
            width = trees.value.shape[1]
            total[row, output : output + width] += trees.value[node]
    return total


@pytest.mark.parametrize("labels", [np.arange(30)[None], np.zeros((0, 1), int)])
def test_what_most_outputs_are_asked_of_stays(models, labels):
    structure = as_predict_fn(models["columns"]).structure
    assert of_asked_outputs(structure, labels)[::2] == (structure, None)
