"""Additive models on the device."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.column_map import level_codes, put
from lime_jax.models.structure import Additive
from lime_jax.sizes import size_for
from lime_jax.typing import AnyArray, Array, pytree


@pytree
class AdditivePredict:
    """An additive model: lines of numbers, tables of levels; see `Additive`."""

    intercept: Array
    shift: Array
    slope: Array
    missing: Array  # of the numeric columns; 0 where a missing number makes the output missing
    is_filled: Array  # of the numeric columns, whether it does not
    numbers: Array  # the numeric columns
    # Of the categorical columns, one after the other: values by code, then NaN for unknown codes
    values: Array
    levels: Array  # the categorical columns
    first: Array  # of each, its first entry
    sizes: Array  # how many codes it has

    def __call__(self, inputs: AnyArray) -> Array:
        """The outputs for a batch, (samples, raw columns) -> (samples, outputs)."""
        inputs = jnp.asarray(inputs, jnp.result_type(float))
        total = jnp.broadcast_to(self.intercept, (inputs.shape[0], self.intercept.shape[0]))
        if self.numbers.size:
            values = inputs[:, self.numbers]
            gone = jnp.isnan(values) & self.is_filled
            away = jnp.where(gone, 0, values - self.shift)
            total = total + jnp.matmul(gone, self.missing, precision="highest")
            total = total + jnp.matmul(away, self.slope, precision="highest")
        if self.levels.size:
            codes = level_codes(inputs[:, self.levels], self.sizes)
            total = total + self.values[self.first + codes].sum(1)
        return total


def additive_predict(model: Additive) -> AdditivePredict:
    """An additive model as a pytree on the device, called with a batch of the raw table."""
    tables = np.split(model.level_value, model.level_offsets[1:-1])
    levels = np.array([k for k, table in enumerate(tables) if table.any()], np.int32)
    numbers = np.flatnonzero((model.slope != 0).any(axis=1) | (model.missing != 0).any(axis=1))
    unknown = np.full((1, model.num_outputs), np.nan)
    # What the device's precision takes from a shift, the intercept gives back.
    shift, slope = model.shift[numbers], model.slope[numbers]
    moved = (shift.astype(jnp.result_type(float)) - shift)[:, None] * slope
    is_filled = np.isnan(model.missing[numbers]).sum(axis=1) == 0
    sizes = np.array([len(tables[k]) for k in levels], np.int32)
    values = np.concatenate([np.zeros((0, model.num_outputs)), *_with(tables, levels, unknown)])
    first = np.cumsum(sizes + 1) - sizes - 1
    # What is added stands for a first column without slope, and for levels that are worth 0.
    more, more_levels = (size_for(len(group)) - len(group) for group in (numbers, levels))
    more_values = size_for(len(values) + 1, least=1024, parts=1) - len(values) if len(levels) else 0

    def pad(values: np.ndarray, more: int, value: float | int | bool = 0) -> np.ndarray:
        width = [(0, more)] + [(0, 0)] * (values.ndim - 1)
        return np.pad(values, width, constant_values=value)

    parts = (
        model.intercept + moved.sum(axis=0),
        pad(shift, more),
        pad(slope, more),
        pad(np.where(is_filled[:, None], model.missing[numbers] - moved, 0), more),
        pad(is_filled, more, True),
        pad(numbers.astype(np.int32), more),
        pad(values, more_values),
        pad(levels, more_levels),
        pad(first.astype(np.int32), more_levels, len(values)),
        pad(sizes, more_levels),
    )
    return AdditivePredict(*put(parts))


def _with(tables: list[np.ndarray], levels: np.ndarray, unknown: np.ndarray) -> list[np.ndarray]:
    return [part for k in levels for part in (tables[k], unknown)]
