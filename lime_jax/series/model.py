"""A model of series: called with batches of one shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lime_jax.engine import budget
from lime_jax.front.batch_model import BatchModel


class SeriesModel(BatchModel):
    """A model of batches (rows, time) or (rows, time, channels)."""

    def predict_series(self, series: Sequence[np.ndarray], batch_size: int | None) -> np.ndarray:
        """The outputs for whole series, those of one shape and precision together."""
        groups: dict[tuple[object, str], list[int]] = {}
        for row, one in enumerate(series):
            groups.setdefault((one.shape, one.dtype.str), []).append(row)
        order, parts = [], []
        for rows in groups.values():
            size = series[rows[0]].size
            most = batch_size or max(1, budget.numbers_per_host_call(size) // size)
            for start in range(0, len(rows), most):
                some = rows[start : start + most]
                order += some
                parts.append(self._said(np.stack([series[row] for row in some])))
        return np.concatenate(parts)[np.argsort(order)]

    def _said(self, batch: np.ndarray) -> np.ndarray:
        try:
            return self.predict_batch(batch)
        except Exception as error:
            error.add_note(
                f"raised when the model was called with series of shape {batch.shape} "
                f"({batch.dtype})"
            )
            raise
