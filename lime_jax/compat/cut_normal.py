"""Normal numbers cut off at the ends of bins: those of `scipy.stats.truncnorm`, in less time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int
from scipy.special import ndtr, ndtri

_LEAST = 1e-3
"""Of a bin with less of its law's mass than this SciPy says the numbers, by logarithms."""


def drawn_in_bins(
    random: np.random.RandomState,
    codes: Int[np.ndarray, " samples"],
    low: Float64[np.ndarray, " bins"],
    high: Float64[np.ndarray, " bins"],
    mean: Float64[np.ndarray, " bins"],
    std: Float64[np.ndarray, " bins"],
) -> Float64[np.ndarray, " samples"]:
    """Numbers out of bins, as `truncnorm.rvs(..., random_state=random)` draws them.

    A bin of one number gives that number, and takes no chance.

    Example:
        >>> ends = np.array([0.0, 1.0]), np.array([1.0, 3.0]), np.array([0.5, 2.0]), np.ones(2)
        >>> drawn_in_bins(np.random.RandomState(0), np.array([0, 1]), *ends).round(2).tolist()
        [0.55, 2.38]
    """
    low, high = (low - mean) / std, (high - mean) / std
    is_wide = low != high
    found = mean[codes]
    places = slice(None) if is_wide.all() else np.flatnonzero(is_wide[codes])
    codes = codes[places]
    drawn = random.random_sample(len(codes))
    found[places] += std[codes] * _quantiles(drawn, codes, low, high)
    return found


def _quantiles(
    drawn: np.ndarray, codes: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Of the standard normal law between ends."""
    # What is right of the mean is mirrored: small chances have more digits than those near 1.
    is_left = low < 0
    start, end = np.where(is_left, low, -high), np.where(is_left, high, -low)
    before = ndtr(start)
    mass = np.where(end <= 0, ndtr(end) - before, 1 - before - ndtr(-end))
    chances = before[codes] + mass[codes] * np.abs(np.where(is_left, 0.0, 1.0)[codes] - drawn)
    found = np.where(is_left, 1.0, -1.0)[codes] * ndtri(chances)
    is_rare = (mass < _LEAST) & (low != high)
    if is_rare.any():
        import scipy.stats

        rare = np.flatnonzero(is_rare[codes])
        own = codes[rare]
        found[rare] = scipy.stats.truncnorm.ppf(drawn[rare], low[own], high[own])
    return found
