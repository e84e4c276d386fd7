"""XGBoost: `Booster` and the scikit-learn wrappers, with missing values and categorical splits.

The model is read from its JSON form; `xgboost_trees.py` reads the trees in it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from lime_jax.models.boosted.trees import (
    MARGIN_IS_EXACT,
    TakenForMissing,
    boosted_trees,
    no_probabilities,
    of_margins,
)
from lime_jax.models.boosted.xgboost_trees import tree_sum, with_categories
from lime_jax.models.classifiers import ClassIndicators
from lime_jax.models.convert.columns import LevelColumn, NotConvertibleError, NumberColumn
from lime_jax.models.convert.compose import linear, linked
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import Link, sigmoid, softmax, two_sigmoids
from lime_jax.models.registry import Converted, HostMethod, register_converter, register_methods
from lime_jax.models.trees.thresholds import after_rounding, strictly_below
from lime_jax.typing import Estimator, Table

Learner: TypeAlias = Mapping[str, Any]
"""XGBoost's JSON form of a model, or a part of it."""

_CLASSIFIERS = ("xgboost.XGBClassifier", "xgboost.XGBRFClassifier")
_REGRESSORS = ("xgboost.XGBRegressor", "xgboost.XGBRFRegressor", "xgboost.XGBRanker")


def _log_odds(probability: np.ndarray) -> np.ndarray:
    return np.log(probability) - np.log1p(-probability)


@dataclasses.dataclass(frozen=True)
class _Objective:
    """What an objective makes of margins."""

    predict: Link | None = None  # link of `Booster.predict`; None: identity
    # From `base_score`, as XGBoost keeps it, to the margin
    to_margin: Callable[[np.ndarray], np.ndarray] = np.asarray
    kind: str = "value"


_PREDICT_CLASSES = ("binary:hinge", "multi:softmax")
_SAME = _Objective()
_MARGIN = _Objective(kind="margin")
_EXP = _Objective(jnp.exp, np.log)
_OBJECTIVES = {
    "binary:logistic": _Objective(sigmoid, _log_odds, "probability"),
    "reg:logistic": _Objective(sigmoid, _log_odds),
    "multi:softprob": _Objective(softmax, kind="probability"),
    **dict.fromkeys(("reg:squarederror", "reg:linear", "reg:absoluteerror"), _SAME),
    **dict.fromkeys(("reg:squaredlogerror", "reg:pseudohubererror", "reg:quantileerror"), _SAME),
    **dict.fromkeys(_PREDICT_CLASSES, _SAME),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie"), _EXP),
    **dict.fromkeys(("survival:cox", "survival:aft"), _EXP),
    **dict.fromkeys(("binary:logitraw", "rank:pairwise", "rank:ndcg", "rank:map"), _MARGIN),
}


@register_methods("xgboost.Booster", *_CLASSIFIERS, *_REGRESSORS)
def xgboost_method(model: Estimator, method: str) -> HostMethod | None:
    """How XGBoost is called on the host."""
    if hasattr(model, "get_booster"):
        if method == "decision_function":
            return lambda batch: model.predict(batch, output_margin=True), "margin"
        classifies = method == "predict_proba" and hasattr(model, method)
        if classifies and not _has_probabilities(model):
            return model.predict_proba, "margin"
        return None
    objective = _objective_name(model)
    kind = _OBJECTIVES.get(objective, _SAME).kind
    if method == "decision_function":
        return lambda batch: model.predict(_matrix(model, batch), output_margin=True), "margin"
    if method == "predict" and objective in _PREDICT_CLASSES:
        count = int(_configuration(model)["learner_model_param"]["num_class"])
        predict = ClassIndicators(
            lambda b: model.predict(_matrix(model, b)), np.arange(max(count, 2))
        )
        return predict, "probability"
    if method == "predict_proba" and kind != "probability":
        raise no_probabilities(objective)
    return lambda batch: model.predict(_matrix(model, batch)), kind


@register_converter("xgboost.Booster", **of_margins("predict_proba", "predict", is_margin=True))
@register_converter(*_REGRESSORS, **of_margins("predict", is_margin=True))
@register_converter(*_CLASSIFIERS, **of_margins("predict_proba"))
def convert_xgboost(model: Estimator, method: str, features: Features) -> Converted:
    """A `Booster`, or the wrapper of one, in JAX."""
    is_wrapper = hasattr(model, "get_booster")
    booster = model.get_booster() if is_wrapper else model
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    link = None
    if method == "predict_proba" and is_wrapper:
        link = _link_of_classes(model, learner)
    elif method != "decision_function":
        link = _link(learner)
    if is_wrapper:
        margin = _margin(learner, features, _iterations(model), model.missing)
    else:
        margin = _margin(learner, features, None, np.nan)
    return margin if link is None else linked(margin, link, MARGIN_IS_EXACT)


def _link(learner: Learner) -> Link | None:
    """What `Booster.predict` makes of margins."""
    name = learner["objective"]["name"]
    if name in _PREDICT_CLASSES:
        raise NotConvertibleError(f"XGBoost: {name} predicts numbers of classes")
    return _objective(learner).predict


def _link_of_classes(classifier: Estimator, learner: Learner) -> Link:
    """What `predict_proba` makes of margins."""
    name = learner["objective"]["name"]
    links = {"binary:logistic": two_sigmoids, "multi:softprob": softmax, "multi:softmax": softmax}
    if callable(classifier.objective) or name not in links:
        name = "an objective of your own" if callable(classifier.objective) else name
        raise NotConvertibleError(f"XGBoost: {name} has no probabilities")
    several = int(learner["learner_model_param"]["num_target"]) > 1
    return sigmoid if name == "binary:logistic" and several else links[name]


def _has_probabilities(classifier: Estimator) -> bool:
    """Whether they are: XGBoost calls the outputs of any objective so."""
    known = ("binary:logistic", "multi:softprob", "multi:softmax", "reg:logistic", "binary:hinge")
    name = _objective_name(classifier.get_booster())
    return name in known and not callable(classifier.objective)


def _matrix(booster: Estimator, batch: Table) -> Any:
    import xgboost

    if isinstance(batch, np.ndarray):
        names, types = booster.feature_names, booster.feature_types
        batch = batch.astype(np.float64, copy=False)
        categories = bool(types) and "c" in types
        return xgboost.DMatrix(
            batch, feature_names=names, feature_types=types, enable_categorical=categories
        )
    return xgboost.DMatrix(batch, enable_categorical=True)


def _configuration(booster: Estimator) -> dict[str, Any]:
    return json.loads(booster.save_config())["learner"]


def _objective_name(booster: Estimator) -> str:
    return _configuration(booster)["objective"]["name"]


def _objective(learner: Learner) -> _Objective:
    name = learner["objective"]["name"]
    if name not in _OBJECTIVES:
        raise NotConvertibleError(f"XGBoost: the objective {name} is not known here")
    return _OBJECTIVES[name]


def _iterations(wrapper: Estimator) -> int | None:
    """How many iterations a wrapper predicts with; None: all."""
    try:
        return int(wrapper.best_iteration) + 1
    except AttributeError:
        return None


def _margin(
    learner: Learner, features: Features, iterations: int | None, missing: float
) -> Converted:
    """The margins: what the trees or the columns add up to."""
    parameters = learner["learner_model_param"]
    count = int(parameters["num_feature"])
    if len(features) != count:
        raise NotConvertibleError(f"XGBoost: fitted on {count} columns, got {len(features)}")
    score = np.array(parameters["base_score"].strip("[]").split(","), np.float64)
    outputs = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
    base = np.broadcast_to(_objective(learner).to_margin(score), (outputs,)).astype(np.float64)
    gradient_booster = learner["gradient_booster"]
    kind = gradient_booster["name"]
    if kind == "gblinear":
        base[:] = base[0]  # XGBoost adds the first score to every output
        return _linear(gradient_booster["model"], base, features, missing)
    weights = gradient_booster.get("weight_drop")
    if kind == "dart":
        gradient_booster = gradient_booster["gbtree"]
    elif kind != "gbtree":
        raise NotConvertibleError(f"XGBoost: the booster {kind} has no JAX form here")
    model = gradient_booster["model"]
    features = with_categories(model, learner.get("feature_types") or [], features)
    trees = model["trees"]
    if iterations is not None:
        trees = trees[: model["iteration_indptr"][iterations]]
    weights = None if weights is None else weights[: len(trees)]
    sum_ = tree_sum(trees, model["tree_info"], base, count, weights)
    taken = _taken(missing, count)
    return boosted_trees(sum_, features, taken, as_codes=("float32",), rounds_inputs=True)


def _taken(missing: float, count: int) -> TakenForMissing | None:
    """The numbers that round to what a wrapper calls missing."""
    if missing is None or np.isnan(missing):
        return None
    number = np.array([missing], np.float64)
    low = np.nextafter(strictly_below(number), np.inf)
    high = after_rounding(number.astype(np.float32).astype(np.float64))
    return TakenForMissing(low.repeat(count), high.repeat(count), f"{missing:g}")


def _linear(model: Learner, base: np.ndarray, features: Features, missing: float) -> Converted:
    if missing is not None and not np.isnan(missing):
        raise NotConvertibleError(f"XGBoost: gblinear that takes {missing:g} for missing")
    weights = np.array(model["weights"], np.float64).reshape(-1, len(base))
    columns = list(features.columns)
    for k, source in enumerate(columns):  # a missing value adds nothing
        if isinstance(source, NumberColumn) and np.isnan(source.missing):
            columns[k] = dataclasses.replace(source, missing=0.0)
        elif isinstance(source, LevelColumn):
            columns[k] = LevelColumn(source.raw, np.nan_to_num(source.numbers()))
    features = dataclasses.replace(features, columns=tuple(columns))
    return linear(weights[:-1].T, base + weights[-1], features)
