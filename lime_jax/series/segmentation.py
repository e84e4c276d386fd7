"""How a series is cut: which player each number of it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lime_jax.arguments import is_whole

MOST_PLAYERS = 3000

Segments = np.ndarray
"""(time, channels) number of each value's player, whole numbers from 0."""


def segments_of(series: np.ndarray, segments: object, what: str) -> Segments:
    """The players of one series.

    Args:
        series: (time,) or (time, channels).
        segments: how many stretches of time; labels (time,) or (time, channels); "step",
            "feature", or a function of the series that returns labels.
        what: what messages call the series.

    Example:
        >>> segments_of(np.zeros((5, 2)), 2, "series 0").T.tolist()
        [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]
        >>> segments_of(np.zeros((2, 2)), "feature", "series 0").tolist()
        [[0, 1], [0, 1]]
    """
    steps = len(series)
    channels = series.shape[1] if series.ndim == 2 else 1
    shape = (steps, channels)
    if is_whole(segments):
        count = min(int(segments), steps)
        return _all_channels(np.arange(steps) * count // steps, shape)
    if isinstance(segments, str):
        if segments == "step":
            return _few(_all_channels(np.arange(steps), shape), what)
        return np.broadcast_to(np.arange(channels, dtype=np.int32), shape).copy()
    labels = segments(series.copy()) if callable(segments) else segments
    return _few(_of_labels(labels, shape, what), what)


def check_segments(segments: object) -> None:
    """Refuse what is no way to cut a series."""
    if isinstance(segments, str):
        known = segments in ("step", "feature")
    else:
        is_number = isinstance(segments, int | float | np.number | bool)
        known = callable(segments) or not is_number or (is_whole(segments) and segments >= 1)
        known = known and segments is not None
    if not known:
        raise ValueError(
            "`segments`: expected how many stretches of time, at least 1, labels (time,) or (time, "
            "channels), a list of these for each series, 'step', 'feature' or a function of a "
            f"series that returns labels, got {segments!r}"
        )


def segments_of_all(series: Sequence[np.ndarray], segments: Any) -> list[Segments]:
    """The players of every series."""
    several = isinstance(segments, list | tuple) and any(np.ndim(one) for one in segments)
    if several and len(segments) != len(series):
        raise ValueError(
            f"`segments`: expected labels for each of {len(series)} series, got {len(segments)}"
        )
    by_feature = isinstance(segments, str) and segments == "feature"
    if by_feature and (series[0].ndim == 1 or series[0].shape[1] == 1):
        raise ValueError(
            "`segments`: 'feature' hides one channel or another, and these series have one "
            "channel; give a number of stretches of time, or 'step'"
        )
    return [
        segments_of(one, segments[row] if several else segments, f"series {row}")
        for row, one in enumerate(series)
    ]


def _of_labels(labels: object, shape: tuple[int, int], what: str) -> Segments:
    """Labels as numbers from 0, in their own order."""
    try:
        found = np.asarray(labels)
    except ValueError as error:
        raise ValueError(f"`segments`: {what}: expected an array of labels ({error})") from error
    if found.shape not in (shape[:1], shape):
        raise ValueError(
            f"`segments`: {what}: expected labels of shape {shape[:1]} or {shape}, got "
            f"{found.shape}"
        )
    numbers = np.unique(found, return_inverse=True)[1].reshape(found.shape)
    return _all_channels(numbers, shape) if found.ndim == 1 else numbers.astype(np.int32)


def _all_channels(of_steps: np.ndarray, shape: tuple[int, int]) -> Segments:
    return np.broadcast_to(of_steps[:, None], shape).astype(np.int32)


def _few(segments: Segments, what: str) -> Segments:
    players = int(segments.max()) + 1
    if players > MOST_PLAYERS:
        raise ValueError(
            f"`segments`: {what} has {players:,}, and an explanation is of {MOST_PLAYERS:,} at "
            "most; give a number of stretches of time"
        )
    return segments
