"""A model of images: called with a batch of them, its outputs checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lime_jax.front.batch_model import BatchModel
from lime_jax.image import layout_hint
from lime_jax.image.read import ChannelAxis
from lime_jax.models.predict import Model
from lime_jax.typing import ModelLike


class ImageModel(BatchModel):
    """A model, and what is said when it refuses images."""

    def __init__(self, model: Model, channel_axis: ChannelAxis, handed: ModelLike) -> None:
        super().__init__(model)
        self.channel_axis: ChannelAxis = channel_axis
        self.expected = _expected_shape(handed)

    def predict_images(self, images: Sequence[np.ndarray], batch_size: int | None) -> np.ndarray:
        """The outputs for whole images, those of one size and dtype together."""
        kinds = [(image.shape, image.dtype) for image in images]
        rows = np.zeros(0, np.int64)
        parts = []
        for kind in dict.fromkeys(kinds):
            mine = np.flatnonzero([other == kind for other in kinds])
            rows = np.append(rows, mine)
            for start in range(0, len(mine), batch_size or 8):
                batch = np.stack([images[row] for row in mine[start : start + (batch_size or 8)]])
                parts.append(self._predict_batch(batch))
        return np.concatenate(parts)[np.argsort(rows)]

    def _predict_batch(self, batch: np.ndarray) -> np.ndarray:
        try:
            return self.predict_batch(batch)
        except Exception as error:
            wanted = "" if self.expected is None else f"; the model expects {self.expected}"
            error.add_note(
                f"raised when the model was called with images of shape {batch.shape} "
                f"({batch.dtype}){wanted}.{layout_hint(batch[0], self.channel_axis)}"
            )
            raise


def _expected_shape(model: ModelLike) -> str | None:
    """The shape that a Keras or ONNX model, or a session of onnxruntime, says it takes."""
    owner = getattr(model, "__self__", model)
    if isinstance(getattr(owner, "input_shape", None), tuple):
        return str(owner.input_shape)
    if hasattr(owner, "get_inputs"):
        return str(tuple(owner.get_inputs()[0].shape))
    if hasattr(owner, "graph") and len(getattr(owner.graph, "input", ())):  # an onnx.ModelProto
        sizes = owner.graph.input[0].type.tensor_type.shape.dim
        return str(tuple(size.dim_param or size.dim_value or None for size in sizes))
    return None
