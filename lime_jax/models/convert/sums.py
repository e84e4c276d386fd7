"""Sums on the host, over trees, over columns or both: added, mapped, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.tree_util import Partial
from jaxtyping import Float64

from lime_jax.models.convert.additive import additive_beside, scale_additive, sum_additive
from lime_jax.models.convert.columns import NumberColumn
from lime_jax.models.convert.inputs import Inputs
from lime_jax.models.convert.tree_sums import (
    merge_trees,
    outputs_of_nodes,
    scale_trees,
    trees_beside,
)
from lime_jax.models.structure import Additive, MixedSum, Structure, TreeSum
from lime_jax.typing import AnyArray, Array

_Parts = tuple[TreeSum | None, Additive | None]


def parts_of(structure: Structure) -> _Parts:
    """The trees and the columns of a sum; None: it has none."""
    if isinstance(structure, MixedSum):
        return structure.trees, structure.columns
    return (structure, None) if isinstance(structure, TreeSum) else (None, structure)


def added(parts: Sequence[Structure], weights: Float64[np.ndarray, " parts"]) -> Structure:
    """A weighted sum."""
    split = [(*parts_of(part), weight) for part, weight in zip(parts, weights, strict=True)]
    trees = [t for t, _, _ in split if t is not None]
    columns = [c for _, c, _ in split if c is not None]
    of_trees = np.array([w for t, _, w in split if t is not None])
    of_columns = np.array([w for _, c, w in split if c is not None])
    return _together(
        merge_trees(trees, of_trees) if trees else None,
        sum_additive(columns, of_columns) if columns else None,
    )


def beside_each_other(parts: Sequence[Structure]) -> Structure:
    """The outputs of all parts side by side."""
    split = [parts_of(part) for part in parts]
    like = next((c for _, c in split if c is not None), None)
    trees = columns = None
    if any(t is not None for t, _ in split):
        pairs = zip(parts, split, strict=True)
        trees = trees_beside([_no_trees(part) if t is None else t for part, (t, _) in pairs])
    if like is not None:
        pairs = zip(parts, split, strict=True)
        filled = [_no_columns(like, p.num_outputs) if c is None else c for p, (_, c) in pairs]
        columns = additive_beside(filled)
    return _together(trees, columns)


def scale_sum(
    structure: Structure,
    scale: Float64[np.ndarray, " outputs"],
    shift: Float64[np.ndarray, " outputs"],
) -> Structure:
    """Every output times a number, plus a number."""
    trees, columns = parts_of(structure)
    if trees is not None:
        trees = scale_trees(trees, scale, shift * (columns is None))
    if columns is not None:
        columns = scale_additive(columns, scale, shift)
    return _together(trees, columns)


def mapped(
    structure: Structure,
    coef: Float64[np.ndarray, "outputs sums"],
    intercept: Float64[np.ndarray, " outputs"],
) -> Structure:
    """A linear model of the outputs of a sum."""
    trees, columns = parts_of(structure)
    if trees is not None:
        trees = _mapped_trees(trees, coef, intercept * (columns is None))
    if columns is not None:
        columns = _mapped_columns(columns, coef, intercept)
    return _together(trees, columns)


def predict_sum(structure: Structure, inputs: Inputs) -> Any:
    """A pytree from inputs to the outputs of a sum on the raw columns."""
    trees, columns = parts_of(structure)
    found = []
    if trees is not None:
        found.append(inputs.trees(trees, [NumberColumn(k) for k in range(trees.num_features)]))
    if columns is not None:
        found.append(inputs.additive(columns))
    return found[0] if len(found) == 1 else Partial(_total, *found)


def _total(trees: Any, columns: Any, inputs: AnyArray) -> Array:
    return trees(inputs) + columns(inputs)


def _together(trees: TreeSum | None, columns: Additive | None) -> Structure:
    if trees is not None and columns is not None:
        return MixedSum(trees, columns)
    some = columns if trees is None else trees
    assert some is not None
    return some


def _no_trees(like: Structure) -> TreeSum:
    """One leaf that adds nothing."""
    one = np.array([-1], np.int32)
    return TreeSum(
        column=one,
        threshold=np.array([np.nan]),
        missing_left=np.array([False]),
        level_set=one,
        left=one,
        right=one,
        value=np.zeros((1, 1)),
        roots=np.zeros(1, np.int32),
        output=np.zeros(1, np.int32),
        level_sets=(),
        base=np.zeros(like.num_outputs),
        num_features=like.num_features,
    )


def _no_columns(like: Additive, outputs: int) -> Additive:
    """Columns that add nothing."""
    names = ("slope", "missing", "level_value")
    none = {name: np.zeros((len(getattr(like, name)), outputs)) for name in names}
    return dataclasses.replace(like, intercept=np.zeros(outputs), **none)


def _mapped_trees(trees: TreeSum, coef: np.ndarray, intercept: np.ndarray) -> TreeSum:
    value = np.einsum("nw,nwo->no", trees.value, coef.T[outputs_of_nodes(trees)])
    base = coef @ trees.base + intercept
    return dataclasses.replace(trees, value=value, base=base, output=np.zeros_like(trees.output))


def _mapped_columns(model: Additive, coef: np.ndarray, intercept: np.ndarray) -> Additive:
    def through(values: np.ndarray) -> np.ndarray:
        parts = np.where(coef != 0, values[:, None] * coef, 0)  # missing values times 0 are 0
        return parts.sum(axis=2)

    names = ("slope", "missing", "level_value")
    new = {name: through(getattr(model, name)) for name in names}
    return dataclasses.replace(model, intercept=coef @ model.intercept + intercept, **new)
