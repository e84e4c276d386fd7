"""Scan: a graph for each slice of a value, such as the distances of each row to some points."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from lime_jax.models.onnx.operators import OPERATORS, operator, run
from lime_jax.models.onnx.reader import Body, Node, Value

_NUMBERS_AT_ONCE = 2**22  # of what all slices share, for each of some slices


@operator("Scan")
def _scan(node: Node, *values: Value) -> tuple[Value, ...]:
    body: Body = node.get("body")
    unknown = {inner.op for inner in body.nodes} - set(OPERATORS)
    if unknown or node.opset < 9:
        raise node.refuse(f"{unknown.pop() if unknown else 'its version'} has no JAX form in it")
    names = ("scan_input_axes", "scan_output_axes", "scan_input_directions")
    if any(number for name in names for number in node.get(name, ())):
        raise node.refuse("it goes backwards, or along another axis than the first")
    count = len(body.inputs) - node.get("num_scan_inputs")
    taken = dict(zip(body.taken, values[len(body.inputs) :], strict=True))
    state = values[:count]
    slices = tuple(map(jnp.asarray, values[count : len(body.inputs)]))

    def step(state: tuple[Value, ...], parts: tuple[Value, ...]) -> tuple[Value, Value]:
        inside = {"": None, **taken, **dict(zip(body.inputs, (*state, *parts), strict=True))}
        for inner in body.nodes:
            run(inner, inside)
        made = tuple(inside[name] for name in body.outputs)
        return made[:count], made[count:]

    if _keeps(body, count):  # no step waits for another
        rows = max(1, _NUMBERS_AT_ONCE // max(1, sum(math.prod(v.shape) for v in state)))
        stacked = jax.lax.map(lambda parts: step(state, parts)[1], slices, batch_size=rows)
        return (*state, *stacked)
    state, stacked = jax.lax.scan(step, tuple(map(jnp.asarray, state)), slices)
    return (*state, *stacked)


def _keeps(body: Body, count: int) -> bool:
    """Whether what goes from step to step stays as it is."""
    same = {node.outputs[0]: node.inputs[0] for node in body.nodes if node.op == "Identity"}
    before, after = body.inputs[:count], body.outputs[:count]
    return all(same.get(b, b) == a for a, b in zip(before, after, strict=True))
