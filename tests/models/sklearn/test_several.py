"""Models of several classes or targets side by side, and those that only decide."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

from lime_jax.models.opening import as_predict_fn
from lime_jax.models.structure import Additive, TreeSum
from tests.models.trees.tree_oracle import agree, device_float, walk

pytestmark = pytest.mark.precision

RNG = np.random.default_rng(3)
X = RNG.normal(size=(200, 4)).astype(np.float32).astype(float)
NUMBER = X[:, 0] * X[:, 1] + np.abs(X[:, 2])
TWO, THREE = (NUMBER > 0.7).astype(int), np.digitize(NUMBER, [0.2, 1.0])
NUMBERS, FLAGS = (
    np.stack([NUMBER, X[:, 3], -NUMBER], 1),
    np.stack([TWO, X[:, 0] > 0], 1).astype(int),
)
PROBABILITY, MARGIN, VALUE = "predict_proba", "decision_function", "predict"
forest = RandomForestClassifier(n_estimators=2, max_depth=3, random_state=0)
forest_of_numbers = RandomForestRegressor(n_estimators=2, max_depth=3, random_state=0)

MODELS = {  # model, target, method, structure
    "targets of lines": (MultiOutputRegressor(Ridge()), NUMBERS, VALUE, Additive),
    "targets of forests": (MultiOutputRegressor(forest_of_numbers), NUMBERS, VALUE, TreeSum),
    "labels of forests": (
        MultiOutputClassifier(forest),
        np.stack([THREE, TWO], 1),
        PROBABILITY,
        TreeSum,
    ),
    "labels of logistic": (MultiOutputClassifier(LogisticRegression()), FLAGS, PROBABILITY, None),
    "margins": (OneVsRestClassifier(LogisticRegression()), THREE, MARGIN, Additive),
    "one margin": (OneVsRestClassifier(LogisticRegression()), TWO, MARGIN, Additive),
    "shares": (OneVsRestClassifier(LogisticRegression()), THREE, PROBABILITY, None),
    "shares of forests": (OneVsRestClassifier(forest), THREE, PROBABILITY, None),
    "two classes": (OneVsRestClassifier(forest), TWO, PROBABILITY, None),
    "votes of pairs": (OneVsOneClassifier(LogisticRegression()), THREE, MARGIN, None),
    "votes of pairs of forests": (OneVsOneClassifier(forest), THREE, MARGIN, None),
    "votes of one pair": (OneVsOneClassifier(forest), TWO, MARGIN, None),
    "flags": (OneVsRestClassifier(forest), FLAGS, PROBABILITY, TreeSum),
    "margins of kernels": (OneVsRestClassifier(SVC()), THREE, MARGIN, None),
    "a fixed threshold": (
        FixedThresholdClassifier(forest, threshold=0.8),
        TWO,
        PROBABILITY,
        TreeSum,
    ),
    "a tuned threshold": (
        TunedThresholdClassifierCV(LogisticRegression(), cv=2),
        TWO,
        MARGIN,
        Additive,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_the_model_s_own(name):
    model, target, method, structure = MODELS[name]
    own = getattr(model.fit(X, target), method)
    ours = as_predict_fn(own)
    assert ours.path == "jax", ours.reason
    assert type(ours.structure) is (structure or type(None))
    assert bool(ours.why_not_exact) is (structure is None)
    inputs = np.random.default_rng(1).normal(size=(60, 4)).astype(np.float32)
    expected = own(inputs.astype(device_float()))
    if isinstance(expected, list):
        expected = np.concatenate(expected, axis=1)
    agree(ours(inputs), expected)
    if structure is TreeSum:
        agree(walk(ours.structure, inputs.astype(float))[0], expected, rtol=1e-12)


def test_outputs_of_wide_and_narrow_trees_stand_side_by_side():
    members = [DecisionTreeRegressor(max_depth=2).fit(X, NUMBERS[:, :2])]
    members.append(DecisionTreeRegressor(max_depth=3).fit(X, NUMBERS[:, 2]))
    model = MultiOutputRegressor(Ridge()).fit(X, NUMBERS)
    model.estimators_ = members
    structure = as_predict_fn(model).structure
    expected = np.column_stack([member.predict(X) for member in members])
    agree(walk(structure, X)[0], expected, rtol=1e-12)
    some = structure.of_outputs(np.array([0, 2]))
    agree(walk(some, X)[0], expected[:, [0, 2]], rtol=1e-12)


def test_a_class_that_was_never_met_is_refused_by_name():
    labels = np.zeros((200, 2), int)
    labels[:, 0] = TWO
    with pytest.warns(UserWarning, match="not 1 is present"):
        model = OneVsRestClassifier(LogisticRegression()).fit(X, labels)
    assert "one of its classes was never met" in as_predict_fn(model).reason
