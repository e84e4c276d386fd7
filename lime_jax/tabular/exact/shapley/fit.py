"""Exact Shapley values as an explanation."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax.typing import Array, Float, Int, LinearFit, Support, replaced


def shapley_fit(
    coef: Float[Array, "rows outputs players"],
    expected: Float[Array, "rows outputs"],
    labels: Int[Array, "rows labels"],
    num_background: float | int,
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


def fit_on_host(
    expected: Float64[np.ndarray, "rows labels"],
    coef: Float[np.ndarray, "rows labels players"],
    num_background: float | int,
) -> LinearFit:
    """The explanation of outputs whose values are known; as `shapley_fit`."""
    kind = jnp.result_type(float)
    expected, coef = expected.astype(kind), coef.astype(kind, copy=False)
    rows, _, players = coef.shape
    return replaced(
        LinearFit.of_no_rows(expected.shape[1], players),
        coef=coef,
        std_error=np.zeros(coef.shape, kind),  # of which the system makes no pages yet
        selected=np.ones(coef.shape, bool),
        intercept=expected,
        score=np.full_like(expected, np.nan),
        local_pred=expected + coef.sum(-1),
        effective_samples=np.full(rows, num_background, kind),
        support=np.full((rows, players), int(Support.FULL), np.int8),
    )
