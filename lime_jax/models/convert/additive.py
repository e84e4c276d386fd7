"""Additive models on the host: of columns, merged, scaled."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from lime_jax.models.convert.columns import LevelColumn, NumberColumn
from lime_jax.models.convert.features import Features
from lime_jax.models.structure import Additive


def additive_of(
    coef: Float64[np.ndarray, "outputs columns"],
    intercept: Float64[np.ndarray, " outputs"],
    features: Features,
) -> Additive:
    """A linear model of columns as one of raw columns; the others' coefficients are 0.

    Of several lines of one raw column, the first says where it crosses 0.
    """
    count, outputs = features.num_raw, len(intercept)
    slope, missing = np.zeros((count, outputs)), np.zeros((count, outputs))
    shift, crossed = np.zeros(count), np.zeros(count, bool)
    intercept = intercept.copy()
    tables = _empty_tables(features, outputs)
    for k in np.flatnonzero((coef != 0).any(axis=0)):
        source = features.columns[k]
        raw = source.raw
        if isinstance(source, LevelColumn):
            tables[raw] += source.numbers()[:, None] * coef[:, k]
            continue
        assert isinstance(source, NumberColumn)
        own_shift, scale, offset, _, _ = source.line()
        if not crossed[raw] and scale:
            shift[raw], crossed[raw] = own_shift, True
        slope[raw] += scale * coef[:, k]
        constant = ((shift[raw] - own_shift) * scale + offset) * coef[:, k]
        intercept += constant
        missing[raw] += source.missing * coef[:, k] - constant
    return Additive(
        intercept=intercept,
        shift=shift,
        slope=slope,
        missing=missing,
        level_value=np.concatenate(tables) if tables else np.zeros((0, outputs)),
        level_offsets=np.cumsum([0, *map(len, tables)]).astype(np.int32),
    )


def _empty_tables(features: Features, outputs: int) -> list[np.ndarray]:
    sizes = [0] * features.num_raw
    for column in features.columns:
        if isinstance(column, LevelColumn):
            sizes[column.raw] = len(column.values)
    if features.table is not None:  # also of columns that no step takes
        sizes = [0 if levels is None else len(levels) for levels in features.table.levels]
    return [np.zeros((size, outputs)) for size in sizes]


def sum_additive(parts: Sequence[Additive], weights: Float64[np.ndarray, " parts"]) -> Additive:
    """A weighted sum; lines cross 0 where the first part's that has one does."""
    shift = np.zeros(parts[0].num_features)
    for part in reversed(parts):
        shift = np.where((part.slope != 0).any(axis=1), part.shift, shift)
    total = {
        name: np.sum([getattr(p, name) * w for p, w in zip(parts, weights, strict=True)], axis=0)
        for name in ("intercept", "slope", "missing", "level_value")
    }
    for part, weight in zip(parts, weights, strict=True):
        moved = ((shift - part.shift)[:, None] * part.slope) * weight
        total["intercept"] = total["intercept"] + moved.sum(axis=0)
        total["missing"] = total["missing"] - moved
    return dataclasses.replace(parts[0], shift=shift, **total)


def additive_beside(parts: Sequence[Additive]) -> Additive:
    """The outputs of all parts side by side."""
    widths = [part.num_outputs for part in parts]
    ends = np.cumsum(widths)
    wide = []
    for part, width, end in zip(parts, widths, ends, strict=True):
        room = (int(end) - width, int(ends[-1] - end))
        names = ("slope", "missing", "level_value")
        padded = {name: np.pad(getattr(part, name), ((0, 0), room)) for name in names}
        wide.append(dataclasses.replace(part, intercept=np.pad(part.intercept, room), **padded))
    return sum_additive(wide, np.ones(len(wide)))


def scale_additive(
    model: Additive, scale: Float64[np.ndarray, " outputs"], shift: Float64[np.ndarray, " outputs"]
) -> Additive:
    """Every output times a number, plus a number."""
    scaled = {name: getattr(model, name) * scale for name in ("slope", "missing", "level_value")}
    return dataclasses.replace(model, intercept=model.intercept * scale + shift, **scaled)
