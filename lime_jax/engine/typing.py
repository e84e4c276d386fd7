"""What the engine is called with: rows, models on the host, and who is told of finished rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lime_jax.typing import pytree

HostPredict = Callable[[np.ndarray], np.ndarray]
"""Inputs in float64 `(samples, ...)` to outputs `(samples, outputs)`."""

HostInputs = Callable[[Any], np.ndarray]
"""The domain's samples to a host model's inputs in float64."""

Progress = Callable[[int], None]
"""Called with the number of rows that are done since the last call."""


@pytree
class Rows:
    """Rows to explain.

    Attributes:
        instances: as the domain knows them, with a leading axis.
        labels: outputs to explain, (rows, labels); None: all.
    """

    instances: Any
    ids: Any
    labels: Any = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.ids)
