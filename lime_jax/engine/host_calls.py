"""Calls of a model on the host: in batches, and while the device makes the next inputs.

It is called between two programs and not inside one, so its exceptions are its own.
"""

from __future__ import annotations

import jax
import numpy as np

from lime_jax.engine import budget
from lime_jax.engine.work import HostPredict, RowNumbers, Work
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import AnyArray, Method, Pytree


def call_on_samples(
    work: Work[Method], samples: Pytree, numbers: RowNumbers, what: str
) -> np.ndarray:
    """A host model's outputs for samples (rows, units, samples, ...), averaged over the background.

    Of each row's samples those that the row asks for.

    Inputs are made for some samples at a time: those of an image take a thousand times as much
    memory as its masks.
    """
    domain, batch_size = work.domain, work.batch_size
    assert not isinstance(work.model, DevicePredict)
    weights = domain.background_weights
    rows, units, size = jax.tree.leaves(samples)[0].shape[:3]
    lead = 3 if weights is None else 4
    each = 1 if weights is None else len(weights)
    wanted = 0 if batch_size is None else batch_size * domain.sample_size // each
    few = budget.numbers_per_host_call(domain.sample_size)
    step = budget.units_per_call(size, rows * units * domain.sample_size, max(few, wanted))
    labels = None if work.rows.labels is None else work.rows.labels[numbers]

    def inputs_from(start: int) -> AnyArray:
        some = jax.tree.map(lambda leaf: leaf[:, :, start : start + step], samples)
        return work.host_inputs(some, numbers)

    parts: list[np.ndarray] = []
    following: AnyArray | None = inputs_from(0)
    for start in range(step, size + step, step):
        inputs = following
        assert inputs is not None
        # JAX returns before it is done: the next pictures are made while the model sees these.
        following = inputs_from(start) if start < size else None
        if isinstance(inputs, jax.Array):
            inputs = np.array(inputs)  # a copy: a model may write into what it is called with
        parts.append(call_in_batches(work.model, inputs, lead, batch_size, what, labels))
    y = np.concatenate(parts, axis=2)
    if weights is None:
        return y
    share = np.asarray(weights, y.dtype)
    # In 32 bits they do not quite add up to 1, which shows where outputs are far from 0.
    return np.einsum("rusko,k->ruso", y, share / share.sum())


def call_in_batches(
    model: HostPredict,
    inputs: np.ndarray,
    lead: int,
    batch_size: int | None,
    what: str,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """A host model's outputs for inputs with `lead` leading axes.

    Args:
        labels: outputs to keep, (rows, labels), where the first axis is of rows; None: all.
    """
    flat = inputs.reshape(-1, *inputs.shape[lead:])
    step = batch_size or len(flat)
    each = 1 if labels is None else len(flat) // len(labels)  # inputs of a row
    outputs = []
    for start in range(0, len(flat), step):
        try:
            some = model(flat[start : start + step])
        except Exception as error:
            error.add_note(f"raised while lime_jax called the model on {what}")
            raise
        if labels is not None:
            row = np.arange(start, start + len(some)) // each
            some = np.take_along_axis(some, labels[row], axis=1)
        outputs.append(some)
    return np.concatenate(outputs).reshape(*inputs.shape[:lead], -1)
