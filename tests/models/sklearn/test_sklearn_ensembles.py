"""Bagging, voting, stacking and calibration: the members, put together."""

import functools

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.registry import convert
from lime_jax.models.structure import Additive, MixedSum, TreeSum
from tests.models.trees.tree_oracle import agree, device_float, walk

pytestmark = pytest.mark.precision

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4)).astype(np.float32).astype(float)
two = np.array(["no", "yes"])[(X[:, 0] * X[:, 2] + X[:, 1] > 0.2).astype(int)]
three = np.digitize(X[:, 0] + X[:, 1], [-0.3, 0.5])
number = X[:, 0] * X[:, 1] + np.abs(X[:, 2])
few = {"n_estimators": 2, "random_state": 0}
tree = DecisionTreeClassifier(max_depth=3, random_state=0)
regression_tree = DecisionTreeRegressor(max_depth=3, random_state=0)
forest = RandomForestClassifier(n_estimators=2, max_depth=3, random_state=0)
boosted = GradientBoostingClassifier(n_estimators=2, max_depth=2, random_state=0)
subsets = {"max_features": 2, "bootstrap_features": True}

MARGIN, PROBABILITY, VALUE = "decision_function", "predict_proba", "predict"
classifiers = [("a", tree), ("b", forest), ("c", "drop")]
mixed = [("a", tree), ("b", LogisticRegression())]
regressors = [("a", regression_tree), ("d", DecisionTreeRegressor(max_depth=2))]
lines = [("a", LinearRegression()), ("b", Ridge())]
MODELS = {  # model, target, method, structure
    "bagging": (BaggingClassifier(tree, **few), two, PROBABILITY, TreeSum),
    "bagging, three classes": (BaggingClassifier(**few), three, PROBABILITY, TreeSum),
    "bagging, subsets": (BaggingClassifier(tree, **few, **subsets), three, PROBABILITY, TreeSum),
    "bagging of margins": (BaggingClassifier(boosted, **few), three, MARGIN, TreeSum),
    "bagging of probabilities": (BaggingClassifier(boosted, **few), two, PROBABILITY, None),
    "bagging, regression": (BaggingRegressor(**few, **subsets), number, VALUE, TreeSum),
    "bagging of lines": (BaggingRegressor(Ridge(), **few, **subsets), number, VALUE, Additive),
    "voting": (VotingClassifier(classifiers, voting="soft"), two, PROBABILITY, TreeSum),
    "weighted voting": (
        VotingClassifier(classifiers, voting="soft", weights=[3, 1, 5]),
        *(three, PROBABILITY, TreeSum),
    ),
    "mixed voting": (VotingClassifier(mixed, voting="soft"), three, PROBABILITY, None),
    "voting, regression": (VotingRegressor(regressors, weights=[1, 2]), number, VALUE, TreeSum),
    "voting of lines": (VotingRegressor(lines), number, VALUE, Additive),
    "stacking": (StackingClassifier(mixed, cv=2), two, PROBABILITY, None),
    "stacking, margin": (StackingClassifier(mixed, cv=2), two, MARGIN, None),
    "stacking, three classes": (
        StackingClassifier([("a", boosted), ("c", "drop"), ("b", GaussianNB())], cv=2),
        *(three, PROBABILITY, None),
    ),
    "stacking, columns too": (
        StackingRegressor(
            [*regressors, ("c", LinearRegression())], Ridge(), cv=2, passthrough=True
        ),
        *(number, VALUE, MixedSum),
    ),
    "stacking, trees": (StackingRegressor(regressors, Ridge(), cv=2), number, VALUE, TreeSum),
    "stacking, margins": (
        StackingClassifier([("a", boosted), ("b", forest)], cv=2),
        *(three, MARGIN, None),
    ),
    "stacking, two margins": (
        StackingClassifier(
            [("a", boosted), ("b", LogisticRegression())], cv=2, stack_method=MARGIN
        ),
        *(two, MARGIN, MixedSum),
    ),
    "voting, trees and lines": (
        VotingRegressor([*regressors, ("e", Ridge())], weights=[1, 2, 5]),
        *(number, VALUE, MixedSum),
    ),
    "sigmoid": (CalibratedClassifierCV(boosted, cv=2), two, PROBABILITY, None),
    "sigmoid of probabilities": (CalibratedClassifierCV(forest, cv=2), two, PROBABILITY, None),
    "sigmoid, three classes": (CalibratedClassifierCV(boosted, cv=2), three, PROBABILITY, None),
    "isotonic": (
        CalibratedClassifierCV(boosted, method="isotonic", cv=2),
        *(two, PROBABILITY, None),
    ),
    "isotonic, three classes": (
        CalibratedClassifierCV(forest, method="isotonic", cv=2, ensemble=False),
        *(three, PROBABILITY, None),
    ),
    "temperature": (
        CalibratedClassifierCV(boosted, method="temperature", cv=2),
        two,
        PROBABILITY,
        None,
    ),
    "temperature of probabilities": (
        CalibratedClassifierCV(forest, method="temperature", cv=2),
        *(three, PROBABILITY, None),
    ),
    "frozen": (
        CalibratedClassifierCV(FrozenEstimator(tree.fit(X, two))),
        *(two, PROBABILITY, None),
    ),
}


@functools.cache
def fitted(name):
    model, target, method, _ = MODELS[name]
    return getattr(model.fit(X, target), method)


def inputs_for(dtype):
    return np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32).astype(dtype)


ON_DEVICE = [name for name in MODELS if MODELS[name][-1] in (None, MixedSum)]


@pytest.mark.parametrize("name", [*ON_DEVICE, "bagging, subsets"])
def test_predictions_are_the_models_own(name):
    own, inputs = fitted(name), inputs_for(device_float())
    ours = as_predict_fn(own)
    assert ours.path == "jax", ours.reason
    agree(ours(inputs), own(inputs), rtol=5e-5 if "isotonic" in name else 1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_structure_is_there_where_the_members_add_up(name):
    own, expected = fitted(name), MODELS[name][-1]
    ours = as_predict_fn(own)
    assert type(ours.structure) is (expected or type(None))
    assert bool(ours.why_not_exact) is (expected is None)
    if expected is TreeSum:
        inputs = inputs_for(np.float64)
        agree(walk(ours.structure, inputs)[0], own(inputs), rtol=1e-12)


def test_a_frozen_model_is_the_model_inside():
    model = tree.fit(X, two)
    inputs = inputs_for(device_float())
    ours = as_predict_fn(FrozenEstimator(model).predict_proba)
    agree(ours(inputs), model.predict_proba(inputs))


STEPS = np.array([0.0, 0.5, 0.5 + 1e-9, 1.0])


def with_steps():
    model = CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2).fit(X, two)
    curve = model.calibrated_classifiers_[0].calibrators[0]
    curve.X_thresholds_, curve.y_thresholds_ = STEPS, np.array([0.1, 0.1, 0.9, 0.9])
    return model


def rare():
    target = np.where(np.arange(200) == 7, 2, three % 2)
    few_rows = BaggingClassifier(KNeighborsClassifier(1), max_samples=0.2, random_state=0)
    return few_rows.fit(X, target)


votes = BaggingClassifier(SGDClassifier(random_state=0), **few).fit(X, two)
REFUSED = {
    "members that vote": (votes, PROBABILITY, "BaggingClassifier: SGDClassifier has no probab"),
    "a class not seen": (rare(), PROBABILITY, "BaggingClassifier: one of its members has not seen"),
    "class names": (BaggingClassifier(tree, **few).fit(X, two), VALUE, "BaggingClassifier.predict"),
    "hard votes": (VotingClassifier(mixed).fit(X, two), VALUE, "VotingClassifier.predict"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_is_refused_by_name(name):
    model, method, message = REFUSED[name]
    with pytest.raises(NotConvertibleError, match=message):
        convert(model, method, RawTable.of_numbers(4))


@pytest.mark.skipif(device_float() is np.float64, reason="float64 tells the steps apart")
def test_an_isotonic_curve_too_steep_for_float32_is_refused():
    with pytest.raises(NotConvertibleError, match="steps that are too steep"):
        convert(with_steps(), PROBABILITY, RawTable.of_numbers(4))
