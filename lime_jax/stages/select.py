"""Which features the surrogate keeps, decided from moments alone. A mask, never an index list."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lime_jax.stages.lars import lasso_knot
from lime_jax.stages.moments import Moments, varying
from lime_jax.stages.ridge import ridge
from lime_jax.typing import Array, Bool, Float, Index

_METHODS = ("auto", "none", "highest_weights", "forward_selection", "lasso_path")


def select(
    moments: Moments, z_x: Float[Array, " features"], num_features: int | None, method: str
) -> Bool[Array, "outputs features"]:
    """Choose features for every output by the named method, as `lime` does.

    Args:
        moments: of one neighborhood.
        z_x: the explained row's interpretable variables, `(features,)`.
        num_features: how many to keep; None keeps all. Static.
        method: `"none"` (all), `"highest_weights"`, `"forward_selection"`, `"lasso_path"`, or
            `"auto"`: forward selection up to 6 features, else highest weights. Static.

    Returns:
        The features kept, `(outputs, features)`.

    Raises:
        ValueError: if `method` is unknown or `num_features` is below 1.

    Example:
        >>> import jax.numpy as jnp
        >>> from lime_jax.stages.moments import weighted_moments
        >>> z = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> moments = weighted_moments(z, z[:, 1:], jnp.ones(4))
        >>> select(moments, jnp.ones(2), 1, "auto").tolist()
        [[False, True]]
    """
    method = resolve_selection(method, num_features)
    if num_features is None or method == "none":
        return all_features(moments)
    if method == "highest_weights":
        return highest_weights(moments, z_x, num_features)
    if method == "forward_selection":
        return forward_selection(moments, num_features)
    return lasso_path(moments, num_features)


def resolve_selection(method: str, num_features: int | None) -> str:
    """The selection method that a name stands for.

    Example:
        >>> resolve_selection("auto", 6), resolve_selection("auto", 7)
        ('forward_selection', 'highest_weights')
    """
    if method not in _METHODS:
        raise ValueError(f"`method` should be one of {', '.join(_METHODS)}, got {method!r}.")
    if num_features is not None and num_features < 1:
        raise ValueError(
            f"`num_features` should be at least 1, got {num_features}; None keeps all features."
        )
    if method == "auto":
        few = num_features is not None and num_features <= 6
        return "forward_selection" if few else "highest_weights"
    return method


def all_features(moments: Moments) -> Bool[Array, "outputs features"]:
    """Keep every feature."""
    return jnp.ones(moments.zy.T.shape, bool)


def highest_weights(
    moments: Moments, z_x: Float[Array, " features"], num_features: int
) -> Bool[Array, "outputs features"]:
    """Keep the features that contribute most at the explained row: the largest `|coef · z_x|`.

    `lime`'s `highest_weights`, with the coefficients of a ridge regression on all features with
    penalty 0.01. Of equals, the first.
    """
    coef, _ = ridge(moments, jnp.ones(z_x.shape, bool), alpha=0.01)
    _, best = jax.lax.top_k(jnp.abs(coef * z_x), min(num_features, z_x.size))
    return jax.vmap(lambda chosen: jnp.zeros(z_x.shape, bool).at[chosen].set(True))(best)


def forward_selection(moments: Moments, num_features: int) -> Bool[Array, "outputs features"]:
    """Keep, one after the other, the feature that raises R² most.

    The greedy choice needs no fit: projecting out a chosen feature is one step of a Cholesky
    factorization with pivots, at a cost of `features × num_features`.

    `lime`'s `forward_selection`, greedy least squares without penalty. Of equals, the first. A
    feature that is constant or a combination of chosen ones gains nothing.
    """
    steps = min(num_features, moments.mean_z.size)
    if steps == moments.mean_z.size:
        return all_features(moments)
    constant = ~varying(moments)

    def one_output(zy: Float[Array, " features"], yy: Float[Array, ""]) -> Bool[Array, " features"]:
        return _forward(moments.zz, zy, yy, constant, steps)

    return jax.vmap(one_output)(moments.zy.T, moments.yy)


def _forward(
    zz: Float[Array, "features features"],
    zy: Float[Array, " features"],
    yy: Float[Array, ""],
    constant: Bool[Array, " features"],
    steps: int,
) -> Bool[Array, " features"]:
    """Forward selection for one output."""
    eps = jnp.finfo(zz.dtype).eps
    dependent = jnp.where(constant, jnp.inf, 32 * eps * jnp.diagonal(zz))

    def step(i: Index, state: tuple[Array, ...]) -> tuple[Array, ...]:
        factor, spread, residual, chosen = state
        usable = ~chosen & (spread > dependent)
        gain = jnp.where(usable, residual**2 / jnp.where(usable, spread, 1), 0)
        best = gain.max()
        # Gains that differ by their rounding are equal; the first of them wins.
        equal = gain >= best - 8 * eps * jnp.sqrt(yy * best)
        pick = jnp.argmax(equal & ~chosen)
        scale = jnp.where(usable[pick], jax.lax.rsqrt(jnp.where(usable[pick], spread[pick], 1)), 0)
        projection = jnp.matmul(factor[:, pick], factor, precision="highest")
        column = scale * (zz[pick] - projection)
        return (
            factor.at[i].set(column),
            spread - column**2,
            residual - scale * residual[pick] * column,
            chosen.at[pick].set(True),
        )

    start = (jnp.zeros((steps, zy.size), zz.dtype), jnp.diagonal(zz), zy, jnp.zeros(zy.shape, bool))
    return jax.lax.fori_loop(0, steps, step, start)[3]


def lasso_path(moments: Moments, num_features: int) -> Bool[Array, "outputs features"]:
    """Keep the features of the last point on the lasso path that has few enough of them.

    `lime`'s `lasso_path`, that is least angle regression with the lasso's drops (Efron et al.,
    2004; `sklearn.linear_model.lars_path` on the Gram matrix), at its last knot with at most
    `num_features` coefficients. A dropped coefficient is 0 here; in `lars_path` rounding may leave
    it at 1e-17 for one knot. An output that is constant keeps all features, as in `lime`.
    """
    constant = ~varying(moments)
    # Where `lars_path` stops; it divides by the number of samples, which moments do not hold.
    floor = moments.weight * jnp.finfo(jnp.float32).eps

    def one_output(zy: Float[Array, " features"]) -> Bool[Array, " features"]:
        return lasso_knot(moments.zz, zy, constant, floor, num_features)

    return jax.vmap(one_output)(moments.zy.T)


def select_independent(
    coef: Float[Array, "*batch outputs features"],
    variance: Float[Array, "*#batch #outputs features"],
    z_x: Float[Array, "*#batch #outputs features"],
    num_features: int | None,
    method: str,
) -> Bool[Array, "*batch outputs features"]:
    """What `select` chooses from moments with a diagonal `zz`, where no fit is needed.

    `coef` is of the regression on all features; it is the same on any choice of them.

    Example:
        >>> coef, variance = jnp.array([[3.0, 2.0]]), jnp.array([[0.1, 0.5]])
        >>> select_independent(coef, variance, jnp.ones((1, 2)), 1, "highest_weights").tolist()
        [[True, False]]
        >>> select_independent(coef, variance, jnp.ones((1, 2)), 1, "lasso_path").tolist()
        [[False, True]]
    """
    method = resolve_selection(method, num_features)
    if num_features is None or method == "none":
        return jnp.ones(coef.shape, bool)
    size = jnp.abs(coef)
    if method == "highest_weights":
        size = size * jnp.abs(z_x)
    elif method == "forward_selection":
        size = size * jnp.sqrt(variance)
    else:
        size = size * variance
    # `top_k` keeps the first of equals; a place in its order is below `num_features` or not.
    _, best = jax.lax.top_k(size, min(num_features, coef.shape[-1]))
    return (best[..., :, None] == jnp.arange(coef.shape[-1])).any(-2)
