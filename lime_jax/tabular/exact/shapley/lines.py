"""Shapley values of a box for every set of positions that x can miss.

x misses the set m, a background row the set n. If some position is in both, no mixture of the two
rows is in the box, and the row adds nothing. Otherwise, of its weight, each position in n gets
(|n| - 1)! |m|! / (|n| + |m|)!, and each in m gets -|n|! (|m| - 1)! / (|n| + |m|)!. These are
integrals of t^(|n| - 1) (1 - t)^|m| and of -t^|n| (1 - t)^(|m| - 1) from 0 to 1, which a
Gauss-Legendre rule makes without error; at each t what is left is one sum over disjoint sets n.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

_CELLS_AT_ONCE = 2**17


def shapley_lines(
    mass: Float64[np.ndarray, "boxes sets"], held: Bool[np.ndarray, " boxes"]
) -> Float64[np.ndarray, "boxes positions sets"]:
    """Shapley values by position and missed set.

    Args:
        mass: weight of the background rows that miss each set of positions, by bit mask.
        held: whether the last position belongs to no player; all background rows miss it.

    Returns:
        The value of every position for x that misses each set; of use for players only.

    Example:
        Where x misses the only position, a box loses what the background had there.

        >>> shapley_lines(np.array([[0.75, 0.25]]), np.array([False])).round(6).tolist()
        [[[0.25, -0.75]]]
    """
    boxes, sets = mass.shape
    positions = sets.bit_length() - 1
    lines = np.empty((boxes, positions, sets))
    node, weight = np.polynomial.legendre.leggauss(max(1, (positions + 1) // 2))
    t, weight = (node + 1) / 2, weight / 2
    at_once = max(1, _CELLS_AT_ONCE // (sets * len(t)))
    for start in range(0, boxes, at_once):
        part = slice(start, start + at_once)
        _fill(lines[part], mass[part], held[part], t, weight)
    return lines


def _fill(
    lines: np.ndarray, mass: np.ndarray, held: np.ndarray, t: np.ndarray, weight: np.ndarray
) -> None:
    sets, positions = mass.shape[1], lines.shape[1]
    size = np.bitwise_count(np.arange(sets))
    power = t[:, None] ** size
    first = np.where(held, 1 / t[:, None], 1.0)  # a held position does not count
    total = mass * power[:, None] * first[:, :, None]
    for k in range(positions):
        without, within = _halves(total, k)
        both = without + within
        within[...] = without
        without[...] = both
    x_has = weight[:, None] * (1 - t[:, None]) ** size / t[:, None]
    x_misses = weight[:, None] * (1 - t[:, None]) ** np.maximum(size - 1.0, 0)
    for k in range(positions):
        (without, within), (gain, _), (_, loss) = (_halves(a, k) for a in (total, x_has, x_misses))
        line, line_missed = _halves(lines[:, k], k)
        np.einsum("tij,tbij->bij", gain, without - within, out=line)
        np.einsum("tij,tbij->bij", -loss, within, out=line_missed)


def _halves(by_set: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Views on the sets without position k and those with it."""
    split = by_set.reshape(*by_set.shape[:-1], -1, 2, 2**k)
    return split[..., 0, :], split[..., 1, :]
