"""Least angle regression on a Gram matrix, with the lasso's drops, as one bounded loop."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lime_jax.typing import Array, Bool, Float, Int

_MAX_KNOTS = 500  # where `lars_path` ends too


class _Path(NamedTuple):
    """Where the path stands.

    `swept` holds, by the sweep operator, minus the inverse Gram matrix of the active features and
    the Schur complement of the others: one product with it gives the whole next direction.
    """

    swept: Float[Array, "features features"]
    coef: Float[Array, " features"]
    correlation: Float[Array, " features"]
    active: Bool[Array, " features"]
    pivot: Int[Array, ""]  # the feature that enters or leaves next
    selected: Bool[Array, " features"]
    knots: Int[Array, ""]
    done: Bool[Array, ""]


def lasso_knot(
    zz: Float[Array, "features features"],
    zy: Float[Array, " features"],
    constant: Bool[Array, " features"],
    floor: Float[Array, ""],
    num_features: int,
) -> Bool[Array, " features"]:
    """The features of the last knot of the lasso path that has few enough of them.

    Those with a coefficient at that knot, or at the first knot if none has few enough; all where
    the path has no knot. It ends where no co-moment with the residual is above `floor`. The knots
    are those of `sklearn.linear_model.lars_path(method="lasso")` (Efron et al., 2004).
    """
    eps = jnp.finfo(zz.dtype).eps
    noise = 16 * eps * jnp.abs(zy).max()
    floor = jnp.maximum(floor, noise)
    dependent = jnp.where(constant, jnp.inf, 32 * eps * jnp.diagonal(zz))

    def step(path: _Path) -> _Path:
        path, level, next_level = _to_next_knot(path, zz, zy, dependent)
        nonzero = path.coef != 0
        keep = (path.knots == 0) | (nonzero.sum() <= num_features)
        return path._replace(
            selected=jnp.where(keep, nonzero, path.selected),
            knots=path.knots + 1,
            # A level that rises is rounding: the path has reached the least-squares fit.
            done=(next_level <= floor) | (next_level > level + noise),
        )

    pivot = jnp.argmax(jnp.where(constant, -1, jnp.abs(zy)))
    start = _Path(
        swept=zz,
        coef=jnp.zeros_like(zy),
        correlation=zy,
        active=jnp.zeros(zy.shape, bool),
        pivot=pivot,
        selected=jnp.ones(zy.shape, bool),
        knots=jnp.array(0),
        done=constant[pivot] | (jnp.abs(zy[pivot]) <= floor),
    )
    path = jax.lax.while_loop(lambda path: ~path.done & (path.knots < _MAX_KNOTS), step, start)
    return path.selected


def _to_next_knot(
    path: _Path,
    zz: Float[Array, "features features"],
    zy: Float[Array, " features"],
    dependent: Float[Array, " features"],
) -> tuple[_Path, Float[Array, ""], Float[Array, ""]]:
    """Let the pivot in or out and go on until a feature may enter, or one's coefficient is 0.

    Returns the path with its next pivot, and the level of correlation before and after.
    """
    swept = _sweep(path.swept, path.pivot)
    active = path.active.at[path.pivot].set(~path.active[path.pivot])
    is_open = ~active & (jnp.diagonal(swept) > dependent)
    level = jnp.abs(path.correlation[path.pivot])
    signs = jnp.where(active, jnp.sign(path.correlation), 0)
    follow = jnp.matmul(swept, signs, precision="highest")
    direction = jnp.where(active, -follow, 0)

    entry = jnp.minimum(
        _until_closed(level - path.correlation, 1 - follow, is_open),
        _until_closed(level + path.correlation, 1 + follow, is_open),
    )
    crossing = _until_closed(-path.coef * jnp.sign(direction), jnp.abs(direction), active)
    leaver = jnp.argmin(crossing)
    stop = jnp.minimum(entry.min(), level)
    leaves = crossing[leaver] < stop
    coef = path.coef + jnp.minimum(crossing[leaver], stop) * direction
    coef = coef.at[leaver].set(jnp.where(leaves, 0, coef[leaver]))
    correlation = zy - jnp.matmul(zz, coef, precision="highest")
    size = jnp.abs(correlation)
    pivot = jnp.where(leaves, leaver, jnp.argmax(jnp.where(is_open, size, -1)))
    next_level = jnp.where(leaves | is_open[pivot], size[pivot], 0)
    path = path._replace(
        swept=swept, coef=coef, correlation=correlation, active=active, pivot=pivot
    )
    return path, level, next_level


def _sweep(
    matrix: Float[Array, "features features"], pivot: Int[Array, ""]
) -> Float[Array, "features features"]:
    """Exchange one feature between the active ones and the others (Goodnight, 1979)."""
    row = matrix[pivot]
    size = row[pivot]
    edge = row / jnp.abs(size)
    matrix = matrix - jnp.outer(row, row / size)
    return matrix.at[pivot].set(edge).at[:, pivot].set(edge).at[pivot, pivot].set(-1 / size)


def _until_closed(
    gap: Float[Array, " features"],
    speed: Float[Array, " features"],
    allowed: Bool[Array, " features"],
) -> Float[Array, " features"]:
    """How far until each gap closes; infinity where it does not, or is closed already."""
    closes = allowed & (gap > 0) & (speed > 0)
    return jnp.where(closes, gap / jnp.where(closes, speed, 1), jnp.inf)
