"""Where outputs lie and how far they spread: what differs among them is what 32 bits should hold.

Outputs of 1.7e9 that differ by 100 are a few numbers in 32 bits, and squares of 1e-20 are 0. So
outputs are moved and scaled in 64 bits before they are rounded, and fits are put back afterwards.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax.typing import AnyArray, LinearFit, Pytree, replaced

_SMALL = 2.0**-60
"""A unit from here to its inverse takes no weight that matters out of what 32 bits hold."""

_ROUNDING = 16 * np.finfo(np.float64).eps
"""Of an output that is a mean in 64 bits: outputs that differ by less are equal."""


@dataclasses.dataclass(frozen=True, eq=False)
class OutputScale:
    """Outputs are `origin + unit * y`, and fits are of `y`; for all rows or for each."""

    origin: Float64[np.ndarray, "*rows outputs"]
    unit: Float64[np.ndarray, "*rows outputs"]

    @classmethod
    def of_samples(cls, y: Float64[np.ndarray, "*rows samples outputs"]) -> OutputScale:
        """The scale of samples: their median, and a unit that none is further away than."""
        middle = (y.shape[-2] - 1) // 2
        origin = np.partition(y, middle, axis=-2)[..., middle, :]
        with np.errstate(over="ignore"):
            return cls(origin, power_of_two(np.abs(y - origin[..., None, :]).max(-2, initial=0)))

    def inward(self, y: Float64[np.ndarray, "*rows samples outputs"]) -> np.ndarray:
        """Outputs as the device computes with them."""
        origin = self.origin[..., None, :]
        with np.errstate(over="ignore", invalid="ignore"):
            moved = y - origin
            moved[np.abs(moved) <= _ROUNDING * np.abs(origin)] = 0
            return (moved / self.unit[..., None, :]).astype(jnp.result_type(float), copy=False)

    def take(self, rows: Pytree) -> OutputScale:
        """The scale of some of the rows."""
        return OutputScale(self.origin[rows], self.unit[rows])

    def outward(self, found: Pytree, labels: np.ndarray | None) -> Any:
        """Fits of the outputs themselves, on the host; or mean squares, (rows, ..., outputs).

        Intercepts and local predictions are in float64; weights and errors too where their own
        dtype does not hold them.
        """
        narrow = found.intercept if isinstance(found, LinearFit) else found
        origin, unit = (_of_labels(one, labels, narrow) for one in (self.origin, self.unit))
        if not isinstance(found, LinearFit):
            return found * unit**2
        coef, std_error = _as_they_were((found.coef, found.std_error), unit[..., None])
        return replaced(
            found,
            coef=coef,
            std_error=std_error,
            intercept=origin + unit * found.intercept,
            local_pred=origin + unit * found.local_pred,
        )


def power_of_two(size: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """The smallest power of two above each number; 1 for 0 and what is not finite."""
    usable = np.isfinite(size) & (size > 0)
    exponent = np.frexp(np.where(usable, size, 0.5))[1]
    return np.ldexp(1.0, np.minimum(exponent, 1023))


def _of_labels(values: np.ndarray, labels: np.ndarray | None, like: AnyArray) -> np.ndarray:
    """(rows or 1, ..., labels) with as many axes as `like`."""
    rows = np.broadcast_to(values, (len(like), values.shape[-1])) if values.ndim == 1 else values
    if labels is not None:
        rows = np.take_along_axis(rows, np.asarray(labels), axis=-1)
    return rows.reshape(len(rows), *[1] * (like.ndim - 2), rows.shape[-1])


def _as_they_were(arrays: tuple[Any, ...], unit: np.ndarray) -> tuple[np.ndarray, ...]:
    """Arrays times powers of two, in their one dtype if it holds all of all."""
    dtype = arrays[0].dtype
    if (unit == 1).all():
        return arrays
    if ((unit >= _SMALL) & (unit <= 1 / _SMALL)).all():
        return tuple(values * unit.astype(dtype) for values in arrays)
    with np.errstate(over="ignore", under="ignore"):
        wide = tuple(values * unit for values in arrays)
        if all(_holds(dtype, values) for values in wide):
            return tuple(values.astype(dtype) for values in wide)
        return wide


def _holds(dtype: np.dtype, values: np.ndarray) -> bool:
    """Whether no value is too large for a dtype, nor so small that digits are lost."""
    size, limits = np.abs(values), np.finfo(dtype)
    return not (((size < limits.tiny) & (values != 0)) | (size > limits.max)).any()
