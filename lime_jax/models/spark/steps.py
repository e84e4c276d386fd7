"""Steps before a model: what each does with columns on the host, and to columns in JAX."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.convert.columns import (
    Column,
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
    PointColumn,
)
from lime_jax.models.convert.features import Features, side_by_side
from lime_jax.models.registry import keep_on_host, register_transformer
from lime_jax.models.spark.fitted import HANDLE, FittedStage, as_numbers, as_text, on_host
from lime_jax.typing import AnyArray, Array

Parts = list[Features]
"""The columns of a stage's inputs, and what it makes of them."""

keep_on_host(
    "pyspark.SQLTransformer", why="its statement is SQL, which only Spark evaluates", steps=True
)


@on_host("StringIndexerModel")
def index_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """The number of each text's label."""
    return [
        _indexed(stage, column.tolist(), labels)
        for column, labels in zip(columns, stage.facts["labelsArray"], strict=True)
    ]


@register_transformer("pyspark.StringIndexerModel")
def index(stage: FittedStage, parts: Parts) -> Parts:
    """The number of each level's label; NaN where Spark would refuse it."""
    made = []
    for part, labels in zip(parts, stage.facts["labelsArray"], strict=True):
        (column,) = part.columns
        if not isinstance(column, LevelColumn):
            raise NotConvertibleError(
                f"StringIndexerModel: {part.raw_name(column.raw)} is text to it, but numeric "
                "here; name it in `categorical_features`"
            )
        numbers = _indexed(stage, column.values.tolist(), labels, strict=False)
        made.append(part.replaced([LevelColumn(column.raw, numbers)]))
    return made


def _indexed(
    stage: FittedStage, values: Sequence[object], labels: Sequence[str], strict: bool = True
) -> np.ndarray:
    place: dict[str | None, float] = {label: float(k) for k, label in enumerate(labels)}
    other = float(len(labels)) if stage.keeps_invalid else np.nan
    numbers = np.array([place.get(as_text(v), other) for v in values], np.float64)
    if strict and np.isnan(numbers).any():
        value = values[int(np.flatnonzero(np.isnan(numbers))[0])]
        raise stage.refuse(f"{value!r} in column {stage.inputs[0]!r}")
    return numbers


@on_host("OneHotEncoderModel")
def encode_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """0 and 1 by category."""
    encoded = []
    for k, column in enumerate(columns):
        numbers = as_numbers(column)
        if np.isnan(numbers).any():
            raise stage.refuse(f"a missing value in column {stage.inputs[k]!r}")
        flags = _one_hot(stage, k, numbers)
        if np.isnan(flags).any():
            bad = numbers[np.isnan(flags).any(axis=1)][0]
            raise stage.refuse(f"category {bad:g} of column {stage.inputs[k]!r}")
        encoded.append(flags)
    return encoded


@register_transformer("pyspark.OneHotEncoderModel")
def encode(stage: FittedStage, parts: Parts) -> Parts:
    """The same of each level, or of each number that is a category."""
    made = []
    for k, part in enumerate(parts):
        (column,) = part.columns
        if isinstance(column, NumberColumn) and column.is_stepwise:
            made.append(part.replaced(_one_hot_of_bins(stage, k, column)))
            continue
        if not isinstance(column, LevelColumn):
            raise NotConvertibleError(
                f"OneHotEncoderModel: {part.raw_name(column.raw)} has levels to it, but is "
                "numeric here; name it in `categorical_features`"
            )
        flags = _one_hot(stage, k, column.numbers())
        made.append(part.replaced([LevelColumn(column.raw, flag) for flag in flags.T]))
    return made


def _one_hot(stage: FittedStage, which: int, numbers: np.ndarray) -> np.ndarray:
    """(values, width); NaN where Spark would refuse a value."""
    size = int(stage.facts["categorySizes"][which])
    with np.errstate(invalid="ignore"):
        known = (numbers >= 0) & (numbers < size)
    place = np.where(known, numbers, size).astype(np.int64)
    flags = (place[:, None] == np.arange(_width(stage, size))).astype(np.float64)
    if not stage.keeps_invalid:
        flags[~known] = np.nan
    return flags


def _width(stage: FittedStage, size: int) -> int:
    return size + stage.keeps_invalid - bool(stage.facts["dropLast"])


def _one_hot_of_bins(stage: FittedStage, which: int, column: NumberColumn) -> list[Column]:
    width = _width(stage, int(stage.facts["categorySizes"][which]))
    return [column.then("equal", float(k)) for k in range(width)]


@on_host("VectorAssembler")
def assemble_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """Columns side by side."""
    parts = []
    for name, column in zip(stage.inputs, columns, strict=True):
        single = column.ndim == 1
        part = as_numbers(column)[:, None] if single else column
        # Of vectors Spark looks at no number.
        if single and not stage.keeps_invalid and np.isnan(part).any():
            raise stage.refuse(f"a missing value in column {name!r}")
        parts.append(part)
    return [np.concatenate(parts, axis=1)]


@register_transformer("pyspark.VectorAssembler")
def assemble(stage: FittedStage, parts: Parts) -> Parts:
    """Columns side by side."""
    return [side_by_side(parts)]


@on_host("StandardScalerModel", "MinMaxScalerModel")
def scale_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """Each column a line."""
    values = columns[0].copy()
    for k, steps in enumerate(_scaler_steps(stage)):
        values[:, k] = NumberColumn(0, steps).values(values[:, k])
    return [values]


@register_transformer("pyspark.StandardScalerModel", "pyspark.MinMaxScalerModel")
def scale(stage: FittedStage, parts: Parts) -> Parts:
    """Each column a line of its own, by Spark's own arithmetic in float64."""
    (features,) = parts
    columns = list(features.columns)
    for k, steps in enumerate(_scaler_steps(stage)):
        for step in steps:
            columns[k] = columns[k].then(*step)
    return [features.replaced(columns)]


def _scaler_steps(stage: FittedStage) -> list[tuple[tuple[Any, ...], ...]]:
    """The steps of every column; of one that was constant, one number."""
    facts, every = stage.facts, []
    if stage.kind == "StandardScalerModel":
        for mean, deviation in zip(facts["mean"], facts["std"], strict=True):
            steps = [("subtract", float(mean))] if facts["withMean"] else []
            if facts["withStd"]:
                scale = 1 / deviation if deviation else 0.0
                steps.append(("multiply", float(scale)) if scale else ("constant", 0.0))
            every.append(tuple(steps))
        return every
    low, high = facts["min"], facts["max"]
    for least, most in zip(facts["originalMin"], facts["originalMax"], strict=True):
        scale = (high - low) / (most - least) if most != least else 0.0
        lines = (("subtract", float(least)), ("multiply", float(scale)), ("add", float(low)))
        every.append(lines if scale else (("constant", (low + high) / 2),))
    return every


@on_host("Bucketizer")
def bucket_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """The number of each bucket."""
    made = []
    for name, column, splits in zip(stage.inputs, columns, stage.facts["splits"], strict=True):
        numbers = as_numbers(column)
        bucket = np.searchsorted(splits[1:-1], numbers, side="right").astype(np.float64)
        missing = np.isnan(numbers)  # as Spark's null, which it passes on
        if missing.any() and stage.facts.get(HANDLE) == "skip":
            raise stage.refuse(f"a missing value in column {name!r}")
        beyond = (numbers < splits[0]) | (numbers > splits[-1])
        if beyond.any():
            raise stage.refuse(f"{numbers[beyond][0]:g} in column {name!r}, beyond its buckets,")
        made.append(np.where(missing, np.nan, bucket))
    return made


@register_transformer("pyspark.Bucketizer")
def bucket(stage: FittedStage, parts: Parts) -> Parts:
    """The number of the bucket."""
    made = []
    for part, splits in zip(parts, stage.facts["splits"], strict=True):
        if np.isfinite([splits[0], splits[-1]]).any():
            raise NotConvertibleError("Bucketizer: it refuses numbers beyond its buckets")
        edges = tuple(np.nextafter(splits[1:-1], -np.inf).tolist())
        (column,) = part.columns
        made.append(part.replaced([column.then("bins", edges)]))
    return made


@on_host("ImputerModel")
def impute_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """Missing values, and those that stand for them, replaced."""
    made = []
    for column, surrogate in zip(columns, stage.facts["surrogates"], strict=True):
        numbers, number = as_numbers(column), stage.facts["missingValue"]
        made.append(np.where(np.isnan(numbers) | (numbers == number), surrogate, numbers))
    return made


@register_transformer("pyspark.ImputerModel")
def impute(stage: FittedStage, parts: Parts) -> Parts:
    """The same."""
    made, number = [], stage.facts["missingValue"]
    for part, surrogate in zip(parts, stage.facts["surrogates"], strict=True):
        (column,) = part.columns
        if not np.isnan(number):
            column = column.then("missing", number, number)
        made.append(part.replaced([filled(column, float(surrogate))]))
    return made


def filled(column: Column, number: float) -> Column:
    """A column with a number where it is missing."""
    if isinstance(column, NumberColumn):
        if not column.is_total:
            return column.then("fill", number)
        missing = number if np.isnan(column.missing) else column.missing
        return dataclasses.replace(column, missing=missing)
    if isinstance(column, PointColumn):
        raise NotConvertibleError(f"column {column.raw} is read by level before it is filled")
    numbers = column.numbers()
    return LevelColumn(column.raw, np.where(np.isnan(numbers), number, numbers))


@on_host("PCAModel")
def project_on_host(stage: FittedStage, columns: list[np.ndarray]) -> list[np.ndarray]:
    """Sums of columns; Spark does not center them."""
    return [columns[0] @ stage.facts["pc"]]


@register_transformer("pyspark.PCAModel", mixes="mixes columns")
def project(stage: FittedStage, parts: Parts) -> Parts:
    """Sums of columns."""
    components = stage.facts["pc"]
    fn = Partial(_projected, components)
    return [parts[0].after(fn, components.shape[1], None, "PCAModel")]


def _projected(components: Array, inputs: AnyArray) -> Array:
    return jnp.matmul(inputs, components, precision="highest")
