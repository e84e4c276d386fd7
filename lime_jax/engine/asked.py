"""The outputs that rows ask for: those of many that none does are dropped as the model returns."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lime_jax.engine.work import HostPredict, Predictor, Work
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import AnyArray, Int, pytree, replaced

MANY = 32
"""Outputs of a model; of fewer, one program serves whatever labels are asked for."""

_FEWEST = 16
"""Outputs where rows ask for different ones; more of them come in powers of two."""


@pytree
class SomeOutputs:
    """Some of the outputs of a JAX model."""

    which: Int[Any, " outputs"]

    def __call__(self, outputs: AnyArray) -> AnyArray:
        """These of a batch."""
        return outputs[:, self.which]


def of_asked_outputs(work: Work[Any]) -> Work[Any]:
    """The same rows, whose labels count the outputs that are left.

    Returns:
        Work without labels where each row asks for all outputs in their order. For a shared
        neighborhood, which has all outputs of all samples at once, the model returns those of many
        that some row asks for; rows with neighborhoods of their own take theirs by themselves.
    """
    labels, count = work.rows.labels, work.num_outputs
    if labels is None or count is None or not len(labels):
        return work
    alike = bool((labels == labels[:1]).all())
    if alike and np.array_equal(labels[0], np.arange(count)):
        return _asking(work, None)
    if count < MANY or not work.domain.shared:
        return work
    outputs = labels[0] if alike else _padded(np.unique(labels))
    if len(outputs) > count // 2:
        return work
    model = _some_outputs(work.model, outputs)
    # What was kept of another call may be of other outputs.
    work = dataclasses.replace(work, model=model, num_outputs=len(outputs), said=None)
    return _asking(work, None if alike else np.searchsorted(outputs, labels))


def _asking(work: Work[Any], labels: np.ndarray | None) -> Work[Any]:
    labels = None if labels is None else labels.astype(np.int32)
    return dataclasses.replace(work, rows=replaced(work.rows, labels=labels))


def _padded(outputs: np.ndarray) -> np.ndarray:
    """Outputs in one of few numbers, the last of them several times."""
    size = max(_FEWEST, 2 ** (len(outputs) - 1).bit_length())
    return np.append(outputs, np.repeat(outputs[-1:], size - len(outputs)))


def _some_outputs(model: Predictor, outputs: np.ndarray) -> Predictor:
    if isinstance(model, DevicePredict):
        return model.then(SomeOutputs(outputs.astype(np.int32)))
    on_host: HostPredict = model
    return lambda inputs: np.take(on_host(inputs), outputs, axis=1)
