"""A model and its numbers, relative to what it compares them with: 32 bits hold those.

Timestamps 20 s apart are one number in 32 bits. So numbers become ranks among the thresholds of
trees, or distances from the mean of a background, on the host in float64.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float64

from lime_jax.models.structure import Additive, TreeSum
from lime_jax.models.trees.thresholds import ranks

__all__ = ["Relative", "make_relative"]


@dataclasses.dataclass(frozen=True, eq=False)
class Relative:
    """How to move the numbers of a table.

    Attributes:
        center: that is subtracted from each column.
        thresholds: by column, those that its numbers become ranks among; None: they stay.
    """

    center: Float64[np.ndarray, " features"]
    thresholds: tuple[Float64[np.ndarray, " _"] | None, ...]

    def __call__(
        self, values: Float64[np.ndarray, "rows features"]
    ) -> Float64[np.ndarray, "rows features"]:
        """Move numbers; NaN and level codes stay."""
        moved = values - self.center
        for column, thresholds in enumerate(self.thresholds):
            if thresholds is not None:
                moved[:, column] = ranks(values[:, column], thresholds)
        return moved


def make_relative(
    structure: TreeSum | Additive,
    background: Float64[np.ndarray, "background features"],
    weights: Float64[np.ndarray, " background"],
) -> tuple[TreeSum | Additive, Relative]:
    """Move a model, and say how to move its numbers.

    Returns:
        The model that says of moved numbers what `structure` says of the numbers; and the move.

    Example:
        >>> lines = Additive(np.zeros(1), np.zeros(1), np.ones((1, 1)), np.zeros((1, 1)),
        ...     np.zeros((0, 1)), np.zeros(2, np.int32))
        >>> moved, relative = make_relative(lines, np.array([[5.0], [7.0]]), np.array([0.5, 0.5]))
        >>> moved.shift.tolist(), relative(np.array([[5.0]])).tolist()
        ([-6.0], [[-1.0]])
    """
    features = structure.num_features
    if isinstance(structure, Additive):
        there = ~np.isnan(background)
        mean = weights @ np.where(there, background, 0) / np.maximum(weights @ there, 1e-300)
        center = np.where(np.diff(structure.level_offsets) > 0, 0.0, mean)
        moved = dataclasses.replace(structure, shift=structure.shift - center)
        return moved, Relative(center, (None,) * features)
    thresholds: list[np.ndarray | None] = [None] * features
    threshold = structure.threshold.copy()
    numeric = (structure.column >= 0) & (structure.level_set < 0)
    for column in np.unique(structure.column[numeric]):
        mine = numeric & (structure.column == column)
        thresholds[column] = known = np.unique(structure.threshold[mine])
        # `value <= known[i]` is `rank <= i`.
        threshold[mine] = np.searchsorted(known, structure.threshold[mine])
    moved = dataclasses.replace(structure, threshold=threshold)
    assert isinstance(moved, TreeSum)
    return moved, Relative(np.zeros(features), tuple(thresholds))
