"""Comparisons that a library makes after rounding to float32, as float64 thresholds.

`TreeSum` sends a row left if `value <= threshold` in float64. scikit-learn, XGBoost and ONNX round
the value to float32 before they compare; the thresholds here decide the same without rounding.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

_OVERFLOW = 2.0**128 - 2.0**103  # halfway from float32's largest number to the next power of two


def after_rounding(threshold: Float64[np.ndarray, "*tests"]) -> Float64[np.ndarray, "*tests"]:
    """Thresholds for `float32(x) <= threshold`: the largest float64 numbers that pass.

    They round to a float32 at or below it; ties go to the even one, and beyond the largest float32
    lies infinity.
    """
    return _largest_that_rounds_to(_float32_at_or_below(threshold))


def strictly_below(threshold: Float64[np.ndarray, "*tests"]) -> Float64[np.ndarray, "*tests"]:
    """Thresholds for `float32(x) < float32(threshold)`; at -infinity NaN: nothing passes."""
    with np.errstate(over="ignore"):
        single = np.asarray(threshold, np.float64).astype(np.float32)
        below = np.nextafter(single, np.float32(-np.inf))
    before = _largest_that_rounds_to(below)
    return np.where(single == -np.inf, np.nan, before)


def _float32_at_or_below(threshold: np.ndarray) -> np.ndarray:
    threshold = np.asarray(threshold, np.float64)
    with np.errstate(over="ignore"):
        single = threshold.astype(np.float32)
        below = np.nextafter(single, np.float32(-np.inf))
    return np.where(single > threshold, below, single)


def _largest_that_rounds_to(single: np.ndarray) -> np.ndarray:
    """The largest float64 number that rounds to a float32 number."""
    with np.errstate(over="ignore", invalid="ignore"):
        after = np.nextafter(single, np.float32(np.inf)).astype(np.float64)
        middle = single.astype(np.float64) / 2 + after / 2  # exact: float64 has more bits
        top = np.finfo(np.float32).max
        middle = np.where(single == top, _OVERFLOW, np.where(single == -np.inf, -_OVERFLOW, middle))
        rounds_here = middle.astype(np.float32) == single
        largest = np.where(rounds_here, middle, np.nextafter(middle, -np.inf))
    return np.where(single == np.inf, np.inf, largest)


def round_down(
    threshold: Float64[np.ndarray, "*shape"], dtype: np.dtype
) -> Float[np.ndarray, "*shape"]:
    """Thresholds in the device's precision that decide the same for all its numbers."""
    with np.errstate(over="ignore"):
        rounded = threshold.astype(dtype)
        below = np.nextafter(rounded, np.array(-np.inf, dtype))
    rounded = np.where(rounded.astype(np.float64) > threshold, below, rounded)
    # To the device numbers smaller than the smallest normal one are 0.
    tiny = np.finfo(dtype).tiny
    rounded = np.where((rounded > -tiny) & (rounded < 0), -tiny, rounded)
    return np.where((rounded > 0) & (rounded < tiny), np.zeros((), dtype), rounded)


def between(
    threshold: Float64[np.ndarray, " tests"],
    values: Float64[np.ndarray, " values"],
    on_device: Float[np.ndarray, " values"],
) -> Float64[np.ndarray, " tests"]:
    """Thresholds that part some numbers on the device as they part them in float64."""
    infinite = np.array([np.inf], on_device.dtype)
    ends = np.concatenate([-infinite, on_device, infinite])
    place = np.searchsorted(values, threshold, side="right")
    lowest, above = ends[place], ends[place + 1]
    if np.any(lowest >= above):
        raise ValueError("numbers on both sides of a threshold are one in the device's precision")
    highest = np.where(above == np.inf, np.inf, np.nextafter(above, -infinite))
    return np.clip(round_down(threshold, on_device.dtype), lowest, highest).astype(np.float64)


def on_their_side(
    values: Float64[np.ndarray, " rows"],
    thresholds: Float64[np.ndarray, " tests"],
    center: float,
    dtype: np.dtype,
    *,
    added: bool,
) -> Float[np.ndarray, " rows"]:
    """Numbers minus a center, rounded such that they pass the tests that they pass in float64.

    `added` says whether the device adds the center again before it compares; else its thresholds
    are less the center too. Of a few nearby numbers it is the nearest that passes the same tests;
    where there are none, the nearest.
    """
    wanted = np.searchsorted(thresholds, values)
    back = np.asarray(center if added else 0.0, dtype)
    tests = round_down(thresholds if added else thresholds - center, dtype)
    chosen, left = (values - center).astype(dtype), ~np.isnan(values)
    above = below = (values if added else values - center).astype(dtype)
    for _ in range(4):
        for compared in (below, above):
            candidate = compared - back
            passes = left & (np.searchsorted(tests, candidate + back) == wanted)
            chosen = np.where(passes, candidate, chosen)
            left &= ~passes
        below = np.nextafter(below, np.array(-np.inf, dtype))
        above = np.nextafter(above, np.array(np.inf, dtype))
    return chosen


def ranks(
    values: Float64[np.ndarray, " rows"], thresholds: Float64[np.ndarray, " _"]
) -> Float64[np.ndarray, " rows"]:
    """Of numbers among thresholds: `value <= thresholds[i]` is `rank <= i`; NaN stays."""
    rank = np.searchsorted(thresholds, values).astype(np.float64)
    return np.where(np.isnan(values), np.nan, rank)
