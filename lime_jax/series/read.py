"""Series at the door: arrays, lists of several lengths, or a frame in long form."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt32

from lime_jax.arguments import listed
from lime_jax.results.row_index import as_ids
from lime_jax.series.frames import LongForm, is_frame, read_frame
from lime_jax.typing import Table

MOST_SHOWN = 60  # characters of what came, in a message


@dataclasses.dataclass(frozen=True)
class SeriesIndex:
    """What the series of a frame are called: all that is asked of an index of pandas."""

    ids: np.ndarray
    name: str
    nlevels = 1

    @property
    def names(self) -> tuple[str]:
        """Of the one level."""
        return (self.name,)

    def to_numpy(self) -> np.ndarray:
        """The names of the rows."""
        return self.ids


@dataclasses.dataclass(frozen=True)
class SeriesRows:
    """Series, to be counted, cut and explained.

    Attributes:
        series: each (time,) or (time, channels), in floating point.
        times: of the steps of each, numbers or moments.
        channels: their names; none: series have one value at a time.
        index: what the series are called; None: nobody named them.
    """

    series: tuple[np.ndarray, ...]
    times: tuple[np.ndarray, ...]
    channels: tuple[str, ...]
    index: SeriesIndex | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self.series)

    def __getitem__(self, part: slice) -> SeriesRows:
        """Some of them."""
        index = self.index and dataclasses.replace(self.index, ids=self.index.ids[part])
        return dataclasses.replace(
            self, series=self.series[part], times=self.times[part], index=index
        )

    def content_ids(self) -> UInt32[np.ndarray, " rows"]:
        """A hash of each series: 32 bits, the same everywhere."""
        return np.array([_hash(one) for one in self.series], np.uint32)


def read_series(X: Table, form: LongForm, names: Sequence[object] | None) -> SeriesRows:
    """Read what a user hands over as series.

    Args:
        X: an array (rows, time) or (rows, time, channels), a list of arrays (time,) or (time,
            channels), or a frame in long form.
        form: which columns of a frame are what.
        names: of the channels; None: their numbers, or those of a frame's columns.

    Example:
        >>> rows = read_series(np.zeros((3, 20, 2)), LongForm(), ["heart", "lung"])
        >>> len(rows), rows.series[0].shape, rows.channels
        (3, (20, 2), ('heart', 'lung'))
    """
    if isinstance(X, SeriesRows):
        return X
    if is_frame(X):
        ids, name, series, times, channels = read_frame(X, form, names)
        index = None if name is None else SeriesIndex(as_ids(ids), name)
        checked = tuple(_checked(one, f"series {ids[k]!r}") for k, one in enumerate(series))
        return SeriesRows(checked, tuple(times), channels, index)
    items = _items(X)
    series = tuple(_checked(item, f"series {row}") for row, item in enumerate(items))
    _check_alike(series)
    times = tuple(np.arange(len(one)) for one in series)
    return SeriesRows(series, times, _channels(series[0], names))


def _items(X: Table) -> Sequence[Any]:
    """One object for each series."""
    if isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.dtype.kind == "O"):
        if not len(X):
            raise ValueError("`X`: expected some series, got none")
        return list(X)
    try:
        array = np.asarray(X)
    except Exception as error:
        raise ValueError(f"`X`: expected series, got {type(X).__name__}: {error}") from error
    if array.ndim not in (2, 3):
        raise ValueError(
            "`X`: expected an array (rows, time) or (rows, time, channels), a list of series or a "
            f"frame in long form, got an array of shape {array.shape}; one series is `X[None]`"
        )
    if not len(array):
        raise ValueError("`X`: expected some series, got none")
    return list(array)


def _checked(item: Any, what: str) -> np.ndarray:
    """One series in floating point, or an error that says what is wrong with it."""
    try:
        series = np.asarray(item)
        if series.dtype.kind == "O":
            series = np.asarray([np.asarray(step, np.float64) for step in item])
    except Exception as error:
        raise ValueError(f"`X`: {what} is no array of numbers ({error})") from error
    came = f"got shape {series.shape}, dtype {series.dtype}"
    if series.dtype.kind not in "biuf":
        raise ValueError(f"`X`: {what}: expected numbers, {came}")
    if series.ndim not in (1, 2) or not series.size:
        raise ValueError(
            f"`X`: {what}: expected (time,) or (time, channels), at least one of each, {came}"
        )
    series = series.astype(series.dtype.newbyteorder("=") if series.dtype.kind == "f" else float)
    if not np.isfinite(series).all():
        step = int(np.argwhere(~np.isfinite(series))[0, 0])
        lost = int((~np.isfinite(series)).sum())
        raise ValueError(
            f"`X`: {what}: expected finite numbers, got {lost} that are missing or infinite, the "
            f"first at step {step}; fill them in, or leave these steps out"
        )
    return series


def _check_alike(series: Sequence[np.ndarray]) -> None:
    """Series have the same channels; lengths may differ."""
    for row, one in enumerate(series):
        if one.shape[1:] != series[0].shape[1:]:
            raise ValueError(
                f"`X`: expected the same channels in all series, but series 0 has shape "
                f"{series[0].shape} and series {row} {one.shape}"
            )


def _channels(series: np.ndarray, names: Sequence[object] | None) -> tuple[str, ...]:
    count = series.shape[1] if series.ndim == 2 else 0
    if names is None:
        return tuple(f"channel {number}" for number in range(count))
    found = tuple(map(str, names))
    if len(found) != count:
        raise ValueError(
            f"`feature_names`: expected a name for each of {count} channels, got {listed(found)}"
        )
    return found


def _hash(series: np.ndarray) -> int:
    series = np.ascontiguousarray(series + series.dtype.type(0))  # -0.0 + 0.0 is 0.0
    series = series.astype(series.dtype.newbyteorder("<"), copy=False)
    state = hashlib.blake2b(f"{series.dtype.str} {series.shape}".encode(), digest_size=4)
    state.update(series.tobytes())
    return int.from_bytes(state.digest(), "little")
