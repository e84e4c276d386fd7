"""What the device makes of rows alone: a model's outputs, and a host model's inputs."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from lime_jax.engine import budget, programs
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import Array, Domain, Pytree


def render(domain: Domain, instances: Pytree, samples: Pytree) -> Array:
    """Inputs of a host model, made on the device."""
    return programs.render(domain, instances, samples)


def predict_rows(model: DevicePredict[Any], inputs: np.ndarray) -> np.ndarray:
    """What a device model says of rows, in chunks of few shapes."""
    most = 2**11 if jax.default_backend() == "cpu" else 2**16
    size = budget.rows_per_call(64 * inputs[0].nbytes, most)
    size = min(size, 2 ** (len(inputs) - 1).bit_length())  # few shapes: powers of two
    parts = []
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        if len(part) < size:
            part = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
        parts.append(programs.predict_rows(model, part))
    return np.concatenate([np.asarray(part) for part in parts])[: len(inputs)]


def predict_by_blocks(model: DevicePredict[Any], inputs: np.ndarray) -> np.ndarray:
    """What a converted model says of rows, by one program for any number of them."""
    size, block = (2**11, 2**9) if jax.default_backend() == "cpu" else (2**16, 2**16)
    block = budget.rows_per_call(64 * inputs[0].nbytes, block)
    size, parts = max(block, budget.rows_per_call(64 * inputs[0].nbytes, size)), []
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        count = len(part)
        padded = np.concatenate([part, np.repeat(part[:1], size - count, axis=0)])
        said = programs.predict_blocks(model, padded, count=count, block=block)
        parts.append(np.asarray(said)[:count])
    return np.concatenate(parts)
