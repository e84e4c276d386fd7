"""`SeriesExplanations`: the explanations of a batch of series, with the series themselves."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from lime_jax.results.explanation import Explanation
from lime_jax.results.explanations import Explanations
from lime_jax.results.names import counts_of_rows
from lime_jax.series.arrays import SeriesArrays
from lime_jax.series.explanation import SeriesExplanation


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SeriesExplanations(SeriesArrays, Explanations):
    """The explanations of a batch of series; the features are each series' own segments.

    As `Explanations`, where `values` are how many numbers each segment has, and `std_error` is NaN
    for a segment that a series does not have.

    Attributes:
        series: the series, each (time,) or (time, channels).
        segments: for each an Int32 array (time, channels) of the number's segment, from 0.
        times: of the steps of each; whole numbers from 0 where none came with them.
        channels: their names; empty where a series has one number at a time.

    Raises:
        ValueError: if these are not of as many series, or a segmentation has another shape.

    Example:
        >>> import numpy as np
        >>> import lime_jax
        >>> X = np.random.default_rng(0).normal(size=(4, 12))
        >>> explainer = lime_jax.SeriesExplainer(segments=3)
        >>> explanations = explainer.explain(X, lambda batch: batch[:, 8:].mean(1))
        >>> explanations.coef.shape, explanations[0].as_list()[0][0]
        ((4, 1, 3), 'steps 8 to 11')
    """

    kind: ClassVar[str] = "series"
    row_class: ClassVar[type[Explanation]] = SeriesExplanation

    def _how_many_features(self) -> str:
        return counts_of_rows(self.present, "segments")
