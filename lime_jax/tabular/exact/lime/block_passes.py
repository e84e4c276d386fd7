"""Exact LIME for many rows of a large sum of trees: the passes of `passes`, for blocks of rows.

What depends on a row's bins is looked up (`bin_shares`); the rest is done for all rows of a block
at once, in float32 where JAX computes in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float64, Int

from lime_jax.engine import budget
from lime_jax.tabular.domain import TabularInstance
from lime_jax.tabular.exact.lime.bin_shares import BinShares, Tables, bin_shares_of
from lime_jax.tabular.exact.lime.passes import PassRows, TreePasses
from lime_jax.tabular.exact.lime.tree_chunks import Chunk, chunks_of
from lime_jax.tabular.exact.route import one_by_one

_ROWS_IN_BLOCK = 128
_MOST_ROWS, _CELLS_AT_ONCE = 1024, 2**25
"""Rows for which bins are looked at once, and how many numbers that may take."""
_CELLS_KEPT = 2**25


@dataclasses.dataclass(frozen=True, eq=False)
class BlockPasses:
    """A sum of trees and the bins of a table, for many rows.

    Attributes:
        base: of the outputs, with the trees that are a leaf alone.
        total: of all outputs, where it is the same for every row: the last one is what the others
            leave; None otherwise.
        kept: tables of the last rows, by chunk and output; rows in the same bins have the same.
    """

    passes: TreePasses
    chunks: tuple[Chunk, ...]
    base: Float64[np.ndarray, " outputs"]
    total: float | None
    tables: dict[Hashable, dict[tuple[Chunk, int], Tables]] = dataclasses.field(
        default_factory=dict
    )

    @property
    def rows_at_once(self) -> int:
        """How many rows to sum at once."""
        splits = max((len(chunk.split) for chunk in self.chunks), default=1)
        return min(max(_CELLS_AT_ONCE // splits, _ROWS_IN_BLOCK), _MOST_ROWS)

    def sums(
        self,
        x: Float64[np.ndarray, "rows features"],
        bins: Int[np.ndarray, "rows features"],
        width: float,
    ) -> tuple[Float64[np.ndarray, "outputs rows"], Float64[np.ndarray, "outputs features rows"]]:
        """Means and coefficients of the outputs in the neighborhood of each row.

        Args:
            bins: the rows' flat bins; -1 for none.
            width: of the kernel.
        """
        budget.keep_freed_memory()
        shares = bin_shares_of(self.passes, x, bins, width)
        blocks = _blocks(shares.state)
        mean = np.repeat(self.base[:, None], len(x), axis=1)
        slope = np.zeros((len(mean), *x.T.shape))
        width_of_trees = len(self.passes.splits.value) - (self.total is not None)

        cached = self._kept(shares, width_of_trees)

        def of_chunk(chunk: Chunk) -> list[tuple[np.ndarray, ...]]:
            found = []
            for number in range(width_of_trees):
                tables = {} if cached is None else cached
                if (chunk, number) not in tables:
                    tables[chunk, number] = shares.tables(chunk, number)
                work = _Work(chunk, *tables[chunk, number], number, blocks[0].shape[1])
                parts = zip(*map(work.sums, blocks), strict=True)
                found.append(tuple(np.concatenate(part, axis=1)[:, : len(x)] for part in parts))
            return found

        for chunk, found in zip(self.chunks, one_by_one(of_chunk, self.chunks), strict=True):
            for number, (roots, slopes) in enumerate(found):
                np.add.at(mean, chunk.root_output + number, roots)
                for (k, output, _), some in zip(chunk.groups, slopes, strict=True):
                    slope[output + number, k] += some
        if self.total is not None:
            mean[-1], slope[-1] = self.total - mean[:-1].sum(0), -slope[:-1].sum(0)
        return mean, slope / shares.spread

    def _kept(self, shares: BinShares, numbers: int) -> dict[tuple[Chunk, int], Tables] | None:
        """Tables of these rows, as far as they are made; None: they are too large to keep."""
        if numbers * sum(map(shares.cells, self.chunks)) > _CELLS_KEPT:
            return None
        if shares.facts not in self.tables:
            self.tables.clear()
        return self.tables.setdefault(shares.facts, {})


def block_passes_of(passes: TreePasses) -> BlockPasses:
    """What many rows need besides."""
    splits, base = passes.splits, passes.splits.base.copy()
    is_leaf = np.ones(splits.nodes[-1], bool)
    for start, inner in zip(splits.nodes, splits.inner, strict=False):
        is_leaf[start + inner] = False
    roots = np.flatnonzero(is_leaf[: splits.nodes[1]])
    for number, value in enumerate(splits.value):
        place = splits.output[len(splits) + roots] + number
        base += np.bincount(place, value[roots], len(base))
    total, outputs = None, len(splits.value)
    each = splits.value[:, is_leaf].sum(0)
    if outputs == len(base) > 1 and np.ptp(each) <= 1e-12 * np.abs(each).max():
        total = float(splits.base.sum() + each[0] * splits.nodes[1])
    return BlockPasses(passes, chunks_of(splits), base, total)


def sum_blocks(
    passes: BlockPasses,
    instances: TabularInstance,
    values: Float64[np.ndarray, "rows features"],
    width: float,
    labels: Int[np.ndarray, "rows labels"],
) -> PassRows:
    """The sums of some rows, together; see `sum_rows`."""
    mean, coef = passes.sums(values, instances.bins, width)
    row, float_ = np.arange(len(values))[:, None], jnp.result_type(float)
    return PassRows(
        instances, mean[labels, row].astype(float_), coef[labels, :, row].astype(float_)
    )


def _blocks(state: Int[np.ndarray, "features rows"]) -> list[np.ndarray]:
    """Blocks of the same number of rows, more than one; the last row is there again at the end."""
    count = -(-state.shape[1] // _ROWS_IN_BLOCK)
    rows = max(2, -(-state.shape[1] // count))
    more = count * rows - state.shape[1]
    return np.split(np.pad(state, ((0, 0), (0, more)), mode="edge"), count, axis=1)


class _Work:
    """A chunk, and room for the numbers of a block of rows.

    Attributes:
        goes_left: of each split; of twigs the mean of the output.
        reach: share of samples that reach each split; then also by how much the mean differs on
            its sides.
    """

    def __init__(
        self,
        chunk: Chunk,
        goes_left: Sequence[np.ndarray],
        tilt: Sequence[np.ndarray],
        number: int,
        rows: int,
    ) -> None:
        self.chunk, self.tables = chunk, (goes_left, tilt)
        kind, size, widest = goes_left[0].dtype, len(chunk.split), chunk.widest
        self.by_column, self.goes_left, self.reach = np.empty((3, size, rows), kind)
        self.above = np.empty((2 * widest, rows), kind)
        self.left, self.right, self.step = np.empty((3, widest, rows), kind)
        self.leaves = [
            tuple(
                some[number, :, None].astype(kind) for some in (level.left_leaf, level.right_leaf)
            )
            for level in chunk.levels
        ]

    def sums(
        self, states: Int[np.ndarray, "features rows"]
    ) -> tuple[Float[np.ndarray, "roots rows"], Float[np.ndarray, "groups rows"]]:
        """Means at the roots, and slopes by column and output."""
        chunk, (goes_left, tilt) = self.chunk, self.tables
        self._look_up(goes_left, states)
        np.take(self.by_column, chunk.by_level, axis=0, out=self.goes_left, mode="clip")
        self._down()
        roots = self._up().copy()
        step = np.take(self.reach, chunk.by_column, axis=0, out=self.goes_left, mode="clip")
        self._look_up(tilt, states)
        slopes = [np.einsum("sr,sr->r", step[run], self.by_column[run]) for *_, run in chunk.groups]
        return roots, np.stack(slopes)

    def _look_up(self, tables: Sequence[np.ndarray], states: np.ndarray) -> None:
        """Of each split, column by column, what a table says of each row's state."""
        for (k, run), table in zip(self.chunk.columns, tables, strict=True):
            np.take(table, states[k], axis=1, out=self.by_column[run], mode="clip")

    def _down(self) -> None:
        """Take the rows' samples from the roots to all splits."""
        for level in self.chunk.levels:
            reach, goes_left = self.reach[level.part], self.goes_left[level.part]
            if len(level.come):
                np.take(self.above, level.come, axis=0, out=reach, mode="clip")
            else:
                reach[:] = 1
            inner, rights = level.rights.stop, level.rights
            left, right = self.above[:inner], self.above[inner : 2 * inner - rights.start]
            np.multiply(reach[:inner], goes_left[:inner], out=left)
            np.subtract(reach[rights], left[rights], out=right)

    def _up(self) -> Float[np.ndarray, "roots rows"]:
        """Take means from the twigs to the roots; they come in the place of what goes left."""
        below = self.goes_left
        for level, leaves in zip(self.chunk.levels[::-1], self.leaves[::-1], strict=True):
            inner, mean = level.rights.stop, self.goes_left[level.part]
            left, right, step = self.left[:inner], self.right[:inner], self.step[:inner]
            np.take(below, level.left, axis=0, out=left[level.lefts], mode="clip")
            np.take(below, level.right, axis=0, out=right[level.rights], mode="clip")
            left[level.lefts.stop :], right[: level.rights.start] = leaves
            np.subtract(left, right, out=step)
            self.reach[level.part][:inner] *= step
            mean[:inner] *= step
            mean[:inner] += right
            below = mean
        return below
