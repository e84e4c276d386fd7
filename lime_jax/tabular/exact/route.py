"""Whether rows are explained one by one, or from tables that serve many: both give the same.

Tables of large trees take as long as some hundred passes over their splits, and pad few rows to a
block. So the number of rows decides, and no clock: what is explained how does not change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np

from lime_jax.models.structure import TreeSum

_FEW_ROWS, _MOST_ROWS = 8, 64
_SPLITS_EACH = 2**13


@dataclasses.dataclass(frozen=True)
class Route:
    """The way to take.

    Attributes:
        splits: of the model.
        most: rows that are explained one by one; 0: none can be.
    """

    splits: int
    rows: int
    most: int

    @property
    def one_by_one(self) -> bool:
        """Whether there are few rows."""
        return self.rows <= self.most

    def __str__(self) -> str:
        """What it is, and why; empty where there is no choice."""
        if not self.most:
            return ""
        size = f"{self.splits:,} splits"
        if self.one_by_one:
            return f"exact, row by row over {size}: tables pay for more than {self.most} rows"
        return f"exact, from tables of {size}: they pay for more than {self.most} rows"


def route(trees: TreeSum, rows: int, kept: dict[Hashable, Any]) -> Route:
    """The way for some rows: one by one if they are few, up to more of them the larger the trees.

    Args:
        kept: by which the next call need not look at the trees again.
    """
    if "route" not in kept:
        splits = (len(trees.column) - len(trees.roots)) // 2
        most = min(max(_FEW_ROWS, splits // _SPLITS_EACH), _MOST_ROWS)
        kept["route"] = splits, most if _tests_are_apart(trees) else 0
    splits, most = kept["route"]
    return Route(splits, rows, most)


def _tests_are_apart(trees: TreeSum) -> bool:
    """Whether no column is tested both by numbers and by levels."""
    by_level, inner = trees.level_set >= 0, trees.column >= 0
    return not len(np.intersect1d(trees.column[by_level], trees.column[inner & ~by_level]))
