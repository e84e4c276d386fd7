"""Rows that together show most of what a model does: SP-LIME (Ribeiro et al., 2016)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
from jaxtyping import Float64, Int64

from lime_jax.arguments import check_one_of, check_whole
from lime_jax.typing import Scalar

if TYPE_CHECKING:
    from lime_jax.results.arrays import ExplanationArrays

WAYS = ("condition", "feature")
_SURE = 2.0
"""Standard errors that a weight has to be away from 0."""
_SAME = 1e-12
"""A gain that is less by this share is the same."""


@dataclasses.dataclass(frozen=True)
class Picked:
    """Rows that were picked, the first one first.

    Attributes:
        rows: their numbers.
        gains: importance that each covers and those before it do not, as a share of all.
        note: why there are fewer than were asked for; "" where there are not.

    Example:
        >>> picked = explanations.pick(2)
        >>> picked.rows.tolist(), round(picked.coverage, 2)
        ([3, 0], 0.63)
    """

    rows: Int64[np.ndarray, " picked"]
    gains: Float64[np.ndarray, " picked"]
    note: str = ""

    @property
    def coverage(self) -> float:
        """Share of all importance that the rows cover together."""
        return round(float(self.gains.sum()), 12)


def strengths(
    pieces: Iterable[ExplanationArrays],
    num_features: int,
    label: Scalar,
    by: str,
    threshold: str | float | int,
) -> scipy.sparse.csr_matrix:
    """(rows, names) how strong each name is in each row, of its strongest features only.

    Args:
        pieces: explanations, one part after the other.
        num_features: of each row.
        label: as of `pick`, and so the others.
    """
    known: dict[Any, int] = {}
    counts, places, numbers = [np.zeros(1, np.int64)], [], []
    for arrays in pieces:
        sizes = _sizes(arrays, label, threshold)
        largest = _largest(sizes, num_features)
        sizes = np.take_along_axis(sizes, largest, 1)
        keys, names = arrays.keys(by)
        numbered = np.array([known.setdefault(name, len(known)) for name in names], np.int64)
        shown = sizes > 0
        counts.append(shown.sum(1))
        places.append(numbered[np.take_along_axis(keys, largest, 1)[shown]])
        numbers.append(sizes[shown])
    starts = np.cumsum(np.concatenate(counts))
    size = len(starts) - 1, max(len(known), 1)
    joined = (
        np.concatenate(numbers) if numbers else np.zeros(0),
        np.concatenate(places) if places else np.zeros(0, np.int64),
    )
    found = scipy.sparse.csr_matrix((*joined, starts), shape=size)
    found.sum_duplicates()
    return found


def _largest(sizes: np.ndarray, count: int) -> np.ndarray:
    """(rows, count) where the largest numbers of each row are, in any order."""
    if count >= sizes.shape[1]:
        return np.broadcast_to(np.arange(sizes.shape[1]), sizes.shape)
    return np.argpartition(sizes, -count, axis=1)[:, -count:]


def _sizes(
    arrays: ExplanationArrays, label: Scalar, threshold: str | float | int
) -> Float64[np.ndarray, "rows features"]:
    """|weights| summed over labels, those that may be noise as 0."""
    coef, errors = arrays.coef, arrays.std_error
    if label is not None:
        rows = np.arange(len(arrays))
        place = arrays.positions(rows, label)
        coef, errors = coef[rows, place][:, None], errors[rows, place][:, None]
    sizes = np.abs(coef).astype(np.float64)
    least: Any = _SURE * errors if threshold == "noise" else threshold
    return np.where(sizes > least, sizes, 0.0).sum(1)  # what is NaN was not selected


def greedy(strength: scipy.sparse.csr_matrix, count: int) -> Picked:
    """The rows that cover most, one after the other.

    A name matters by the root of its strength over all rows, and a row covers the names it has.
    Of rows that gain the same the stronger one is picked, then the first.

    Args:
        strength: (rows, names) not negative.
        count: how many rows.

    Example:
        >>> rows = scipy.sparse.csr_matrix([[1.0, 0.0], [0.0, 4.0], [0.0, 5.0]])
        >>> greedy(rows, 3).rows.tolist()
        [2, 0]
    """
    matters = np.sqrt(np.asarray(strength.sum(0), np.float64).reshape(-1))
    totals = np.asarray(strength.sum(1), np.float64).reshape(-1)
    has = strength.copy()
    has.data = np.ones_like(has.data)
    left, everything = matters.copy(), float(matters.sum())
    rows: list[int] = []
    gains: list[float] = []
    while len(rows) < min(count, len(totals)):
        gain = has @ left
        best = float(gain.max())
        if best <= _SAME * everything:
            break
        equal = np.flatnonzero(gain >= best * (1 - _SAME))
        row = int(equal[totals[equal].argmax()])
        rows.append(row)
        gains.append(best / everything)
        left[has.indices[has.indptr[row] : has.indptr[row + 1]]] = 0
    return Picked(np.array(rows, np.int64), np.array(gains, np.float64), _note(rows, count))


def _note(rows: Sequence[int], count: int) -> str:
    if len(rows) >= count:
        return ""
    if not rows:
        return "No weight is clear of its noise, so there is nothing to cover."
    return f"{len(rows)} rows show everything that there is to cover; {count} were asked for."


def check_pick(count: int, num_features: int, by: str, threshold: str | float | int) -> None:
    """Refuse what `pick` cannot do."""
    check_whole("count", count)
    check_whole("num_features", num_features)
    check_one_of("by", by, WAYS)
    is_number = isinstance(threshold, int | float) and threshold >= 0
    if threshold != "noise" and not is_number:
        raise ValueError(
            f"`threshold`: expected 'noise', or the least weight that counts, got {threshold!r}"
        )
