"""A model's outputs relative to where they lie: 32 bits hold how they differ, not where they are.

What a sum of trees or of columns adds to every row is known before any row is; it stays on the
host, in float64, and so does the unit of outputs that are very small or very large.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float64

from lime_jax.fits.output_scale import OutputScale, power_of_two
from lime_jax.models.convert.sums import parts_of, scale_sum
from lime_jax.models.convert.tree_sums import outputs_of_nodes
from lime_jax.models.structure import Additive, MixedSum, Structure, TreeSum

_ORDINARY = 2.0**30
"""Outputs need no other unit if they are at most so large, and at least the inverse."""

_FAR = 2.0**12
"""Times its spread: an output that is further away from 0 loses digits that matter."""


def relative_outputs(
    structure: Structure,
    center: Float64[np.ndarray, " features"],
    spread: Float64[np.ndarray, " features"],
) -> tuple[Structure, OutputScale]:
    """Move and scale a model's outputs.

    Returns:
        The model whose outputs are `y`, and the scale: those of `structure` are
        `origin + unit * y`.

    Example:
        >>> lines = Additive(np.array([1.7e9]), np.zeros(1), np.full((1, 1), 2.0), np.zeros((1, 1)),
        ...     np.zeros((0, 1)), np.zeros(2, np.int32))
        >>> near, scale = relative_outputs(lines, np.array([5.0]), np.ones(1))
        >>> near.intercept.tolist(), near.shift.tolist(), scale.origin.tolist(), scale.unit.tolist()
        ([0.0], [5.0], [1700000010.0], [1.0])
    """
    near, origin, size = _centered(structure, center, spread)
    # One unit for all outputs: those of several classes still add up to a constant.
    largest = float(power_of_two(size.max(initial=0, keepdims=True))[0])
    ordinary = 1 / _ORDINARY <= largest <= _ORDINARY
    unit = np.full(len(origin), 1.0 if ordinary else largest)
    if not ordinary:
        near = scale_sum(near, 1 / unit, np.zeros(len(unit)))
    return near, OutputScale(origin, unit)


def is_far(near: Structure, scale: OutputScale) -> bool:
    """Whether a model of the outputs themselves would lose digits in 32 bits.

    Returns:
        True if they are far from 0, very small or very large.
    """
    trees, columns = parts_of(near)
    values = [] if trees is None else [trees.value]
    values += [] if columns is None else [columns.slope, columns.level_value]
    size = max(float(np.abs(some).max(initial=0)) for some in values)
    far = np.abs(scale.origin).max(initial=0) > _FAR * size * scale.unit[0]
    return bool(scale.unit[0] != 1 or (far and size > 0))


def _centered(
    structure: Structure, center: np.ndarray, spread: np.ndarray
) -> tuple[Structure, np.ndarray, np.ndarray]:
    """The sum around 0; where it was, and how large it is."""
    if isinstance(structure, TreeSum):
        return _centered_trees(structure)
    if isinstance(structure, Additive):
        return _centered_columns(structure, center, spread)
    trees, origin, size = _centered_trees(structure.trees)
    columns, also, other = _centered_columns(structure.columns, center, spread)
    return MixedSum(trees, columns), origin + also, np.maximum(size, other)


def _centered_trees(trees: TreeSum) -> tuple[TreeSum, np.ndarray, np.ndarray]:
    """Every tree less the middle of its leaves; where they were, and how large they are."""
    leaf = (trees.column < 0)[:, None]
    order = np.argsort(trees.roots)
    first = trees.roots[order]
    low = np.minimum.reduceat(np.where(leaf, trees.value, np.inf), first)
    high = np.maximum.reduceat(np.where(leaf, trees.value, -np.inf), first)
    middle = low / 2 + high / 2
    tree = np.searchsorted(first, np.arange(len(trees.column)), side="right") - 1
    value = np.where(leaf, trees.value - middle[tree], 0)
    origin = trees.base.astype(np.float64)
    np.add.at(origin, trees.output[order][:, None] + np.arange(trees.value.shape[1]), middle)
    size = np.zeros_like(origin)
    np.maximum.at(size, outputs_of_nodes(trees), np.abs(value))
    near = dataclasses.replace(trees, value=value, base=np.zeros_like(trees.base))
    return near, origin, size


def _centered_columns(
    model: Additive, center: np.ndarray, spread: np.ndarray
) -> tuple[Additive, np.ndarray, np.ndarray]:
    """Lines that cross 0 in the middle of their columns, levels around 0; the same of these."""
    at_center = np.where(model.slope != 0, (center - model.shift)[:, None] * model.slope, 0)
    missing = np.where(model.slope.any(1, keepdims=True), model.missing - at_center, model.missing)
    level_value = model.level_value.copy()
    origin = model.intercept + at_center.sum(0)
    for start, stop in zip(model.level_offsets[:-1], model.level_offsets[1:], strict=True):
        levels = level_value[start:stop]
        # A column whose levels are all alike would no longer be one that has levels.
        if stop > start and (levels != levels[:1]).any():
            middle = np.nanmin(levels, 0) / 2 + np.nanmax(levels, 0) / 2
            levels -= middle
            origin = origin + middle
    size = np.abs(model.slope * spread[:, None]).max(0, initial=0)
    for added in (level_value, missing):
        size = np.maximum(size, np.abs(np.nan_to_num(added)).max(0, initial=0))
    near = dataclasses.replace(
        model,
        intercept=np.zeros_like(model.intercept),
        shift=center.astype(np.float64),
        missing=missing,
        level_value=level_value,
    )
    return near, origin, size
