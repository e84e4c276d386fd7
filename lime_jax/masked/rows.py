"""Rows of a sparse matrix of which players add parts: what is left of them under a mask.

A player is a word of a text, or a number of a row that is sparse itself. Under a mask a row is what
always stands there, and what each player adds that is there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy import sparse

from lime_jax.typing import Bool, Estimator

Csr = Any
"""A sparse matrix of rows, as SciPy has them and scikit-learn's transformers return them."""


@dataclasses.dataclass(frozen=True, eq=False)
class Weighing:
    """What a count becomes, as far as it is done by numbers.

    Attributes:
        binary: 1 for any count.
        sublinear: 1 and its logarithm.
        idf: factor of each column; None: 1.
        norm: of a row: "l1", "l2" or None.
    """

    binary: bool = False
    sublinear: bool = False
    idf: np.ndarray | None = None
    norm: str | None = None

    @property
    def is_weighed(self) -> bool:
        """Whether there is more than a flag: then nothing else can follow."""
        return self.sublinear or self.idf is not None or self.norm is not None


def then_tfidf(weighing: Weighing | None, step: Estimator) -> Weighing | None:
    """The weighing with a fitted `TfidfTransformer` after it; None: that is something else."""
    if weighing is None or weighing.is_weighed:
        return None
    idf = np.asarray(step.idf_, np.float64) if step.use_idf else None
    return dataclasses.replace(weighing, sublinear=bool(step.sublinear_tf), idf=idf, norm=step.norm)


@dataclasses.dataclass(frozen=True, eq=False)
class RowPipeline:
    """What is done with sparse rows.

    Attributes:
        steps: from rows to what the last step sees.
        weighing: the same in numbers; None: other steps are among them.
        predict: the method of the last step that is explained, or any function of rows.
    """

    steps: tuple[Callable[[Csr], Any], ...]
    weighing: Weighing | None
    predict: Callable[[Csr], Any]

    @property
    def last(self) -> Estimator:
        """The last step, if it is an estimator."""
        return getattr(self.predict, "__self__", None)

    @property
    def method(self) -> str:
        """The method of the last step."""
        return getattr(self.predict, "__name__", "")

    def outputs(self, rows: Csr) -> Any:
        """What the model says of rows."""
        for step in self.steps:
            rows = step(rows)
        return self.predict(rows)


@runtime_checkable
class RowsUnderMasks(Protocol):
    """What a model can be asked instead of instances under masks."""

    def masked(self, row: int, masks: Bool[np.ndarray, "masks players"]) -> Any:
        """An instance under masks."""
        ...


@runtime_checkable
class RowAnswers(Protocol):
    """Who is asked."""

    def outputs(self, rows: Any) -> Any:
        """What the model says of rows."""
        ...


@runtime_checkable
class MaskedRows(Protocol):
    """Rows that can be made under masks."""

    def local(self) -> np.ndarray:
        """(rows,) whether that is known of a row, as far as it can be told without a mask."""
        ...

    def masked(self, row: int, masks: Bool[np.ndarray, "masks players"]) -> Csr:
        """A row under masks."""
        ...

    def under(self, rows: np.ndarray, masks: Sequence[np.ndarray]) -> Csr:
        """Some rows under some masks of each, row after row."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class PlayerRows:
    """What the players of some rows add to them; see `MaskedRows`.

    Attributes:
        added: (players of all rows, columns) what each adds when it is there.
        always: (rows, columns) what is there under the empty mask.
        whole: (rows, columns) the rows as they are.
        start: (rows + 1,) where each row's players are in `added`.
    """

    added: Csr
    always: Csr
    whole: Csr
    start: np.ndarray

    def local(self) -> np.ndarray:
        """(rows,) whether a row is the sum of its parts."""
        rows = len(self.start) - 1
        owner = np.repeat(np.arange(rows), np.diff(self.start))
        ones = np.ones(len(owner), self.added.dtype)
        join = sparse.csr_array((ones, (owner, np.arange(len(owner)))), (rows, len(owner)))
        away = abs(join @ self.added + self.always - self.whole)
        return np.asarray(away.sum(axis=1)).reshape(-1) == 0

    def masked(self, row: int, masks: Bool[np.ndarray, "masks players"]) -> Csr:
        """A row under each mask."""
        added = self.added[self.start[row] : self.start[row + 1]]
        shown = sparse.csr_array(masks.astype(added.dtype))
        return self._total(shown @ added, np.full(len(masks), row))

    def under(self, rows: np.ndarray, masks: Sequence[np.ndarray]) -> Csr:
        """Some rows under some masks of each, row after row."""
        shown = [np.nonzero(of_row) for of_row in masks]
        places = np.cumsum([0, *map(len, masks)])
        line = np.concatenate([k[0] + a for k, a in zip(shown, places, strict=False)])
        player = np.concatenate([k[1] + self.start[r] for k, r in zip(shown, rows, strict=True)])
        ones = np.ones(len(line), self.added.dtype)
        chosen = sparse.csr_array((ones, (line, player)), (int(places[-1]), self.added.shape[0]))
        return self._total(chosen @ self.added, np.repeat(rows, np.diff(places)))

    def _total(self, counts: Csr, rows: np.ndarray) -> Csr:
        """Rows and what is always there, of the class of the whole rows."""
        if self.always.nnz:
            counts = counts + self.always[rows]
        counts.eliminate_zeros()
        counts.sort_indices()
        return like(self.whole, counts)


def like(whole: Csr, rows: Csr) -> Csr:
    """Rows in the class of others, with indices of their type."""
    kind = whole.indices.dtype
    rows.indices, rows.indptr = rows.indices.astype(kind), rows.indptr.astype(kind)
    return type(whole)(rows)
