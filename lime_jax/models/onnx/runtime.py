"""onnxruntime: how a model is called on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lime_jax.models.onnx.evaluator import AnyInputs, batch_size, split_columns
from lime_jax.models.onnx.reader import Input, OnnxSource, Proto
from lime_jax.optional import require

_DTYPES = {"float": "float32", "double": "float64", "bool": "bool", "string": ""}


class RuntimePredict:
    """A session as a function of a NumPy batch."""

    def __init__(self, session: OnnxSource, output: str | None = None) -> None:
        self.session = session
        self.inputs = tuple(_input(entry) for entry in session.get_inputs())
        self.output = output or _real_output(session.get_outputs())
        self.batch = batch_size(self.inputs)

    def __call__(self, inputs: AnyInputs) -> np.ndarray:
        """The outputs for a batch; or for inputs by name."""
        if isinstance(inputs, Mapping):
            return self._run(inputs)
        inputs = np.asarray(inputs)
        if self.batch is None or len(inputs) == 0:
            return self._run(inputs)
        padding = np.repeat(inputs[:1], -len(inputs) % self.batch, axis=0)
        whole = np.concatenate([inputs, padding])
        parts = np.split(whole, len(whole) // self.batch)
        return np.concatenate([self._run(part) for part in parts])[: len(inputs)]

    def _run(self, inputs: AnyInputs) -> np.ndarray:
        (raw,) = self.session.run([self.output], _typed(inputs, self.inputs))
        if isinstance(raw, list) and raw and isinstance(raw[0], np.ndarray):
            return np.hstack(raw)  # of several targets
        if isinstance(raw, list):  # dictionaries of probabilities
            raw = np.array([[row[name] for name in raw[0]] for row in raw])
        return raw


def open_session(content: bytes | str, output: str | None) -> RuntimePredict:
    """Run a model by onnxruntime."""
    require("onnxruntime", extra="onnx", needed_by="this ONNX model")
    import onnxruntime

    return RuntimePredict(onnxruntime.InferenceSession(content), output)


def _typed(inputs: AnyInputs, entries: tuple[Input, ...]) -> dict[str, Any]:
    if isinstance(inputs, np.ndarray) and any(not entry.dtype for entry in entries):
        if len(entries) == 1:
            return {entries[0].name: inputs.astype(str)}
        columns = np.split(inputs, len(entries), axis=1)  # one for each input
        kinds = [np.dtype(entry.dtype or str) for entry in entries]
        return {
            entry.name: column.astype(kind)
            for entry, column, kind in zip(entries, columns, kinds, strict=True)
        }
    return split_columns(inputs, entries)


def _input(entry: Proto) -> Input:
    kind: str = entry.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in entry.shape)
    return Input(entry.name, _DTYPES.get(kind, kind), shape or None)


def _real_output(outputs: Any) -> str:
    real = ("tensor(float", "tensor(double", "seq(map", "seq(tensor(float")
    for entry in outputs:
        if entry.type.startswith(real):
            return entry.name
    names = ", ".join(entry.name for entry in outputs)
    raise ValueError(f"`model`: expected an output of real numbers, got {names}")
