"""statsmodels' results: linear models of the columns they were fitted on, a constant among them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import jax.scipy.special
import numpy as np

from lime_jax.models.boosted.trees import MARGIN_IS_EXACT, of_margins
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import linear, linked
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import Link, sigmoid, softmax
from lime_jax.models.registry import Converted, HostMethod, register_converter, register_methods
from lime_jax.typing import Array, Estimator

_RESULTS = "statsmodels.ResultsWrapper"
_SUMS = ("OLS", "WLS", "GLS", "GLSAR", "QuantReg", "RLM")
_PROBABILITY = ("Logit", "Probit", "MNLogit")


def _normal(margin: Array) -> Array:
    return jax.scipy.special.ndtr(margin)


_LINKS: dict[str, Link | None] = {
    **dict.fromkeys(_SUMS),
    **dict.fromkeys(("Poisson", "NegativeBinomial", "GeneralizedPoisson"), jnp.exp),
    **{"Logit": sigmoid, "Probit": _normal, "MNLogit": softmax},
}
_LINKS_OF_FAMILIES: dict[str, Link | None] = {
    **{"Identity": None, "Log": jnp.exp, "Logit": sigmoid, "Probit": _normal},
}


@register_methods(_RESULTS)
def results_method(results: Estimator, method: str) -> HostMethod | None:
    """How fitted models of statsmodels are called on the host: they have a `predict` alone."""
    model = results.model
    kind = type(model).__name__
    family = type(getattr(model, "family", None)).__name__
    is_probability = kind in _PROBABILITY or (kind == "GLM" and family == "Binomial")
    if method == "decision_function" and kind not in _SUMS:
        return lambda batch: results.predict(batch, which="linear"), "margin"
    if method == "predict" or (method == "predict_proba" and is_probability):
        return results.predict, "probability" if is_probability else "value"
    return None


@register_converter(_RESULTS, **of_margins("predict_proba", "predict", is_margin=True))
def convert_results(results: Estimator, method: str, features: Features) -> Converted:
    """A line, or what its link makes of it."""
    link = _link(results.model)
    margin = linear(*_lines(results, len(features)), features)
    if method == "decision_function" or link is None:
        return margin
    return linked(margin, link, MARGIN_IS_EXACT)


def _link(model: Any) -> Link | None:
    """What `predict` makes of the linear predictor; None: nothing."""
    kind = type(model).__name__
    if getattr(model, "formula", None) is not None:
        raise NotConvertibleError(f"{kind}: a formula makes its columns")
    known, name = _LINKS, kind
    if kind == "GLM":
        known, name = _LINKS_OF_FAMILIES, type(model.family.link).__name__
    if name not in known:
        raise NotConvertibleError(f"{kind}: {name} has no JAX form here")
    return known[name]


def _lines(results: Estimator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (outputs, columns) and intercepts, which are 0: a constant is a column."""
    params = np.asarray(results.params, np.float64)
    fitted = results.model.exog.shape[1]
    if fitted != count or len(params) < count:
        raise NotConvertibleError(
            f"{type(results.model).__name__}: was fitted on {fitted} columns and gets {count}"
        )
    coef = np.atleast_2d(params[:count].T)  # behind them the dispersion
    if type(results.model).__name__ == "MNLogit":
        coef = np.pad(coef, ((1, 0), (0, 0)))  # the first class has margin 0
    return coef, np.zeros(len(coef))
