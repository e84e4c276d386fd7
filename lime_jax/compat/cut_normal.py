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
    if is_wide.all():
        return _numbers(random.random_sample(len(codes)), codes, low, high, mean, std)
    found = mean[codes]
    places = np.flatnonzero(is_wide[codes])
    drawn = random.random_sample(len(places))
    found[places] = _numbers(drawn, codes[places], low, high, mean, std)
    return found


def _numbers(
    drawn: np.ndarray,
    codes: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    mean: np.ndarray,
    std: np.ndarray,
) -> np.ndarray:
    """Quantiles of the laws of bins, whose ends are in units of their deviations."""
    # What is right of the mean is mirrored: small chances have more digits than those near 1.
    is_left = low < 0
    start, end = np.where(is_left, low, -high), np.where(is_left, high, -low)
    before = ndtr(start)
    mass = np.where(end <= 0, ndtr(end) - before, 1 - before - ndtr(-end))
    # From the near end of a bin on the left to its far one, or back on the right.
    found = np.where(is_left, mass, -mass)[codes]
    found *= drawn
    found += np.where(is_left, before, before + mass)[codes]
    ndtri(found, out=found)
    found *= np.where(is_left, std, -std)[codes]
    found += mean[codes]
    is_rare = (mass < _LEAST) & (low != high)
    if is_rare.any():
        import scipy.stats

        rare = np.flatnonzero(is_rare[codes])
        bins = codes[rare]
        numbers = scipy.stats.truncnorm.ppf(drawn[rare], low[bins], high[bins])
        found[rare] = numbers * std[bins] + mean[bins]
    return found
