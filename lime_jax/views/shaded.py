"""A series and the weights of its segments, as figures and pages show it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int


@dataclasses.dataclass(frozen=True, eq=False)
class ShadedSeries:
    """A series of a page or a figure.

    Attributes:
        channels: their names; none: there is one without a name.
        names: of the segments.
        weights: of the segments.
        half_widths: of their intervals; 0: exact, NaN: not selected.
        label: of the output that the weights are of.
        title: what the series is called.
    """

    values: Float[np.ndarray, "time channels"]
    times: np.ndarray
    channels: Sequence[str]
    segments: Int[np.ndarray, "time channels"]
    names: Sequence[str]
    weights: Float[np.ndarray, " segments"]
    half_widths: Float[np.ndarray, " segments"]
    label: str
    title: str

    @property
    def clear(self) -> np.ndarray:
        """(segments,) whether the interval tells the weight from 0."""
        return np.abs(self.weights) > np.nan_to_num(self.half_widths)

    def channels_shown(self, most: int) -> list[int]:
        """Numbers of channels: those with the largest weights, in their order."""
        size = np.abs(self.weights)[self.segments].sum(0)
        return sorted(np.argsort(-size, kind="stable")[:most].tolist())

    def runs(self, channel: int) -> list[tuple[int, int, int]]:
        """First step, step after the last, and segment of each stretch of a channel."""
        column = self.segments[:, channel]
        edges = [0, *(np.flatnonzero(np.diff(column)) + 1).tolist(), len(column)]
        return [(a, b, int(column[a])) for a, b in itertools.pairwise(edges)]
