"""What the explainer of the command line learns from, and what it is asked."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals.stable.v1 as nw
import numpy as np

from lime_jax.cli import tables
from lime_jax.cli.encoders import encoded_texts, fitted_categories
from lime_jax.cli.errors import InputError, describe
from lime_jax.cli.models import load_model
from lime_jax.jobs.cells import NULLS, TextColumn
from lime_jax.typing import Estimator, Scalar, Table

if TYPE_CHECKING:
    import pyarrow

    from lime_jax import TabularExplainer

_NOTHING = {*NULLS, None}


@dataclasses.dataclass(frozen=True)
class Training:
    """What the explainer learns from, as it takes it."""

    model: Estimator
    names: list[str]  # of the columns that the model was fitted on
    # From a table to rows as the model takes them: an array or a frame
    form: Callable[[nw.DataFrame[Any]], Table]
    rows: Table  # to learn from, in that form
    target: np.ndarray | None
    feature_names: list[str] | None  # of an array's columns; None for a frame
    categorical: list[str] | None  # columns whose values are levels
    texts: tables.TextsOf  # as the columns are in these rows


def read_model(arguments: Namespace) -> Estimator:
    """The model of the command line."""
    return load_model(
        arguments.model, trust_pickle=arguments.trust_pickle, trust_types=arguments.trust_type
    )


def texts_of(
    arguments: Namespace, model: Estimator, known: Mapping[str, TextColumn] | None = None
) -> tables.TextsOf:
    """What to ask which columns of a csv file are text; one that --text names must be there.

    `known` are those that are text in the training rows; None: they are not known yet.
    """

    def texts(cells: pyarrow.Table) -> dict[str, TextColumn]:
        there = cells.column_names
        missing = [name for name in arguments.text or () if name not in there]
        if missing and known is None:
            raise InputError(f"--text: there is no column {missing[0]!r}; there are {there[:8]}")
        names = tables.fitted_names(model) or [n for n in there if n != arguments.target]
        found = {**encoded_texts(model, names), **(known or {})}
        if known is None and set(names) <= set(there):
            categories = fitted_categories(
                model, names, lambda name: set(cells[name].unique().to_pylist()) - _NOTHING
            )
            found |= {
                name: text
                for name, levels in categories.items()
                if (text := TextColumn.of(levels, has_missing=True)) is not None
            }
        found |= dict.fromkeys(arguments.text or (), TextColumn())
        return {name: text for name, text in found.items() if name in there}

    return texts


def see_training(arguments: Namespace, model: Estimator, table: nw.DataFrame[Any]) -> Training:
    """See which columns of the training rows are features, and what the model takes."""
    target, source = arguments.target, "--background" if arguments.background else "--data"
    if target is not None:
        tables.need_columns(table.columns, [target], "--target", source)
    names = tables.model_columns(model, table.columns, target)
    tables.need_columns(table.columns, names, "--model", source)
    features = table.select(names)
    categories = _categories(model, features)
    features = tables.with_categories(features, categories)
    categorical = arguments.categorical or []
    tables.need_columns(features.columns, categorical, "--categorical", source)
    # A model that was fitted on an array is called with one, where the columns allow it.
    as_array = tables.fitted_names(model) is None and tables.is_numeric(features)
    if as_array:
        booleans = [name for name, dtype in features.schema.items() if dtype == nw.Boolean]
        categorical = [*categorical, *booleans]

    def form(table: nw.DataFrame[Any]) -> Table:
        if as_array:
            return tables.to_matrix(table)
        return tables.with_categories(table, categories).to_native()

    known = [TextColumn.of(levels, True) for levels in categories.values()]
    by_category = dict(zip(categories, known, strict=True))
    texts = {**tables.text_columns(features), **{k: v for k, v in by_category.items() if v}}
    return Training(
        model,
        names,
        form,
        rows=form(features),
        target=None if target is None else table.get_column(target).to_numpy(),
        feature_names=names if as_array else None,
        categorical=categorical or None,
        texts=texts_of(arguments, model, texts),
    )


def _categories(model: Estimator, features: nw.DataFrame[Any]) -> dict[str, list[Scalar]]:
    """The categories that a model was fitted on, or that the rows have."""
    kinds = (nw.Categorical, nw.Enum)
    named = [name for name, dtype in features.schema.items() if dtype in kinds]
    in_pandas = features.implementation.is_pandas()
    from_file = {
        name: features.to_native()[name].cat.categories.tolist() for name in named if in_pandas
    }
    try:
        fitted = fitted_categories(model, features.columns, partial(tables.values_of, features))
    except InputError:
        if not from_file:
            raise
        return from_file  # which are as they were in training, if the file is
    return {**fitted, **from_file}


def check_model(model: Estimator, rows: Table, first: str = "row to explain") -> None:
    """Call the model on one row, so that a mismatch is said before the work, and clearly."""
    from lime_jax.models.opening import as_called_on_host

    predict = as_called_on_host(model).predict
    try:
        if len(rows):
            predict(rows[:1])
    except Exception as error:  # the model's own
        raise InputError(
            f"--model: fails on the first {first} ({describe(error)}){_text_columns(rows)}"
        ) from error


def _text_columns(rows: Table) -> str:
    """Which columns of a frame hold text: what a model that fails may not have expected."""
    if isinstance(rows, np.ndarray):
        return ""
    texts = tables.text_columns(nw.from_native(rows, eager_only=True))
    shown = [f"{name!r} ({min(text.levels)!r}, ...)" for name, text in texts.items()]
    return f"; the columns of text are {', '.join(shown[:6])}" if shown else ""


def fit_explainer(training: Training, arguments: Namespace) -> TabularExplainer:
    """The explainer that the command line describes."""
    import lime_jax

    discretizer = None if arguments.discretizer == "none" else arguments.discretizer
    if discretizer == "entropy" and arguments.target is None:
        raise InputError("--discretizer entropy needs the classes of the training rows: --target")
    return lime_jax.TabularExplainer(
        algorithm=arguments.algorithm,
        discretizer=discretizer,
        categorical_features=training.categorical,
        feature_names=training.feature_names,
        output=arguments.output,
        seed=arguments.seed,
    ).fit(training.rows, training.target if discretizer == "entropy" else None)


def options_of(arguments: Namespace, model: Estimator) -> dict[str, Any]:
    """The options of `explain` that the command line names."""
    return dict(
        labels=_labels(arguments.labels, model),
        top_labels=arguments.top_labels,
        num_features=arguments.num_features,
        num_samples=arguments.num_samples,
        method=arguments.method,
    )


def _labels(labels: list[str] | None, model: Estimator) -> list[Scalar] | None:
    """Names where the model has such a class, else the numbers that they say."""
    if labels is None:
        return None
    from lime_jax.models.opening import as_called_on_host

    names = as_called_on_host(model).class_names or ()
    return [label if label in names else _number(label) for label in labels]


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
