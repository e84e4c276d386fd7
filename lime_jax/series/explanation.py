"""`SeriesExplanation`: one series of `SeriesExplanations`, with views."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from lime_jax.results.explanation import Explanation
from lime_jax.series.arrays import SeriesArrays
from lime_jax.typing import Scalar
from lime_jax.views.shaded import ShadedSeries

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SeriesExplanation(Explanation):
    """The explanation of one series, with the methods of `lime`'s.

    Example:
        >>> series_explanation = series_explanations[0]
        >>> series_explanation.row_name, series_explanation.series.shape
        ('series 0', (6, 2))
    """

    explanations: SeriesArrays

    @property
    def series(self) -> np.ndarray:
        """(time,) or (time, channels) the series as it was explained."""
        return self.explanations.series[self.row]

    @property
    def segments(self) -> Int[np.ndarray, "time channels"]:
        """(time, channels) number of each value's segment."""
        return self.explanations.segments[self.row]

    @property
    def times(self) -> np.ndarray:
        """(time,) of the steps."""
        return self.explanations.times[self.row]

    @property
    def method(self) -> str:
        """How this series was explained: "exact" where all masks were asked, else "sampled"."""
        return "exact" if self.explanations.asked_all(self.row) else "sampled"

    def heatmap(self, label: Scalar = None) -> Float[np.ndarray, "time channels"]:
        """The weight of each number's segment.

        Args:
            label: class, name or number of an output; None: the predicted class.

        Returns:
            (time, channels) in units of the output; 0 where not selected.

        Example:
            >>> series_explanation.heatmap().shape
            (6, 2)
        """
        position = self.explanations.position(self.row, label)
        return self.explanations.coef[self.row, position].astype(np.float64)[self.segments]

    def _shaded(self, label: Scalar) -> ShadedSeries:
        """What figures and pages show."""
        position = self.explanations.position(self.row, label)
        count = int(self.segments.max()) + 1
        return ShadedSeries(
            values=self.series.reshape(len(self.series), -1).astype(np.float64),
            times=self.times,
            channels=self.explanations.channels,
            segments=self.segments,
            names=self.explanations.names_of_segments[self.row],
            weights=self.explanations.coef[self.row, position, :count].astype(np.float64),
            half_widths=self._half_widths(position)[:count],
            label=self.label_name(label),
            title=self.row_name,
        )

    def pictures(self, num_features: int | None = 10, label: Scalar = None) -> list[Any]:
        """The series, each segment shaded by its weight.

        Args:
            num_features: not looked at: all segments are shaded.
            label: class, name or number of an output; None: the predicted class.

        Returns:
            What the page shows above the weights.

        Example:
            >>> len(series_explanation.pictures())
            1
        """
        del num_features
        return [self._shaded(label)]

    def plot(self, label: Scalar = None) -> Figure:
        """The series, each segment shaded by its weight: blue raises the output, orange lowers it.

        Segments whose 95 % interval holds 0 are hatched.

        Args:
            label: class, name or number of an output; None: the predicted class.

        Returns:
            A matplotlib figure, a panel for each channel.

        Raises:
            ImportError: if matplotlib is missing.

        Example:
            >>> series_explanation.plot().savefig(folder / "series.png")
        """
        from lime_jax.views.plots import shaded_series

        return shaded_series(self._shaded(label))

    def _notes(self) -> tuple[str, ...]:
        players = int(self.explanations.present[self.row].sum())
        if self.method == "exact":
            return (
                f"All {2**players:,} series with some of its {players} segments hidden were asked.",
            )
        return self.explanations.notes_of_errors(self.row, "segments")
