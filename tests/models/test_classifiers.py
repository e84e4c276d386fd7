"""Classifiers are explained by what they say of their classes, never by the classes' numbers."""

import numpy as np
import pytest
import xgboost as xgb
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, VotingClassifier
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from lime_jax.models.classifiers import ClassIndicators, exclude_each_other, last_step
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.outputs import as_outputs

pytestmark = pytest.mark.precision

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 3))
three = np.digitize(X[:, 0] + X[:, 1], [-0.4, 0.4])
two = (X[:, 0] > 0).astype(int)
both = np.stack([two, three], axis=1)
flags = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
votes = [("a", LogisticRegression()), ("b", KNeighborsClassifier(5))]

OF_MARGINS = {
    "a kernel machine": SVC(),
    "one against one within": SVC(kernel="linear"),
    "a linear machine": LinearSVC(),
    "ridge": RidgeClassifier(),
    "stochastic gradient": SGDClassifier(random_state=0),
    "perceptron": Perceptron(random_state=0),
    "behind a scaler": make_pipeline(StandardScaler(), SVC()),
    "a search": GridSearchCV(LinearSVC(), {"C": [0.1, 1]}, cv=2),
    "a search of pipelines": GridSearchCV(
        make_pipeline(StandardScaler(), RidgeClassifier()), {"ridgeclassifier__alpha": [1]}, cv=2
    ),
    "one against the rest": OneVsRestClassifier(LinearSVC()),
    "one against one": OneVsOneClassifier(LinearSVC()),
}


@pytest.mark.parametrize("name", OF_MARGINS)
@pytest.mark.parametrize("codes", [np.array(["a", "b", "c"]), np.array([10, 500, 700])])
def test_a_classifier_without_probabilities_has_a_margin_for_each_class(name, codes):
    estimator = OF_MARGINS[name].fit(X, codes[three])
    model = as_predict_fn(estimator)
    assert (model.output_kind, model.classes) == ("margin", tuple(codes.tolist()))
    theirs = estimator.decision_function(X)
    np.testing.assert_allclose(as_outputs(model.predict(X), 90), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [[0, 1], [-1, 1], [1, 2], [0, 2], [False, True], ["n", "y"]])
def test_two_classes_have_one_margin_that_of_the_second(classes):
    estimator = LinearSVC().fit(X, np.array(classes)[two])
    model = as_predict_fn(estimator)
    assert model.classes == tuple(classes[1:])
    outputs = as_outputs(model.predict(X), 90)
    np.testing.assert_array_equal(outputs[:, 0] > 0, estimator.predict(X) == classes[1])


OF_PREDICTIONS = {
    "hard votes": VotingClassifier(votes),
    "hard votes of codes": VotingClassifier(votes, flatten_transform=False),
    "the nearest center": make_pipeline(StandardScaler(), VotingClassifier(votes)),
    "a search": GridSearchCV(VotingClassifier(votes), {"weights": [None, [1, 2]]}, cv=2),
}


@pytest.mark.parametrize("name", OF_PREDICTIONS)
@pytest.mark.parametrize("codes", [np.array(["a", "b", "c"]), np.array([10, 500, 20])])
def test_a_classifier_without_margins_has_a_column_for_each_class(name, codes):
    estimator = OF_PREDICTIONS[name].fit(X, codes[three])
    model = as_predict_fn(estimator)
    assert (model.output_kind, model.path) == ("probability", "host")
    assert model.classes == tuple(sorted(codes.tolist()))
    chosen = np.array(model.classes)[model.predict(X).argmax(1)]
    np.testing.assert_array_equal(chosen, estimator.predict(X))
    np.testing.assert_array_equal(model.predict(X).sum(1), 1)


BOUND = {
    "of probabilities": LogisticRegression(),
    "of margins": LinearSVC(),
    "nearest center": NearestCentroid(),
    "a pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "calibrated": CalibratedClassifierCV(LinearSVC(), cv=2),
    "XGBoost": xgb.XGBClassifier(n_estimators=2, n_jobs=1),
}


@pytest.mark.parametrize("name", BOUND)
def test_a_bound_predict_has_a_column_for_each_class(name):
    estimator = BOUND[name].fit(X, three)
    for model in (as_predict_fn(estimator.predict), as_predict_fn(estimator, "value")):
        assert (model.output_kind, model.classes) == ("probability", (0, 1, 2))
        np.testing.assert_array_equal(model.predict(X).argmax(1), estimator.predict(X))


def test_a_threshold_of_ones_own_keeps_the_probabilities():
    estimator = FixedThresholdClassifier(LogisticRegression(), threshold=0.3).fit(X, two)
    ours, expected = as_predict_fn(estimator).predict(X), estimator.predict_proba(X)
    np.testing.assert_allclose(ours, expected, rtol=2e-6)
    np.testing.assert_array_equal(
        as_predict_fn(estimator.predict).predict(X)[:, 1], estimator.predict(X)
    )


def test_classes_as_objects_find_themselves():
    classes = np.array([1, "two", 3.5], object)
    found = ClassIndicators(lambda batch: np.array(["two", 1], object), classes)(None)
    assert found.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_a_prediction_that_is_no_class_is_refused():
    with pytest.raises(ValueError, match=r"`model`: expected classes among a, b, .*'c'"):
        ClassIndicators(lambda batch: ["a", "c"], np.array(["a", "b"]))(None)


def test_pairs_are_named_where_the_margins_are_of_pairs():
    estimator = SVC(decision_function_shape="ovo").fit(X, np.array(["a", "b", "c"])[three])
    assert as_predict_fn(estimator).classes == ("a against b", "a against c", "b against c")


TARGETS = {
    "neighbors": (KNeighborsClassifier(), both, "probability"),
    "one model for each": (MultiOutputClassifier(LogisticRegression()), both, "probability"),
    "one without probabilities": (MultiOutputClassifier(LinearSVC()), both, "probability"),
    "behind a scaler": (make_pipeline(StandardScaler(), KNeighborsClassifier()), both, None),
}


@pytest.mark.parametrize("name", TARGETS)
def test_several_targets_come_one_after_the_other(name):
    estimator, y, _ = TARGETS[name]
    estimator.fit(X, y)
    model = as_predict_fn(estimator)
    assert model.classes == (
        *("target 0: 0", "target 0: 1", "target 1: 0", "target 1: 1", "target 1: 2"),
    )
    assert not model.exclusive
    outputs = as_outputs(model.predict(X), 90)
    if hasattr(estimator, "predict_proba"):
        theirs = np.concatenate(estimator.predict_proba(X), axis=1)
        np.testing.assert_allclose(outputs, theirs, rtol=1e-5, atol=1e-6)
    indicators = as_predict_fn(estimator.predict).predict(X)
    np.testing.assert_array_equal(indicators[:, :2].argmax(1), estimator.predict(X)[:, 0])
    np.testing.assert_array_equal(indicators[:, 2:].argmax(1), estimator.predict(X)[:, 1])


@pytest.mark.parametrize("base", [LogisticRegression(), LinearSVC()])
def test_a_chain_has_the_second_class_of_each_target(base):
    estimator = ClassifierChain(base).fit(X, flags)
    model = as_predict_fn(estimator)
    assert model.classes == ("target 0: 1", "target 1: 1")
    method = getattr(estimator, "predict_proba", estimator.decision_function)
    np.testing.assert_allclose(as_outputs(model.predict(X), 90), method(X))


def test_a_chain_of_another_order_names_the_targets_that_they_are():
    y = np.stack([two, two * 2 - 1, two + 5], axis=1)
    estimator = ClassifierChain(LogisticRegression(), order=[2, 0, 1]).fit(X, y)
    classes = as_predict_fn(estimator).classes
    assert classes == ("target 0: 1", "target 1: 1", "target 2: 6")
    indicators = as_predict_fn(estimator.predict)
    assert indicators.classes[1::2] == classes
    np.testing.assert_array_equal(indicators.predict(X)[:, 1::2], estimator.predict(X) == [1, 1, 6])


MANY_LABELS = {
    "one against the rest": OneVsRestClassifier(LogisticRegression()),
    "ridge": RidgeClassifier(),
    "XGBoost": xgb.XGBClassifier(n_estimators=2, n_jobs=1),
    "a network": MLPClassifier(4, solver="lbfgs", alpha=1, random_state=0),
}


@pytest.mark.parametrize("name", MANY_LABELS)
def test_a_row_of_several_labels_has_a_column_for_each(name):
    estimator = MANY_LABELS[name].fit(X, flags)
    assert not exclude_each_other(estimator)
    assert as_predict_fn(estimator).classes == (0, 1)
    np.testing.assert_array_equal(as_predict_fn(estimator.predict).predict(X), estimator.predict(X))


def test_sparse_labels_are_columns_too():
    found = ClassIndicators(lambda batch: csr_matrix([[1, 0], [1, 1]]), np.arange(2))(None)
    assert found.tolist() == [[1, 0], [1, 1]]


def test_regressors_of_several_targets_predict_quantities():
    estimator = MultiOutputRegressor(xgb.XGBRegressor(n_estimators=2, n_jobs=1)).fit(X, X[:, :2])
    model = as_predict_fn(estimator)
    assert (model.output_kind, model.classes) == ("value", None)


def test_outliers_have_a_margin_and_clusters_are_classes():
    forest = IsolationForest(n_estimators=3, random_state=0).fit(X)
    model = as_predict_fn(forest)
    assert (model.output_kind, model.classes) == ("margin", None)
    np.testing.assert_array_equal(as_predict_fn(forest.predict).classes, (-1, 1))
    clusters = KMeans(3, n_init=1, random_state=0).fit(X)
    found = as_predict_fn(clusters)
    np.testing.assert_array_equal(found.predict(X).argmax(1), clusters.predict(X))


@pytest.mark.parametrize("objective", ["multi:softmax", "binary:hinge"])
def test_a_booster_of_class_numbers_has_margins(objective):
    count = {"num_class": 3} if objective.startswith("multi") else {}
    y = three if count else two
    parameters = {"objective": objective, "max_depth": 2, "nthread": 1, **count}
    booster = xgb.train(parameters, xgb.DMatrix(X, y), 3)
    model = as_predict_fn(booster)
    assert (model.output_kind, model.path) == ("margin", "jax")
    margin = booster.predict(xgb.DMatrix(X), output_margin=True).reshape(90, -1)
    np.testing.assert_allclose(model(X.astype(np.float32)), margin, rtol=1e-4, atol=1e-5)
    bound = as_predict_fn(booster.predict)
    assert bound.classes == tuple(range(3 if count else 2))
    np.testing.assert_array_equal(bound.predict(X).argmax(1), booster.predict(xgb.DMatrix(X)))


def test_log_probabilities_are_of_the_classes():
    estimator = LogisticRegression().fit(X, np.array([1, 2, 3])[three])
    assert as_predict_fn(estimator.predict_log_proba).classes == (1, 2, 3)


class Stranger(ClassifierMixin, BaseEstimator):
    """A classifier of nobody's library, whose classes are a tuple."""

    classes_ = (3, 5)

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        return np.where(X[:, 0] > 0, 5, 3)


def test_a_classifier_of_another_library_is_one():
    assert as_predict_fn(Stranger()).predict(X[:1]).sum() == 1
    assert as_predict_fn(Stranger()).classes == (3, 5)
    assert last_step(make_pipeline(StandardScaler(), Stranger())).classes_ == (3, 5)
