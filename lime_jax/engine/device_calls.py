"""What the device makes of rows alone: a model's outputs, and a host model's inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.engine import budget, programs
from lime_jax.models.predict import DevicePredict
from lime_jax.placing import placed
from lime_jax.sizes import size_for
from lime_jax.typing import AnyArray, Array, Domain, Pytree


def render(domain: Domain, instances: Pytree, samples: Pytree) -> Array:
    """Inputs of a host model, made on the device."""
    return programs.render(domain, instances, samples)


def predict_rows(
    model: DevicePredict[Any],
    rows: np.ndarray,
    inputs_of: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> np.ndarray:
    """What a device model says of rows, in chunks of few shapes; where it can be, of one.

    Args:
        inputs_of: the model's inputs, made of some rows at a time.
    """
    first = inputs_of(rows[:1])[0]
    if model.by_rows:
        shape = _Shape.of(len(first))
        starts = range(0, len(rows), shape.rows)
        parts = (shape.pad(inputs_of(rows[start : start + shape.rows])) for start in starts)
        return _predict_by_blocks(model, parts, len(rows), shape)
    most = 2**11 if jax.default_backend() == "cpu" else 2**16
    size = budget.rows_per_call(64 * first.nbytes, most)
    size = min(size, 2 ** (len(rows) - 1).bit_length())  # few shapes: powers of two
    parts = []
    for start in range(0, len(rows), size):
        part = inputs_of(rows[start : start + size])
        if len(part) < size:
            part = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
        parts.append(programs.predict_rows(model, part))
    return np.concatenate([np.asarray(part) for part in parts])[: len(rows)]


def predict_samples(
    model: DevicePredict[Any], domain: Domain, samples: Pytree, effort: str
) -> Array:
    """What a model that takes rows one by one says of units of a shared neighborhood.

    By the program that rows themselves are predicted by; (units, samples, outputs).
    """
    units, size = jax.tree.leaves(samples)[0].shape[:2]
    shape = _Shape.of(domain.sample_size)
    without_steps = dataclasses.replace(model, steps=())
    parts = programs.sample_inputs(domain, samples, shape.rows, shape.columns, effort=effort)
    outputs = _predict_by_blocks(without_steps, parts, units * size, shape)
    outputs = outputs.reshape(units * size, -1).astype(jnp.result_type(float))
    # Here, not in one more program; the model's own arrays stay where they are.
    on_host = dataclasses.replace(model, steps=jax.tree.map(np.asarray, model.steps))
    return placed(np.asarray(on_host.finish(outputs)).reshape(units, size, -1))


@dataclasses.dataclass(frozen=True)
class _Shape:
    """What rows are padded to, so that few programs serve models of similar size.

    Attributes:
        rows: in a call.
        columns: of each.
        block: rows that a model sees at a time.
    """

    rows: int
    columns: int
    block: int

    @classmethod
    def of(cls, columns: int) -> _Shape:
        """For rows of so many columns."""
        rows, block = (2**11, 2**9) if jax.default_backend() == "cpu" else (2**16, 2**16)
        room = size_for(columns, least=16, parts=1)
        row_bytes = 64 * room * jnp.dtype(jnp.result_type(float)).itemsize
        block = budget.rows_per_call(row_bytes, block)
        return cls(max(block, budget.rows_per_call(row_bytes, rows)), room, block)

    def pad(self, inputs: np.ndarray) -> np.ndarray:
        """At most so many rows, with zeros behind."""
        rows, columns = inputs.shape
        return np.pad(inputs, ((0, self.rows - rows), (0, self.columns - columns)))


def _predict_by_blocks(
    model: DevicePredict[Any], parts: Iterable[AnyArray], count: int, shape: _Shape
) -> np.ndarray:
    """Outputs of so many rows, which come in padded parts; only the last is not full."""
    said = []
    numbers = sum(leaf.size for leaf in jax.tree.leaves(model))
    # By the model alone: a row has the same outputs in any call.
    asked = {"block": shape.block, "effort": "light" if numbers > budget.MANY_NUMBERS else "full"}
    for number, part in enumerate(parts):
        rows = min(shape.rows, count - number * shape.rows)
        said.append(np.asarray(programs.predict_blocks(model, part, count=rows, **asked)))
    return np.concatenate(said)[:count]
