"""ONNX graphs as pytrees: weights are the leaves, everything else is part of the program."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.column_map import put
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.onnx.folding import folded
from lime_jax.models.onnx.operators import BUILDERS, OPERATORS, run
from lime_jax.models.onnx.reader import Graph, Input
from lime_jax.models.onnx.tables import with_labels
from lime_jax.typing import AnyArray, Array, pytree, static

AnyInputs: TypeAlias = AnyArray | Mapping[str, AnyArray]
"""One array, or several by the names of the inputs."""

_FAMILIES = ("elementwise", "shapes", "convolution", "reductions", "tables", "trees")
_OF_ANY_SIZE = ("Compress", "NonZero", "Unique")
for _family in (*_FAMILIES, "kernels", "resizing", "scan", "sorting", "tree_graphs"):
    importlib.import_module(f"lime_jax.models.onnx.{_family}")


@pytree
class OnnxPredict:
    """A model as a function of a batch."""

    weights: dict[str, Any]
    parts: tuple[Any, ...]  # for each node that keeps its weights in attributes a pytree; else None
    graph: Graph = static()  # what is done with them

    def __call__(self, inputs: AnyInputs) -> Array:
        """The outputs for a batch, of any shape that the graph takes; or for inputs by name."""
        inputs = jax.tree.map(jnp.asarray, inputs)
        if batch_size(self.graph.inputs) is None:
            return self._run(inputs)
        one = functools.partial(jax.tree.map, lambda part: part[None])
        return jax.vmap(lambda example: self._run(one(example))[0])(inputs)

    def _run(self, inputs: AnyInputs) -> Array:
        values: dict[str, Any] = {name: fixed.array for name, fixed in self.graph.fixed}
        values |= self.weights
        values |= split_columns(inputs, self.graph.inputs)
        values[""] = None
        for node, part in zip(self.graph.nodes, self.parts, strict=True):
            run(node, values, part)
        result = jnp.asarray(values[self.graph.output])
        return result.astype(jnp.result_type(float))


def build(graph: Graph, weights: dict[str, np.ndarray]) -> OnnxPredict:
    """A graph on the device."""
    nodes, parts = [], []
    for node in graph.nodes:
        if node.op in _OF_ANY_SIZE:
            raise node.refuse("the numbers decide how large its output is, so it has no JAX form")
        if node.op not in OPERATORS and node.op not in BUILDERS:
            raise node.refuse("this operator has no JAX form here")
        if "." not in node.op and node.opset < 7:
            raise node.refuse(f"version {node.opset} of the operators is too old")
    graph, weights = folded(graph, weights)
    read = {name for node in graph.nodes for name in node.inputs}
    for node in graph.nodes:
        made = BUILDERS[node.op](node) if node.op in BUILDERS else None
        if made is not None and len(node.outputs) > 1 and node.outputs[0] in read:
            made = with_labels(node, made)
        made = None if made is None else put(made)
        parts.append(made)
        nodes.append(node if made is None else dataclasses.replace(node, attributes=()))
    if not graph.inputs:
        raise NotConvertibleError("ONNX: its output does not depend on an input")
    if any(not entry.dtype for entry in graph.inputs):
        raise NotConvertibleError("ONNX: an input is text, which has no JAX form")
    if (size := batch_size(graph.inputs)) not in (None, 1):
        raise NotConvertibleError(f"ONNX: it only takes batches of {size}")
    on_device = {name: jnp.asarray(array) for name, array in weights.items()}
    return OnnxPredict(on_device, tuple(parts), dataclasses.replace(graph, nodes=tuple(nodes)))


def batch_size(entries: tuple[Input, ...]) -> int | None:
    """The only batch size that a model takes."""
    sizes = {entry.shape[0] for entry in entries if entry.shape}
    return next(iter(sizes)) if len(sizes) == 1 else None


def split_columns(inputs: AnyInputs, entries: tuple[Input, ...]) -> dict[str, Any]:
    """One batch as the inputs of a model, in their types; of several inputs side by side."""
    if isinstance(inputs, Mapping):
        parts = [inputs[entry.name] for entry in entries]
    elif len(entries) == 1:
        parts = [inputs]
    else:
        widths = [e.shape[1] if e.shape and len(e.shape) == 2 else None for e in entries]
        known = [w for w in widths if w is not None]
        if len(known) < len(widths) or inputs.ndim != 2 or sum(known) != inputs.shape[1]:
            raise NotConvertibleError(
                f"ONNX: it has {len(entries)} inputs that are not the columns of one table"
            )
        ends = np.cumsum(known)
        parts = [inputs[:, end - w : end] for w, end in zip(known, ends, strict=True)]
    typed = {}
    for entry, part in zip(entries, parts, strict=True):
        on_host = isinstance(part, np.ndarray)
        dtype = np.dtype(entry.dtype)
        typed[entry.name] = part.astype(dtype if on_host else jax.dtypes.canonicalize_dtype(dtype))
    return typed
