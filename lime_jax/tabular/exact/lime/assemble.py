"""From the exact coefficients to an explanation: selection, shrinkage, intercept, score."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lime_jax.stages.select import select_independent
from lime_jax.tabular.exact.lime.columns import Columns, Setting
from lime_jax.typing import Array, Float, Int, LinearFit


def assemble(
    mean: Float[Array, "rows outputs"],
    coef: Float[Array, "rows outputs features"],
    columns: Columns,
    labels: Int[Array, "rows labels"],
    variance: Float[Array, "rows labels"] | None,
    setting: Setting,
) -> LinearFit:
    """The explanation of the wanted outputs.

    Args:
        coef: of the regression on all columns; what columns that do not vary have is ignored.
        variance: of these outputs under the tilted law; None: no scores.
    """
    config, effective_num_samples = setting.config, setting.effective_num_samples
    mean = jnp.take_along_axis(mean, labels, 1)
    coef = jnp.take_along_axis(coef, labels[:, :, None], 1)
    v, varies = columns.variance[:, None], columns.varies[:, None]
    full = jnp.where(varies, coef, 0)
    chosen = varies & select_independent(
        full, v, columns.row_value[:, None], config.num_features, config.feature_selection
    )
    full = jnp.where(chosen, full, 0)
    weight = columns.weight.prod(-1)
    coef = full
    if effective_num_samples is not None:
        # What ridge's penalty does to a diagonal Gram matrix.
        penalty: Any = config.alpha / jnp.maximum(effective_num_samples * weight, 1e-30)
        coef = full * jnp.where(varies, v / jnp.maximum(v + penalty[:, None, None], 1e-30), 0)
    kept_mean, row_value = (
        jnp.where(varies, a[:, None], 0) for a in (columns.mean, columns.row_value)
    )
    intercept = mean - (coef * kept_mean).sum(-1)
    explained = ((2 * full - coef) * coef * jnp.where(varies, v, 0)).sum(-1)
    score = jnp.full(mean.shape, jnp.nan, mean.dtype)
    if variance is not None:
        # A variance that is sampled may come out smaller than what is explained exactly.
        least = (full**2 * jnp.where(varies, v, 0)).sum(-1)
        variance = jnp.maximum(jnp.asarray(variance, mean.dtype), least)
        constant = variance <= 0
        score = jnp.where(constant, 1, explained / jnp.where(constant, 1, variance))
    # The square of a small weight is 0 in float32, so the ratio is taken column by column.
    share = (columns.weight**2 / columns.weight_squared).prod(-1)
    return LinearFit(
        coef=coef,
        std_error=jnp.where(chosen, 0, jnp.nan).astype(coef.dtype),
        selected=chosen,
        intercept=intercept,
        score=score,
        local_pred=intercept + (coef * row_value).sum(-1),
        effective_samples=setting.num_samples * share,
        support=columns.support,
    )
