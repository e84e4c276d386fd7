"""Pipelines and what is made of steps: column transformers, unions, transformed targets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import scaled
from lime_jax.models.convert.features import Features, side_by_side
from lime_jax.models.registry import (
    METHODS,
    Converted,
    convert_on,
    host_method,
    of_members,
    register_converter,
    register_methods,
    register_transformer,
    transform_on,
)
from lime_jax.models.sklearn.preprocessing import jax_form, steps_of_scaler
from lime_jax.typing import Estimator

_WHY_FUNCTION = "its target is transformed by a function"


class StepError(NotConvertibleError):
    """A step that has no JAX form here.

    Attributes:
        path: names of the step and of those around it, from the outside.
    """

    def __init__(self, path: tuple[str, ...], kind: str, reason: str) -> None:
        self.path, self.kind, self.reason = path, kind, reason
        super().__init__(f"step {'__'.join(path)!r} ({kind}): {reason}")


@contextlib.contextmanager
def named(name: str, step: Estimator) -> Iterator[None]:
    """Say in an error which step it was, as scikit-learn names the steps within steps."""
    try:
        yield
    except StepError as error:
        raise StepError((name, *error.path), error.kind, error.reason) from error
    except NotConvertibleError as error:
        kind = type(step).__name__
        reason = str(error).removeprefix(kind).lstrip(": ")
        raise StepError((name,), kind, reason) from error


@register_transformer("sklearn.Pipeline", "imblearn.Pipeline")
def transform_by_pipeline(pipeline: Estimator, features: Features) -> Features:
    """One step after the other."""
    return _through(pipeline.steps, features)


@register_converter("sklearn.Pipeline", "imblearn.Pipeline", **of_members(*METHODS))
def convert_pipeline(pipeline: Estimator, method: str, features: Features) -> Converted:
    """The last step on the columns that the others make."""
    features = _through(pipeline.steps[:-1], features)
    name, model = pipeline.steps[-1]
    with named(name, model):
        return convert_on(model, method, features)


@register_converter("sklearn.GridSearchCV", "sklearn.RandomizedSearchCV", **of_members(*METHODS))
def convert_search(search: Estimator, method: str, features: Features) -> Converted:
    """The best model that was found."""
    if not hasattr(search, "best_estimator_"):
        raise NotConvertibleError(f"{type(search).__name__}: was not refitted (`refit=False`)")
    return convert_on(search.best_estimator_, method, features)


@register_methods("sklearn.GridSearchCV", "sklearn.RandomizedSearchCV")
def search_method(search: Estimator, method: str) -> tuple[Callable[..., Any], str] | None:
    """That of the best model, where the search has none of its own."""
    best = getattr(search, "best_estimator_", None)
    return None if best is None or hasattr(search, method) else host_method(best, method)


@register_methods("sklearn.Pipeline", "imblearn.Pipeline")
def pipeline_method(pipeline: Estimator, method: str) -> tuple[Callable[..., Any], str] | None:
    """XGBoost and LightGBM have margins but no `decision_function` that a pipeline could find."""
    own_way = None if hasattr(pipeline, method) else host_method(pipeline.steps[-1][1], method)
    if own_way is None:
        return None
    call, kind = own_way
    before = pipeline[:-1]
    return lambda batch: call(before.transform(batch) if len(before) else batch), kind


def _through(steps: list[tuple[str, Any]], features: Features) -> Features:
    for name, step in steps:
        if hasattr(step, "fit_resample"):
            continue  # imbalanced-learn's, which are for training
        with named(name, step):
            features = transform_on(step, features)
    return features


@register_transformer("sklearn.ColumnTransformer")
def transform_by_column(transformer: Estimator, features: Features) -> Features:
    """Each step on its own columns, by name where both sides have names."""
    weights = transformer.transformer_weights or {}
    parts = []
    for name, step, _ in transformer.transformers_:
        numbers = list(transformer._transformer_to_input_indices[name])
        if not numbers or (isinstance(step, str) and step == "drop"):
            continue
        with named(name, step):
            chosen = features.take(_found(transformer, numbers, features))
            parts.append(_weighted(transform_on(step, chosen), weights.get(name)))
    return side_by_side(parts) if parts else features.take([])


def _found(transformer: Estimator, numbers: list[int], features: Features) -> list[int]:
    """Where the columns that were `numbers` in `fit` are now."""
    names = getattr(transformer, "feature_names_in_", None)
    if names is None or features.names is None:
        count = transformer.n_features_in_
        if len(features) != count:
            raise NotConvertibleError(f"was fitted on {count} columns and gets {len(features)}")
        return [int(k) for k in numbers]
    place = {name: k for k, name in enumerate(features.names)}
    lost = [str(names[k]) for k in numbers if names[k] not in place]
    if lost:
        raise NotConvertibleError(f"was fitted on the columns {lost}, which are not here")
    return [place[names[k]] for k in numbers]


@register_transformer("sklearn.FeatureUnion")
def transform_by_union(union: Estimator, features: Features) -> Features:
    """The columns of all steps, each on all columns."""
    weights = union.transformer_weights or {}
    parts = []
    for name, step in union.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        with named(name, step):
            parts.append(_weighted(transform_on(step, features), weights.get(name)))
    return side_by_side(parts) if parts else features.take([])


def _weighted(features: Features, weight: float | None) -> Features:
    return features if weight is None else features.then("multiply", weight)


@register_converter(
    "sklearn.TransformedTargetRegressor",
    methods=("predict",),
    exact=("predict",),
    why_not=_WHY_FUNCTION,
)
def convert_transformed_target(model: Estimator, method: str, features: Features) -> Converted:
    """The regressor inside, its output transformed back."""
    with named("regressor", model.regressor_):
        converted = convert_on(model.regressor_, method, features)
    back = model.transformer_
    kind = type(back).__name__
    if kind == "FunctionTransformer":
        if back.inverse_func is None:
            return converted
        with named("transformer", back):
            fn = jax_form(back.inverse_func, back.inv_kw_args)
        return converted.then(fn, _WHY_FUNCTION)
    if kind not in ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"):
        raise StepError(("transformer",), kind, "has no inverse in JAX here")
    scale, shift = np.ones(1), np.zeros(1)
    for name, *numbers in reversed(steps_of_scaler(back)):
        number = np.asarray(numbers[0], np.float64)
        if name == "multiply":
            scale, shift = scale / number, shift / number
        elif name == "divide":
            scale, shift = scale * number, shift * number
        elif name != "clip":  # the inverse does not clip
            shift = shift + (number if name == "subtract" else -number)
    scale, shift = np.broadcast_arrays(scale, shift)
    return scaled(converted, scale.copy(), shift.copy())
