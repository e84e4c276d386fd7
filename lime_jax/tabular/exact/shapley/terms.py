"""What a leaf gives its players for every set of positions that a row can miss.

x misses the set m of positions, a background row the set n. If they are disjoint, a coalition is in
the leaf if it has all of n and nothing of m. Where every player is in the coalition with chance t,
that happens with chance t^|n| (1 - t)^|m|; what player k changes is its derivative, and two players
together its second one. Shapley values and interactions are the integrals of those from 0 to 1
(Owen, "Multilinear extensions of games", 1972), which a Gauss-Legendre rule makes without error;
Banzhaf's are their values at 1/2. At each t what is left is one sum over disjoint sets n.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float64

Value = Literal["shapley", "banzhaf"]


def rule(value: Value, positions: int) -> tuple[np.ndarray, np.ndarray]:
    """Chances t, and their weights."""
    if value == "banzhaf":
        return np.array([0.5]), np.ones(1)
    node, weight = np.polynomial.legendre.leggauss(max(1, (positions + 1) // 2))
    return (node + 1) / 2, weight / 2


def disjoint_sums(
    mass: Float64[np.ndarray, "leaves sets"], t: Float64[np.ndarray, " chances"]
) -> Float64[np.ndarray, "chances leaves sets"]:
    """Of t^|n| times the mass of n, over all n that have nothing of m."""
    sets = mass.shape[1]
    total = mass * (t[:, None] ** np.bitwise_count(np.arange(sets)))[:, None]
    for k in range(sets.bit_length() - 1):
        without, within = halves(total, k)
        both = without + within
        within[...] = without
        without[...] = both
    return total


def values_of_leaves(
    mass: Float64[np.ndarray, "leaves sets"], value: Value = "shapley"
) -> Float64[np.ndarray, "leaves positions sets"]:
    """Values of every position, by what x misses.

    Args:
        mass: weight of the background rows that miss each set of positions, by bit mask.

    Example:
        Where x misses the only position, a leaf loses what the background had there.

        >>> values_of_leaves(np.array([[0.75, 0.25]])).round(6).tolist()
        [[[0.25, -0.75]]]
    """
    sums, positions = _Weighted(mass, value), mass.shape[1].bit_length() - 1
    has, has_not, loses = sums(0, 1), sums(1, 1), sums(1, 0)
    found = np.empty((len(mass), positions, mass.shape[1]))
    for k in range(positions):
        gained, lost = halves(found[:, k], k)
        gained[...] = halves(has, k)[0] - halves(has_not, k)[1]
        lost[...] = -halves(loses, k)[1]
    return found


def interactions_of_leaves(
    mass: Float64[np.ndarray, "leaves sets"], value: Value = "shapley"
) -> Float64[np.ndarray, "leaves pairs sets"]:
    """What every two positions change together, in the order of `np.triu_indices`.

    Args:
        mass: as in `values_of_leaves`.

    Example:
        Two tests that x passes and the background fails: each alone does nothing.

        >>> interactions_of_leaves(np.array([[0.0, 0, 0, 1]])).round(6).astype(int).tolist()
        [[[1, 0, 0, 0]]]
    """
    sums, positions = _Weighted(mass, value), mass.shape[1].bit_length() - 1
    by_rest = [sums(0, 2), sums(1, 2), sums(2, 2), sums(1, 1), sums(2, 1), sums(2, 0)]
    pairs = np.transpose(np.triu_indices(positions, 1)).tolist()
    found = np.empty((len(mass), len(pairs), mass.shape[1]))
    for number, (low, high) in enumerate(pairs):
        to, n0, n1, n2, e1, e2, b = (
            _quarters(part, low, high) for part in (found[:, number], *by_rest)
        )
        to[0][0][...] = n0[0][0] - n1[0][1] - n1[1][0] + n2[1][1]
        to[0][1][...] = e2[1][1] - e1[0][1]
        to[1][0][...] = e2[1][1] - e1[1][0]
        to[1][1][...] = b[1][1]
    return found


class _Weighted:
    """Sums over disjoint sets, integrated with powers of the chances."""

    def __init__(self, mass: np.ndarray, value: Value) -> None:
        sets = mass.shape[1]
        self.t, self.weight = rule(value, sets.bit_length() - 1)
        self.total = disjoint_sums(mass, self.t)
        self.size = np.bitwise_count(np.arange(sets)).astype(np.int64)

    def __call__(self, fewer: int, power: int) -> Float64[np.ndarray, "leaves sets"]:
        """Of (1 - t)^(|m| - fewer) / t^power."""
        t = self.t[:, None]
        factor = (1 - t) ** np.maximum(self.size - fewer, 0) / t**power
        return np.einsum("ts,tbs->bs", self.weight[:, None] * factor, self.total)


def _quarters(by_set: np.ndarray, low: int, high: int) -> tuple[tuple[np.ndarray, ...], ...]:
    """Views by whether the higher position is in the set, then the lower."""
    return tuple(halves(half, low) for half in halves(by_set, high))


def halves(by_set: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Views on the sets without position k and those with it."""
    split = by_set.reshape(*by_set.shape[:-1], -1, 2, 2**k)
    return split[..., 0, :], split[..., 1, :]
