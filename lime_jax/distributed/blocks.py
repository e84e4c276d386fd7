"""A data set in even blocks, cut when a worker is about to take them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from lime_jax.front.explainer import Explainer
from lime_jax.results.explanations import Explanations
from lime_jax.results.row_index import row_index
from lime_jax.typing import Scalar, Table

MOST_ROWS = 4096
"""Rows of a block, if nobody says otherwise."""

_PER_WORKER = 8
"""Blocks for each worker: that none is idle for long while another one finishes its last."""


class Blocks:
    """The rows of a data set, from which blocks are cut; `index` is what results call them."""

    def __init__(
        self, explainer: Explainer, X: Table, row_ids: Iterable[Scalar] | None = None
    ) -> None:
        self.rows, self.min_block_rows = explainer.rows(X), explainer.min_block_rows
        if row_ids is not None and not isinstance(row_ids, np.ndarray):
            row_ids = list(row_ids)
        self.row_ids = row_ids
        # Where several lines of a frame are a row, rows have names of their own.
        named = hasattr(getattr(self.rows, "index", None), "nlevels")
        self.index = row_index(self.rows if named else X, len(self.rows), row_ids)

    def __len__(self) -> int:
        return len(self.rows)

    def cut(self, start: int, stop: int) -> tuple[Table, Sequence[Scalar] | np.ndarray | None]:
        """Rows `start` to `stop` as the explainer takes them, and their ids or None."""
        return self.rows[start:stop], None if self.row_ids is None else self.row_ids[start:stop]

    def name(self, explanations: Explanations, start: int, stop: int) -> Explanations:
        """Explanations of rows `start` to `stop`, which say what the rows are called."""
        ids, names = self.index.ids[start:stop], self.index.names
        return dataclasses.replace(explanations, row_ids=ids, row_names=names)

    def bounds(self, num_workers: int, batch_size: int | None = None) -> list[tuple[int, int]]:
        """Where to cut: the first row and the row after the last, of every block.

        By default several blocks for each worker, of 4,096 rows at most. The sizes differ by a row
        at most, so that the programs made for one block serve all.
        """
        count = len(self)
        if not count:
            return []
        if batch_size is None:
            each = min(_PER_WORKER, max(1, count // (self.min_block_rows * num_workers)))
            each = max(each, -(-count // (MOST_ROWS * num_workers)))
            number = each * num_workers
        else:
            number = -(-count // batch_size)
        number = min(number, count)
        edges = [count * block // number for block in range(number + 1)]
        return list(itertools.pairwise(edges))
