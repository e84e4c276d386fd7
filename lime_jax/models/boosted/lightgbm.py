"""LightGBM: `Booster` and the scikit-learn wrappers, with missing values and categorical splits.

The model is read from its text form; `lightgbm_trees.py` reads the trees in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.boosted.lightgbm_lines import Lines, add_lines, with_lines
from lime_jax.models.boosted.lightgbm_trees import SMALL, ModelText, read_text, tree_sum
from lime_jax.models.boosted.trees import (
    MARGIN_IS_EXACT,
    TakenForMissing,
    boosted_trees,
    no_probabilities,
    of_margins,
    with_codes,
)
from lime_jax.models.convert.columns import LevelColumn, NotConvertibleError
from lime_jax.models.convert.compose import linked
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import sigmoid, signed_square, softmax, two_sigmoids
from lime_jax.models.registry import Converted, HostMethod, register_converter, register_methods
from lime_jax.typing import Array, Estimator, Table

_CLASSIFIERS = ("lightgbm.LGBMClassifier",)
_REGRESSORS = ("lightgbm.LGBMRegressor", "lightgbm.LGBMRanker")

_IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
_EXP = ("poisson", "gamma", "tweedie")
_RANK = ("lambdarank", "rank_xendcg")
_PROBABILITY = ("binary", "multiclass", "multiclassova")


@register_methods("lightgbm.Booster", *_CLASSIFIERS, *_REGRESSORS)
def lightgbm_method(model: Estimator, method: str) -> HostMethod | None:
    """How LightGBM is called on the host."""
    booster = getattr(model, "booster_", model)
    if method == "decision_function":
        return lambda batch: model.predict(_frame(booster, batch), raw_score=True), "margin"
    if hasattr(model, "fit"):
        call = getattr(model, method, None)
        kind = "value" if method == "predict" else "probability"
        if hasattr(model, "predict_proba") and callable(model.objective):
            kind = "margin"  # LightGBM returns scores, and warns
        return call and (lambda batch: call(_frame(booster, batch)), kind)
    name = read_text(model.model_to_string(num_iteration=1)).objective
    kind = "probability" if name in _PROBABILITY else "margin" if name in _RANK else "value"
    if method == "predict_proba" and kind != "probability":
        raise no_probabilities(name)
    return lambda batch: model.predict(_frame(booster, batch)), kind


def _frame(booster: Estimator, batch: Table) -> Table:
    """A table as LightGBM takes it: it knows the categories of pandas, but not of others."""
    if isinstance(batch, np.ndarray):
        return batch
    import narwhals

    table = narwhals.from_native(batch, eager_only=True, pass_through=True)
    if not isinstance(table, narwhals.DataFrame) or table.implementation.is_pandas():
        return batch
    categories = [
        column.name
        for column in table.iter_columns()
        if column.dtype in (narwhals.Categorical, narwhals.Enum, narwhals.String)
    ]
    if not categories:
        return batch
    if not booster.pandas_categorical:
        raise ValueError(
            f"`model`: this LightGBM model was not fitted on categories of pandas, but column "
            f"{categories[0]!r} has categories; hand over the numbers that it was fitted on"
        )
    import pandas

    return pandas.DataFrame(
        {
            column.name: pandas.Categorical(column.to_list())
            if column.name in categories
            else column.to_numpy()
            for column in table.iter_columns()
        }
    )


@register_converter("lightgbm.Booster", **of_margins("predict_proba", "predict", is_margin=True))
@register_converter(*_REGRESSORS, **of_margins("predict", is_margin=True))
@register_converter(*_CLASSIFIERS, **of_margins("predict_proba"))
def convert_lightgbm(model: Estimator, method: str, features: Features) -> Converted:
    """A `Booster`, or the wrapper of one, in JAX."""
    booster = getattr(model, "booster_", model)
    text = read_text(booster.model_to_string())
    margin = _margin(text, booster.pandas_categorical, features, method)
    if method == "decision_function":
        return margin
    of_classes = booster is not model and method == "predict_proba"
    if of_classes and text.objective not in _PROBABILITY:
        raise NotConvertibleError(f"LightGBM: {text.objective} has no probabilities")
    return _predicted(text, margin, both=of_classes)


@dataclasses.dataclass(frozen=True)
class _Scaled:
    """A sigmoid of margins times LightGBM's parameter `sigmoid`; `both` classes or the second."""

    factor: float
    both: bool

    def __call__(self, margin: Array) -> Array:
        link = two_sigmoids if self.both else sigmoid
        return link(self.factor * margin)


def _predicted(text: ModelText, margin: Converted, *, both: bool = False) -> Converted:
    """What `Booster.predict` makes of margins; `both` classes of a binary model for wrappers."""
    name, parameters = text.objective, text.parameters
    factor = float(parameters.get("sigmoid", 1))
    links: dict[str, Callable[[Array], Array]] = {
        "binary": _Scaled(factor, both),
        "multiclassova": _Scaled(factor, False),
        "multiclass": softmax,
        "cross_entropy": sigmoid,
        "cross_entropy_lambda": jax.nn.softplus,
        **dict.fromkeys(_EXP, jnp.exp),
    }
    if name in links:
        return linked(margin, links[name], MARGIN_IS_EXACT)
    if "sqrt" in parameters:
        return linked(margin, signed_square, MARGIN_IS_EXACT)
    if name in (*_IDENTITY, *_RANK, "custom"):
        return margin
    raise NotConvertibleError(f"LightGBM: the objective {name} is not known here")


def _margin(
    text: ModelText, categories: Sequence[Any] | None, features: Features, method: str
) -> Converted:
    """The margins: the sum of the trees; a random forest predicts from their average."""
    header = text.header
    count = int(header["max_feature_idx"]) + 1
    if len(features) != count:
        raise NotConvertibleError(f"LightGBM: fitted on {count} columns, got {len(features)}")
    outputs = int(header["num_tree_per_iteration"])
    trees, zero = tree_sum(text.trees, outputs, count)
    lines = Lines.read(text) if any(t.get("is_linear") == "1" for t in text.trees) else None
    trees = trees if lines is None else with_lines(trees, lines)
    if "average_output" in header and method != "decision_function":
        share = len(text.trees) // outputs
        trees = dataclasses.replace(trees, value=trees.value / share)
    taken = None
    if zero.any():
        low, high = (np.where(zero, limit, np.nan) for limit in (-SMALL, SMALL))
        taken = TakenForMissing(low, high, "0")
    features = _with_categories(categories, features)
    sums = boosted_trees(trees, features, taken, as_codes=("function", "trunc"))
    return sums if lines is None else add_lines(sums, features, lines, outputs)


def _with_categories(categories: Sequence[Sequence[object]] | None, features: Features) -> Features:
    """The columns with LightGBM's codes in place of the categories of the table.

    It keeps the categories of pandas' categorical columns in order, but not which columns those
    are.
    """
    levels = [k for k, c in enumerate(features.columns) if isinstance(c, LevelColumn)]
    if not categories or not levels:
        return features  # fitted on codes, or called with them
    for columns in (levels, _columns_of(features, levels, bool, among=False)):
        if len(columns) == len(categories):
            break
    else:
        columns = _columns_of(features, levels, str, among=True)
    if len(columns) != len(categories):
        raise NotConvertibleError(
            f"LightGBM: fitted on {len(categories)} pandas categoricals, got {len(levels)}"
        )
    for k, names in zip(columns, categories, strict=True):
        if not set(names) & set(_levels(features, k)):
            raise NotConvertibleError(f"LightGBM: column {k} has none of the categories {names}")
        features = with_codes(features, k, names)
    return features


def _columns_of(features: Features, levels: list[int], kind: type, *, among: bool) -> list[int]:
    """Level columns with, or without, levels of a kind."""
    return [k for k in levels if any(isinstance(v, kind) for v in _levels(features, k)) == among]


def _levels(features: Features, column: int) -> list[Any]:
    source = features.columns[column]
    return list(source.values) if isinstance(source, LevelColumn) else []
