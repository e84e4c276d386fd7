"""What goes left at splits for x in each bin of their column, and how that bin differs from others.

Of x, both depend on the bin alone. Let m and m_l be what samples elsewhere than in x's own bin come
to a split and go left of it, o and o_l those of the own bin. The kernel makes the latter weigh
`match`, the former `other`, together g = match o + other m. Then (match o_l + other m_l) / g goes
left, and a match makes that more by match other (o_l m - o m_l) / g².
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float64, Int

from lime_jax.tabular.exact.lime.passes import TreePasses
from lime_jax.tabular.exact.lime.tree_chunks import Chunk

_NOTHING = 1e-14
"""A share that is rounding."""


Tables = tuple[list[Float[np.ndarray, "_ _"]], list[Float[np.ndarray, "_ _"]]]
"""Of each column's splits, (splits, states) what goes left, and by how much more at a match."""


@dataclasses.dataclass(frozen=True, eq=False)
class BinShares:
    """Rows by what they are in each column.

    Attributes:
        state: of each row, in each column; rows of one bin (or number, if it is held) have one.
        example: of each column, a row in each state.
        p: chance of each row's own bin.
        match: how much samples there weigh; `other`: how much those elsewhere.
        facts: what tables depend on, besides the trees.
    """

    passes: TreePasses
    x: Float64[np.ndarray, "rows features"]
    bins: Int[np.ndarray, "rows features"]
    state: Int[np.ndarray, "features rows"]
    example: tuple[Int[np.ndarray, " _"], ...]
    p: Float64[np.ndarray, "rows features"]
    match: Float64[np.ndarray, "rows features"]
    other: Float64[np.ndarray, "rows features"]
    facts: Hashable

    @property
    def spread(self) -> Float64[np.ndarray, "features rows"]:
        """What slopes are to be divided by; infinite where a column's variable is constant."""
        varies = self.match * self.other * (1 - self.p) > 0
        return np.where(varies, 1 - self.p, np.inf).T

    def cells(self, chunk: Chunk) -> int:
        """Numbers in the tables of an output."""
        states = ((run.stop - run.start) * len(self.example[k]) for k, run in chunk.columns)
        return 2 * sum(states)

    def tables(self, chunk: Chunk, number: int) -> Tables:
        """Of each column's splits; of twigs, the mean of an output and by how much more it is.

        Args:
            number: of the output within the trees.
        """
        kind, goes_left, tilt = jnp.result_type(float), [], []
        for k, run in chunk.columns:
            start, step = chunk.start[number, run], chunk.step[number, run]
            part, more = self._shares(chunk.split[run], k)
            goes_left.append(np.ascontiguousarray((start + step * part).T, kind))
            tilt.append(np.ascontiguousarray((step * more).T, kind))
        return goes_left, tilt

    def _shares(self, some: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(states, splits) what goes left at some splits of column `k`, and its tilt."""
        passes, splits, rows = self.passes, self.passes.splits, self.example[k]
        marks = np.stack([splits.lower[some], splits.test[some], splits.upper[some]])
        each = list(zip(self.x[rows, k].tolist(), self.bins[rows, k].tolist(), strict=True))
        at = np.stack([passes.own_at(k, marks, x, bin_) for x, bin_ in each], axis=1)
        missing = np.array([passes.own_missing(k, x, bin_) for x, bin_ in each])[:, None]
        p, match, other = (some[rows, k, None] for some in (self.p, self.match, self.other))
        whole, part = self._of_splits(some, passes.mass[marks], passes.missing[k])
        in_bin, own_part = self._of_splits(some, at, missing)
        rest = whole - p * in_bin
        rest[rest < _NOTHING] = 0
        rest_part = np.minimum(np.maximum(part - p * own_part, 0), rest)
        size = match * in_bin + other * rest
        size[size <= 0] = np.inf  # where nothing comes nothing goes left
        size = 1 / size
        goes_left = (match * own_part + other * rest_part) * size
        return goes_left, (own_part * rest - in_bin * rest_part) * size * size

    def _of_splits(
        self, some: np.ndarray, at: np.ndarray, missing: float | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of shares at the marks of some splits, and missing ones, what comes and goes left."""
        whole, part, goes = at[2] - at[0], at[1] - at[0], self.passes.splits.missing[some]
        if np.any(missing):
            whole, part = whole + missing * (goes >= 0), part + missing * (goes == 1)
        return whole, part


def bin_shares_of(
    passes: TreePasses,
    x: Float64[np.ndarray, "rows features"],
    bins: Int[np.ndarray, "rows features"],
    width: float,
) -> BinShares:
    """What is to be known of some rows.

    Args:
        bins: flat; -1 for none.
        width: of the kernel.
    """
    p, match, other = passes.weights(bins, width)
    state, example, facts = np.zeros(x.T.shape, np.int64), [], []
    for k, held in enumerate(passes.held):
        of_rows = x[:, k] if held else bins[:, k]
        known, first, state[k] = np.unique(of_rows, return_index=True, return_inverse=True)
        example.append(first)
        facts.append(known.tobytes())
    facts = width, str(jnp.result_type(float)), *facts
    return BinShares(passes, x, bins, state, tuple(example), p, match, other, facts)
