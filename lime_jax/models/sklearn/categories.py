"""How histogram gradient boosting numbers the categories of its columns before its trees."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int

from lime_jax.models.convert.columns import (
    Column,
    LevelColumn,
    NotConvertibleError,
    NumberColumn,
    PointColumn,
)
from lime_jax.models.convert.features import Features
from lime_jax.typing import Estimator, Scalar


@dataclasses.dataclass(frozen=True, eq=False)
class CodedColumn:
    """A column that reaches the trees as the number of its category."""

    # Of each level of the column; -1 where it is missing or unknown to the model
    category: Int[np.ndarray, " levels"]

    def levels_left(
        self, categories: Bool[np.ndarray, " categories"], missing_left: bool
    ) -> Bool[np.ndarray, " levels"]:
        """The levels that a node sends left; unknown ones go where missing ones do."""
        return np.where(self.category < 0, missing_left, categories[self.category])


def code_columns(model: Estimator, features: Features) -> tuple[Features, dict[int, CodedColumn]]:
    """The columns as the trees number them, with level codes; and those that have categories."""
    if model.is_categorical_ is None:
        return features, {}
    chosen = np.asarray(model.is_categorical_, bool)
    first = np.flatnonzero(chosen)
    features = features.take([*map(int, first), *map(int, np.flatnonzero(~chosen))])
    encoder = model._preprocessor.named_transformers_["encoder"]
    columns, coded = list(features.columns), {}
    for k, categories in enumerate(encoder.categories_):
        backend = None if features.table is None else features.table.backend
        columns[k], coded[k] = _code(columns[k], categories, backend)
    return dataclasses.replace(features, columns=tuple(columns)), coded


def _code(
    column: Column, categories: np.ndarray, backend: str | None
) -> tuple[Column, CodedColumn]:
    listed = categories.tolist()
    number = {c: k for k, c in enumerate(listed) if c is not None and c == c}
    # The null of polars is a category like others; NaN, which is not equal to itself, is missing.
    null = listed.index(None) if None in listed else -1
    _check_missing(column, null >= 0, any(c != c for c in listed), backend)

    def codes(values: Iterable[Scalar]) -> np.ndarray:
        gone = [v is None or v != v for v in values]
        found = [null if g else number.get(v, -1) for v, g in zip(values, gone, strict=True)]
        return np.array(found, np.int64)

    if isinstance(column, LevelColumn):
        own = LevelColumn(column.raw, np.arange(len(column.values)))
        return own, CodedColumn(codes(column.values))
    unknown = len(categories)
    levels = CodedColumn(np.append(np.arange(unknown), -1))
    if isinstance(column, PointColumn):
        points, found = column.points, codes(column.values)
        other = codes([column.other])[0]
    else:
        points = _points(column, number)
        found, other = codes(points), -1
        found = np.where(np.isnan(points), codes([column.missing])[0], found)
    found = np.where(found < 0, unknown, found).astype(np.float64)
    other = float(unknown if other < 0 else other)
    return PointColumn(column.raw, points, found, other), levels


def _check_missing(column: Column, null: bool, nan: bool, backend: str | None) -> None:
    """Whether it is known what the model takes the table's missing values for."""
    if not isinstance(column, LevelColumn) or all(v is not None and v == v for v in column.values):
        return
    if null and nan:
        raise NotConvertibleError(f"column {column.raw} has both None and NaN for categories")
    if null and backend == "pandas":
        raise NotConvertibleError(
            f"column {column.raw} has a null for a category, as in a table of polars, and NaN of "
            "pandas is none"
        )
    if backend == "pyarrow":
        raise NotConvertibleError(
            f"column {column.raw} has nulls of pyarrow, which scikit-learn takes for a category"
        )


def _points(column: NumberColumn, number: dict[Any, int]) -> np.ndarray:
    """The raw numbers that are categories, and NaN."""
    if column.steps:
        raise NotConvertibleError(
            f"column {column.raw} is scaled before its values are taken for categories"
        )
    try:
        points = np.array([*number, np.nan], np.float64)
    except (TypeError, ValueError) as error:
        raise NotConvertibleError(
            f"column {column.raw} is numeric here, but has categories such as "
            f"{next(iter(number))!r}"
        ) from error
    if len(np.unique(points.astype(jnp.result_type(float)))) < len(points):
        raise NotConvertibleError(
            f"column {column.raw} has categories that are one number in the device's precision"
        )
    return points
