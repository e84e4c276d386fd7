"""Ensembles of any models: bagging, voting, stacking."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError, NumberColumn
from lime_jax.models.convert.compose import average, beside, linear, some_outputs
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.inputs import Inputs
from lime_jax.models.registry import (
    METHODS,
    Converted,
    convert_on,
    of_members,
    register_converter,
)
from lime_jax.models.sklearn.linear import WHY_NO_PROBABILITY
from lime_jax.models.sklearn.trees import refuse_several_targets
from lime_jax.models.structure import Structure
from lime_jax.typing import AnyArray, Array, Estimator, pytree, static


@register_converter("sklearn.BaggingClassifier", **of_members("predict_proba", "decision_function"))
@register_converter("sklearn.BaggingRegressor", **of_members("predict"))
def convert_bagging(model: Estimator, method: str, features: Features) -> Converted:
    """The mean of the members, each on its own columns."""
    kind = type(model).__name__
    for member in model.estimators_:
        if method == "predict_proba" and not hasattr(member, method):
            raise NotConvertibleError(
                f"{kind}: {type(member).__name__} has no probabilities, it votes"
            )
        if method != "predict" and len(member.classes_) != model.n_classes_:
            raise NotConvertibleError(f"{kind}: one of its members has not seen all classes")
    pairs = zip(model.estimators_, model.estimators_features_, strict=True)
    members = [
        convert_on(member, method, features.take([int(k) for k in columns]))
        for member, columns in pairs
    ]
    return average(members, np.full(len(members), 1 / len(members)))


@register_converter("sklearn.VotingClassifier", **of_members("predict_proba"))
@register_converter("sklearn.VotingRegressor", **of_members("predict"))
def convert_voting(model: Estimator, method: str, features: Features) -> Converted:
    """The weighted mean of the members' probabilities or values."""
    members = [convert_on(member, method, features) for member in model.estimators_]
    used = [name for name, member in model.estimators if not isinstance(member, str)]
    weights = np.ones(len(used))
    if model.weights is not None:
        every = zip(model.estimators, model.weights, strict=True)
        weights = np.array([w for (_, member), w in every if not isinstance(member, str)], float)
    return average(members, weights / weights.sum())


@register_converter(
    "sklearn.StackingClassifier",
    methods=("predict_proba", "decision_function"),
    exact=("decision_function",),
    why_not=WHY_NO_PROBABILITY,
)
@register_converter("sklearn.StackingRegressor", **of_members("predict"))
def convert_stacking(model: Estimator, method: str, features: Features) -> Converted:
    """The last model on what the first ones return."""
    two_classes = False
    if method != "predict":
        refuse_several_targets(model)
        two_classes = len(model.classes_) == 2
    methods = [str(name) for name in model.stack_method_]
    members = [
        convert_on(member, asked, features)
        for member, asked in zip(model.estimators_, methods, strict=True)
    ]
    skip = tuple(int(two_classes and asked == "predict_proba") for asked in methods)

    outputs = _together(members, skip, features if model.passthrough else None)

    def stack(inputs: Inputs) -> Any:
        columns = features.matrix(inputs) if model.passthrough else None
        return Stack(tuple(member.build(inputs) for member in members), columns, skip)

    last = model.final_estimator_
    count = getattr(last, "n_features_in_", None)
    if count is None:
        raise NotConvertibleError(f"{type(last).__name__} has no JAX form here")
    columns = tuple(NumberColumn(k) for k in range(count))
    kind = type(model).__name__
    stacked = Features(columns, stack, None, features.num_raw, count, mixed_by=kind)
    return convert_on(last, method, dataclasses.replace(stacked, base_sum=outputs))


def _together(
    members: Sequence[Converted], skip: Sequence[int], columns: Features | None
) -> Structure | None:
    """What the last model is called with, where all of it are sums."""
    if any(member.structure is None for member in members):
        return None
    parts = [
        some_outputs(member, range(first, member.structure.num_outputs))
        for member, first in zip(members, skip, strict=True)
        if member.structure is not None
    ]
    if columns is not None:
        parts.append(linear(np.eye(len(columns)), np.zeros(len(columns)), columns))
    return beside(parts).structure


@register_converter("sklearn.FrozenEstimator", **of_members(*METHODS))
def convert_frozen(model: Estimator, method: str, features: Features) -> Converted:
    """The model inside."""
    return convert_on(model.estimator, method, features)


@pytree
class Stack:
    """What several models return, side by side."""

    members: tuple[Any, ...]
    columns: Any  # what comes after them; None: nothing
    skip: tuple[int, ...] = static()  # how many outputs of each member are left out, from the first

    def __call__(self, inputs: AnyArray) -> Array:
        """All outputs of a batch, (samples, raw columns) -> (samples, outputs)."""
        parts = [m(inputs)[:, skip:] for m, skip in zip(self.members, self.skip, strict=True)]
        if self.columns is not None:
            parts.append(self.columns(inputs))
        return jnp.concatenate(parts, axis=1)
