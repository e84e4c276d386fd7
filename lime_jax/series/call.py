"""One call of `SeriesExplainer.explain`: series, their segments, and what hidden ones show."""

from __future__ import annotations

import numpy as np

from lime_jax.front import call
from lime_jax.models.opening import as_predict_fn
from lime_jax.series.explanations import SeriesExplanations
from lime_jax.series.fills import backgrounds, fill_of
from lime_jax.series.fits import SeriesTask, series_fits
from lime_jax.series.model import SeriesModel
from lime_jax.series.read import SeriesRows
from lime_jax.series.segmentation import segments_of_all
from lime_jax.series.settings import SeriesLimeSettings, SeriesShapSettings
from lime_jax.typing import LinearFit, ModelLike


class SeriesCall(call.Call[SeriesModel, SeriesExplanations]):
    """Series to be explained."""

    def __init__(
        self,
        explainer: call.CommonSettings,
        settings: SeriesLimeSettings | SeriesShapSettings,
        rows: SeriesRows,
    ) -> None:
        self.explainer, self.settings, self.X = explainer, settings, rows
        self.rows = rows
        self.segments = segments_of_all(rows.series, settings.segments)
        self.background = backgrounds(rows.series, settings.hide)
        self.prediction = np.zeros((0, 0))

    def __len__(self) -> int:
        """Number of series."""
        return len(self.rows)

    def content_ids(self) -> np.ndarray:
        """A hash of each series."""
        return self.rows.content_ids()

    def open_model(self, model: ModelLike) -> SeriesModel:
        """See what a model is."""
        return SeriesModel(as_predict_fn(model, self.explainer.output))

    def predict(self, model: SeriesModel, batch_size: int | None) -> np.ndarray:
        """The model's outputs for whole series."""
        self.prediction = model.predict_series(self.rows.series, batch_size)
        return self.prediction

    def fit(self, model: SeriesModel, request: call.Request) -> list[call.Outcome]:
        """Explain the series: one outcome."""
        settings, series = self.settings, self.rows.series
        fills = []
        if self.background is None:
            fills = [
                fill_of(one, settings.hide, settings.seed, int(row_id))
                for one, row_id in zip(series, request.ids, strict=True)
            ]
        players = np.array([int(one.max()) + 1 for one in self.segments], np.int64)
        of_rows = (players, self.prediction, request, series, self.segments, fills)
        return [series_fits(SeriesTask(settings, model, *of_rows, self.background))]

    def pack(self, fit: LinearFit, **fields: object) -> SeriesExplanations:
        """The explanations, with the series."""
        return SeriesExplanations.of_fit(
            fit,
            **fields,
            series=self.rows.series,
            segments=tuple(self.segments),
            times=self.rows.times,
            channels=self.rows.channels,
        )
