"""Rows against many points: differences that float32 can hold, a block of rows at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from lime_jax.models.convert.columns import Column, LevelColumn, NumberColumn
from lime_jax.models.convert.features import Features
from lime_jax.typing import AnyArray, Array

PAIRS_AT_ONCE = 1 << 20  # of a row and a point: a few MiB, and enough to fill a device


def float32_center(points: Float[np.ndarray, "points columns"]) -> Float[np.ndarray, " columns"]:
    """The mean of some points, as near as a float32 comes.

    Returns:
        Numbers that are the same in float32 and in float64, so that subtracting them on the host
        and on the device is the same.

    Example:
        >>> float32_center(np.array([[1.0, 0.1], [2.0, 0.1]])).tolist()
        [1.5, 0.10000000149011612]
    """
    return points.mean(axis=0).astype(np.float32).astype(np.float64)


def centered(features: Features, center: Float[np.ndarray, " columns"]) -> Features:
    """Columns less a constant each, subtracted before float32 has to hold what is left."""

    def one(column: Column, c: float) -> Column:
        if isinstance(column, NumberColumn):
            return column.then("subtract", c)
        if isinstance(column, LevelColumn):
            return dataclasses.replace(column, values=column.numbers() - c)
        return dataclasses.replace(column, values=column.values - c, other=column.other - c)

    columns = tuple(one(k, float(c)) for k, c in zip(features.columns, center, strict=True))
    return dataclasses.replace(features, columns=columns)


def squared_distances(inputs: AnyArray, points: AnyArray) -> Array:
    """Sums of squared differences, not expanded: small ones between large numbers are right.

    Returns:
        (samples, points).

    Example:
        >>> squared_distances(jnp.zeros((1, 2)), jnp.array([[3.0, 4.0]])).tolist()
        [[25.0]]
    """

    def add_column(total: Array, column: tuple[Array, Array]) -> tuple[Array, None]:
        away = column[0][:, None] - column[1]
        return total + away * away, None

    columns = jnp.asarray(inputs).T, jnp.asarray(points).T
    zero = jnp.zeros((len(inputs), len(points)), jnp.result_type(inputs, points))
    return jax.lax.scan(add_column, zero, columns, unroll=8)[0]


def in_blocks(fn: Callable[[Any], Array], inputs: AnyArray, num_points: int) -> Array:
    """Call a function that needs rows × points numbers on as many rows as memory is for."""
    rows = max(1, PAIRS_AT_ONCE // num_points)
    if len(inputs) <= rows:
        return fn(inputs)
    return jax.lax.map(lambda row: fn(row[None])[0], inputs, batch_size=rows)
