"""Models of Spark ML that are no trees: lines, naive Bayes, perceptrons, factorization machines.

Of each what it makes of a vector on the host, its raw outputs in float64, and the same in JAX.
"""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Float64

from lime_jax.models.convert.compose import NO_SUM, apply, linear, linked
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import softmax, two_sigmoids
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.spark.fitted import FittedStage, on_host
from lime_jax.typing import AnyArray, Array

_MARGIN = "what it predicts is not a sum over columns; its margin is: `output='margin'`"
_WHY_SQUARE = "a class's log-likelihood is a square of the columns"
_PRODUCTS = "it multiplies columns"
_CLASSIFIES = ("predict_proba", "decision_function")

Raw = Float64[np.ndarray, "rows outputs"]
"""Margins, or values of a regression."""


@on_host("LinearRegressionModel", "LogisticRegressionModel", "LinearSVCModel")
def lines_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """Margins: of the second class, or of all of more than two."""
    return [columns[0] @ stage.facts["coefficients"].T + stage.facts["intercept"]]


@register_converter("pyspark.LinearRegressionModel", methods=("predict",), exact=("predict",))
@register_converter(
    "pyspark.LinearSVCModel", methods=("decision_function",), exact=("decision_function",)
)
@register_converter(
    "pyspark.LogisticRegressionModel",
    methods=_CLASSIFIES,
    exact=("decision_function",),
    why_not=_MARGIN,
)
def convert_lines(stage: FittedStage, method: str, features: Features) -> Converted:
    """A line, or probabilities of it."""
    margins = linear(stage.facts["coefficients"], stage.facts["intercept"], features)
    if method != "predict_proba":
        return margins
    link = two_sigmoids if len(stage.facts["intercept"]) == 1 else softmax
    return linked(margins, link, _MARGIN)


@on_host("NaiveBayesModel")
def bayes_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """Log-likelihoods, but for a constant of the row."""
    values, facts = columns[0], stage.facts
    kind, theta, prior = facts["modelType"], facts["theta"], facts["pi"]
    if kind == "gaussian":
        away = values[:, None, :] - theta
        log = np.log(facts["sigma"]).sum(axis=1)
        return [prior - 0.5 * ((away * away / facts["sigma"]).sum(axis=-1) + log)]
    if kind == "bernoulli":
        if not np.isin(values, (0, 1)).all():
            raise ValueError("`model`: its NaiveBayesModel is of Bernoulli: it takes 0 and 1 alone")
        absent = np.log(1 - np.exp(theta))
        return [values @ (theta - absent).T + absent.sum(axis=1) + prior]
    if (values < 0).any():
        raise ValueError(f"`model`: its NaiveBayesModel ({kind}) takes no numbers below 0")
    return [values @ theta.T + (0 if kind == "complement" else prior)]


@register_converter("pyspark.NaiveBayesModel", methods=("predict_proba",), why_not=NO_SUM)
def convert_bayes(stage: FittedStage, method: str, features: Features) -> Converted:
    """Probabilities of the log-likelihoods."""
    facts = stage.facts
    kind, theta, prior = facts["modelType"], facts["theta"], facts["pi"]
    if kind == "gaussian":
        constant = prior - 0.5 * np.log(facts["sigma"]).sum(axis=1)
        classes = Partial(_independent, theta, 0.5 / facts["sigma"], constant)
        return linked(apply(classes, features), softmax, NO_SUM)
    if kind == "complement":
        prior = np.zeros(len(theta))
    if kind == "bernoulli":
        absent = np.log(1 - np.exp(theta))
        theta, prior = theta - absent, prior + absent.sum(axis=1)
    return linked(linear(theta, prior, features), softmax, NO_SUM)


def _independent(means: Array, half_precision: Array, constant: Array, inputs: AnyArray) -> Array:
    away = inputs[:, None, :] - means
    return constant - (away * away * half_precision).sum(axis=-1)


@on_host("MultilayerPerceptronClassificationModel")
def perceptron_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """Margins of the classes."""
    values = columns[0]
    for number, (weight, bias) in enumerate(_layers(stage)):
        if number:
            values = 1 / (1 + np.exp(-values))
        values = values @ weight + bias
    return [values]


@register_converter(
    "pyspark.MultilayerPerceptronClassificationModel", methods=("predict_proba",), why_not=NO_SUM
)
def convert_perceptron(stage: FittedStage, method: str, features: Features) -> Converted:
    """Probabilities behind dense layers."""
    return linked(apply(Partial(_dense, _layers(stage)), features), softmax, NO_SUM)


def _layers(stage: FittedStage) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights (inputs, outputs) and biases of each, which Spark keeps in one vector."""
    layers, weights, start = stage.facts["layers"], stage.facts["weights"], 0
    found = []
    for into, out in itertools.pairwise(layers):
        stop = start + into * out
        found.append((weights[start:stop].reshape(into, out), weights[stop : stop + out]))
        start = stop + out
    return found


def _dense(layers: list[tuple[Array, Array]], inputs: AnyArray) -> Array:
    values = jnp.asarray(inputs)
    for number, (weight, bias) in enumerate(layers):
        values = jax.nn.sigmoid(values) if number else values
        values = jnp.matmul(values, weight, precision="highest") + bias
    return values


@on_host("FMRegressionModel", "FMClassificationModel")
def machine_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """A line and products of pairs of columns."""
    values, factors = columns[0], stage.facts["factors"]
    pairs = (values @ factors) ** 2 - (values * values) @ (factors * factors)
    line = values @ stage.facts["linear"] + stage.facts["intercept"]
    return [(line + 0.5 * pairs.sum(axis=1))[:, None]]


@register_converter("pyspark.FMRegressionModel", methods=("predict",), why_not=_PRODUCTS)
@register_converter("pyspark.FMClassificationModel", methods=_CLASSIFIES, why_not=_PRODUCTS)
def convert_machine(stage: FittedStage, method: str, features: Features) -> Converted:
    """Products of pairs of columns by their factors (Rendle, 2010)."""
    facts = stage.facts
    fn = Partial(_pairs, facts["factors"], facts["linear"], np.asarray(facts["intercept"]))
    margin = apply(fn, features, _PRODUCTS)
    return linked(margin, two_sigmoids, _PRODUCTS) if method == "predict_proba" else margin


def _pairs(factors: Array, slopes: Array, intercept: Array, inputs: AnyArray) -> Array:
    values = jnp.asarray(inputs)
    once = jnp.matmul(values, factors, precision="highest")
    twice = jnp.matmul(values * values, factors * factors, precision="highest")
    line = jnp.matmul(values, slopes, precision="highest") + intercept
    return (line + 0.5 * (once * once - twice).sum(axis=1))[:, None]
