"""The fits of sparse rows; see `masked.fits`."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np
from scipy import sparse

from lime_jax.front.batch_model import BatchModel
from lime_jax.masked.fits import MaskTask
from lime_jax.masked.rows import Csr, PlayerRows, like
from lime_jax.masked.ways import DEVICE, HOST, NEAR, Ways, agree, by_head
from lime_jax.tabular.sparse.model import SparseModel
from lime_jax.tabular.sparse.rows import SparseTable, player_rows

_TRIED = 4
"""Masked rows of each row that are asked of the scores on the device and of the model."""

_WORDS = {DEVICE: "sparse rows in JAX", HOST: "sparse rows on the host"}


@dataclasses.dataclass(frozen=True, eq=False)
class SparseTask(MaskTask):
    """Sparse rows to explain, and how."""

    instance = "row"

    model: SparseModel
    matrix: Csr
    table: SparseTable

    @cached_property
    def ways(self) -> Ways:
        """How the model is asked about each."""
        rows, known = player_rows(self.matrix), self.model.rows
        way = np.where(self.players > 0, HOST, "").astype(object)
        place = np.arange(len(way))
        found = (known.pipeline, rows, known.head)
        if self.table.background is not None:
            why = "hidden numbers are those of the background"
            return BackgroundWays(way, place, why, _WORDS, *found, table=self.table)
        on_device = (self.players > 0) & ~self.all_asked
        if known.head is not None and on_device.any():
            near = self._near(rows, np.flatnonzero(on_device))
            way[near] = DEVICE
        return Ways(way, place, known.why, _WORDS, *found)

    def _near(self, rows: PlayerRows, numbers: np.ndarray) -> np.ndarray:
        """The rows of which the device says what the model says, by some masks."""
        pipeline, head = self.model.rows.pipeline, self.model.rows.head
        assert pipeline is not None
        assert head is not None
        rng = np.random.default_rng(0)
        masks = [rng.random((_TRIED, self.players[row])) < 0.5 for row in numbers]
        tried = rows.under(numbers, masks)
        said = self.model.checked(pipeline.outputs(tried.copy()), tried.shape[0])
        owner = np.repeat(np.arange(len(numbers)), _TRIED)
        return numbers[agree(by_head(pipeline, head, tried), said, owner, NEAR)]


@dataclasses.dataclass(frozen=True, eq=False)
class BackgroundWays(Ways):
    """Hidden numbers are those of background rows, over which outputs are averaged."""

    table: SparseTable | None = None

    def outputs(self, model: BatchModel, row: int, masks: np.ndarray) -> np.ndarray:
        """The mean outputs of a row under masks."""
        assert self.pipeline is not None
        columns, values, hidden, weights = self._of(row)
        total = None
        for other, weight in zip(hidden, weights.tolist(), strict=True):
            said = self.pipeline.outputs(self._rows(columns, np.where(masks, values, other)))
            part = weight * np.asarray(model.checked(said, len(masks)), np.float64)
            total = part if total is None else total + part
        assert total is not None
        return total

    def sums(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """What hidden numbers come to, and what each non-zero adds to that, in linear scores."""
        assert self.pipeline is not None
        assert self.head is not None
        columns, values, hidden, weights = self._of(row)
        more = sparse.diags_array(values - weights @ hidden).tocsr()
        slopes = np.zeros((self.head.coef.shape[1], 0))
        if len(columns):
            place = sparse.csr_array(
                (np.ones(len(columns)), (np.arange(len(columns)), columns)),
                (len(columns), len(self.head.coef)),
            )
            slopes = self.head.slopes(more @ place).T
        nothing = self._rows(columns, hidden)
        base = np.asarray(self.pipeline.outputs(nothing), np.float64).reshape(len(hidden), -1)
        return weights @ base, slopes

    def _of(self, row: int) -> tuple[np.ndarray, ...]:
        """A row's columns and numbers, and what the background has there, each once, weighted."""
        assert isinstance(self.rows, PlayerRows)
        assert self.table is not None
        assert self.table.background is not None
        start, stop = self.rows.start[row : row + 2]
        columns = self.rows.added.indices[start:stop]
        values = self.rows.added.data[start:stop]
        there = self.table.background[:, columns].toarray()
        hidden, number = np.unique(there, axis=0, return_inverse=True)
        return columns, values, hidden, np.bincount(number.reshape(-1), self.table.weights)

    def _rows(self, columns: np.ndarray, values: np.ndarray) -> Csr:
        """Rows that have these numbers in a row's columns, else 0."""
        assert isinstance(self.rows, PlayerRows)
        count, width = values.shape
        entries = (values.reshape(-1), np.tile(columns, count), np.arange(count + 1) * width)
        found = sparse.csr_array(entries, shape=(count, self.rows.whole.shape[1]))
        found.eliminate_zeros()
        return like(self.rows.whole, found)
