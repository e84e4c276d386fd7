"""Sparse matrices as they come, as rows whose non-zeros are known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy import sparse

from lime_jax.front.row_ids import hash_ids
from lime_jax.masked.rows import Csr, PlayerRows
from lime_jax.tabular import frames
from lime_jax.typing import Table


def is_sparse(X: Table) -> bool:
    """Whether it is a sparse matrix or array of SciPy."""
    return hasattr(X, "tocsr")


def as_csr(X: Table, name: str = "X") -> Csr:
    """A matrix of rows without zeros that are stored, of the class that it came in (or an array).

    Example:
        >>> as_csr(sparse.coo_array([[0, 2.0], [0, 0]])).nnz
        1
    """
    if len(X.shape) != 2:
        raise ValueError(f"`{name}`: expected shape (rows, columns), got {X.shape}")
    if X.dtype.kind not in "fiub":
        raise ValueError(f"`{name}`: expected numbers, got a sparse matrix of {X.dtype}")
    rows: Any = X.tocsr().copy()
    rows.sum_duplicates()
    rows.eliminate_zeros()
    if rows.dtype.kind == "f" and not np.isfinite(rows.data).all():
        raise ValueError(
            f"`{name}`: expected finite numbers where something is stored, got NaN or infinity"
        )
    return rows


@dataclasses.dataclass(frozen=True)
class SparseRows:
    """Sparse rows to be counted and cut, as jobs and engines do."""

    matrix: Csr

    def __len__(self) -> int:
        """How many there are."""
        return self.matrix.shape[0]

    def __getitem__(self, part: slice) -> Csr:
        """Some of them."""
        return self.matrix.tocsr()[part]


@dataclasses.dataclass(frozen=True, eq=False)
class SparseTable:
    """What `fit` learns of a sparse matrix.

    Attributes:
        column_names: of all columns.
        background: (rows, columns) that hidden numbers are taken from; None: they are 0.
        weights: (rows,) of the background, adding up to 1.
    """

    column_names: tuple[str, ...]
    background: Csr | None = None
    weights: np.ndarray | None = None

    @property
    def schema(self) -> frames.Schema:
        """The columns as those of a table of numbers."""
        names = list(self.column_names)
        return frames.learn_schema(np.zeros((1, len(names))), (), names)


def player_rows(rows: Csr) -> PlayerRows:
    """Rows whose players are their non-zeros."""
    entries: Any = (rows.data, rows.indices, np.arange(rows.nnz + 1))
    added = sparse.csr_array(entries, shape=(rows.nnz, rows.shape[1]))
    nothing = sparse.csr_array(rows.shape, dtype=rows.dtype)
    return PlayerRows(added, nothing, rows, rows.indptr)


def content_of(rows: Csr) -> np.ndarray:
    """A hash of each row's content, whatever the type of its numbers."""
    columns, numbers = rows.indices.astype(np.int64), rows.data.astype(np.float64)
    ends = zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True)
    return hash_ids([columns[a:b].tobytes() + numbers[a:b].tobytes() for a, b in ends])


def by_player(rows: Csr, width: int, values: np.ndarray, filler: float | int) -> np.ndarray:
    """(rows, width) what is known of each non-zero, filled up."""
    counts = np.diff(rows.indptr)
    found = np.full((rows.shape[0], width), filler, values.dtype)
    found[np.arange(width) < counts[:, None]] = values
    return found
