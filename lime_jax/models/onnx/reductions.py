"""Operators over whole axes: sums and extremes, products of matrices, normalization."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.onnx.operators import OPERATORS, axes_of, namespace, operator
from lime_jax.models.onnx.reader import Node, Value

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceMean": lambda x, **over: x.mean(**over),
    "ReduceSum": lambda x, **over: x.sum(**over),
    "ReduceMax": lambda x, **over: x.max(**over),
    "ReduceMin": lambda x, **over: x.min(**over),
    "ReduceProd": lambda x, **over: x.prod(**over),
    "ReduceL1": lambda x, **over: abs(x).sum(**over),
    "ReduceL2": lambda x, **over: jnp.sqrt((x * x).sum(**over)),
    "ReduceSumSquare": lambda x, **over: (x * x).sum(**over),
    "ReduceLogSum": lambda x, **over: jnp.log(x.sum(**over)),
    "ReduceLogSumExp": lambda x, **over: jax.nn.logsumexp(x, **over),
}


def _reduce(function: Callable[..., Any], node: Node, x: Value, axes: Value = None) -> Value:
    chosen = axes_of(node, axes, x.ndim) or None
    if chosen is None and node.get("noop_with_empty_axes", 0):
        return x
    out = function(x, axis=chosen, keepdims=bool(node.get("keepdims", 1)))
    return out if out.dtype == x.dtype else out.astype(x.dtype)


OPERATORS.update({op: functools.partial(_reduce, fn) for op, fn in _REDUCTIONS.items()})


@operator("ArgMax", "ArgMin")
def _arg_extreme(node: Node, x: Value) -> Value:
    xp, axis = namespace(x), node.get("axis", 0)
    search = xp.argmax if node.op == "ArgMax" else xp.argmin
    if node.get("select_last_index", 0):
        found = x.shape[axis] - 1 - search(xp.flip(x, axis), axis=axis)
    else:
        found = search(x, axis=axis)
    return xp.expand_dims(found, axis) if node.get("keepdims", 1) else found


@operator("MatMul")
def _matmul(node: Node, a: Value, b: Value) -> Value:
    return jnp.matmul(a, b, precision="highest")


@operator("Gemm")
def _gemm(node: Node, a: Value, b: Value, c: Value = None) -> Value:
    a = a.T if node.get("transA", 0) else a
    b = b.T if node.get("transB", 0) else b
    out = node.get("alpha", 1.0) * jnp.matmul(a, b, precision="highest")
    return out if c is None else out + node.get("beta", 1.0) * c


@operator("Einsum")
def _einsum(node: Node, *values: Value) -> Value:
    return jnp.einsum(node.get("equation"), *values, precision="highest")


@operator("Softmax", "LogSoftmax")
def _softmax(node: Node, x: Value) -> Value:
    function = jax.nn.softmax if node.op == "Softmax" else jax.nn.log_softmax
    if node.opset >= 13:
        return function(x, axis=node.get("axis", -1))
    axis = node.get("axis", 1) % x.ndim  # all axes from here on were one
    rows = int(np.prod(x.shape[:axis], dtype=np.int64))
    return function(x.reshape(rows, -1), axis=-1).reshape(x.shape)


@operator("BatchNormalization")
def _batch_normalization(
    node: Node, x: Value, scale: Value, bias: Value, mean: Value, var: Value
) -> Value:
    if node.get("training_mode", 0) or node.get("spatial", 1) != 1:
        raise node.refuse("it is in training mode, or not over channels")
    shape = (-1, *[1] * (x.ndim - 2))
    factor = scale / jnp.sqrt(var + node.get("epsilon", 1e-5))
    return (x - mean.reshape(shape)) * factor.reshape(shape) + bias.reshape(shape)


@operator("InstanceNormalization")
def _instance_normalization(node: Node, x: Value, scale: Value, bias: Value) -> Value:
    shape = (-1, *[1] * (x.ndim - 2))
    centered = _standardized(x, tuple(range(2, x.ndim)), node.get("epsilon", 1e-5))
    return centered * scale.reshape(shape) + bias.reshape(shape)


@operator("LayerNormalization")
def _layer_normalization(node: Node, x: Value, scale: Value, bias: Value = None) -> Value:
    axes = tuple(range(node.get("axis", -1) % x.ndim, x.ndim))
    out = _standardized(x, axes, node.get("epsilon", 1e-5)) * scale
    return out if bias is None else out + bias


def _standardized(x: Value, axes: tuple[int, ...], epsilon: float) -> Value:
    centered = x - x.mean(axes, keepdims=True)
    return centered / jnp.sqrt((centered * centered).mean(axes, keepdims=True) + epsilon)
