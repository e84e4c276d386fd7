"""Whether rows are explained one by one, in blocks, or from tables that serve many.

Tables of large trees take as long as some hundred passes over their splits, and a row by them as
long as two in a block of rows; of small trees both are fast. So the numbers of splits and rows
decide, and no clock. All ways give the same but for the last digits; trees of fewer than 4,096
splits have one way, and their rows the same bits in every batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import jax
import numpy as np

from lime_jax.engine import budget
from lime_jax.models.structure import Structure, TreeSum

_T = TypeVar("_T")

_MOST_ROWS, _FEW_ROWS = 128, 8
"""One by one, where tables are to serve more, or blocks."""
_SPLITS_EACH = 2**12
_MOST_THREADS = 4  # each has numbers of all splits in memory


@dataclasses.dataclass(frozen=True)
class Route:
    """The way to take.

    Attributes:
        splits: of the model.
        most: rows that are explained one by one; 0: none can be.
        blocks: whether more are explained in blocks; else from tables.
    """

    splits: int
    rows: int
    most: int
    blocks: bool = False

    @property
    def in_blocks(self) -> bool:
        """Whether there are many rows, and blocks for them."""
        return self.blocks and not self.one_by_one

    @property
    def one_by_one(self) -> bool:
        """Whether there are few rows."""
        return self.rows <= self.most

    def __str__(self) -> str:
        """What it is, and why; empty where there is no choice."""
        if not self.most:
            return ""
        size = f"{self.splits:,} splits"
        others = "blocks of rows" if self.blocks else "tables"
        if self.one_by_one:
            return f"exact, row by row over {size}: {others} pay for more than {self.most} rows"
        how = f"in blocks of rows over {size}" if self.blocks else f"from tables of {size}"
        return f"exact, {how}: they pay for more than {self.most} rows"


def route(trees: TreeSum, rows: int, cache: dict[Hashable, Any], has_blocks: bool = False) -> Route:
    """The way for some rows: one by one if they are few, up to more of them the larger the trees.

    Args:
        cache: by which the next call need not look at the trees again.
        has_blocks: whether the rest can be explained in blocks; no device but a CPU has them.
    """
    if "route" not in cache:
        cache["route"] = _num_splits(trees), tests_are_apart(trees)
    splits, can_pass = cache["route"]
    blocks = has_blocks and jax.default_backend() == "cpu"
    most = min(splits // _SPLITS_EACH, _FEW_ROWS if blocks else _MOST_ROWS)
    return Route(splits, rows, most if can_pass else 0, blocks and can_pass and most > 0)


def has_ways(trees: Structure | None) -> bool:
    """Whether trees are so large that the last digits may depend on how many rows there are."""
    return isinstance(trees, TreeSum) and _num_splits(trees) >= _SPLITS_EACH


def _num_splits(trees: TreeSum) -> int:
    return (len(trees.column) - len(trees.roots)) // 2


def one_by_one(explain: Callable[..., _T], *rows: Sequence[object] | np.ndarray) -> list[_T]:
    """What a function says of each row, a few of them at once: NumPy works on several cores."""
    count = min(len(rows[0]), budget.num_cores(), _MOST_THREADS)
    if count < 2:
        return list(map(explain, *rows))
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(explain, *rows))


def tests_are_apart(trees: TreeSum) -> bool:
    """Whether no column is tested both by numbers and by levels."""
    by_level, inner = trees.level_set >= 0, trees.column >= 0
    return not len(np.intersect1d(trees.column[by_level], trees.column[inner & ~by_level]))
