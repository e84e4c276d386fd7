"""Operators of the domain `ai.onnx.ml` but trees: linear models and steps of pipelines."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.convert.links import softmax, two_sigmoids
from lime_jax.models.onnx.operators import builder, operator
from lime_jax.models.onnx.reader import Node, Value
from lime_jax.typing import Array, pytree, replaced, static


def finish(scores: Value, transform: str) -> Array:
    """What is done to scores at last; "TWO_SIGMOIDS": both probabilities from one margin."""
    if transform == "LOGISTIC":
        return jax.nn.sigmoid(scores)
    if transform == "TWO_SIGMOIDS":
        return two_sigmoids(scores)
    return softmax(scores) if transform == "SOFTMAX" else scores


def post_transform(node: Node) -> str:
    """The transform of a node."""
    name = node.get("post_transform", "NONE")
    if name not in ("NONE", "LOGISTIC", "SOFTMAX"):
        raise node.refuse(f"post_transform {name} has no JAX form here")
    return name


def class_labels(node: Node) -> tuple[Value, ...]:
    """The classes of a classifier."""
    for name in ("classlabels_int64s", "classlabels_ints", "classlabels_strings"):
        if labels := node.get(name):
            return labels
    return ()


@pytree
class LinearModel:
    """A linear model and what is done to its scores."""

    coef: Any
    intercept: Any
    transform: str = static()

    def __call__(self, x: Value) -> Array:
        """The scores of a batch."""
        scores = jnp.matmul(x, self.coef, precision="highest") + self.intercept
        return finish(scores, self.transform)


@pytree
class Labelled:
    """A classifier whose labels are read, too: the class of the largest score, the first of equals.

    Attributes:
        model: that has a score for each class.
        labels: of the classes.
    """

    model: Any
    labels: Any

    def __call__(self, x: Value) -> tuple[Array, Array]:
        """The labels and the scores of a batch."""
        scores = replaced(self.model, transform="NONE")(x)  # which round to fewer, once transformed
        return self.labels[jnp.argmax(scores, axis=1)], self.model(x)


def with_labels(node: Node, model: Any) -> Any:
    """The model with whole numbers for its labels, if it has a score for each; else as it is."""
    labels = class_labels(node)
    one_score = getattr(model, "transform", "TWO_SIGMOIDS") == "TWO_SIGMOIDS"
    if one_score or not labels or not all(isinstance(label, int) for label in labels):
        return model
    return Labelled(model, np.array(labels, np.int32))


@builder("ai.onnx.ml.LinearRegressor", "ai.onnx.ml.LinearClassifier")
def linear_model(node: Node) -> LinearModel:
    """A linear model of a node."""
    coefficients = np.array(node.get("coefficients"), np.float32)
    transform, labels = post_transform(node), class_labels(node)
    is_classifier = node.op.endswith("Classifier")
    intercepts = node.get("intercepts") or ()
    outputs = len(intercepts) or (len(labels) if is_classifier else node.get("targets", 1))
    if is_classifier and outputs == 1:
        if transform != "LOGISTIC":
            raise node.refuse(f"{transform} of one score for two classes has no JAX form here")
        transform = "TWO_SIGMOIDS"
    if not is_classifier and outputs == 1 and transform != "NONE":
        raise node.refuse(f"post_transform {transform} of one number has no JAX form here")
    intercept = np.array(intercepts or (0.0,) * outputs, np.float32)
    return LinearModel(coefficients.reshape(outputs, -1).T, intercept, transform)


@builder("ai.onnx.ml.Scaler")
def _scaler(node: Node) -> Partial:
    offset, scale = node.get("offset", (0.0,)), node.get("scale", (1.0,))
    return Partial(_moved, np.array(offset, np.float32), np.array(scale, np.float32))


def _moved(offset: Array, scale: Array, x: Value) -> Array:
    return (jnp.asarray(x, scale.dtype) - offset) * scale


@builder("ai.onnx.ml.Imputer")
def _imputer(node: Node) -> Partial:
    if node.get("imputed_value_int64s"):
        raise node.refuse("missing integers have no JAX form here")
    filled = np.array(node.get("imputed_value_floats"), np.float32)
    return Partial(_filled, filled, np.float32(node.get("replaced_value_float", 0.0)))


def _filled(filled: Array, gone: Array, x: Value) -> Array:
    return jnp.where((x == gone) | (jnp.isnan(gone) & jnp.isnan(x)), filled, x)


@builder("ai.onnx.ml.OneHotEncoder")
def _one_hot(node: Node) -> Partial:
    if not node.get("cats_int64s") or not node.get("zeros", 1):
        raise node.refuse("text, or an error for unknown levels, has no JAX form")
    return Partial(_flags, np.array(node.get("cats_int64s"), np.int32))


def _flags(categories: Array, x: Value) -> Array:
    return (jnp.trunc(x)[..., None] == categories).astype(jnp.float32)


@operator("ai.onnx.ml.Normalizer")
def _normalizer(node: Node, x: Value) -> Value:
    norm = node.get("norm", "MAX")
    if norm == "L1":
        size = jnp.abs(x).sum(-1, keepdims=True)
    elif norm == "L2":
        size = jnp.sqrt((x * x).sum(-1, keepdims=True))
    else:
        size = x.max(-1, keepdims=True)
    return jnp.where(size == 0, x, x / jnp.where(size == 0, 1, size))


@operator("ai.onnx.ml.Binarizer")
def _binarizer(node: Node, x: Value) -> Value:
    return (x > node.get("threshold", 0.0)).astype(x.dtype)


@operator("ai.onnx.ml.FeatureVectorizer")
def _feature_vectorizer(node: Node, *columns: Value) -> Value:
    return jnp.concatenate([jnp.asarray(c, jnp.float32) for c in columns], axis=1)
