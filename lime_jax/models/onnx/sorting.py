"""Operators that look for numbers, sort them, or add them up one after the other."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.onnx.operators import builder, integers, operator
from lime_jax.models.onnx.reader import Node, Value
from lime_jax.typing import Array


@operator("TopK")
def _top(node: Node, x: Value, count: Value = None) -> tuple[Value, Value]:
    (number,) = integers(node, node.get("k") if count is None else count, "number")
    axis, x = node.get("axis", -1), jnp.asarray(x)
    moved = jnp.moveaxis(x, axis, -1)
    largest = node.get("largest", 1)
    values, places = jax.lax.top_k(moved if largest else -moved, number)
    values = values if largest else -values
    return jnp.moveaxis(values, -1, axis), jnp.moveaxis(places, -1, axis)


@operator("CumSum")
def _running_sum(node: Node, x: Value, axis: Value) -> Value:
    (along,) = integers(node, axis, "axis")
    x = jnp.flip(x, along) if node.get("reverse", 0) else jnp.asarray(x)
    total = jnp.cumsum(x, axis=along)
    total = total - x if node.get("exclusive", 0) else total
    return jnp.flip(total, along) if node.get("reverse", 0) else total


@operator("GatherElements")
def _gather_elements(node: Node, x: Value, places: Value) -> Value:
    axis = node.get("axis", 0)
    places = jnp.where(places < 0, places + x.shape[axis], places)
    return jnp.take_along_axis(jnp.asarray(x), places, axis=axis)


@builder("ai.onnx.ml.LabelEncoder")
def _label_encoder(node: Node) -> Partial:
    keys, values = _listed(node, "keys"), _listed(node, "values")
    defaults = {"f": node.get("default_float", -0.0), "i": node.get("default_int64", -1)}
    other = node.get("default_tensor", np.array(defaults[values.dtype.kind], values.dtype))
    order = np.argsort(keys, kind="stable")  # NaN last
    return Partial(_replaced, keys[order], values[order], np.reshape(other, ()))


def _listed(node: Node, name: str) -> np.ndarray:
    """Keys or values of a table."""
    table = node.get(f"{name}_tensor")
    for kind, dtype in (("floats", np.float32), ("int64s", np.int64)):
        if node.get(f"{name}_{kind}"):
            table = np.array(node.get(f"{name}_{kind}"), dtype)
    if table is None or np.asarray(table).dtype.kind not in "fi":
        raise node.refuse("text has no JAX form")
    return np.asarray(table)


def _replaced(keys: Array, values: Array, other: Array, x: Value) -> Array:
    """The value of each number's key."""
    x = jnp.asarray(x)
    place = jnp.minimum(jnp.searchsorted(keys, x.astype(keys.dtype)), len(keys) - 1)
    found = keys[place]
    known = (found == x) | (jnp.isnan(found) & jnp.isnan(x))
    return jnp.where(known, values[place], other)
