"""Sparse rows in a file of `scipy.sparse.save_npz`, as the lists of their non-zeros."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from scipy import sparse

from lime_jax.optional import require

if TYPE_CHECKING:
    import pyarrow

COLUMNS = ("columns", "values")
"""Of the table that stands for sparse rows: of each row the non-zeros' columns and their values."""

_WIDTH, _MOST, _CLASS = b"sparse_columns", b"most_non_zeros", b"sparse_class"


def read_npz(path: Path, argument: str = "`data`") -> Any:
    """The matrix in a file, as rows; ValueError if it holds something else."""
    try:
        return sparse.load_npz(path).tocsr()
    except (ValueError, OSError, EOFError, KeyError, BadZipFile) as error:
        raise ValueError(
            f"{argument}: expected a sparse matrix in {path}, as scipy.sparse.save_npz writes it "
            f"({error})"
        ) from error


def npz_schema(path: Path) -> pyarrow.Schema:
    """The columns of the table, and what its metadata say of the matrix."""
    pa, rows = require("pyarrow", extra="cli"), read_npz(path)
    kinds = (pa.int64(), pa.from_numpy_dtype(rows.dtype))
    facts = {
        _WIDTH: str(rows.shape[1]),
        _MOST: str(int(np.diff(rows.indptr).max(initial=0))),
        _CLASS: "array" if isinstance(rows, sparse.sparray) else "matrix",
    }
    lists = [(name, pa.list_(kind)) for name, kind in zip(COLUMNS, kinds, strict=True)]
    return pa.schema(lists, metadata=facts)


def npz_tables(path: Path, columns: list[str], first_row: int) -> Iterator[tuple[int, Any]]:
    """The rows from the first that is wanted on, in one table."""
    pa, rows = require("pyarrow", extra="cli"), read_npz(path)[first_row:]
    lists = {
        name: pa.LargeListArray.from_arrays(pa.array(rows.indptr, pa.int64()), pa.array(values))
        for name, values in zip(COLUMNS, (rows.indices.astype(np.int64), rows.data), strict=True)
    }
    yield first_row, pa.table({name: lists[name] for name in columns})


def columns_in(schema: pyarrow.Schema) -> int | None:
    """How many columns the matrix of a file has; None: it holds none."""
    width = (schema.metadata or {}).get(_WIDTH)
    return None if width is None else int(width)


def most_in(schema: pyarrow.Schema) -> int:
    """Most non-zeros of a row."""
    return int(schema.metadata[_MOST])


def matrix_of(block: pyarrow.Table, schema: pyarrow.Schema) -> Any:
    """A table of non-zeros as the matrix that it was."""
    numbers, values = (block[name].combine_chunks() for name in COLUMNS)
    ends = np.concatenate([[0], np.cumsum(numbers.value_lengths().to_numpy())])
    flat = [part.flatten().to_numpy(zero_copy_only=False) for part in (numbers, values)]
    make = sparse.csr_array if schema.metadata[_CLASS] == b"array" else sparse.csr_matrix
    return make((flat[1], flat[0], ends), shape=(len(block), columns_in(schema)))
