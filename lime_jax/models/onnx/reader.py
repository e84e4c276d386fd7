"""ONNX files and messages as plain data: nodes, weights, and what flows in and out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.optional import require

Value: TypeAlias = Any
"""A value in a graph: an array of NumPy or JAX, of several outputs a tuple; None: left out."""
Proto: TypeAlias = Any
"""A message of onnx: a model, a graph, a node, an attribute or the type of a value."""
OnnxSource: TypeAlias = Any
"""The path of a model, the bytes of its file, the message, or a session of onnxruntime."""


_SHAPED = ("Resize", "Upsample")
"""Operators whose real numbers say how large their output is."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fixed:
    """An array that is part of the program, such as a shape; equal to one of the same bytes."""

    array: np.ndarray

    def _content(self) -> tuple[Any, ...]:
        return self.array.dtype.str, self.array.shape, self.array.tobytes()

    def __eq__(self, other: object) -> bool:
        """Whether dtype, shape and content are the same."""
        return isinstance(other, Fixed) and self._content() == other._content()

    def __hash__(self) -> int:
        """Of the same."""
        return hash(self._content())


@dataclasses.dataclass(frozen=True)
class Node:
    """One operation."""

    op: str  # its kind; "ai.onnx.ml.Scaler" outside the standard domain
    name: str
    inputs: tuple[str, ...]  # names of values; "" where an optional one is left out
    outputs: tuple[str, ...]
    attributes: tuple[tuple[str, Any], ...]
    opset: int

    def get(self, name: str, default: Value = None) -> Any:
        """An attribute: a number, a string, a tuple of them, or an array."""
        value = dict(self.attributes).get(name, default)
        return value.array if isinstance(value, Fixed) else value

    def refuse(self, reason: str) -> NotConvertibleError:
        """An error that names this node."""
        return NotConvertibleError(f"ONNX node {self.name!r} ({self.op}): {reason}")


@dataclasses.dataclass(frozen=True)
class Body:
    """What a node does at each of its steps; what it takes from outside comes in as inputs."""

    nodes: tuple[Node, ...]  # in an order in which they can be run
    inputs: tuple[str, ...]  # of the step
    taken: tuple[str, ...]  # from outside, behind the node's other inputs
    outputs: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Input:
    """What the model is fed with."""

    name: str
    dtype: str  # of it; "" if it is text or no tensor
    # None where a size is free, None altogether if it is not said
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class Graph:
    """The part of a model that its chosen output needs."""

    nodes: tuple[Node, ...]  # in an order in which they can be run
    inputs: tuple[Input, ...]
    output: str  # name of the chosen value
    fixed: tuple[tuple[str, Fixed], ...]  # arrays of integers, and other shapes, by name


def read_proto(source: OnnxSource) -> Any:
    """A model as an `onnx.ModelProto`, by its path, the bytes of its file, or as it is."""
    if not isinstance(source, str | bytes | os.PathLike):
        return source
    require("onnx", extra="onnx", needed_by="an ONNX model")
    import onnx

    return onnx.load_from_string(source) if isinstance(source, bytes) else onnx.load(source)


def read_graph(proto: Proto) -> tuple[Graph, dict[str, np.ndarray]]:
    """The graph of a model's output of real numbers (labels are left out), and its real weights."""
    from onnx import numpy_helper

    graph = proto.graph
    opsets = {entry.domain or "ai.onnx": entry.version for entry in proto.opset_import}
    arrays = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    if graph.sparse_initializer:
        raise NotConvertibleError("ONNX: sparse weights have no JAX form here")
    nodes = []
    for number, message in enumerate(graph.node):
        node = _node(message, opsets, str(number), arrays)
        if node.op == "Constant":
            arrays[node.outputs[0]] = _constant(node)
        else:
            nodes.append(node)
    inputs = [_input(value) for value in graph.input if value.name not in arrays]
    output = _real_output(graph.output)
    needed, used = _needed(nodes, output)
    real = weights_of(needed, {k: v for k, v in arrays.items() if k in used})
    fixed = tuple((k, Fixed(v)) for k, v in arrays.items() if k in used and k not in real)
    variable = tuple(entry for entry in inputs if entry.name in used)
    return Graph(needed, variable, output, fixed), real


def weights_of(nodes: Sequence[Node], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of some arrays that are real numbers, and say no shape."""
    shapes = {name for node in nodes if node.op in _SHAPED for name in node.inputs[1:]}
    return {k: v for k, v in arrays.items() if k not in shapes and v.dtype.kind in "fV"}


def _node(
    message: Proto, opsets: dict[str, int], number: str, arrays: dict[str, np.ndarray]
) -> Node:
    """A node; what the graphs in it hold fixed is added to `arrays`."""
    domain = message.domain or "ai.onnx"
    op = message.op_type if domain == "ai.onnx" else f"{domain}.{message.op_type}"
    name = message.name or f"number {number}"
    version, inputs = opsets.get(domain, 1), tuple(message.input)
    attributes = {a.name: _attribute(a) for a in message.attribute if op != "Scan" or not a.g.node}
    if op == "Scan":
        (graph,) = (a.g for a in message.attribute if a.g.node)
        attributes["body"] = body = _body(graph, opsets, number, arrays)
        inputs += body.taken
    return Node(op, name, inputs, tuple(message.output), tuple(attributes.items()), version)


def _body(graph: Proto, opsets: dict[str, int], number: str, arrays: dict[str, np.ndarray]) -> Body:
    """A graph within a node, whose own weights become some of the whole graph."""
    from onnx import numpy_helper

    new = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    nodes = []
    for k, message in enumerate(graph.node):
        node = _node(message, opsets, f"{number}.{k}", arrays)
        if node.op == "Constant":
            new[node.outputs[0]] = _constant(node)
        else:
            nodes.append(node)
    outer = {name: f"{number}/{name}" for name in new}
    arrays |= {outer[name]: array for name, array in new.items()}
    nodes = [
        dataclasses.replace(node, inputs=tuple(outer.get(name, name) for name in node.inputs))
        for node in nodes
    ]
    inputs = tuple(value.name for value in graph.input)
    outputs: tuple[str, ...] = tuple(outer.get(v.name) or v.name for v in graph.output)
    made = {"", *inputs, *(name for node in nodes for name in node.outputs)}
    wanted = [*(name for node in nodes for name in node.inputs), *outputs]
    taken = tuple(dict.fromkeys(name for name in wanted if name not in made))
    return Body(tuple(nodes), inputs, taken, outputs)


def _attribute(attribute: Proto) -> Any:
    from onnx import AttributeProto, TensorProto, helper, numpy_helper

    if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
        return "a graph of its own"  # of control flow, which is refused by its operator
    value = helper.get_attribute_value(attribute)
    if isinstance(value, TensorProto):
        return Fixed(numpy_helper.to_array(value))
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(v.decode() if isinstance(v, bytes) else v for v in value)
    return value


def _constant(node: Node) -> np.ndarray:
    (name, value), *_ = node.attributes
    if isinstance(value, Fixed):
        return value.array
    if name not in ("value_float", "value_floats", "value_int", "value_ints"):
        raise node.refuse(f"a constant of kind {name} has no JAX form here")
    return np.array(value, np.float32 if "float" in name else np.int64)


def _input(value: Value) -> Input:
    from onnx import helper

    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return Input(value.name, "", None)
    dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type) if kind.elem_type else np.dtype("f4")
    shape = None
    if kind.HasField("shape"):
        sizes = (d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
        shape = tuple(size if size and size > 0 else None for size in sizes)
    return Input(value.name, "" if dtype.kind in "OSU" else dtype.name, shape)


def _real_output(outputs: Sequence[Any]) -> str:
    """The first output of real numbers; probabilities in dictionaries count as such."""
    from onnx import helper

    for value in outputs:
        if value.type.HasField("sequence_type"):
            return value.name
        kind = value.type.tensor_type.elem_type
        if not kind or helper.tensor_dtype_to_np_dtype(kind).kind in "fV":
            return value.name
    names = ", ".join(value.name for value in outputs)
    raise NotConvertibleError(f"ONNX: expected an output of real numbers, got {names}")


def _needed(nodes: Sequence[Node], output: str) -> tuple[tuple[Node, ...], set[str]]:
    """The nodes that a value depends on, and the names of all values in them."""
    used, found = {output}, []
    for node in reversed(nodes):  # ONNX lists nodes in the order of their use
        if used & set(node.outputs):
            used |= set(node.inputs)
            found.append(node)
    return tuple(reversed(found)), used
