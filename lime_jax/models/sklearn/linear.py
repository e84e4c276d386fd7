"""Linear models, what stands behind their link, and constant ones."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import linear, linked
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import (
    Link,
    normalized_clipped,
    normalized_sigmoids,
    softmax,
    two_clipped,
    two_sigmoids,
    two_symmetric,
)
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.sklearn.distances import float32_center
from lime_jax.typing import Estimator

WHY_NO_PROBABILITY = (
    "its probabilities are not a sum over columns; its margin is: "
    "output='margin' or decision_function"
)
_WHY_PRODUCT = "its log link makes a product, not a sum, over columns"


@register_converter(
    *("sklearn.LinearRegression", "sklearn.Ridge", "sklearn.RidgeCV", "sklearn.Lasso"),
    *("sklearn.LassoCV", "sklearn.ElasticNet", "sklearn.ElasticNetCV"),
    *("sklearn.MultiTaskLasso", "sklearn.MultiTaskLassoCV"),
    *("sklearn.MultiTaskElasticNet", "sklearn.MultiTaskElasticNetCV"),
    *("sklearn.Lars", "sklearn.LarsCV", "sklearn.LassoLars", "sklearn.LassoLarsCV"),
    *("sklearn.LassoLarsIC", "sklearn.OrthogonalMatchingPursuit"),
    *("sklearn.OrthogonalMatchingPursuitCV", "sklearn.BayesianRidge", "sklearn.ARDRegression"),
    *("sklearn.HuberRegressor", "sklearn.TheilSenRegressor", "sklearn.QuantileRegressor"),
    *("sklearn.SGDRegressor", "sklearn.PassiveAggressiveRegressor", "sklearn.LinearSVR"),
    methods=("predict",),
    exact=("predict",),
)
def convert_linear_regressor(model: Estimator, method: str, features: Features) -> Converted:
    """A linear regression, however it was fitted."""
    return linear(*lines_of(model), features)


@register_converter(
    *("sklearn.PoissonRegressor", "sklearn.GammaRegressor"),
    methods=("predict",),
    why_not=_WHY_PRODUCT,
)
@register_converter(
    "sklearn.TweedieRegressor", methods=("predict",), exact=("predict",), why_not=_WHY_PRODUCT
)
def convert_generalized_linear(model: Estimator, method: str, features: Features) -> Converted:
    """A generalized linear regression."""
    lines = linear(*lines_of(model), features)
    link = type(model._base_loss.link).__name__
    if link == "IdentityLink":
        return lines
    if link != "LogLink":
        raise NotConvertibleError(f"{type(model).__name__}: its link is a {link}")
    return linked(lines, jnp.exp, _WHY_PRODUCT)


@register_converter(
    *("sklearn.Perceptron", "sklearn.PassiveAggressiveClassifier", "sklearn.RidgeClassifier"),
    *("sklearn.RidgeClassifierCV", "sklearn.LinearSVC"),
    methods=("decision_function",),
    exact=("decision_function",),
)
@register_converter(
    *("sklearn.LogisticRegression", "sklearn.LogisticRegressionCV", "sklearn.SGDClassifier"),
    "sklearn.LinearDiscriminantAnalysis",
    methods=("decision_function", "predict_proba"),
    exact=("decision_function",),
    why_not=WHY_NO_PROBABILITY,
)
def convert_linear_classifier(model: Estimator, method: str, features: Features) -> Converted:
    """A linear classifier: its margins, or its probabilities if it has any."""
    refuse_many_labels(model)
    coef, intercept = lines_of(model)
    means = getattr(model, "means_", None)
    if means is not None:  # of a discriminant analysis: where its rows are
        center = float32_center(means)
        features, intercept = features.then("subtract", center), intercept + coef @ center
    margins = linear(coef, intercept, features)
    if method == "decision_function":
        return margins
    return linked(margins, _probability_link(model), WHY_NO_PROBABILITY)


@register_converter("sklearn.DummyClassifier", methods=("predict_proba",), exact=("predict_proba",))
def convert_dummy_classifier(model: Estimator, method: str, features: Features) -> Converted:
    """A classifier that says the same of every row."""
    refuse_many_labels(model)
    prior = np.asarray(model.class_prior_, np.float64)
    if model.strategy == "stratified":
        raise NotConvertibleError("DummyClassifier: it draws its answers (strategy='stratified')")
    if model.strategy == "most_frequent":
        prior = np.eye(len(prior))[prior.argmax()]
    if model.strategy == "uniform":
        prior = np.full(len(prior), 1 / len(prior))
    if model.strategy == "constant":
        prior = (model.classes_ == np.ravel(model.constant)[0]).astype(np.float64)
    return linear(np.zeros((len(prior), len(features))), prior, features)


@register_converter("sklearn.DummyRegressor", methods=("predict",), exact=("predict",))
def convert_dummy_regressor(model: Estimator, method: str, features: Features) -> Converted:
    """A regression that says the same of every row."""
    constant = np.ravel(model.constant_).astype(np.float64)
    return linear(np.zeros((len(constant), len(features))), constant, features)


def lines_of(model: Estimator) -> tuple[np.ndarray, np.ndarray]:
    """A linear model's numbers."""
    coef = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    coef = np.atleast_2d(np.asarray(coef, np.float64))
    intercept = np.ravel(np.asarray(model.intercept_, np.float64))
    return coef, np.broadcast_to(intercept, (len(coef),)).copy()


def refuse_many_labels(model: Estimator) -> None:
    """See that a classifier has one output: one of its classes for every row."""
    kind = getattr(getattr(model, "_label_binarizer", None), "y_type_", "")
    if isinstance(model.classes_, list) or kind.startswith("multilabel"):
        raise NotConvertibleError(f"{type(model).__name__}: it gives a row several labels")


def _probability_link(model: Estimator) -> Link:
    kind, binary = type(model).__name__, len(model.classes_) == 2
    if getattr(model, "loss", None) == "modified_huber":
        return two_clipped if binary else normalized_clipped
    if getattr(model, "loss", None) == "log_loss":
        return two_sigmoids if binary else normalized_sigmoids
    if hasattr(model, "loss"):
        raise NotConvertibleError(f"{kind}: no probabilities with loss={model.loss!r}")
    # Before scikit-learn 1.8 a logistic regression could be one binary one for each class.
    scheme = getattr(model, "multi_class", None)
    if scheme == "ovr" or (scheme is not None and getattr(model, "solver", "") == "liblinear"):
        return two_sigmoids if binary else normalized_sigmoids
    if binary:
        return two_symmetric if scheme == "multinomial" else two_sigmoids
    return softmax
