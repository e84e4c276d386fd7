"""Ridge regression from moments, how well it fits, and what it says at x."""

from __future__ import annotations

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve

from lime_jax.stages.moments import Moments, rounding, varying
from lime_jax.typing import Array, Bool, Float, Int

Factor: TypeAlias = tuple[Float[Array, "*batch features features"], Bool[Array, "*batch features"]]
"""A Cholesky factor, and which features it is of."""


def ridge(
    moments: Moments,
    mask: Bool[Array, "outputs features"] | Bool[Array, " features"],
    alpha: Float[Array, ""] | float | int,
    factor: Factor | None = None,
    columns: Int[Array, "outputs few"] | None = None,
) -> tuple[Float[Array, "outputs features"], Float[Array, " outputs"]]:
    """Weighted ridge regression with an intercept that is not penalized.

    Args:
        moments: of one neighborhood.
        mask: which features each output may use, `(outputs, features)`; or `(features,)`, the
            same for all outputs, and then there is one factorization for all.
        alpha: the penalty on the squared coefficients, not negative; compared with sums (not
            averages) over samples.
        factor: what `ridge_factor` makes of the moments, one mask for all outputs, and alpha; None:
            it is made here.
        columns: among which are all that each output may use; None: any may be.

    Returns:
        Coefficients `(outputs, features)`, exactly 0 outside the mask and for constant columns,
        and intercepts `(outputs,)`: those of `sklearn.linear_model.Ridge(alpha)` fitted with
        `sample_weight` on the kept columns. Collinear columns without a penalty share the
        coefficient; it stays finite.

    Example:
        >>> import jax.numpy as jnp
        >>> from lime_jax.stages.moments import weighted_moments
        >>> z = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> moments = weighted_moments(z, 1 + 2 * z[:, :1], jnp.ones(4))
        >>> coef, intercept = ridge(moments, jnp.array([True, True]), alpha=0.0)
        >>> coef.round(3).tolist(), intercept.round(3).tolist()
        ([[2.0, 0.0]], [1.0])
    """
    used = mask & varying(moments) if factor is None else factor[1]
    if factor is not None:
        coef = _solve(factor[0], moments.zy, used).T
    elif mask.ndim == 1:
        coef = _solve(_factor(moments.zz, used, alpha), moments.zy, used).T
    else:
        if columns is None:
            columns = jnp.broadcast_to(jnp.arange(used.shape[1]), used.shape)
        one_output = jax.vmap(lambda *of_one: _solve_few(moments.zz, alpha, *of_one))
        coef = one_output(moments.zy.T, used, columns)
    return coef, moments.mean_y - jnp.matmul(coef, moments.mean_z, precision="highest")


def ridge_factor(
    moments: Moments, mask: Bool[Array, " features"], alpha: Float[Array, ""] | float | int
) -> Factor:
    """What `ridge` solves by, for outputs of any number."""
    used = mask & varying(moments)
    return _factor(moments.zz, used, alpha), used


def _factor(
    zz: Float[Array, "features features"],
    used: Bool[Array, " features"],
    alpha: Float[Array, ""] | float | int,
) -> Float[Array, "features features"]:
    """Of the Gram matrix of the kept features; the others have a 1 on the diagonal."""
    num_features = zz.shape[0]
    # Collinear columns without a penalty: this much on the diagonal is within the rounding of
    # the sums, and keeps the pivots positive.
    floor = 4 * num_features**0.5 * jnp.finfo(zz.dtype).eps * jnp.diagonal(zz)
    penalty = jnp.where(used, jnp.maximum(alpha, floor), 1)
    return jnp.linalg.cholesky(jnp.where(used[:, None] & used, zz, 0) + jnp.diag(penalty))


def _solve_few(
    zz: Float[Array, "features features"],
    alpha: Float[Array, ""] | float | int,
    zy: Float[Array, " features"],
    used: Bool[Array, " features"],
    few: Int[Array, " few"],
) -> Float[Array, " features"]:
    """Coefficients of one output, from the columns among which are all that it keeps."""
    factor = _factor(zz[few[:, None], few], used[few], alpha)
    return jnp.zeros_like(zy).at[few].set(_solve(factor, zy[few, None], used[few])[:, 0])


def _solve(
    factor: Float[Array, "features features"],
    zy: Float[Array, "features right"],
    used: Bool[Array, " features"],
) -> Float[Array, "features right"]:
    """Coefficients of the kept features; the others stay 0."""
    return cho_solve((factor, True), jnp.where(used[:, None], zy, 0))


def r_squared(moments: Moments, coef: Float[Array, "outputs features"]) -> Float[Array, " outputs"]:
    """Weighted R² of a linear model with its best intercept.

    Args:
        moments: of the neighborhood to score on.
        coef: of the linear model, `(outputs, features)`.

    Returns:
        R² of every output, at most 1, `(outputs,)`: `sklearn.metrics.r2_score` with
        `sample_weight`. Where an output is constant: 1 if the model is constant too, else 0.
        Without any weight: 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from lime_jax.stages.moments import weighted_moments
        >>> z = jnp.array([[0.0], [1.0], [2.0]])
        >>> moments = weighted_moments(z, 3 * z, jnp.ones(3))
        >>> r_squared(moments, jnp.array([[3.0]])).tolist()
        [1.0]
    """
    along = jnp.einsum("cf,fc->c", coef, moments.zy, precision="highest")
    fitted = jnp.einsum("cf,fg,cg->c", coef, moments.zz, coef, precision="highest")
    residual = jnp.maximum(moments.yy - 2 * along + fitted, 0)
    score = explained_share(residual, moments.yy, rounding(moments.mean_y, moments.weight))
    return jnp.where(moments.weight > 0, score, 0)


def explained_share(
    missed: Float[Array, " outputs"],
    total: Float[Array, " outputs"],
    noise: Float[Array, " outputs"],
) -> Float[Array, " outputs"]:
    """R² from sums of squares; of a constant output 1 if nothing is missed, else 0."""
    constant = total <= noise
    perfect = jnp.where(missed <= noise, 1.0, 0.0)
    return jnp.where(constant, perfect, 1 - missed / jnp.where(constant, 1, total))


def pooled_r_squared(
    parts: Moments,
    coef: Float[Array, "parts outputs features"],
    intercept: Float[Array, "parts outputs"],
    whole: Moments,
) -> Float[Array, " outputs"]:
    """R² of linear models that are each scored on a part of the samples.

    1 less the squared errors of all parts over the squares about the mean of the whole: held-out
    R² if no model was fitted to its own part. It can be negative. Constant outputs and no weight
    as in `r_squared`.
    """
    along = jnp.einsum("rcf,rfc->rc", coef, parts.zy, precision="highest")
    fitted = jnp.einsum("rcf,rfg,rcg->rc", coef, parts.zz, coef, precision="highest")
    offset = (
        parts.mean_y - intercept - jnp.einsum("rcf,rf->rc", coef, parts.mean_z, precision="highest")
    )
    residual = parts.yy - 2 * along + fitted
    residual = (jnp.maximum(residual, 0) + parts.weight[:, None] * offset**2).sum(0)
    score = explained_share(residual, whole.yy, rounding(whole.mean_y, whole.weight))
    return jnp.where(whole.weight > 0, score, 0)


def local_prediction(
    coef: Float[Array, "outputs features"],
    intercept: Float[Array, " outputs"],
    z_x: Float[Array, " features"],
) -> Float[Array, " outputs"]:
    """What the linear model predicts at the explained row.

    Args:
        coef: `(outputs, features)`.
        intercept: `(outputs,)`.
        z_x: the row's own interpretable variables, `(features,)`.

    Returns:
        The prediction, in units of the outputs, `(outputs,)`; `lime`'s `local_pred`.

    Example:
        >>> import jax.numpy as jnp
        >>> local_prediction(jnp.array([[1.0, 2.0]]), jnp.array([0.5]), jnp.ones(2)).tolist()
        [3.5]
    """
    return intercept + jnp.matmul(coef, z_x, precision="highest")
