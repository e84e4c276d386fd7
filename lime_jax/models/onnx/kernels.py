"""Support vector machines of the domain `ai.onnx.ml`."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.onnx.operators import builder
from lime_jax.models.onnx.reader import Node, Value
from lime_jax.models.onnx.tables import LinearModel, class_labels, post_transform
from lime_jax.models.sklearn.coupling import PairProbabilities
from lime_jax.models.sklearn.svm import KernelSum, pair_weights
from lime_jax.typing import Array


@builder("ai.onnx.ml.SVMRegressor")
def _regressor(node: Node) -> Any:
    if post_transform(node) != "NONE":
        raise node.refuse(f"post_transform {node.get('post_transform')} has no JAX form here")
    weights = np.array(node.get("coefficients"), np.float32)[None]
    if not node.get("n_supports", 0):
        sums = LinearModel(weights.T, np.array(node.get("rho"), np.float32)[:1], "NONE")
    else:
        sums = _sums(node, weights, node.get("n_supports"))
    return Partial(_inside, sums) if node.get("one_class", 0) else sums


@builder("ai.onnx.ml.SVMClassifier")
def _classifier(node: Node) -> Any:
    counts, labels = np.array(node.get("vectors_per_class") or ()), class_labels(node)
    if post_transform(node) != "NONE" or not counts.size:
        raise node.refuse("a machine without support vectors, or a transform, has no JAX form here")
    weights = np.array(node.get("coefficients"), np.float32).reshape(len(labels) - 1, -1)
    pairs = _sums(node, pair_weights(weights, counts), int(counts.sum()))
    slopes = node.get("prob_a")
    if slopes:
        slope, offset = (np.array(v, np.float32) for v in (slopes, node.get("prob_b")))
        return Partial(_in_turn, pairs, PairProbabilities(slope, offset, len(labels)))
    return Partial(_of_two, pairs) if len(labels) == 2 else pairs


def _sums(node: Node, weights: np.ndarray, count: int) -> Any:
    """Sums of kernels, of each row of `weights`, between rows and the support vectors."""
    points = np.array(node.get("support_vectors"), np.float32).reshape(count, -1)
    offset = np.array(node.get("rho"), np.float32)[: len(weights)]
    kernel = node.get("kernel_type", "LINEAR").lower()
    if kernel == "linear":
        return LinearModel((weights @ points).T, offset, "NONE")
    gamma, offset_inside, degree = node.get("kernel_params")
    degree = int(degree) if float(degree).is_integer() else float(degree)
    numbers = np.float32(gamma), np.float32(offset_inside)
    return KernelSum(points, weights.T, offset, *numbers, kernel=kernel, degree=degree)


def _inside(sums: Any, x: Value) -> Array:
    return jnp.where(sums(x) > 0, 1.0, -1.0)


def _in_turn(first: Any, then: Any, x: Value) -> Array:
    return then(first(x))


def _of_two(pairs: Any, x: Value) -> Array:
    score = pairs(x)
    return jnp.concatenate([-score, score], axis=1)
