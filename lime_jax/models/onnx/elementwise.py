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
_WITH_NUMBERS = {  # of a real and attributes of the node, which are these where it has none
    "LeakyRelu": (lambda x, alpha: jnp.where(x < 0, alpha * x, x), {"alpha": 0.01}),
    "ThresholdedRelu": (lambda x, alpha: jnp.where(x > alpha, x, 0), {"alpha": 1.0}),
    "Elu": (jax.nn.elu, {"alpha": 1.0}),
    "Celu": (jax.nn.celu, {"alpha": 1.0}),
    "Selu": (
        lambda x, alpha, gamma: gamma * jax.nn.elu(x, alpha),
        {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805},
    ),
    "HardSigmoid": (
        lambda x, alpha, beta: jnp.clip(alpha * x + beta, 0, 1),
        {"alpha": 0.2, "beta": 0.5},
    ),
}


def _same_in_numpy(name: str, node: Node, *values: Value) -> Value:
    return getattr(namespace(*values), name)(*values)


def _folded(name: str, node: Node, *values: Value) -> Value:
    return functools.reduce(getattr(namespace(*values), name), values)


def _of_reals(function: Any, numbers: dict[str, float], node: Node, x: Value) -> Value:
    return function(x, **{name: node.get(name, number) for name, number in numbers.items()})


OPERATORS.update({op: functools.partial(_same_in_numpy, name) for op, name in _NUMPY.items()})
OPERATORS.update({op: functools.partial(_folded, name) for op, name in _FOLDED.items()})
OPERATORS.update({op: functools.partial(_of_reals, fn, {}) for op, fn in _OF_REALS.items()})
OPERATORS.update({op: functools.partial(_of_reals, *row) for op, row in _WITH_NUMBERS.items()})


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


@operator("PRelu")
def _prelu(node: Node, x: Value, slope: Value) -> Value:
    return jnp.where(x < 0, slope * x, x)


@operator("Gelu")
def _gelu(node: Node, x: Value) -> Value:
    return jax.nn.gelu(x, approximate=node.get("approximate", "none") == "tanh")
