"""Additive models on the host: of columns, merged, scaled; and on the device."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax.models.convert.column_map import level_codes, put
from lime_jax.models.convert.columns import LevelColumn, NumberColumn
from lime_jax.models.convert.features import Features
from lime_jax.models.structure import Additive
from lime_jax.typing import AnyArray, Array, pytree, static


@pytree
class AdditivePredict:
    """An additive model: lines of numbers, tables of levels; see `Additive`."""

    intercept: Array
    shift: Array
    slope: Array
    missing: Array  # of the numeric columns; 0 where a missing number makes the output missing
    is_filled: Array  # of the numeric columns, whether it does not
    # Of the categorical columns, by code; NaN in the last row for unknown codes
    tables: tuple[Array, ...]
    numbers: tuple[int, ...] = static()  # the numeric columns
    levels: tuple[int, ...] = static()

    def __call__(self, inputs: AnyArray) -> Array:
        """The outputs for a batch, (samples, raw columns) -> (samples, outputs)."""
        inputs = jnp.asarray(inputs, jnp.result_type(float))
        total = jnp.broadcast_to(self.intercept, (inputs.shape[0], self.intercept.shape[0]))
        if self.numbers:
            own = (
                inputs
                if len(self.numbers) == inputs.shape[1]
                else inputs[:, np.array(self.numbers)]
            )
            gone = jnp.isnan(own) & self.is_filled
            away = jnp.where(gone, 0, own - self.shift)
            total = total + jnp.matmul(gone, self.missing, precision="highest")
            total = total + jnp.matmul(away, self.slope, precision="highest")
        for column, table in zip(self.levels, self.tables, strict=True):
            total = total + table[level_codes(inputs[:, column], table.shape[0] - 1)]
        return total


def additive_predict(model: Additive) -> AdditivePredict:
    """An additive model as a pytree on the device, called with a batch of the raw table."""
    tables = np.split(model.level_value, model.level_offsets[1:-1])
    levels = [k for k, table in enumerate(tables) if table.any()]
    numbers = np.flatnonzero((model.slope != 0).any(axis=1) | (model.missing != 0).any(axis=1))
    unknown = np.full((1, model.num_outputs), np.nan)
    # What the device's precision takes from a shift, the intercept gives back.
    shift, slope = model.shift[numbers], model.slope[numbers]
    moved = (shift.astype(jnp.result_type(float)) - shift)[:, None] * slope
    is_filled = np.isnan(model.missing[numbers]).sum(axis=1) == 0
    arrays = put(
        (
            model.intercept + moved.sum(axis=0),
            shift,
            slope,
            np.where(is_filled[:, None], model.missing[numbers] - moved, 0),
            is_filled,
            tuple(np.concatenate([tables[k], unknown]) for k in levels),
        )
    )
    return AdditivePredict(*arrays, numbers=tuple(map(int, numbers)), levels=tuple(levels))


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
