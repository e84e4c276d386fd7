"""Names of features and levels, and numbers as readers see them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

Time = str | None
"""What a column of times holds: "datetime", "duration", or None for other numbers."""


@dataclasses.dataclass(frozen=True)
class FeatureNames:
    """What features and their values are called.

    Attributes:
        columns: the name of each feature.
        levels: the names of a categorical feature's levels in code order, None for a numeric one;
            empty if all are numeric.
        times: "datetime", "duration" or None; empty if there are none.
        decimals: that numbers are shown with, 0 for whole ones; empty for 2.

    Example:
        >>> names = FeatureNames(("age", "sex"), levels=(None, ("f", "m")))
        >>> names.display_value(0, 38.0), names.display_value(1, 1.0)
        ('38.00', 'm')
    """

    columns: tuple[str, ...]
    levels: tuple[tuple[str, ...] | None, ...] = ()
    times: tuple[Time, ...] = ()
    decimals: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.columns)
        for name, usual in (("levels", None), ("times", None), ("decimals", 2)):
            object.__setattr__(self, name, tuple(getattr(self, name)) or (usual,) * count)

    @classmethod
    def restored(cls, fields: dict[str, Any]) -> FeatureNames:
        """From what a JSON text has made of the fields."""
        levels = (None if names is None else tuple(names) for names in fields["levels"])
        times, decimals = tuple(fields["times"]), tuple(fields["decimals"])
        return cls(tuple(fields["columns"]), tuple(levels), times, decimals)

    @property
    def categorical(self) -> tuple[bool, ...]:
        """Which features have levels."""
        return tuple(levels is not None for levels in self.levels)

    def display_value(self, feature: int, value: float | int) -> str:
        """One encoded value as text: a level's name, a date, or a number with fitting digits.

        "missing" for NaN, and "unseen" for the code -1.
        """
        levels = self.levels[feature]
        if levels is not None:
            return "unseen" if value < 0 else levels[int(value)]
        value = float(value)
        if math.isnan(value):
            return "missing"
        if self.times[feature] == "datetime":
            return _moment(value)
        text = number_text(value, self.decimals[feature])
        return f"{text} s" if self.times[feature] else text

    def display_values(self, feature: int, values: np.ndarray) -> list[str]:
        """`display_value` of many values."""
        levels = self.levels[feature]
        if levels is not None:
            names = [*levels, "unseen"]  # the code of the last is -1
            return [names[int(value)] for value in np.maximum(values, -1)]
        if self.times[feature]:
            return [self.display_value(feature, value) for value in values.tolist()]
        decimals, size = self.decimals[feature], np.abs(values)
        values = values + 0.0  # -0.0 is 0
        if decimals == 0:
            usual = (values == np.round(values)) & (size < 1e15)
        else:
            usual = ((size == 0) | (size >= 0.1)) & (size < 1e15) & (2 <= decimals <= 8)
        return [
            f"{value:.{decimals}f}" if plain else self.display_value(feature, value)
            for value, plain in zip(values.tolist(), usual.tolist(), strict=True)
        ]


def counts_of_rows(present: np.ndarray, noun: str) -> str:
    """How many features rows have that have features of their own; `present` is (rows, features).

    Example:
        >>> counts_of_rows(np.array([[True, False], [True, True]]), "words")
        '1 to 2 words'
    """
    found = present.sum(1)
    varies = len(found) and np.ptp(found)
    most = f"{found.min()} to {found.max()}" if varies else f"{found.max(initial=0)}"
    return f"{most} {noun}"


def level_name(value: Any) -> str:
    """A level as text; whole numbers without decimals, `None` as "missing"."""
    if value is None:
        return "missing"
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else str(value)


def number_text(value: float, decimals: int = 2) -> str:
    """A number as text: two decimals as in lime, more where the column or the number needs them.

    With an exponent where there would be many zeros.

    Example:
        >>> number_text(4111111111111111.0, 0), number_text(38.0), number_text(3.2e-12, 14)
        ('4111111111111111', '38.00', '3.20e-12')
    """
    size = abs(value)
    if decimals == 0 and value == round(value) and size < 1e22:
        return f"{value:.0f}"
    if size == 0:
        return "0" if decimals > 8 else f"{0:.{max(2, decimals)}f}"
    place = math.floor(math.log10(size))
    significant = min(place + decimals + 1, 17)
    if size >= 1e15:
        in_full = significant > 6 and size < 1e22 and decimals != 2
        return f"{value:.0f}" if in_full else f"{value:.6g}"
    if size < 1e-4 or decimals > 8:
        return f"{value:#.{max(significant, 3)}g}" if decimals > 2 else f"{value:.3g}"
    return f"{value:.{max(2, decimals, 2 - place if size < 0.1 else 2)}f}"


def _moment(seconds: float) -> str:
    text = str(np.datetime64(round(seconds), "s")).replace("T", " ")
    return text.removesuffix(" 00:00:00")
