"""Encoders of categories: tables over the levels of a column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lime_jax.models.convert.columns import (
    Column,
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
    PointColumn,
)
from lime_jax.models.convert.features import Features
from lime_jax.models.labels import is_missing
from lime_jax.models.registry import register_transformer
from lime_jax.typing import Estimator, Scalar


@register_transformer("sklearn.OneHotEncoder")
def encode_one_hot(encoder: Estimator, features: Features) -> Features:
    """0 and 1 by level; a category that the encoder would refuse is missing (NaN)."""
    columns: list[Column] = []
    for k, (column, categories) in enumerate(
        zip(features.columns, encoder.categories_, strict=True)
    ):
        group, infrequent = _groups(encoder, k)
        # int8: a table of 4,000 levels for each of 4,000 columns
        table = (group[:, None] == np.arange(group.max() + 1)).astype(np.int8)
        unknown = np.zeros(table.shape[1])
        if encoder.handle_unknown == "error":
            unknown[:] = np.nan
        elif encoder.handle_unknown in ("infrequent_if_exist", "warn") and infrequent.any():
            unknown[group[infrequent][0]] = 1
        dropped = None if encoder.drop_idx_ is None else encoder.drop_idx_[k]
        if dropped is not None:
            table = np.delete(table, group[int(dropped)], axis=1)
            unknown = np.delete(unknown, group[int(dropped)])
        columns += encoded(column, categories, table, unknown)
    return features.replaced(columns)


@register_transformer("sklearn.OrdinalEncoder")
def encode_ordinal(encoder: Estimator, features: Features) -> Features:
    """The number of the category; one that the encoder would refuse is missing (NaN)."""
    columns: list[Column] = []
    for k, (column, categories) in enumerate(
        zip(features.columns, encoder.categories_, strict=True)
    ):
        group, infrequent = _groups(encoder, k)
        table = group[:, None].astype(np.float64)
        missing = np.array([_is_nan(category) for category in categories])
        table[infrequent] -= missing.sum()  # which has no number of its own
        table[missing] = encoder.encoded_missing_value
        unknown = np.nan
        if encoder.handle_unknown == "use_encoded_value":
            unknown = float(encoder.unknown_value)
        columns += encoded(column, categories, table, np.array([unknown]))
    return features.replaced(columns, features.names)


@register_transformer("sklearn.TargetEncoder")
def encode_by_target(encoder: Estimator, features: Features) -> Features:
    """The mean target of a category, for each class where there are more than two."""
    mean = np.ravel(encoder.target_mean_)
    columns: list[Column] = []
    for k, (column, categories) in enumerate(
        zip(features.columns, encoder.categories_, strict=True)
    ):
        for c, unknown in enumerate(mean):
            table = np.asarray(encoder.encodings_[k * len(mean) + c], np.float64)[:, None]
            columns += encoded(column, categories, table, np.array([unknown]))
    return features.replaced(columns, features.names if len(mean) == 1 else None)


def _groups(encoder: Estimator, column: int) -> tuple[np.ndarray, np.ndarray]:
    """The number of each category once the infrequent ones are one, and which are infrequent."""
    categories = encoder.categories_[column]
    rare = np.zeros(len(categories), bool)
    if encoder.min_frequency is not None or encoder.max_categories is not None:
        found = encoder.infrequent_categories_[column]
        if found is not None:
            places = _places(categories)
            rare[[places[_key(c)] for c in found]] = True
    return np.where(rare, (~rare).sum(), np.cumsum(~rare) - 1), rare


def encoded(
    column: Column, categories: np.ndarray, table: np.ndarray, unknown: np.ndarray
) -> list[Column]:
    """New columns: the rows of `table` belong to the categories, `unknown` to others."""
    places = _places(categories)

    def rows(values: Iterable[object]) -> np.ndarray:
        place = np.array([places.get(_key(v), -1) for v in values], int)
        found = table[place]
        if (place < 0).any():
            found = found.astype(np.float64)
            found[place < 0] = unknown
        return np.ascontiguousarray(found.T)

    if isinstance(column, LevelColumn):
        return [LevelColumn(column.raw, values) for values in rows(column.values)]
    if isinstance(column, PointColumn):
        others = rows([column.other])[:, 0]
        return [
            PointColumn(column.raw, column.points, values.astype(np.float64), float(other))
            for values, other in zip(rows(column.values), others, strict=True)
        ]
    points = _points(column, categories)
    whole = rows([*points[:-1], column.missing]).astype(np.float64)
    return [
        PointColumn(column.raw, points, values, float(other))
        for values, other in zip(whole, unknown, strict=True)
    ]


def _points(column: NumberColumn, categories: np.ndarray) -> np.ndarray:
    """The raw numbers that are categories, and NaN."""
    if column.steps:
        raise NotConvertibleError(f"column {column.raw} is scaled before it is read by level")
    try:
        return np.array([*(c for c in categories if not is_missing(c)), np.nan], np.float64)
    except (TypeError, ValueError) as error:
        raise NotConvertibleError(
            f"column {column.raw} has categories such as {categories[0]!r}, but is numeric here"
        ) from error


def _places(categories: np.ndarray) -> dict[Any, int]:
    return {_key(category): place for place, category in enumerate(categories)}


def _key(value: Scalar) -> Any:
    return None if is_missing(value) else value


def _is_nan(value: Scalar) -> bool:
    return is_missing(value) and value is not None
