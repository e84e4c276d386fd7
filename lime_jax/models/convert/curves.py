"""Functions of one column that are no lines: steps of a scaler or a discretizer, by their numbers.

Each is a function of `numpy` or `jax.numpy`, of values, and of numbers for one column or for each:
on the host (values,) and numbers without an axis for columns, on the device (samples, columns) and
numbers whose first axis is the columns. NaN stays NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

Numbers: TypeAlias = Any
"""An array, of NumPy also a number of its own."""

_SMALL = float(np.spacing(1.0))  # of an exponent, which is 0 or 2 for scikit-learn
_MARGIN = 1e-7  # a share of rows, scikit-learn's for the ends of a normal distribution
_ENDS = (-5.199337582605575, 5.19933758270342)  # its normal quantiles, as SciPy says them


def bins(xp: ModuleType, values: Numbers, edges: Numbers) -> Any:
    """How many edges are below."""
    count = (values[..., None] > edges).sum(-1)
    return xp.where(xp.isnan(values), values, count)


def equal(xp: ModuleType, values: Numbers, number: Numbers) -> Any:
    """1 where it is a number, 0 elsewhere."""
    return xp.where(xp.isnan(values), values, values == number)


def box_cox(xp: ModuleType, values: Numbers, power: Numbers) -> Any:
    """Box and Cox's power of positive numbers (1964), of which 0 is the logarithm."""
    if xp is np:
        from scipy.special import boxcox

        return boxcox(values, power)
    log = jnp.log(values)
    is_log = jnp.abs(power) < _SMALL
    safe = jnp.where(is_log, 1, power)
    return jnp.where(is_log, log, jnp.expm1(safe * log) / safe)


def yeo_johnson(xp: ModuleType, values: Numbers, power: Numbers) -> Any:
    """Yeo and Johnson's power of any numbers (2000)."""
    if xp is np:
        from scipy.stats import yeojohnson

        return yeojohnson(values, lmbda=float(power))
    log = jnp.log1p(jnp.abs(values))
    sign = jnp.where(values < 0, -1, 1)
    exponent = jnp.where(values < 0, 2 - power, power)
    is_log = jnp.abs(exponent) < _SMALL
    safe = jnp.where(is_log, 1, exponent)
    return sign * jnp.where(is_log, log, jnp.expm1(safe * log) / safe)


def quantiles(xp: ModuleType, values: Numbers, places: Numbers, shares: Numbers) -> Any:
    """The share of rows below, by lines between quantiles; the mean of the two where many are one.

    Args:
        places: the quantiles.
        shares: of rows below each.
    """
    up = _interpolated(xp, values, places, shares)
    down = _interpolated(xp, -values, -places[..., ::-1], -shares[..., ::-1])
    share = xp.where(values >= places[..., -1], shares[..., -1], (up - down) / 2)
    share = xp.where(values <= places[..., 0], shares[..., 0], share)
    return xp.where(xp.isnan(values), values, share)


def normal_quantiles(xp: ModuleType, values: Numbers, places: Numbers, shares: Numbers) -> Any:
    """The normal quantile of that share, cut off near 0 and 1."""
    low, high = values - _MARGIN < places[..., 0], values + _MARGIN > places[..., -1]
    share = quantiles(xp, values, places, shares)
    if xp is np:
        from scipy.special import ndtri

        normal = ndtri(share)
    else:  # float32 has no numbers just below 1
        rest = quantiles(xp, -values, -places[..., ::-1], 1 - shares[..., ::-1])
        tail = jax.scipy.special.ndtri(jnp.minimum(share, rest))
        normal = jnp.where(share < rest, tail, -tail)
    normal = xp.clip(xp.where(low, _ENDS[0], xp.where(high, _ENDS[1], normal)), *_ENDS)
    return xp.where(xp.isnan(values), values, normal)


def wrapped(xp: ModuleType, values: Numbers, low: Numbers, period: Numbers) -> Any:
    """The same place in the first period."""
    return low + (values - low) % period


def polynomials(
    xp: ModuleType, values: Numbers, bounds: Numbers, origins: Numbers, factors: Numbers
) -> Any:
    """A polynomial for each piece between bounds.

    Args:
        origins: of each piece, the number that is 0 to its polynomial.
        factors: (degree + 1, pieces), of the highest power first.
    """
    piece = (values[..., None] > bounds).sum(-1)
    away = values - _chosen(xp, origins, piece)
    total = xp.zeros_like(values)
    for k in range(factors.shape[-2]):
        total = total * away + _chosen(xp, factors[..., k, :], piece)
    return total


def _chosen(xp: ModuleType, table: Numbers, piece: Numbers) -> Any:
    if table.ndim == 1:
        return table[piece]
    return xp.take_along_axis(table.T, piece, axis=0)


def _interpolated(xp: ModuleType, values: Numbers, places: Numbers, shares: Numbers) -> Any:
    if xp is np:
        return np.interp(values, places, shares)
    return jax.vmap(jnp.interp, in_axes=(1, 0, 0), out_axes=1)(values, places, shares)


CURVES: dict[str, Callable[..., Any]] = {
    "bins": bins,
    "equal": equal,
    "box_cox": box_cox,
    "yeo_johnson": yeo_johnson,
    "quantiles": quantiles,
    "normal_quantiles": normal_quantiles,
    "wrapped": wrapped,
    "polynomials": polynomials,
}
"""By the name of their step; see `NumberColumn.steps`."""

UP_AND_DOWN = frozenset(["equal", "wrapped", "polynomials"])
"""Those that do not only increase."""
