"""The fits of a batch of series: those of one shape, and about as many players, together."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property

import jax
import numpy as np

from lime_jax.engine import budget
from lime_jax.engine.work import RowNumbers
from lime_jax.front.call import Outcome
from lime_jax.masked.fits import Asked, MaskTask, mask_fits, width_of
from lime_jax.masked.ways import Ways
from lime_jax.series.domain import SeriesDomain, SeriesInstance
from lime_jax.series.fills import filled
from lime_jax.series.settings import SeriesLimeSettings, SeriesShapSettings
from lime_jax.stages.masks import MaskSamples
from lime_jax.typing import replaced


@dataclasses.dataclass(frozen=True, eq=False)
class SeriesTask(MaskTask):
    """Series to explain, and how.

    Attributes:
        segments: player of each number, by series.
        fills: what hidden numbers show, by series.
        background: (rows, time, ...) series that they are taken from instead; None: there is none.
    """

    instance = "series"

    settings: SeriesLimeSettings | SeriesShapSettings
    series: Sequence[np.ndarray]
    segments: Sequence[np.ndarray]
    fills: Sequence[np.ndarray]
    background: np.ndarray | None

    @property
    def batch_size(self) -> int | None:
        """Series of one call of a model on the host, at most."""
        return self.request.options.batch_size

    @cached_property
    def ways(self) -> Ways:
        """Series of one shape go one way, so many at once that copies of them stay small."""
        seen: dict[str, int] = {}
        ways = []
        for one, segments in zip(self.series, self.brief, strict=True):
            shape = f"{one.shape} {one.dtype} {segments.shape}"
            number = seen[shape] = seen.get(shape, -1) + 1
            ways.append(f"{shape} {number // budget.rows_per_call(4 * one.nbytes, 2**14):09d}")
        return Ways(np.array(ways, object), np.full(len(ways), -1), "", {})

    @cached_property
    def brief(self) -> list[np.ndarray]:
        """The segments as they are looked up: (time,), (time, 1) if all channels agree, or all."""
        found = []
        for one, segments in zip(self.series, self.segments, strict=True):
            alike = (segments == segments[:, :1]).all()
            of_steps = segments[:, 0] if one.ndim == 1 else segments[:, :1]
            found.append(of_steps if one.ndim == 1 or alike else segments)
        return found

    @property
    def each(self) -> int:
        """Series that one sample has."""
        return 1 if self.background is None else len(self.background)

    def masked(self, row: int, masks: np.ndarray) -> np.ndarray:
        """(masks, [background,] time, ...) a series under masks, in its own precision."""
        series = self.series[row]
        shown = np.take(masks, self.brief[row], axis=1)
        if self.background is None:
            return filled(series, self.fills[row], shown, self.settings.how, np)
        return filled(series, self.background.astype(series.dtype), shown[:, None], "", np)

    def outputs(self, rows: list[int], masks: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """What the model says under masks; series of one shape are asked together."""
        said: list[np.ndarray] = []
        for batch in self._batches(rows, masks):
            for part, is_last in zip(self._said(batch), [last for *_, last in batch], strict=True):
                said.append(part)
                if is_last:
                    yield np.concatenate(said)
                    said = []

    def _batches(
        self, rows: list[int], masks: Sequence[np.ndarray]
    ) -> Iterator[list[tuple[int, np.ndarray, bool]]]:
        """Rows of one shape, masks of each, and whether these are its last; as memory allows."""
        batch: list[tuple[int, np.ndarray, bool]] = []
        size, before = 0, None
        for row, some in zip(rows, masks, strict=True):
            one = self.series[row]
            numbers, shape = self.each * one.size, (one.shape, one.dtype)
            most = max(1, budget.numbers_per_host_call(numbers) // numbers)
            for start in range(0, len(some), most):
                part = some[start : start + most]
                if batch and (shape != before or size + len(part) > most):
                    yield batch
                    batch, size = [], 0
                batch.append((row, part, start + most >= len(some)))
                size, before = size + len(part), shape
        if batch:
            yield batch

    def _said(self, batch: list[tuple[int, np.ndarray, bool]]) -> list[np.ndarray]:
        """The model's outputs for each part of a batch, averaged over the background."""
        shape = self.series[batch[0][0]].shape
        inputs = np.concatenate([self.masked(row, some) for row, some, _ in batch])
        flat = inputs.reshape(-1, *shape)
        step = self.batch_size or len(flat)
        parts = [
            self.model.predict_batch(flat[start : start + step])
            for start in range(0, len(flat), step)
        ]
        outputs = np.concatenate(parts).reshape(len(inputs), self.each, -1).mean(1)
        return np.split(outputs, np.cumsum([len(some) for _, some, _ in batch])[:-1])

    def asked(self, rows: np.ndarray) -> Asked:
        """How the engine asks the model of series of one shape."""
        width, series = width_of(self, rows), [self.series[row] for row in rows]
        present = np.arange(width) < self.players[rows][:, None]
        size = self.each * series[0].size
        domain = SeriesDomain(size, self.background, self._shares, self.settings.how)
        if not self.model.on_device:
            # Series are made on the host; what draws masks and fits need not know of them, so that
            # it is one program for series of many lengths.
            planned = replaced(domain, background=None)
            planned = dataclasses.replace(planned, sample_size=2 ** (size - 1).bit_length(), how="")
            seen = SeriesInstance(present, None, None, None)
            return planned, seen, self.model.target, self._on_host(rows, width)
        fills = None if self.background is not None else np.stack([self.fills[r] for r in rows])
        segments = np.stack([self.brief[row] for row in rows])
        instances = SeriesInstance(present, np.stack(series), fills, segments)
        return domain, instances, self.model.target, self._on_host(rows, width)

    @property
    def _shares(self) -> np.ndarray | None:
        """The weight of each series of the background."""
        if self.background is None:
            return None
        return np.full(self.each, 1 / self.each, jax.numpy.result_type(float))

    def _on_host(self, rows: np.ndarray, width: int) -> "HostSeries":
        return HostSeries(self, rows, width)


@dataclasses.dataclass(frozen=True, eq=False)
class HostSeries:
    """Masks of some of a task's series to what a host model is called with."""

    task: SeriesTask
    rows: np.ndarray
    width: int

    def __call__(self, samples: MaskSamples, taken: RowNumbers) -> np.ndarray:
        """(rows, units, samples, [background,] time, ...)."""
        masks = np.asarray(samples.masks)
        found = [
            self.task.masked(row, of_row.reshape(-1, self.width))
            for row, of_row in zip(self.rows[taken].tolist(), masks, strict=True)
        ]
        return np.stack(found).reshape(*masks.shape[:3], *found[0].shape[1:])


def series_fits(task: SeriesTask) -> Outcome:
    """Explain series."""
    counts = [np.bincount(one.reshape(-1)) for one in task.segments]
    values = np.array(list(itertools.zip_longest(*counts, fillvalue=0)), np.float64).T
    return mask_fits(task, values, values > 0)
