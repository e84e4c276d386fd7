"""A data set in even blocks, cut when a worker is about to take them."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from lime_jax.image import read_images
from lime_jax.results.explanations import Explanations
from lime_jax.results.row_index import row_index
from lime_jax.tabular import frames
from lime_jax.tabular.explainer import TabularExplainer

MOST_ROWS = 4096
"""Rows of a block, if nobody says otherwise."""

_LEAST_ROWS = 32
"""Of a table: what the engine takes at once of a model on the host."""
_PER_WORKER = 8
"""Blocks for each worker: that none is idle for long while another one finishes its last."""


class Blocks:
    """The rows of a data set, from which blocks are cut.

    Args:
        X: rows or images, in the form the explainer takes.

    Attributes:
        index: what the rows are called in results.

    Example:
        >>> from lime_jax import TabularExplainer
        >>> blocks = Blocks(TabularExplainer(), np.arange(6).reshape(3, 2), ["a", "b", "c"])
        >>> len(blocks), blocks.cut(1, 3)
        (3, (array([[2, 3],
               [4, 5]]), ['b', 'c']))
    """

    def __init__(self, explainer: Any, X: Any, row_ids: Iterable[Any] | None = None) -> None:
        self.is_table = isinstance(explainer, TabularExplainer)
        if self.is_table:
            self.X, self.count = X, frames.num_rows(X)
        else:
            self.X = read_images(X, explainer.channel_axis)
            self.count = len(self.X)
            _refuse_own_superpixels(explainer)
        if row_ids is not None and not isinstance(row_ids, np.ndarray):
            row_ids = list(row_ids)
        self.row_ids = row_ids
        self.index = row_index(X, self.count, row_ids)

    def __len__(self) -> int:
        return self.count

    def cut(self, start: int, stop: int) -> tuple[Any, Any]:
        """Rows `start` to `stop`, and their ids.

        Returns:
            The rows, a table of the same type or a list of images, and their ids or None.
        """
        ids = None if self.row_ids is None else self.row_ids[start:stop]
        if not self.is_table:
            return list(self.X[start:stop]), ids
        rows = frames.take_rows(self.X, start, stop)
        if _is_arrow(rows):  # which would be pickled with all that it is a slice of
            rows = rows.take(np.arange(rows.num_rows))
        return rows, ids

    def name(self, explanations: Explanations, start: int, stop: int) -> Explanations:
        """Explanations of rows `start` to `stop`, which say what the rows are called."""
        ids, names = self.index.ids[start:stop], self.index.names
        return dataclasses.replace(explanations, row_ids=ids, row_names=names)

    def bounds(self, num_workers: int, batch_size: int | None = None) -> list[tuple[int, int]]:
        """Where to cut.

        Args:
            batch_size: rows of a block; None: several blocks for each worker, 4,096 rows at most.

        Returns:
            First row and row after the last, of every block. The sizes differ by a row at most,
            so that the programs made for one block serve all.
        """
        if not self.count:
            return []
        if batch_size is None:
            least = _LEAST_ROWS if self.is_table else 1
            each = min(_PER_WORKER, max(1, self.count // (least * num_workers)))
            each = max(each, -(-self.count // (MOST_ROWS * num_workers)))
            number = each * num_workers
        else:
            number = -(-self.count // batch_size)
        number = min(number, self.count)
        edges = [self.count * block // number for block in range(number + 1)]
        return list(itertools.pairwise(edges))


def _is_arrow(rows: Any) -> bool:
    pyarrow = sys.modules.get("pyarrow")
    return pyarrow is not None and isinstance(rows, pyarrow.Table)


def _refuse_own_superpixels(explainer: Any) -> None:
    ways = explainer.segmentation
    if isinstance(ways, list | tuple) or np.ndim(ways) == 3:
        raise ValueError(
            "`segmentation`: superpixels of each image do not travel with the images; give a "
            "method by name, a function of an image, or labels that hold for all images"
        )
