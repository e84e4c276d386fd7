"""Classes as distributions: naive Bayes, and Gaussians with a covariance each."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.convert.compose import apply, linear, linked
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import softmax
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.sklearn.distances import float32_center
from lime_jax.typing import AnyArray, Array, Estimator

_WHY_SQUARE = "a class's log-likelihood is a square of the columns"
_WHY_PROBABILITY = "its probabilities are no sum of columns"


@register_converter("sklearn.GaussianNB", methods=("predict_proba",), why_not=_WHY_SQUARE)
def convert_gaussian(model: Estimator, method: str, features: Features) -> Converted:
    """Gaussian naive Bayes."""
    center = float32_center(model.theta_)
    constant = np.log(model.class_prior_) - 0.5 * np.log(2 * np.pi * model.var_).sum(axis=1)
    classes = Partial(_independent, model.theta_ - center, 0.5 / model.var_, constant)
    return linked(apply(classes, features.then("subtract", center)), softmax, _WHY_SQUARE)


@register_converter(
    *("sklearn.MultinomialNB", "sklearn.ComplementNB"),
    methods=("predict_proba",),
    why_not=_WHY_PROBABILITY,
)
def convert_counts(model: Estimator, method: str, features: Features) -> Converted:
    """Naive Bayes of counts."""
    coef = np.asarray(model.feature_log_prob_, np.float64)
    prior = np.asarray(model.class_log_prior_, np.float64)
    if type(model).__name__ == "ComplementNB" and len(coef) > 1:
        prior = np.zeros(len(coef))
    return linked(linear(coef, prior, features), softmax, _WHY_PROBABILITY)


@register_converter("sklearn.BernoulliNB", methods=("predict_proba",), why_not=_WHY_PROBABILITY)
def convert_flags(model: Estimator, method: str, features: Features) -> Converted:
    """Naive Bayes of flags."""
    log_prob = np.asarray(model.feature_log_prob_, np.float64)
    absent = np.log(1 - np.exp(log_prob))
    constant = np.asarray(model.class_log_prior_, np.float64) + absent.sum(axis=1)
    if model.binarize is not None:
        features = features.then("above", model.binarize)
    likelihood = linear(log_prob - absent, constant, features)
    return linked(likelihood, softmax, _WHY_PROBABILITY)


@register_converter(
    "sklearn.QuadraticDiscriminantAnalysis",
    methods=("predict_proba", "decision_function"),
    why_not=_WHY_SQUARE,
)
def convert_quadratic(model: Estimator, method: str, features: Features) -> Converted:
    """Quadratic discriminant analysis."""
    means = np.asarray(model.means_, np.float64)
    center = float32_center(means)
    scales = [np.asarray(s, np.float64) for s in model.scalings_]
    maps = np.zeros((*means.shape, max(map(len, scales))))
    for k, (rotation, scale) in enumerate(zip(model.rotations_, scales, strict=True)):
        maps[k, :, : len(scale)] = rotation / np.sqrt(scale)
    constant = np.log(model.priors_) - 0.5 * np.array([np.log(s).sum() for s in scales])
    classes = Partial(_elliptic, means - center, maps, constant)
    scores = apply(classes, features.then("subtract", center), _WHY_SQUARE)
    if method == "predict_proba":
        return linked(scores, softmax, _WHY_SQUARE)
    return linked(scores, _second_less_first, _WHY_SQUARE) if len(means) == 2 else scores


def _independent(means: Array, half_precision: Array, constant: Array, inputs: AnyArray) -> Array:
    """Log-likelihoods of classes, (samples, classes), whose columns are independent and normal."""
    away = inputs[:, None, :] - means
    return constant - (away * away * half_precision).sum(axis=-1)


def _elliptic(means: Array, maps: Array, constant: Array, inputs: AnyArray) -> Array:
    """The same with any covariance; `maps` go to where it is the identity."""
    away = inputs[:, None, :] - means
    white = jnp.einsum("skc,kcd->skd", away, maps, precision="highest")
    return constant - 0.5 * (white * white).sum(axis=-1)


def _second_less_first(scores: Array) -> Array:
    return scores[:, 1:] - scores[:, :1]
