"""Steps that bend columns, each by itself: bins, powers, quantiles and splines."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from jaxtyping import Float64

from lime_jax.models.convert.columns import (
    Column,
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
)
from lime_jax.models.convert.features import Features
from lime_jax.models.registry import register_transformer
from lime_jax.models.sklearn.preprocessing import scale
from lime_jax.typing import Estimator


@register_transformer("sklearn.KBinsDiscretizer")
def discretize(model: Estimator, features: Features) -> Features:
    """The number of the bin, or 1 for it and 0 for all others."""
    inner = [np.asarray(edges, np.float64)[1:-1] for edges in model.bin_edges_]
    room = max(len(edges) for edges in inner)
    columns: list[Column] = []
    for column, edges in zip(features.columns, inner, strict=True):
        # At an edge a bin begins, so a number is in it that is above the one before the edge.
        below = np.nextafter(edges, -np.inf)
        padded = np.pad(below, (0, room - len(below)), constant_values=np.inf)
        number = column.then("bins", tuple(padded.tolist()))
        if model.encode == "ordinal":
            columns.append(number)
        else:
            columns += [number.then("equal", float(k)) for k in range(len(edges) + 1)]
    return features.replaced(columns, features.names if model.encode == "ordinal" else None)


@register_transformer("sklearn.PowerTransformer")
def raise_to_power(model: Estimator, features: Features) -> Features:
    """A power of each column, then scaled."""
    name = model.method.replace("-", "_")
    powers = zip(features.columns, model.lambdas_, strict=True)
    bent = features.replaced([c.then(name, float(p)) for c, p in powers], features.names)
    return scale(model._scaler, bent) if model.standardize else bent


@register_transformer("sklearn.QuantileTransformer")
def rank(model: Estimator, features: Features) -> Features:
    """The share of training rows below, or its normal quantile."""
    name = "quantiles" if model.output_distribution == "uniform" else "normal_quantiles"
    shares = tuple(np.asarray(model.references_, np.float64).tolist())
    places = np.asarray(model.quantiles_, np.float64).T
    if np.isnan(places).any():
        raise NotConvertibleError("QuantileTransformer: a column was missing in all training rows")
    columns = [
        column.then(name, tuple(ranks.tolist()), shares)
        for column, ranks in zip(features.columns, places, strict=True)
    ]
    return features.replaced(columns, features.names)


@register_transformer("sklearn.SplineTransformer")
def bend(model: Estimator, features: Features) -> Features:
    """Splines of each column: a polynomial between any two knots."""
    if model.degree < 1:
        raise NotConvertibleError("SplineTransformer: its splines have steps (degree=0)")
    if model.degree == 1 and model.extrapolation == "linear" and len(features) > 1:
        raise NotConvertibleError(
            "SplineTransformer: from the second column on, its lines are others where they go on "
            "beyond the knots (degree=1, extrapolation='linear')"
        )
    pieces = [_pieces(spline, model.extrapolation) for spline in model.bsplines_]
    room = max(len(bounds) for bounds, *_ in pieces)
    columns: list[Column] = []
    for column, (bounds, origins, factors) in zip(features.columns, pieces, strict=True):
        more = room - len(bounds)
        bounds = _as_tuple(np.pad(bounds, (0, more), constant_values=np.inf))
        origins = _as_tuple(np.pad(origins, (0, more)))
        factors = np.pad(factors, ((0, 0), (0, more), (0, 0)))
        if model.extrapolation == "periodic":
            low, high = origins[0], bounds[-1 - more]
            column = column.then("wrapped", low, float(high - low))
        for k in range(factors.shape[2] - (not model.include_bias)):
            spline = column.then("polynomials", bounds, origins, _as_tuple(factors[..., k]))
            columns.append(_filled(spline) if _fills(model) else spline)
    return features.replaced(columns)


def _pieces(spline: Any, beyond: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bounds and origins of polynomials, and factors (degree + 1, pieces, splines).

    `beyond` is what the splines are to both sides of the knots.
    """
    degree = spline.k
    knots = np.unique(spline.t[degree : len(spline.t) - degree])
    if len(knots) < 2:
        raise NotConvertibleError("SplineTransformer: a column was the same in all training rows")
    first, last, starts = knots[0], knots[-1], knots[:-1]
    inside = _factors(spline, starts, degree)
    if beyond in ("continue", "periodic"):
        origin, ends = starts[-1], (inside[:, :1], inside[:, -1:])
    elif beyond == "error":
        origin, ends = last, (inside[:, :1] * np.nan,) * 2
    else:
        powers = 1 if beyond == "linear" else 0
        origin, ends = last, tuple(_factors(spline, x[None], powers) for x in (first, last))
        ends = [np.pad(end, ((degree - powers, 0), (0, 0), (0, 0))) for end in ends]
    bounds = np.append(np.nextafter(starts, -np.inf), last)
    return bounds, np.concatenate([[first], starts, [origin]]), _beside(ends[0], inside, ends[1])


def _factors(spline: Any, places: Float64[np.ndarray, " places"], powers: int) -> np.ndarray:
    """Of the polynomials at some places, the highest power first, by their derivatives there."""
    each = [spline(places, nu=k) / math.factorial(k) for k in range(powers, -1, -1)]
    return np.stack(each)


def _beside(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts, axis=1)


def _fills(model: Estimator) -> bool:
    return getattr(model, "handle_missing", "error") == "zeros"


def _filled(column: Column) -> Column:
    """With 0 where it is missing."""
    if isinstance(column, NumberColumn):
        return dataclasses.replace(column, missing=float(np.nan_to_num(column.missing)))
    if isinstance(column, LevelColumn):
        return LevelColumn(column.raw, np.nan_to_num(column.numbers()))
    other = float(np.nan_to_num(column.other))
    return dataclasses.replace(column, values=np.nan_to_num(column.values), other=other)


def _as_tuple(array: np.ndarray) -> tuple[Any, ...]:
    """Numbers that can be compared and hashed."""
    return tuple(map(_as_tuple, array)) if array.ndim > 1 else tuple(array.tolist())
