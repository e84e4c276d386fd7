"""The registry of operators, and what their functions share.

An operator is a JAX function of a node and its inputs. Shapes and indices reach it as NumPy arrays,
because they are known while tracing; arithmetic of such values alone stays in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.onnx.reader import Node, Value

_T = TypeVar("_T", bound=Callable[..., Any])

OPERATORS: dict[str, Callable[..., Any]] = {}
"""`(node, *inputs) -> output`, or a tuple of outputs; an input that is left out is None."""

BUILDERS: dict[str, Callable[[Node], Any]] = {}
"""`node -> pytree` of its inputs, for operators that keep their weights in attributes."""


def _registrar(known: dict[str, Callable[..., Any]], names: Sequence[str]) -> Callable[[_T], _T]:
    def register(function: _T) -> _T:
        known.update(dict.fromkeys(names, function))
        return function

    return register


def operator(*names: str) -> Callable[[_T], _T]:
    """Register the function of some operators."""
    return _registrar(OPERATORS, names)


def builder(*names: str) -> Callable[[_T], _T]:
    """Register what makes a pytree of some operators' nodes; names are as in `Node.op`."""
    return _registrar(BUILDERS, names)


def namespace(*values: Value) -> Value:
    """NumPy for values that are known while tracing, `jax.numpy` if one of them is not."""
    return np if all(isinstance(v, np.ndarray | np.generic) for v in values) else jnp


def integers(node: Node, value: Value, what: str) -> tuple[int, ...]:
    """A shape, axes or the like."""
    if not isinstance(value, np.ndarray | np.generic | tuple | list | int):
        raise node.refuse(f"its {what} depend on values of the model's input")
    return tuple(int(v) for v in np.ravel(value))


def axes_of(node: Node, value: Value, rank: int) -> tuple[int, ...] | None:
    """Axes, counted from the first, by an input or, in older versions, an attribute."""
    axes = node.get("axes") if value is None else value
    if axes is None:
        return None
    return tuple(axis % rank for axis in integers(node, axes, "axes"))


def run(node: Node, values: dict[str, Value], part: Value = None) -> None:
    """Add what a node makes of some values to them; `part` is what its builder made of it."""
    if lost := set(node.inputs) - set(values):
        raise node.refuse(f"its input {lost.pop()!r}, a label, has no JAX form here")
    inputs = [values[name] for name in node.inputs]
    try:
        out = OPERATORS[node.op](node, *inputs) if part is None else part(*inputs)
    except NotConvertibleError:
        raise
    except Exception as error:
        shapes = [None if v is None else v.shape for v in inputs]
        error.add_note(f"in ONNX node {node.name!r} ({node.op}) with inputs of {shapes}")
        raise
    if part is not None and not isinstance(out, tuple):
        values[node.outputs[-1]] = out  # of a classifier, the scores: they come behind the labels
    else:
        outputs = out if isinstance(out, tuple) else (out,)
        values.update(zip(node.outputs, outputs, strict=False))
