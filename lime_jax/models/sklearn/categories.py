"""How histogram gradient boosting numbers the categories of its columns before its trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from lime_jax.models.convert.columns import Column, LevelColumn, NotConvertibleError
from lime_jax.models.convert.features import Features
from lime_jax.models.sklearn.encoders import encoded
from lime_jax.typing import Estimator


def code_columns(model: Estimator, features: Features) -> tuple[Features, dict[int, np.ndarray]]:
    """The columns as the trees number them, with level codes; and the categories of levels.

    Of each column that has any, the category of each level; -1 where it is missing or unknown.
    """
    if model.is_categorical_ is None:
        return features, {}
    chosen = np.asarray(model.is_categorical_, bool)
    features = features.take(
        [*map(int, np.flatnonzero(chosen)), *map(int, np.flatnonzero(~chosen))]
    )
    backend = None if features.table is None else features.table.backend
    encoder = model._preprocessor.named_transformers_["encoder"]
    columns, coded = list(features.columns), {}
    for k, categories in enumerate(encoder.categories_):
        columns[k], coded[k] = _code(columns[k], categories.tolist(), backend)
    return features.replaced(columns, features.names), coded


def _code(column: Column, categories: list[Any], backend: str | None) -> tuple[Column, np.ndarray]:
    # The null of polars is a category like others; NaN, which is not equal to itself, is missing.
    known = [c for c in categories if c is None or c == c]
    _check_missing(column, None in known, len(known) < len(categories), backend)
    is_level, unknown = isinstance(column, LevelColumn), len(categories)
    numbers, other = np.arange(len(known))[:, None], np.array([-1 if is_level else unknown])
    (coded,) = encoded(column, np.array(known, object), numbers, other)
    if isinstance(coded, LevelColumn):
        levels = np.arange(len(coded.values))
        return LevelColumn(column.raw, levels), coded.values.astype(np.int64)
    return coded, np.append(np.arange(unknown), -1)


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
