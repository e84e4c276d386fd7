"""The parts that converters build models of: sums of trees, sums of columns, links, averages."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float64

from lime_jax.models.additive import additive_of, additive_predict, scale_additive, sum_additive
from lime_jax.models.column_map import Chain, put
from lime_jax.models.columns import LevelColumn, NumberColumn, PointColumn
from lime_jax.models.features import Features
from lime_jax.models.registry import Converted
from lime_jax.models.structure import Additive, TreeSum
from lime_jax.models.tree_sums import merge_trees, move, pull_back, scale_trees
from lime_jax.models.trees import tree_predict
from lime_jax.typing import Array, pytree, static

__all__ = [
    "Link",
    "LinkFunction",
    "apply",
    "average",
    "linear",
    "linked",
    "merge_trees",
    "pull_back",
    "scaled",
    "softmax",
    "sum_of_trees",
    "two_sigmoids",
]

Link = Callable[[Array], Array]
"""A module-level JAX function of (samples, outputs)."""


def apply(fn: Any, features: Features, why_not_exact: str = "") -> Converted:
    """A model that is any JAX function of its columns.

    Args:
        fn: a pytree, (samples, columns) -> (samples, outputs); host arrays in it are put on the
            device.
        features: its columns.
        why_not_exact: what to say to those who ask for a closed form.

    Returns:
        The model.
    """
    why = why_not_exact or "its output is not a sum over trees or over columns"
    return Converted(Chain((features.matrix(), put(fn))), why_not_exact=why)


def sum_of_trees(trees: TreeSum, features: Features, *, rounds_inputs: bool = False) -> Converted:
    """A model that is a sum of trees on its columns.

    Args:
        trees: on the columns of `features`; a test of a level column may be a threshold on its
            numbers, or a level set by code.
        features: where the columns come from.
        rounds_inputs: see `Converted`.

    Returns:
        The model, with its trees on the raw columns where that can be said; elsewhere too its
        thresholds move as far back as they can, so that no scaler rounds in float32.
    """
    used = np.unique(trees.column[trees.column >= 0])
    why = _why_not_raw(features, used) or _changed_sets(trees, features)
    if not why:
        raw = pull_back(trees, features)
        return Converted(tree_predict(raw), raw, "", rounds_inputs)
    by_set = set(np.unique(trees.column[trees.level_set >= 0]).tolist())
    kept = [k for k in used if k in by_set or isinstance(features.columns[k], PointColumn)]
    plain = tuple(NumberColumn(k) for k in range(features.width))
    inputs = features.replaced((*plain, *(features.columns[k] for k in kept)))
    predict = Chain((inputs.matrix(), tree_predict(move(trees, features, [int(k) for k in kept]))))
    return Converted(predict, None, why, rounds_inputs)


def linear(
    coef: Float64[np.ndarray, "outputs columns"],
    intercept: Float64[np.ndarray, " outputs"],
    features: Features,
) -> Converted:
    """A linear model of its columns.

    Args:
        coef: of the columns.
        intercept: of the outputs.
        features: where the columns come from.

    Returns:
        The model, with its structure where the columns are lines and tables of raw ones.
    """
    coef, intercept = np.asarray(coef, np.float64), np.asarray(intercept, np.float64)
    used = np.flatnonzero((coef != 0).any(axis=0))
    why = _why_not_raw(features, used)
    for k in used:
        column = features.columns[k]
        if not why and isinstance(column, NumberColumn) and np.isfinite(column.line()[3:]).any():
            why = f"{features.raw_name(column.raw)} is clipped on the way to the model"
    if why:
        fn = put(_Linear(coef.T, intercept))
        return Converted(Chain((features.matrix(), fn)), None, why)
    structure = additive_of(coef, intercept, features)
    return Converted(additive_predict(structure), structure)


def linked(converted: Converted, link: Link, why_not_exact: str) -> Converted:
    """A function of a model's outputs.

    Args:
        converted: the model.
        link: of (samples, outputs).
        why_not_exact: why there is no closed form any more, and what has one.

    Returns:
        The model behind the link, without structure.
    """
    predict = Chain((converted.predict, LinkFunction(link)))
    return Converted(predict, None, why_not_exact, converted.rounds_inputs)


def scaled(
    converted: Converted,
    scale: Float[np.ndarray, " outputs"],
    shift: Float[np.ndarray, " outputs"],
) -> Converted:
    """A model's outputs times a number each, plus a number each.

    Args:
        converted: the model.
        scale: of each output.
        shift: of each output.

    Returns:
        The model; its structure, if it has one, is of the same kind.
    """
    scale, shift = np.asarray(scale, np.float64), np.asarray(shift, np.float64)
    if isinstance(converted.structure, TreeSum):
        trees = scale_trees(converted.structure, scale, shift)
        return dataclasses.replace(converted, predict=tree_predict(trees), structure=trees)
    if isinstance(converted.structure, Additive):
        additive = scale_additive(converted.structure, scale, shift)
        return dataclasses.replace(
            converted, predict=additive_predict(additive), structure=additive
        )
    predict = Chain((converted.predict, put(_Scaled(scale, shift))))
    return dataclasses.replace(converted, predict=predict)


def average(members: Sequence[Converted], weights: Sequence[float] | np.ndarray) -> Converted:
    """A weighted sum of models of the same outputs.

    Args:
        members: at least one.
        weights: of each.

    Returns:
        The sum; its structure is that of the members, if they are all sums of trees or all
        additive.
    """
    weights = np.asarray(weights, np.float64)
    parts = [m.structure for m in members]
    rounds = all(m.rounds_inputs for m in members)
    if all(isinstance(p, TreeSum) for p in parts):
        trees = merge_trees([p for p in parts if isinstance(p, TreeSum)], weights)
        return Converted(tree_predict(trees), trees, "", rounds)
    if all(isinstance(p, Additive) for p in parts):
        structure = sum_additive([p for p in parts if isinstance(p, Additive)], weights)
        return Converted(additive_predict(structure), structure, "", rounds)
    why = next((m.why_not_exact for m in members if m.why_not_exact), "its members differ in kind")
    predict = put(_Average(tuple(m.predict for m in members), weights))
    return Converted(predict, None, why, rounds)


def _why_not_raw(features: Features, used: np.ndarray) -> str:
    """Why a model of the columns `used` is not one of the raw table; empty: it is."""
    if features.base is not None:
        return f"{features.mixed_by} mixes columns"
    for k in used:
        column = features.columns[k]
        if not isinstance(column, NumberColumn | LevelColumn):
            return (
                f"{features.raw_name(column.raw)} is encoded by level, but is numeric here; name "
                "it in `categorical_features`"
            )
    return ""


def _changed_sets(trees: TreeSum, features: Features) -> str:
    """Whether a set of levels is asked of a number that is not the raw one."""
    for k in np.unique(trees.column[trees.level_set >= 0]):
        column = features.columns[k]
        if isinstance(column, NumberColumn) and (column.steps or not np.isnan(column.missing)):
            return (
                f"{features.raw_name(column.raw)} is changed before it is read by level; name it "
                "in `categorical_features`"
            )
    return ""


@pytree
class _Linear:
    coef: Any
    intercept: Any

    def __call__(self, inputs: Any) -> Array:
        return jnp.matmul(inputs, self.coef, precision="highest") + self.intercept


@pytree
class _Scaled:
    scale: Any
    shift: Any

    def __call__(self, outputs: Any) -> Array:
        return outputs * self.scale + self.shift


@pytree
class _Average:
    members: tuple[Any, ...]
    weights: Any

    def __call__(self, inputs: Any) -> Array:
        outputs = [member(inputs) for member in self.members]
        return sum(
            (w * y for w, y in zip(self.weights, outputs, strict=True)), jnp.zeros_like(outputs[0])
        )


@pytree
class LinkFunction:
    """A function of a model's outputs as a pytree.

    Attributes:
        link: a function that is always the same object, so that it compiles once.
    """

    link: Link = static()

    def __call__(self, outputs: Any) -> Array:
        """Apply the link."""
        return self.link(outputs)


def two_sigmoids(margin: Array) -> Array:
    """Both probabilities of a binary classifier from the margin of the second class.

    Args:
        margin: (samples, 1) log-odds.

    Returns:
        (samples, 2).
    """
    return jnp.concatenate([jax.nn.sigmoid(-margin), jax.nn.sigmoid(margin)], axis=1)


def softmax(margins: Array) -> Array:
    """Probabilities from the margins of all classes.

    Args:
        margins: (samples, classes).

    Returns:
        (samples, classes).
    """
    return jax.nn.softmax(margins, axis=1)
