"""How many digits a column's numbers need, so that readers can tell them apart."""

from __future__ import annotations

import math

import numpy as np

from lime_jax.tabular.frames import columns as col
from lime_jax.typing import Column

_MOST = 10_000
"""Values that the spread is taken of, evenly spaced."""


def learn_decimals(column: Column, name: str, step: float) -> int:
    """Decimals that a numeric column is shown with.

    Args:
        column: of numbers, a 1-D array or a narwhals series.

    Returns:
        0 for whole numbers, those of the step of decimals; else two digits of the distance
        between the quartiles, at least 2 unless numbers are longer than a float's digits.

    Example:
        >>> learn_decimals(np.array([1.00001, 1.00002, 1.00003]), "a", 0.0)
        6
    """
    if step:
        return max(0, round(-math.log10(step)))
    if col.time_kind(column):
        return 2
    some = np.arange(0, len(column), max(1, len(column) // _MOST))
    numbers = col.read_numbers(column[some], name)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return 2
    low, high = np.quantile(numbers, [0.25, 0.75])
    spread = high - low if high > low else numbers.max() - numbers.min()
    if not 0 < spread < math.inf:
        return 2
    decimals = decimals_for(spread)
    if np.abs(numbers).max() < 1e15:
        return max(2, decimals)
    return decimals or 1  # 0 is for whole numbers


def decimals_for(spread: float) -> int:
    """Decimals that show two digits of a distance; negative where these are before the point."""
    return 1 - math.floor(math.log10(spread))
