"""How the model is asked about each instance: by rows on the device or the host, or otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from lime_jax import engine
from lime_jax.front.batch_model import BatchModel
from lime_jax.masked.counted_domain import CountedInstance
from lime_jax.masked.linear_heads import LinearHead, counted_instances
from lime_jax.masked.rows import Csr, PlayerRows, RowAnswers, RowPipeline, RowsUnderMasks

DEVICE, HOST = "device", "host"

NEAR = 2e-4
"""By what outputs in 32 bits may differ, of 1 or of their size."""


@dataclasses.dataclass(frozen=True, eq=False)
class Ways:
    """Which way each instance takes; all give the same.

    Attributes:
        way: (instances,) such as `DEVICE` and `HOST`; "" where nothing is hidden.
        place: (instances,) of one among `rows`; -1: it is not there.
        why: what keeps the model from being asked by rows on the device.
        words: what the ways are called.
    """

    way: np.ndarray
    place: np.ndarray
    why: str
    words: Mapping[str, str]
    pipeline: RowAnswers | None = None
    rows: RowsUnderMasks | None = None
    head: LinearHead | None = None

    @cached_property
    def route(self) -> str:
        """The ways in words."""
        numbers = {way: int((self.way == way).sum()) for way in self.words}
        taken = [f"{numbers[way]:,} by {said}" for way, said in self.words.items() if numbers[way]]
        return ", ".join(taken) + (f" ({self.why})" if self.why else "")

    def outputs(self, model: BatchModel, row: int, masks: np.ndarray) -> np.ndarray:
        """What the model says of an instance under masks, by its rows."""
        assert self.pipeline is not None
        assert self.rows is not None
        rows = self.rows.masked(int(self.place[row]), masks)
        return model.checked(self.pipeline.outputs(rows), len(masks))

    def sums(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Of an instance whose outputs are sums: what is always there, and each player's part.

        (outputs,) and (outputs, players), where outputs are linear scores.
        """
        assert self.pipeline is not None
        assert isinstance(self.rows, PlayerRows)
        assert self.head is not None
        place = int(self.place[row])
        start, stop = self.rows.start[place : place + 2]
        slopes = self.head.slopes(self.rows.added[start:stop]).T
        nothing = self.rows.masked(place, np.zeros((1, stop - start), bool))
        return np.asarray(self.pipeline.outputs(nothing), np.float64).reshape(-1), slopes

    def instances(
        self, rows: np.ndarray, players: np.ndarray, width: int
    ) -> tuple[CountedInstance, np.ndarray]:
        """Some instances as the device knows them, and how many columns their players share."""
        assert self.head is not None
        assert isinstance(self.rows, PlayerRows)
        return counted_instances(self.head, self.rows, self.place[rows], players, width)


def agree(found: np.ndarray, said: np.ndarray, owner: np.ndarray, tolerance: float) -> np.ndarray:
    """For each instance whether its outputs are those that the model gave; `owner` has each."""
    instances = int(owner[-1]) + 1
    if found.shape != said.shape:
        return np.zeros(instances, bool)
    near = np.abs(found - said) <= tolerance * np.maximum(1, np.abs(said))
    return np.bincount(owner, ~near.all(1), instances) == 0


def by_head(pipeline: RowPipeline, head: LinearHead, rows: Csr) -> np.ndarray:
    """What the scores' link says of rows, on the device."""
    for step in pipeline.steps:
        rows = step(rows)
    used = np.unique(rows.indices)  # of a large vocabulary few words
    scores = np.asarray(rows[:, used] @ head.coef[used])
    found = np.asarray(engine.predict_rows(head.link, scores), np.float64)
    return found.reshape(len(scores), -1)
