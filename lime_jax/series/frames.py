"""Frames in long form: a line for every step of every series, with its time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v1 as nw
import numpy as np

from lime_jax.arguments import listed
from lime_jax.typing import Table


@dataclasses.dataclass(frozen=True)
class LongForm:
    """Which columns of a frame are what.

    Attributes:
        time: the column of times; None: there are no frames.
        series: the column that tells series apart; None: a frame is one series.
    """

    time: str | None = None
    series: str | None = None


def is_frame(X: Table) -> bool:
    """Whether it is a frame of any library."""
    return isinstance(nw.from_native(X, pass_through=True), nw.DataFrame)


def read_frame(
    X: Table, form: LongForm, names: Sequence[object] | None
) -> tuple[list[Any], str | None, list[np.ndarray], list[np.ndarray], tuple[str, ...]]:
    """Names of the series and of their column, the series, their times and their channels."""
    frame = nw.from_native(X, eager_only=True)
    channels = _check_columns(frame, form, names)
    if not len(frame):
        raise ValueError("`X`: expected some lines, got a frame without any")
    time = frame[str(form.time)]
    _check_times(time, str(form.time))
    groups, ids = np.zeros(len(frame), np.int64), [0]
    if form.series is not None:
        ids, groups = _numbered(frame[form.series], form.series)
    moments = _moments(time)
    order = np.lexsort((moments, groups))
    groups, moments = groups[order], moments[order]
    _check_steps(groups, moments, ids, str(form.time))
    values = np.stack([_numbers(frame[name], name) for name in channels], axis=1)[order]
    cuts = np.flatnonzero(np.diff(groups)) + 1
    series, times = np.split(values, cuts), np.split(moments, cuts)
    return ids, form.series, series, times, tuple(channels)


def _check_columns(frame: Any, form: LongForm, names: Sequence[Any] | None) -> list[str]:
    """The columns of channels; ValueError where one is missing."""
    there = list(frame.columns)
    if form.time is None:
        raise ValueError(
            "`time_column`: expected the name of the column of times, as `X` is a frame in long "
            f"form, got None; its columns are {listed(there)}"
        )
    for argument, column in (("time_column", form.time), ("series_column", form.series)):
        if column is not None and column not in there:
            raise ValueError(
                f"`{argument}`: expected a column of the frame, got {column!r}; it has "
                f"{listed(there)}"
            )
    found = [name for name in there if name not in (form.time, form.series)]
    if names is not None:
        lost = [name for name in names if name not in found]
        if lost:
            raise ValueError(
                f"`feature_names`: expected columns of the frame, got {listed(lost)}; it has "
                f"{listed(found)}"
            )
        found = list(names)
    if not found:
        raise ValueError(f"`X`: expected a column of numbers beside {listed(there)}, got none")
    return found


def _check_times(time: Any, name: str) -> None:
    if time.null_count():
        raise ValueError(
            f"`X`: expected a time in every line, but {time.null_count()} of column {name!r} are "
            "missing"
        )
    if not (time.dtype.is_numeric() or time.dtype.is_temporal()):
        raise ValueError(
            f"`X`: expected numbers or moments in column {name!r}, got {time.dtype}; convert it, "
            "such as by `pandas.to_datetime`"
        )


def _moments(time: Any) -> np.ndarray:
    """Times as numbers or moments; those of a zone in UTC."""
    if getattr(time.dtype, "time_zone", None) is not None:
        time = time.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return np.asarray(time.to_numpy())


def _numbered(column: Any, name: str) -> tuple[list[Any], np.ndarray]:
    """The names of the series in the order in which they come, and the number of each line's."""
    if column.null_count():
        raise ValueError(
            f"`X`: expected a name of the series in every line, but {column.null_count()} of "
            f"column {name!r} are missing"
        )
    known: dict[Any, int] = {}
    numbers = [known.setdefault(value, len(known)) for value in column.to_list()]
    return list(known), np.array(numbers)


def _numbers(column: Any, name: str) -> np.ndarray:
    if not (column.dtype.is_numeric() or column.dtype == nw.Boolean):
        raise ValueError(
            f"`X`: expected numbers in column {name!r}, got {column.dtype}; leave it out, or name "
            "the columns to take in `feature_names`"
        )
    return np.asarray(column.cast(nw.Float64).to_numpy(), np.float64)


def _check_steps(groups: np.ndarray, moments: np.ndarray, ids: Sequence[object], name: str) -> None:
    """Refuse two lines of one series and one time."""
    twice = np.flatnonzero((np.diff(groups) == 0) & (moments[1:] == moments[:-1]))
    if twice.size:
        line = int(twice[0])
        raise ValueError(
            f"`X`: expected one line for each time of a series, but series {ids[groups[line]]!r} "
            f"has several with {name} = {moments[line]}; name the column that tells series apart "
            "in `series_column`, or drop the others"
        )
