"""Rows slice by slice: what is worked out of them has its place before the next slice begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import jax
import numpy as np

_T = TypeVar("_T")

_ROWS = 1024
"""The engine's chunks are of one shape: a slice ends with one of them."""
_NUMBERS = 2**18
"""Of an array of one slice, where that is more than a chunk."""


def slices(num_rows: int, row_size: int) -> Iterator[slice]:
    """Slices of all rows.

    Args:
        row_size: numbers of a row's largest result.
    """
    size = _ROWS * max(1, _NUMBERS // (_ROWS * row_size))
    return (slice(start, min(start + size, num_rows)) for start in range(0, num_rows, size))


def joined(parts: Iterable[_T], num_rows: int) -> _T:
    """Pytrees of slices as one of all rows, written into place one after the other."""
    whole, start = None, 0
    for part in parts:
        leaves, tree = jax.tree.flatten(part)
        if len(leaves[0]) == num_rows:
            return part
        if whole is None:
            whole = [np.empty((num_rows, *leaf.shape[1:]), leaf.dtype) for leaf in leaves]
        stop = start + len(leaves[0])
        for place, leaf in zip(whole, leaves, strict=True):
            place[start:stop] = leaf
        if stop == num_rows:
            return jax.tree.unflatten(tree, whole)
        start = stop
    raise AssertionError("slices end with the rows")
