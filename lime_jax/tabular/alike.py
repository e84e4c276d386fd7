"""Rows that are alike: what depends on bins alone is worked out once for those of the same bins."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

_WORTH = 0.75
"""With a larger share of rows that differ, the work is not worth its copies."""


def alike(
    *codes: Int[np.ndarray, "rows _"],
) -> tuple[Int[np.ndarray, " some"], Int[np.ndarray, " rows"]] | None:
    """A row of each kind, and of every row its kind.

    Args:
        codes: rows are alike if all their codes are the same.

    Returns:
        None: hardly any rows are alike.

    Example:
        >>> some, kind = alike(np.array([[2, 7], [1, 5], [2, 7], [2, 7]]))
        >>> some[kind]
        array([0, 1, 0, 0])
    """
    columns = [column for part in codes for column in part.T]
    factors = np.random.default_rng(0).integers(2**63, size=len(columns), dtype=np.uint64)
    total = np.zeros(len(codes[0]), np.uint64)
    for column, factor in zip(columns, 2 * factors + np.uint64(1), strict=True):
        total += column.astype(np.uint64) * factor  # modulo 2**64
    _, first, kind = np.unique(total, return_index=True, return_inverse=True)
    if len(first) > _WORTH * len(total):
        return None
    same = all(np.array_equal(column[first][kind], column) for column in columns)
    return (first, kind) if same else None
