"""Standard errors from replicates: leave each out once and see how much the fit moves."""

from __future__ import annotations

import jax.numpy as jnp

from lime_jax.typing import Array, Float


def leave_one_out(num_replicates: int) -> Float[Array, "fits replicates"]:
    """Which replicates each fit includes: first all of them, then all but one."""
    return jnp.concatenate([jnp.ones((1, num_replicates)), 1 - jnp.eye(num_replicates)])


def jackknife_standard_error(
    full: Float[Array, "*shape"], left_out: Float[Array, " replicates *shape"]
) -> Float[Array, "*shape"]:
    """Delete-one-replicate jackknife: `se² = (R - 1)/R Σ_r (left_out_r - mean)²`.

    `full` stands in for a left-out estimate that is not finite (a replicate that held all the
    samples that define it). NaN where there is one replicate only, since nothing is known of the
    error then. Efron and Tibshirani (1993), chapter 11.
    """
    num_replicates = left_out.shape[0]
    if num_replicates < 2:
        return jnp.full_like(full, jnp.nan)
    left_out = jnp.where(jnp.isfinite(left_out), left_out, full)
    return jnp.sqrt((num_replicates - 1) * left_out.var(0))
