"""How much each feature matters over rows, with what is not known of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lime_jax.fits.intervals import interval_half_widths


class Importance(NamedTuple):
    """Mean |weight| over rows, of each feature.

    Attributes:
        size: (features,).
        std_error: (features,) as a sample of rows.

    Example:
        >>> Importance(np.array([1.0]), np.array([0.1])).interval[0].round(3).tolist()
        [0.804]
    """

    size: np.ndarray
    std_error: np.ndarray

    @property
    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """(features,) the ends of 95 % intervals, none below 0."""
        half = interval_half_widths(self.std_error, None)
        return np.maximum(self.size - half, 0), self.size + half
