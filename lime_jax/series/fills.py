"""What stands in place of hidden numbers of a series."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import jax
import numpy as np

FILLS = ("mean", "last", "interpolate", "noise")


def check_hide(hide: object) -> None:
    """Refuse what is no way to hide."""
    if isinstance(hide, str):
        known = hide in FILLS
    else:
        known = hide is not None and np.asarray(hide).dtype.kind in "biuf"
    if not known:
        shown = repr(hide) if isinstance(hide, str | None) else type(hide).__name__
        raise ValueError(
            f"`hide`: expected one of {', '.join(map(repr, FILLS))}, a number, or series to take "
            f"values from, (time, channels) or (rows, time, channels), got {shown}"
        )
    if not isinstance(hide, str) and not np.isfinite(np.asarray(hide, np.float64)).all():
        raise ValueError("`hide`: expected finite numbers, got some that are missing or infinite")


def backgrounds(series: Sequence[np.ndarray], hide: Any) -> np.ndarray | None:
    """(rows, time, [channels]) series that hidden numbers are taken from, one after the other.

    None: each series has a fill of its own.
    """
    if isinstance(hide, str):
        return None
    rows = np.asarray(hide, np.float64)
    first = series[0]
    if rows.ndim == 0:
        return None
    if rows.shape == first.shape:
        rows = rows[None]
    for number, one in enumerate(series):
        if rows.shape[1:] != one.shape or not len(rows):
            raise ValueError(
                f"`hide`: expected series of the shape of those in `X`, {one.shape} of series "
                f"{number}, one or several, got shape {np.shape(hide)}"
            )
    return rows


def fill_of(series: np.ndarray, hide: Any, seed: int, row_id: int) -> np.ndarray:
    """What hidden numbers of a series show; of "last" and "interpolate" if nothing is left.

    Example:
        >>> fill_of(np.array([[1.0, 0], [3, 0]]), "mean", 0, 0).tolist()
        [[2.0, 0.0], [2.0, 0.0]]
    """
    wide = series.astype(np.float64)
    if not isinstance(hide, str):
        fill = np.full(series.shape, float(hide))
    else:
        fill = np.broadcast_to(wide.mean(0), series.shape)
        if hide == "noise":
            rng = np.random.default_rng([seed % 2**64, row_id])
            fill = fill + wide.std(0) * rng.standard_normal(series.shape)
    return fill.astype(series.dtype)


def filled(series: Any, fill: Any, shown: Any, how: str, xp: ModuleType) -> Any:
    """Series under masks.

    Args:
        series: (time, ...).
        fill: of the same shape, or with more axes in front.
        shown: (..., time, ...) of as many axes as the result.
        how: "last": the last number before it that is shown, else the next; "interpolate": the
            line between the two; else the fill.
        xp: NumPy or its like.

    Example:
        >>> shown = np.array([[False, True, False, True, False]])
        >>> filled(np.arange(5.0) ** 2, np.zeros(5), shown, "last", np).tolist()
        [[1.0, 1.0, 1.0, 9.0, 9.0]]
        >>> filled(np.arange(5.0) ** 2, np.zeros(5), shown, "interpolate", np).tolist()
        [[1.0, 1.0, 5.0, 9.0, 9.0]]
    """
    if how not in ("last", "interpolate"):
        return xp.where(shown, series, fill)
    axis, steps = shown.ndim - series.ndim, series.shape[0]
    places = xp.arange(steps).reshape(steps, *[1] * (series.ndim - 1))
    before = _running(xp.where(shown, places, -1), axis, xp)
    after = xp.flip(-_running(xp.flip(xp.where(shown, -places, -steps), axis), axis, xp), axis)
    is_before, is_after = before >= 0, after < steps
    first = _taken(series, xp.where(is_before, before, xp.minimum(after, steps - 1)), axis, xp)
    if how == "interpolate":
        last = _taken(series, xp.where(is_after, after, xp.maximum(before, 0)), axis, xp)
        gap = xp.maximum(after - before, 1)
        share = xp.where(is_before & is_after, (places - before) / gap, 0).astype(series.dtype)
        first = first + share * (last - first)
    found = xp.where(is_before | is_after, first, fill)
    return xp.where(shown, series, found)


def _running(numbers: Any, axis: int, xp: ModuleType) -> Any:
    """The largest so far."""
    if xp is np:
        return np.maximum.accumulate(numbers, axis=axis)
    return jax.lax.cummax(numbers, axis=axis)


def _taken(series: Any, places: Any, axis: int, xp: ModuleType) -> Any:
    """Numbers at places in time, (..., time, ...)."""
    one = series.reshape(*[1] * axis, *series.shape)
    shape = np.broadcast_shapes(one.shape[axis + 1 :], places.shape[axis + 1 :])
    places = xp.broadcast_to(places, (*places.shape[: axis + 1], *shape))
    one = xp.broadcast_to(one, (*places.shape[:axis], *one.shape[axis:]))
    return xp.take_along_axis(one, places, axis=axis)
