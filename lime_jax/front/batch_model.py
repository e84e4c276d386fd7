"""A model as the explainers call it: what it returns is checked, counted and named."""

from __future__ import annotations

from typing import Any

import numpy as np

from lime_jax import engine
from lime_jax.engine.work import Predictor
from lime_jax.front.returned import plain
from lime_jax.models.outputs import as_outputs, output_columns
from lime_jax.models.predict import DevicePredict, Model


class BatchModel:
    """A model that is called with batches of inputs, on the device or on the host.

    Later calls have to return as many outputs as the first.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.num_outputs: int | None = None
        self.output_columns: tuple[Any, ...] | None = None

    @property
    def on_device(self) -> bool:
        """Whether it runs inside the engine's programs; else it is called with NumPy batches."""
        return isinstance(self.model.predict, DevicePredict)

    @property
    def target(self) -> Predictor:
        """What the engine calls: a pytree on the device, or this model."""
        return self.model.predict if isinstance(self.model.predict, DevicePredict) else self

    @property
    def hidden_error(self) -> Exception | None:
        """What `host_predict` kept when it returned NaN, as no exception may leave a callback."""
        return getattr(getattr(self.model.predict, "fn", None), "error", None)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """The outputs of a model on the host for inputs that the engine makes."""
        return self.checked(self.model.predict(inputs), len(inputs))

    def predict_batch(self, inputs: np.ndarray) -> np.ndarray:
        """The outputs for inputs that were given, wherever the model runs."""
        if not self.on_device:
            return self(inputs)
        return self.checked(engine.predict_rows(self.model.predict, inputs), len(inputs))  # pyright: ignore[reportArgumentType]

    def checked(self, raw: object, count: int, first_row: int | None = None) -> np.ndarray:
        """What came back for `count` inputs, as (count, outputs) numbers."""
        raw = plain(raw)
        outputs = as_outputs(raw, count, self.num_outputs, first_row)
        self.num_outputs, self.output_columns = outputs.shape[1], output_columns(raw)
        return outputs
