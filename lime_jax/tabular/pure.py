"""The functional face: one row of a table, explained by a pure function."""

from __future__ import annotations

from lime_jax.engine.one_row import explain_one
from lime_jax.tabular.config import TabularConfig, make_domain, make_method
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import Array, Float, Key, LinearFit, PredictFn


def explain_tabular(
    key: Key[Array, ""] | Array,
    x: Float[Array, " features"],
    stats: TabularStats,
    predict_fn: PredictFn,
    config: TabularConfig | None = None,
) -> LinearFit:
    """Explain one row of a table with a neighborhood of its own.

    It goes through `jit`, through `vmap` over keys, rows, kernel widths and penalties, and through
    `grad` with respect to the parameters of `predict_fn` and the kernel width.

    Args:
        key: PRNG key; the same key gives the same samples.
        x: (features,), in the columns' own units.
        stats: of the training rows, from `fit_tabular`.
        predict_fn: JAX function `(samples, features) -> (samples,)` or `(samples, outputs)`.
        config: the choices; None: `lime`'s defaults.

    Returns:
        Coefficients (outputs, features) with standard errors, intercepts and R².

    Raises:
        ValueError: if the configuration does not fit together, or `x` or what `predict_fn`
            returns has the wrong shape.

    Example:
        >>> import jax, jax.numpy as jnp, numpy as np
        >>> from lime_jax import fit_tabular
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> fit = explain_tabular(
        ...     jax.random.key(0), jnp.zeros(3), fit_tabular(X), lambda v: v[:, 0] > 0
        ... )
        >>> fit.coef.shape
        (1, 3)

    Ribeiro, Singh & Guestrin (2016), "Why should I trust you?".
    """
    config = TabularConfig() if config is None else config
    domain = make_domain(stats, config)
    if x.shape != (stats.num_features,):
        raise ValueError(
            f"`x`: expected one row of shape ({stats.num_features},), got {x.shape}; "
            "explain many rows with `jax.vmap`"
        )
    method = make_method(stats, config, shared=False)
    return explain_one(key, domain.encode(x), domain, method, predict_fn)
