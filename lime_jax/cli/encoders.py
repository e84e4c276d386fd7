"""What a fitted model says of its columns: which are text, and which are pandas categories."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from lime_jax.cli.errors import InputError
from lime_jax.jobs.cells import TextColumn
from lime_jax.typing import Estimator, Scalar

ColumnChoice: TypeAlias = Any
"""Columns as a ColumnTransformer names them: a name, a slice, or names, numbers or flags."""

_INSIDE = ("best_estimator_", "estimator_", "regressor_", "estimator", "_preprocessor")
"""Where models keep the ones that they wrap."""
_SEVERAL = ("estimators_", "calibrated_classifiers_")


def encoded_texts(model: Estimator, names: Sequence[str]) -> dict[str, TextColumn]:
    """The columns that encoders of a fitted scikit-learn model know as text; of others none."""
    found: dict[str, TextColumn] = {}
    for name, categories, is_imputed in _encoded(model, list(names), False):
        text = TextColumn.of(categories, is_imputed)
        if text is not None:
            found.setdefault(name, text)
    return found


_Encoded = Iterator[tuple[str, list[Scalar], bool]]
"""Name of a column, categories of its encoder, and whether an imputer stands before."""


def _encoded(model: Estimator, names: list[str] | None, is_imputed: bool) -> _Encoded:
    if names is None:
        return
    if hasattr(model, "transformers_"):  # a ColumnTransformer
        for _, part, columns in model.transformers_:
            yield from _encoded(part, _chosen(names, columns), is_imputed)
    elif hasattr(model, "steps"):
        for _, step in model.steps:
            yield from _encoded(step, names, is_imputed)
            is_imputed = is_imputed or hasattr(step, "statistics_")
            # Imputers keep the columns; what others make of them has no name.
            names = names if step in (None, "passthrough") or hasattr(step, "statistics_") else None
    elif hasattr(model, "categories_"):
        if len(model.categories_) == len(names):
            for name, categories in zip(names, model.categories_, strict=True):
                yield name, np.asarray(categories).tolist(), is_imputed
    else:
        for inner in _wrapped(model):
            yield from _encoded(inner, names, is_imputed)


def _wrapped(model: Estimator) -> list[Estimator]:
    """The fitted models inside one."""
    inside = [getattr(model, name, None) for name in _INSIDE]
    for name in _SEVERAL:
        several = getattr(model, name, None)
        inside += list(several) if isinstance(several, list | tuple) else []
    inside += [part for _, part in getattr(model, "transformer_list", ())]
    return [one for one in inside if one is not None and not isinstance(one, str)]


def _chosen(names: list[str], columns: ColumnChoice) -> list[str] | None:
    """The columns of one part of a ColumnTransformer."""
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, slice):
        return names[columns] if not isinstance(columns.start or columns.stop, str) else None
    listed = np.atleast_1d(np.asarray(columns, object)).tolist()
    if all(isinstance(column, str) for column in listed):
        return listed
    if all(isinstance(column, bool) for column in listed) and len(listed) == len(names):
        return list(itertools.compress(names, listed))
    if all(isinstance(column, int) for column in listed):
        return [names[column] for column in listed]
    return None


def fitted_categories(
    model: Estimator, names: Sequence[str], values: Callable[[str], set[Scalar]]
) -> dict[str, list[Scalar]]:
    """The pandas categories that LightGBM or XGBoost was fitted on; `values` of training rows."""
    if hasattr(model, "get_booster") or hasattr(model, "get_categories"):
        return _of_xgboost(model.get_booster() if hasattr(model, "get_booster") else model, names)
    booster = getattr(model, "booster_", model)
    categories = getattr(booster, "pandas_categorical", None)
    return _of_lightgbm(categories, names, values) if categories else {}


def _of_xgboost(booster: Estimator, names: Sequence[str]) -> dict[str, list[Scalar]]:
    types = booster.feature_types or []
    if "c" not in types:
        return {}
    try:
        columns = booster.get_categories(export_to_arrow=True).to_arrow()
    except (AttributeError, TypeError) as error:
        raise InputError(
            "--model: XGBoost before 3.1 does not say what its categories are; fit the model anew "
            "with a later one, or give .parquet files with category columns"
        ) from error
    return {
        name: known.to_pylist()
        for name, (_, known) in zip(names, columns, strict=True)
        if known is not None
    }


def _of_lightgbm(
    categories: Sequence[Sequence[Scalar]],
    names: Sequence[str],
    values: Callable[[str], set[Scalar]],
) -> dict[str, list[Scalar]]:
    """LightGBM keeps the categories in the order of their columns, not which columns these are."""
    levels_of = {name: values(name) for name in names}
    fits = [[name for name in names if _fit(levels_of[name], known)] for known in categories]
    place = {name: number for number, name in enumerate(names)}
    found = [
        chosen
        for chosen in itertools.islice(itertools.product(*fits), 10_000)
        if all(place[a] < place[b] for a, b in itertools.pairwise(chosen))
    ]
    if len(found) == 1:
        return {name: list(known) for name, known in zip(found[0], categories, strict=True)}
    shown = "; ".join(str(list(known)[:4]) for known in categories[:4])
    raise InputError(
        f"--model: LightGBM was fitted on {len(categories)} category columns ({shown}), and "
        f"{'none' if not found else 'more than one'} of the choices among the columns of the file "
        "fits; give .parquet files with category columns"
    )


def _fit(values: set[Scalar], categories: Sequence[Scalar]) -> bool:
    """Whether a column may be the one with these categories."""
    if all(isinstance(category, str) for category in categories):
        return bool(values & set(categories))
    try:
        numbers = {float(value) for value in values}
    except (TypeError, ValueError):
        return False
    return bool(numbers) and numbers <= set(map(float, categories))
