"""Trees and forests of scikit-learn: the same numbers at every threshold, missing ones too."""

import functools

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.registry import convert
from tests.models.trees.tree_oracle import (
    agree,
    at_thresholds,
    device_float,
    thresholds_of,
    walk,
)

pytestmark = pytest.mark.precision

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
X[:, 1] = rng.integers(0, 5, 120) / 10  # thresholds that float32 can not hold
X[:, 3] *= 1e4
GAPS = np.where(rng.random(X.shape) < 0.15, np.nan, X)
two = np.array(["no", "yes"])[(X[:, 0] * X[:, 2] + X[:, 1] > 0.2).astype(int)]
three = np.digitize(X[:, 0] + X[:, 1], [-0.3, 0.5])
number = X[:, 0] * X[:, 1] + np.abs(X[:, 2])
weight = rng.integers(0, 4, 120).astype(float)
few = {"n_estimators": 4, "random_state": 0}

MODELS = {
    "tree": (DecisionTreeClassifier(random_state=0), X, two, None),
    "three classes": (DecisionTreeClassifier(max_depth=4, random_state=0), X, three, None),
    "single leaf": (DecisionTreeClassifier(), X, np.zeros(120, int), None),
    "weights": (DecisionTreeClassifier(min_samples_leaf=5), X, three, weight),
    "class weights": (
        DecisionTreeClassifier(max_depth=3, class_weight={0: 1, 1: 5, 2: 0.1}),
        *(X, three, None),
    ),
    "few leaves": (DecisionTreeClassifier(max_leaf_nodes=5, random_state=0), X, two, None),
    "tree with gaps": (DecisionTreeClassifier(max_depth=5, random_state=0), GAPS, three, None),
    "random splits": (ExtraTreeClassifier(random_state=0), X, two, None),
    "regression": (DecisionTreeRegressor(random_state=0), X, number, None),
    "regression, single leaf": (DecisionTreeRegressor(), X, np.full(120, 3.5), None),
    "regression with gaps": (
        DecisionTreeRegressor(max_depth=5, random_state=0),
        GAPS,
        number,
        None,
    ),
    "two targets": (DecisionTreeRegressor(max_depth=4), X, np.c_[number, X[:, 3]], None),
    "random splits, regression": (ExtraTreeRegressor(random_state=0), X, number, None),
    "forest": (RandomForestClassifier(**few), X, two, weight),
    "forest, three classes": (RandomForestClassifier(**few), X, three, None),
    "forest with gaps": (RandomForestClassifier(**few), GAPS, two, None),
    "forest, regression": (RandomForestRegressor(**few, max_depth=6), X, number, None),
    "forest, two targets": (RandomForestRegressor(**few), X, np.c_[number, X[:, 3]], None),
    "extra trees": (ExtraTreesClassifier(**few), X, three, None),
    "extra trees, regression": (ExtraTreesRegressor(**few), X, number, None),
}


@functools.cache
def fitted(name):
    model, inputs, target, sample_weight = MODELS[name]
    model.fit(inputs, target, sample_weight=sample_weight)
    return model, getattr(model, "predict_proba", model.predict)


def inputs_for(name, dtype):
    model, _ = fitted(name)
    columns, thresholds = thresholds_of(getattr(model, "estimators_", [model]))
    fresh = np.random.default_rng(1).normal(size=(200, 4)) * [1, 0.3, 1, 1e4]
    edges = at_thresholds(columns[:60], thresholds[:60], fresh, dtype)
    inputs = np.resize(np.concatenate([edges, fresh.astype(dtype)]), (560, 4))
    if np.isnan(MODELS[name][1]).any():
        inputs[np.random.default_rng(2).random(inputs.shape) < 0.1] = np.nan
    return inputs


ON_DEVICE = ("tree", "single leaf", "tree with gaps", "forest", "forest, two targets")


@pytest.mark.parametrize("name", ON_DEVICE)
def test_predictions_are_the_models_own(name):
    model, own = fitted(name)
    inputs = inputs_for(name, device_float())
    ours = as_predict_fn(model)
    assert ours.path == "jax"
    agree(ours(inputs), own(inputs))


@pytest.mark.parametrize("name", MODELS)
def test_structure_says_the_same_in_float64(name):
    model, own = fitted(name)
    inputs = inputs_for(name, np.float64)
    structure = as_predict_fn(model).structure
    agree(walk(structure, inputs)[0], own(inputs), rtol=1e-12)


def test_a_classifier_of_several_targets_has_the_classes_of_each_in_turn():
    model = RandomForestClassifier(**few).fit(X, np.c_[two == "yes", three])
    ours, inputs = as_predict_fn(model), inputs_for("forest", device_float())
    agree(ours(inputs), np.concatenate(model.predict_proba(inputs), axis=1))
    assert ours.structure is not None
    assert ours.classes[1:3] == ("target 0: 1", "target 1: 0")


def test_one_row_alone_is_the_same():
    model, own = fitted("forest")
    row = inputs_for("forest", device_float())[:1]
    agree(as_predict_fn(model)(row), own(row))


def test_missing_values_take_the_models_way_where_training_had_none():
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, three)
    inputs = inputs_for("tree with gaps", device_float())
    agree(as_predict_fn(model)(inputs), model.predict_proba(inputs))


def test_levels_are_compared_by_their_numbers():
    levels = (0.3, 0.0, 0.4, None, 0.1, 0.2, 7.0)
    table = RawTable(None, (None, levels, None, None))
    model, own = fitted("forest with gaps")
    inputs = inputs_for("forest", device_float())
    codes = np.random.default_rng(3).integers(0, len(levels), len(inputs))
    by_value, by_code = inputs.copy(), inputs.copy()
    by_value[:, 1] = np.array(levels, float)[codes]
    by_code[:, 1] = codes
    ours = as_predict_fn(model, table=table)
    agree(ours(by_code), own(by_value))
    agree(walk(ours.structure, by_code)[0], own(by_value), rtol=1e-12)


class Stubborn(DecisionTreeRegressor):
    def predict(self, X):
        return np.zeros(len(X))


REFUSED = {
    "class names": (
        DecisionTreeClassifier().fit(X, two),
        "predict",
        "DecisionTreeClassifier.predict",
    ),
    "own predict": (Stubborn().fit(X, number), "predict", "Stubborn has a `predict` of its own"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_is_refused_by_name(name):
    model, method, message = REFUSED[name]
    with pytest.raises(NotConvertibleError, match=message):
        convert(model, method, RawTable.of_numbers(4))


@pytest.mark.parametrize("parameters", [{}, {"max_features": 2}, {"max_samples": 2}])
def test_outliers_are_those_that_trees_set_apart(parameters):
    model = IsolationForest(n_estimators=5, random_state=0, contamination=0.1, **parameters).fit(X)
    ours = as_predict_fn(model)
    assert (ours.path, ours.structure) == ("jax", None)
    inputs = np.concatenate([X, 5 * X]).astype(np.float32)
    agree(ours(inputs), model.decision_function(inputs))
