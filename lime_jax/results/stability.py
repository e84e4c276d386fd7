"""How often the strongest features stay the same under another seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.cohorts import shown_weights
from lime_jax.typing import Scalar

_DRAWS = 400
_AT_ONCE = 2**22  # numbers


@dataclasses.dataclass(frozen=True, eq=False)
class Stability:
    """What another seed would leave of each row's strongest features.

    Attributes:
        k: how many features are looked at.
        same: (rows,) how often these very ones are the strongest again.
        overlap: (rows,) the share of them that is among the strongest again, on average.

    Example:
        >>> explanations.stability(1).overlap.shape
        (4,)
    """

    k: int
    same: np.ndarray
    overlap: np.ndarray

    def __repr__(self) -> str:
        """Means over the rows."""
        return (
            f"Stability(top {self.k}: all the same in {self.same.mean():.0%} of other seeds, "
            f"{self.overlap.mean():.0%} of them kept)"
        )


def stability_of(pieces: Iterable[ExplanationArrays], k: int, label: Scalar) -> Stability:
    """By drawing other seeds' weights: those that were found, and the noise of both."""
    found = [(min(k, len(part.feature_names)), *_of_part(part, k, label)) for part in pieces]
    sizes, same, overlap = zip(*found, strict=True)
    return Stability(sizes[0], np.concatenate(same), np.concatenate(overlap))


def _of_part(arrays: ExplanationArrays, k: int, label: Scalar) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) how often all are the same, and the share that stays."""
    weights, errors = shown_weights(arrays, label)
    rows, features = weights.shape
    k = min(k, features)
    top = _strongest(np.abs(weights), k)
    same, overlap = np.ones(rows), np.ones(rows)
    noisy = np.flatnonzero((errors > 0).any(1)) if k < features else np.zeros(0, np.int64)
    step = max(1, _AT_ONCE // (_DRAWS * features))
    for start in range(0, len(noisy), step):
        some = noisy[start : start + step]
        # What was found is off by one error, and what another seed finds by another one.
        noise = np.sqrt(2) * errors[some] * _noise(arrays.key_ids[some], features)
        again = _strongest(np.abs(weights[some] + noise), k)
        common = (again & top[some]).sum(-1) / k
        overlap[some], same[some] = common.mean(0), (common == 1).mean(0)
    return same, overlap


def _noise(key_ids: np.ndarray, features: int) -> np.ndarray:
    """(draws, rows, features) standard normal numbers that a row has wherever it lies."""
    shape = _DRAWS, features
    draws = [np.random.default_rng(key).standard_normal(shape) for key in key_ids.tolist()]
    return np.stack(draws).transpose(1, 0, 2)


def _strongest(sizes: np.ndarray, k: int) -> np.ndarray:
    """(..., features) whether each is among the k largest."""
    found = np.zeros(sizes.shape, bool)
    places = np.argsort(-sizes, axis=-1, kind="stable")[..., :k]
    np.put_along_axis(found, places, True, axis=-1)
    return found
