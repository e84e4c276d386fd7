"""Instances of different sizes: few shapes to compile, and fits of one width."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lime_jax.results.concatenation import widened
from lime_jax.typing import LinearFit, replaced

_FEWEST = 16

_PADDING = {"coef": 0.0, "std_error": np.nan, "selected": 0.0, "support": 0.0}
"""What features that an instance does not have are filled with."""


def padded_width(players: int) -> int:
    """How many players an instance is taken to have: a function of its own number only.

    At least as many: a power of two, or one and a half.

    Example:
        >>> [padded_width(n) for n in (3, 50, 70, 97)]
        [16, 64, 96, 128]
    """
    size = _FEWEST
    while size < players:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size


def joined(parts: Sequence[tuple[LinearFit, np.ndarray]], width: int) -> LinearFit:
    """Fits of some rows each and the rows' numbers, as fits of all rows, `width` features wide."""
    back = np.argsort(np.concatenate([rows for _, rows in parts]))
    whole = {}
    for field in dataclasses.fields(LinearFit):
        arrays = [np.asarray(getattr(fit, field.name)) for fit, _ in parts]
        if field.name in _PADDING:
            filler = _PADDING[field.name]
            arrays = [widened(array[..., :width], width, filler) for array in arrays]
        whole[field.name] = np.concatenate(arrays)[back]
    return replaced(parts[0][0], **whole)
