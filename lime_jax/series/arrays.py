"""The data half of `SeriesExplanations`: series and their segments, without views."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import ClassVar

import numpy as np

from lime_jax.masked.arrays import MaskedArrays
from lime_jax.results.kinds import per_row
from lime_jax.results.row_index import name_text

_MOST_NAMED = 3  # channels or stretches of a segment


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SeriesArrays(MaskedArrays):
    """What explanations of series hold; `SeriesExplanations` says what each field is."""

    subject: ClassVar[str] = "series"
    heads: ClassVar[tuple[str, str]] = ("segment", "numbers")

    series: tuple[np.ndarray, ...] = per_row("array", "series")
    segments: tuple[np.ndarray, ...] = per_row("grid", "segments")
    times: tuple[np.ndarray, ...] = per_row("array", "times")
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("series", "segments", "times"):
            if len(getattr(self, name)) != len(self.coef):
                raise ValueError(
                    f"`{name}`: expected one for each of {len(self.coef)} series, got "
                    f"{len(getattr(self, name))}"
                )
        for row, (one, numbers) in enumerate(zip(self.series, self.segments, strict=True)):
            if numbers.shape != (len(one), one.shape[1] if one.ndim == 2 else 1):
                raise ValueError(
                    f"`segments`: expected one number for each of {one.shape} of series {row}, got "
                    f"shape {numbers.shape}"
                )

    @property
    def present(self) -> np.ndarray:
        """(rows, features) which segments each series has."""
        return self.values > 0

    @cached_property
    def names_of_segments(self) -> list[list[str]]:
        """For each series what its segments are called, in their order."""
        known: dict[tuple[bytes, ...], list[str]] = {}
        found = []
        for segments, times in zip(self.segments, self.times, strict=True):
            key = (np.array(segments.shape).tobytes(), segments.tobytes(), times.tobytes())
            if key not in known:
                known[key] = _names(segments, times, self.channels)
            found.append(known[key])
        return found

    def check_comparable(self) -> None:
        """Refuse to compare segments over series that are not cut alike."""
        if any(not np.array_equal(self.segments[0], other) for other in self.segments[1:]):
            raise ValueError(
                "`importance` compares segments over series, but these series are not cut alike: "
                "look at one, such as `explanations[0]`, or explain series of one length"
            )

    def _condition(self, row: int, feature: int) -> str:
        names = self.names_of_segments[row]
        return names[feature] if feature < len(names) else ""

    def value_texts(self, rows: np.ndarray, feature: int) -> list[str]:
        """How many numbers a segment of some series has, as text."""
        return [f"{int(count):,}" for count in self.values[rows, feature]]

    def texts(self, feature: int) -> tuple[np.ndarray, list[str], list[str]]:
        """What a feature is in each row, and how many numbers it has.

        Args:
            feature: its number.

        Returns:
            (rows,) codes, and the name and the size of each code.

        Example:
            >>> series_explanations.texts(1)[1]
            ['steps 3 to 5', 'steps 3 to 5']
        """
        rows = np.arange(len(self))
        conditions = [self._condition(row, feature) for row in rows.tolist()]
        return rows, conditions, self.value_texts(rows, feature)


def _names(segments: np.ndarray, times: np.ndarray, channels: tuple[str, ...]) -> list[str]:
    """What the segments of one series are called: by channel, by time, or by both."""
    is_counted = np.array_equal(times, np.arange(len(times)))
    players = int(segments.max()) + 1
    lines = np.argsort(segments.reshape(-1), kind="stable")
    cuts = np.cumsum(np.bincount(segments.reshape(-1), minlength=players))[:-1]
    names = []
    for places in np.split(lines, cuts):
        steps, columns = np.divmod(places, segments.shape[1])
        steps, columns = np.unique(steps), np.unique(columns)
        when = "" if len(steps) == len(segments) else _when(steps, times, is_counted)
        what = "" if len(columns) == segments.shape[1] else _listed([channels[k] for k in columns])
        names.append(", ".join(filter(None, (what, when))) or "the whole series")
    return names


def _when(steps: np.ndarray, times: np.ndarray, is_counted: bool) -> str:
    """Stretches of time in words."""
    stretches = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1)
    named = [
        name_text(times[one[0]])
        if len(one) == 1
        else f"{name_text(times[one[0]])} to {name_text(times[one[-1]])}"
        for one in stretches
    ]
    word = "" if not is_counted else "step " if len(steps) == 1 else "steps "
    return word + _listed(named)


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
