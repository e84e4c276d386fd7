"""Operators number by number: arithmetic, comparisons, activations."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from lime_jax.models.onnx.operators import OPERATORS, namespace, operator
from lime_jax.models.onnx.reader import Node, Value

_NUMPY = {
    "Abs": "absolute", "Neg": "negative", "Exp": "exp", "Log": "log", "Sqrt": "sqrt",
    "Floor": "floor", "Ceil": "ceil", "Round": "round", "Sign": "sign", "Sin": "sin",
    "Cos": "cos", "Tan": "tan", "Tanh": "tanh", "Atan": "arctan", "Not": "logical_not",
    "IsNaN": "isnan", "Add": "add", "Sub": "subtract", "Mul": "multiply", "Equal": "equal",
    "Less": "less", "LessOrEqual": "less_equal", "Greater": "greater",
    "GreaterOrEqual": "greater_equal", "And": "logical_and", "Or": "logical_or",
    "Xor": "logical_xor", "Where": "where",
}  # fmt: skip
_FOLDED = {"Min": "minimum", "Max": "maximum", "Sum": "add"}
_OF_REALS = {
    "Relu": jax.nn.relu,
    "Sigmoid": jax.nn.sigmoid,
    "Softplus": jax.nn.softplus,
    "Softsign": jax.nn.soft_sign,
    "Erf": jax.scipy.special.erf,
    "Reciprocal": lambda x: 1 / x,
    "HardSwish": lambda x: x * jnp.clip(x / 6 + 0.5, 0, 1),
    "Mish": lambda x: x * jnp.tanh(jax.nn.softplus(x)),
}


def _same_in_numpy(name: str, node: Node, *values: Value) -> Value:
    return getattr(namespace(*values), name)(*values)


def _folded(name: str, node: Node, *values: Value) -> Value:
    return functools.reduce(getattr(namespace(*values), name), values)


def _of_reals(function: Any, node: Node, x: Value) -> Value:
    return function(x)


OPERATORS.update({op: functools.partial(_same_in_numpy, name) for op, name in _NUMPY.items()})
OPERATORS.update({op: functools.partial(_folded, name) for op, name in _FOLDED.items()})
OPERATORS.update({op: functools.partial(_of_reals, fn) for op, fn in _OF_REALS.items()})


@operator("Mean")
def _mean(node: Node, *values: Value) -> Value:
    return sum(values[1:], values[0]) / len(values)


@operator("Div")
def _divide(node: Node, a: Value, b: Value) -> Value:
    xp = namespace(a, b)
    if a.dtype.kind not in "iu":
        return xp.divide(a, b)
    towards_zero = xp.floor_divide(xp.abs(a), xp.abs(b)) * xp.sign(a) * xp.sign(b)
    return towards_zero.astype(a.dtype)


@operator("Mod")
def _modulo(node: Node, a: Value, b: Value) -> Value:
    xp = namespace(a, b)
    return xp.fmod(a, b) if node.get("fmod", 0) else xp.mod(a, b)


@operator("Pow")
def _power(node: Node, a: Value, b: Value) -> Value:
    return namespace(a, b).power(a, b).astype(a.dtype)


@operator("Clip")
def _clip(node: Node, x: Value, low: Value = None, high: Value = None) -> Value:
    low = node.get("min") if low is None else low
    high = node.get("max") if high is None else high
    x = x if low is None else jnp.maximum(x, jnp.asarray(low, x.dtype))
    return x if high is None else jnp.minimum(x, jnp.asarray(high, x.dtype))


@operator("LeakyRelu")
def _leaky_relu(node: Node, x: Value) -> Value:
    return jnp.where(x < 0, node.get("alpha", 0.01) * x, x)


@operator("PRelu")
def _prelu(node: Node, x: Value, slope: Value) -> Value:
    return jnp.where(x < 0, slope * x, x)


@operator("ThresholdedRelu")
def _thresholded_relu(node: Node, x: Value) -> Value:
    return jnp.where(x > node.get("alpha", 1.0), x, 0)


@operator("Elu")
def _elu(node: Node, x: Value) -> Value:
    return jax.nn.elu(x, node.get("alpha", 1.0))


@operator("Celu")
def _celu(node: Node, x: Value) -> Value:
    return jax.nn.celu(x, node.get("alpha", 1.0))


@operator("Selu")
def _selu(node: Node, x: Value) -> Value:
    alpha, gamma = node.get("alpha", 1.6732632423543772), node.get("gamma", 1.0507009873554805)
    return gamma * jax.nn.elu(x, alpha)


@operator("HardSigmoid")
def _hard_sigmoid(node: Node, x: Value) -> Value:
    return jnp.clip(node.get("alpha", 0.2) * x + node.get("beta", 0.5), 0, 1)


@operator("Gelu")
def _gelu(node: Node, x: Value) -> Value:
    return jax.nn.gelu(x, approximate=node.get("approximate", "none") == "tanh")
