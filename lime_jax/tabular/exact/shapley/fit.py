"""Exact Shapley values as an explanation."""

from __future__ import annotations

import jax.numpy as jnp

from lime_jax.typing import Array, Float, Int, LinearFit, Support


def shapley_fit(
    coef: Float[Array, "rows outputs players"],
    expected: Float[Array, "rows outputs"],
    labels: Int[Array, "rows labels"],
    num_background: int,
) -> LinearFit:
    """The explanation of the wanted outputs.

    Returns:
        Fits with a leading axis of rows. Nothing is fitted, so there are no errors and no scores.
    """
    coef = jnp.take_along_axis(coef, labels[:, :, None], 1)
    expected = jnp.take_along_axis(expected, labels, 1)
    rows, _, players = coef.shape
    return LinearFit(
        coef=coef,
        std_error=jnp.zeros_like(coef),
        selected=jnp.ones(coef.shape, bool),
        intercept=expected,
        score=jnp.full_like(expected, jnp.nan),
        local_pred=expected + coef.sum(-1),
        effective_samples=jnp.full(rows, num_background, coef.dtype),
        support=jnp.full((rows, players), int(Support.FULL)),
    )
