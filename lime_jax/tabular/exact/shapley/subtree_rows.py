"""What rows do in subtrees: a pattern of bits for each; and how often a background does it."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
from jaxtyping import Float64, Shaped

from lime_jax.tabular.exact.route import one_by_one
from lime_jax.tabular.exact.shapley.codes import Codes, Known
from lime_jax.tabular.exact.shapley.subtree_tables import MassOf
from lime_jax.tabular.exact.shapley.subtrees import Chunk, Leaves

ROWS_AT_ONCE = 4096
"""Large enough for NumPy's calls to cost little, small enough for a CPU's caches."""


def patterns_of(chunk: Chunk, codes: Codes, known: Known) -> list[Shaped[np.ndarray, "_ rows"]]:
    """Patterns of rows in the subtrees of each group."""
    of_rows, some_missing = known
    place = codes.place[chunk.tests]
    if some_missing:
        place = place + codes.when_right[chunk.tests]
    right = (of_rows[place] > codes.most[chunk.tests, None]).view(np.uint8)
    paths = chunk.num_roots + 2 * sum(len(parents) for parents, _, _ in chunk.levels)
    missed = np.empty((paths, of_rows.shape[1]), np.uint16)
    missed[: chunk.num_roots] = 0
    stop = chunk.num_roots
    for parents, tests, position in chunk.levels:
        start, middle, stop = stop, stop + len(parents), stop + 2 * len(parents)
        above, bit = missed[parents], (1 << position).astype(np.uint16)[:, None]
        goes_right = right[tests] * bit
        np.bitwise_or(above, goes_right, out=missed[start:middle])
        goes_right ^= bit
        np.bitwise_or(above, goes_right, out=missed[middle:stop])
    found = []
    for group in chunk.groups:
        pattern = missed[group.root]
        for number, tests in enumerate(group.tests.T):
            pattern |= right[tests] * np.uint16(1 << (group.path + number))
        found.append(pattern)
    return found


def shares_of_patterns(
    chunk: Chunk, codes: Codes, known: list[Known], weights: Float64[np.ndarray, " background"]
) -> list[Float64[np.ndarray, "_ _"]]:
    """Weight of the background rows that have each pattern, in the subtrees of each group."""
    shares = [np.zeros((len(group.root), 2**group.bits)) for group in chunk.groups]
    parts = np.split(weights, range(ROWS_AT_ONCE, len(weights), ROWS_AT_ONCE))
    for some, amounts in zip(known, parts, strict=True):
        for share, patterns in zip(shares, patterns_of(chunk, codes, some), strict=True):
            for total, pattern in zip(share, patterns, strict=True):
                total += np.bincount(pattern, amounts, len(total))
    return shares


@dataclasses.dataclass(frozen=True, eq=False)
class BackgroundMasses:
    """How often background rows miss the players of leaves.

    Attributes:
        known: codes of the rows.
    """

    codes: Codes
    known: list[Known]
    weights: Float64[np.ndarray, " background"]

    def __call__(self, chunk: Chunk) -> list[MassOf]:
        """In the subtrees of each group."""
        shares = shares_of_patterns(chunk, self.codes, self.known, self.weights)
        return [partial(_mass, share) for share in shares]


def _mass(share: np.ndarray, leaves: Leaves, missed: np.ndarray, never: np.ndarray) -> np.ndarray:
    count, positions = leaves.players.shape
    place = (missed & ~never) + (np.arange(count)[:, None] << positions)
    mass = np.bincount(place.ravel(), share[leaves.subtree].ravel(), count << positions)
    return mass.reshape(count, -1)


def known_of(codes: Codes, rows: Float64[np.ndarray, "rows features"]) -> list[Known]:
    """Codes of rows, some of them after the other."""
    starts = range(0, len(rows), ROWS_AT_ONCE)
    return one_by_one(lambda start: codes(rows[start : start + ROWS_AT_ONCE]), starts)
