"""The classes of an ONNX classifier: those of its labels, not those of a model inside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lime_jax.models.labels import plain_label
from lime_jax.models.onnx.reader import Proto, Value

_ATTRIBUTES = ("classlabels_int64s", "classlabels_ints", "classlabels_strings")
_PASS = ("Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")
_AFTER_A_CLASSIFIER = ("Cast", "Identity", "Normalizer", "Reshape", "Softmax")
_CHOICES = ("ArrayFeatureExtractor", "Gather")


def output_classes(proto: Proto, output: str) -> tuple[Any, ...] | None:
    """The classes of an output's columns; None if there are none.

    Those of a ZipMap behind it; else what the labels beside it are chosen from; else those of the
    classifier that made it.
    """
    graph = proto.graph
    makers = {name: node for node in graph.node for name in node.output}
    zipped = makers.get(output)
    if zipped is not None and zipped.op_type == "ZipMap":
        return _plain(_labels(zipped))
    for value in graph.output:
        if value.name != output and _holds_labels(value):
            return _plain(_chosen_from(graph, makers, value.name))
    for node in _back(makers, output, _AFTER_A_CLASSIFIER):
        if labels := _labels(node):
            return _plain(labels)
    return None


def _chosen_from(graph: Proto, makers: dict[str, Any], name: str) -> tuple[Any, ...]:
    """What the labels of an output can be."""
    from onnx import numpy_helper

    fixed = {t.name: t for t in graph.initializer}
    for node in _back(makers, name, _PASS):
        if labels := _labels(node):
            return labels
        constant = fixed.get(node.input[0]) if node.op_type in _CHOICES else None
        if constant is not None:
            classes = np.ravel(numpy_helper.to_array(constant)).tolist()
            return tuple(c.decode() if isinstance(c, bytes) else c for c in classes)
    return ()


def _back(makers: dict[str, Any], name: str, passed: tuple[str, ...]) -> Iterator[Any]:
    """The node that makes a value, and those before it as long as it only passes values on."""
    while name in makers:
        node = makers[name]
        yield node
        if node.op_type not in passed:
            return
        name = node.input[0]


def _labels(node: Proto) -> tuple[Any, ...]:
    for attribute in node.attribute:
        if attribute.name in _ATTRIBUTES:
            found = tuple(attribute.ints) or tuple(attribute.strings)
            return tuple(c.decode() if isinstance(c, bytes) else c for c in found)
    return ()


def _holds_labels(value: Value) -> bool:
    from onnx import TensorProto

    kinds = (TensorProto.STRING, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
    return value.type.tensor_type.elem_type in kinds


def _plain(labels: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return tuple(map(plain_label, labels)) or None
