"""What a graph makes of its weights alone is worked out once: whole numbers that stand for real."""

from __future__ import annotations

import dataclasses

import numpy as np

from lime_jax.models.onnx.operators import OPERATORS
from lime_jax.models.onnx.reader import Fixed, Graph, weights_of

_FOLDED = frozenset(
    {"Add", "Cast", "Concat", "DequantizeLinear", "Div", "Identity", "Mul", "Reshape", "Squeeze"}
    | {"Sub", "Transpose", "Unsqueeze"}
)
"""Operators that stay in NumPy where all that they take is known."""


def folded(graph: Graph, weights: dict[str, np.ndarray]) -> tuple[Graph, dict[str, np.ndarray]]:
    """The graph without the nodes that take nothing but weights, and the weights with theirs.

    Weights of eight bits become real numbers: leaves, where they were a part of the program.
    """
    known = {name: fixed.array for name, fixed in graph.fixed} | weights
    nodes = []
    for node in graph.nodes:
        arguments = [name for name in node.inputs if name]
        if node.op not in _FOLDED or not arguments or not all(name in known for name in arguments):
            nodes.append(node)
            continue
        made = OPERATORS[node.op](node, *(known[name] if name else None for name in node.inputs))
        known[node.outputs[0]] = np.asarray(made)
    used = {name for node in nodes for name in node.inputs} | {graph.output}
    left = {name: array for name, array in known.items() if name in used}
    real = weights_of(nodes, left)
    fixed = tuple((name, Fixed(array)) for name, array in left.items() if name not in real)
    return dataclasses.replace(graph, nodes=tuple(nodes), fixed=fixed), real
