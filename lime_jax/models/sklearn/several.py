"""Several models of the same columns, one for each class or target; and models that only decide."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax.tree_util import Partial

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import beside, linked, some_outputs
from lime_jax.models.convert.features import Features
from lime_jax.models.registry import Converted, convert_on, of_members, register_converter
from lime_jax.models.sklearn.coupling import votes
from lime_jax.typing import Array, Estimator

_WHY_VOTES = "its margins count votes of pairs of classes"
_WHY = "probabilities of several models are divided by their sum; margins are not"


@register_converter("sklearn.MultiOutputRegressor", **of_members("predict"))
@register_converter("sklearn.MultiOutputClassifier", **of_members("predict_proba"))
def convert_multi_output(model: Estimator, method: str, features: Features) -> Converted:
    """The outputs of all targets side by side."""
    return beside([convert_on(member, method, features) for member in model.estimators_])


@register_converter(
    "sklearn.OneVsRestClassifier",
    methods=("predict_proba", "decision_function"),
    exact=("decision_function",),
    why_not=_WHY,
)
def convert_one_against_rest(model: Estimator, method: str, features: Features) -> Converted:
    """A margin for each class, or the probabilities of the classes divided by their sum."""
    margins = method == "decision_function"
    members = [_of_second(member, method, features) for member in _members(model.estimators_)]
    if margins or model.multilabel_:
        return beside(members)
    if len(members) == 1:
        return linked(members[0], _both, _WHY)
    return linked(beside(members), _shares, _WHY)


@register_converter(
    "sklearn.OneVsOneClassifier", methods=("decision_function",), why_not=_WHY_VOTES
)
def convert_one_against_one(model: Estimator, method: str, features: Features) -> Converted:
    """Votes of the classifiers of all pairs of classes, and less than half of one for doubt."""
    pairs = _members(model.estimators_)
    methods = [
        "decision_function" if hasattr(m, "decision_function") else "predict_proba" for m in pairs
    ]
    if len(set(methods)) > 1:
        raise NotConvertibleError(
            "OneVsOneClassifier: some of its members have margins, others none"
        )
    second = [_of_second(m, name, features) for m, name in zip(pairs, methods, strict=True)]
    even = 0.0 if methods[0] == "decision_function" else 0.5
    one_column = len(model.classes_) == 2
    return beside(second).then(Partial(_votes_of_pairs, even, one_column), _WHY_VOTES)


@register_converter(
    *("sklearn.FixedThresholdClassifier", "sklearn.TunedThresholdClassifierCV"),
    **of_members("predict_proba", "decision_function"),
)
def convert_threshold(model: Estimator, method: str, features: Features) -> Converted:
    """The classifier inside: a threshold changes what is predicted, not how probable it is."""
    return convert_on(model.estimator_, method, features)


def _members(estimators: Sequence[Estimator]) -> list[Estimator]:
    for member in estimators:
        if type(member).__name__ == "_ConstantPredictor":
            raise NotConvertibleError("one of its classes was never met")
    return list(estimators)


def _of_second(member: Estimator, method: str, features: Features) -> Converted:
    """What a binary classifier says of its second class."""
    converted = convert_on(member, method, features)
    return converted if method == "decision_function" else some_outputs(converted, [1])


def _votes_of_pairs(even: float, one_column: bool, second: Array) -> Array:
    """Margins of classes; of two that of the second. `even` says that both are as likely."""
    margins = votes(-second, first_wins=second <= even)
    return margins[:, 1:] if one_column else margins


def _both(second: Array) -> Array:
    return jnp.concatenate([1 - second, second], axis=1)


def _shares(probabilities: Array) -> Array:
    total = probabilities.sum(1, keepdims=True)
    return probabilities / jnp.where(total == 0, 1, total)
