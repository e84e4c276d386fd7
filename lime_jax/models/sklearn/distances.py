"""Rows against many points: differences that float32 can hold, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from lime_jax.typing import AnyArray, Array

PAIRS_AT_ONCE = 1 << 20  # of a row and a point: a few MiB, and enough to fill a device


def float32_center(points: Float[np.ndarray, "points columns"]) -> Float[np.ndarray, " columns"]:
    """The mean of points as a float32 says it: subtracting it is the same in both precisions."""
    return points.mean(axis=0).astype(np.float32).astype(np.float64)


def squared_distances(inputs: AnyArray, points: AnyArray) -> Array:
    """Sums of squared differences, not expanded: small ones between large numbers are right."""

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
