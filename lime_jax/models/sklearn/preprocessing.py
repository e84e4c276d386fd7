"""Steps that keep columns apart: scalers, imputers, selectors; and projections, which do not."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
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
from lime_jax.models.convert.inputs import DeviceTable
from lime_jax.models.labels import is_missing
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.predict import DevicePredict
from lime_jax.models.registry import register_transformer
from lime_jax.typing import AnyArray, Array, Estimator, Scalar


def steps_of_scaler(scaler: Estimator) -> list[tuple[Any, ...]]:
    """What a scaler does, in its own order: steps, each with a number for every column."""
    steps: list[tuple[Any, ...]] = []
    if hasattr(scaler, "feature_range"):  # MinMaxScaler
        steps += [("multiply", scaler.scale_), ("add", scaler.min_)]
        if scaler.clip:
            steps.append(("clip", *scaler.feature_range))
        return steps
    if getattr(scaler, "with_mean", False):
        steps.append(("subtract", scaler.mean_))
    if getattr(scaler, "with_centering", False):
        steps.append(("subtract", scaler.center_))
    if getattr(scaler, "with_std", getattr(scaler, "with_scaling", True)):
        steps.append(("divide", scaler.scale_))
    if getattr(scaler, "clip", False):  # MaxAbsScaler
        steps.append(("clip", -1.0, 1.0))
    return steps


@register_transformer(
    "sklearn.StandardScaler", "sklearn.MinMaxScaler", "sklearn.MaxAbsScaler", "sklearn.RobustScaler"
)
def scale(scaler: Estimator, features: Features) -> Features:
    """Each column a line of its own, by the scaler's own arithmetic in float64."""
    columns = list(features.columns)
    rounds = hasattr(scaler, "mean_")  # StandardScaler's numbers become float32 where rows are
    for name, *numbers in steps_of_scaler(scaler):
        for k, column in enumerate(columns):
            single = rounds and isinstance(column, NumberColumn) and column.single
            dtype = np.float32 if single else np.float64
            each = (float(dtype(n if np.ndim(n) == 0 else n[k])) for n in numbers)
            columns[k] = column.then(name, *each)
    return features.replaced(columns, features.names)


@register_transformer("sklearn.SelectorMixin")
def select(selector: Estimator, features: Features) -> Features:
    """Some of the columns: whatever has `get_support`."""
    return features.take(np.flatnonzero(selector.get_support()).tolist())


@register_transformer("sklearn.SimpleImputer")
def impute(imputer: Estimator, features: Features) -> Features:
    """Missing values replaced, columns that had nothing else dropped, indicators appended."""
    marker = imputer.missing_values
    usable = list(range(len(features)))
    if not imputer.keep_empty_features:
        usable = [k for k in usable if not is_missing(imputer.statistics_[k])]
    filled = features.take(usable)
    statistics = [imputer.statistics_[k] for k in usable]
    for column, statistic in zip(filled.columns, statistics, strict=True):
        if isinstance(statistic, str) and not isinstance(column, LevelColumn):
            raise NotConvertibleError(f"SimpleImputer fills in {statistic!r}, here into numbers")
    if is_missing(marker):
        filled = filled.replaced(
            [_fill(c, s) for c, s in zip(filled.columns, statistics, strict=True)], filled.names
        )
    else:
        filled = _replace(filled, marker, statistics)
    if imputer.indicator_ is None:
        return filled
    return side_by_side([filled, indicate(imputer.indicator_, features)])


@register_transformer("sklearn.MissingIndicator")
def indicate(indicator: Estimator, features: Features) -> Features:
    """1 where a value is missing, 0 elsewhere, for the columns that the indicator shows."""
    marker = indicator.missing_values
    columns = [_indicator(features.columns[k], marker) for k in indicator.features_]
    return features.replaced(columns)


def _fill(column: Column, statistic: Scalar) -> Column:
    if isinstance(column, NumberColumn):
        if not column.is_total:
            return column.then("fill", float(statistic))
        if not np.isnan(column.missing):
            return column
        return dataclasses.replace(column, missing=float(statistic))
    if isinstance(column, PointColumn):
        values = np.where(np.isnan(column.values), statistic, column.values)
        other = float(statistic) if np.isnan(column.other) else column.other
        return dataclasses.replace(column, values=values, other=other)
    return _with_levels(column, is_missing, statistic)


def _with_levels(column: LevelColumn, chosen: Callable[[Any], bool], value: Scalar) -> LevelColumn:
    values = column.values.astype(object)
    values[[chosen(v) for v in column.values]] = value
    return LevelColumn(column.raw, values)


def _replace(features: Features, number: Scalar, statistics: list[Any]) -> Features:
    """A number, or a text, that stands for missing values, replaced."""
    columns, mixes = list(features.columns), False
    for k, column in enumerate(columns):
        if isinstance(column, LevelColumn):
            columns[k] = _with_levels(column, lambda v: v == number, statistics[k])
        else:
            mixes = True
    features = features.replaced(columns, features.names)
    if not mixes:
        return features
    if any(isinstance(c, LevelColumn) for c in columns):
        features.matrix(DeviceTable())  # text next to numbers is refused here
    old = np.full(len(columns), float(number))
    new = np.array(statistics, np.float64)
    mixed_by = f"SimpleImputer replaces {number!r} in numbers, which"
    return features.after(Partial(_replaced, old, new), len(columns), features.names, mixed_by)


def _indicator(column: Column, marker: Scalar) -> Column:
    if isinstance(column, LevelColumn):
        chosen = [is_missing(v) if is_missing(marker) else v == marker for v in column.values]
        return LevelColumn(column.raw, np.array(chosen, np.float64))
    if isinstance(column, PointColumn):
        values, other = column.values, np.float64(column.other)
        is_own = np.isnan if is_missing(marker) else functools.partial(np.equal, marker)
        return dataclasses.replace(column, values=is_own(values) * 1.0, other=float(is_own(other)))
    if is_missing(marker):
        never = column.then("constant", 0.0)
        return dataclasses.replace(never, missing=float(np.isnan(column.missing)))
    if column.steps:
        raise NotConvertibleError(f"asks a scaled column for the number {marker!r}")
    points = np.array([marker, np.nan], np.float64)
    return PointColumn(column.raw, points, np.array([1.0, column.missing == marker]), 0.0)


@register_transformer("sklearn.FunctionTransformer")
def call(transformer: Estimator, features: Features) -> Features:
    """A JAX function, NumPy's functions of one number, or none at all."""
    function = transformer.func
    if function is None:
        return features
    if _of_one_number(function) and not transformer.kw_args:
        return features.then("function", function.__name__)
    fn = jax_form(transformer.func, transformer.kw_args)
    row = jax.ShapeDtypeStruct((2, len(features)), jnp.result_type(float))
    shape = jax.eval_shape(fn, row).shape
    if len(shape) != 2 or shape[0] != 2:
        raise NotConvertibleError(f"its function returns the shape {shape} for 2 samples")
    name = getattr(transformer.func, "__name__", type(transformer.func).__name__)
    return features.after(fn, shape[1], None, f"the function {name}")


def _of_one_number(fn: object) -> bool:
    """Whether it is a function of NumPy's that JAX has too."""
    return isinstance(fn, np.ufunc) and fn.nin == fn.nout == 1 and hasattr(jnp, fn.__name__)


def jax_form(fn: Any, options: dict[str, Any] | None = None) -> Any:
    """A function of a matrix as JAX runs it: JAX already, or NumPy's of one number."""
    if _of_one_number(fn):
        return DevicePredict(getattr(jnp, fn.__name__))
    name = getattr(fn, "__name__", type(fn).__name__)
    if not callable(fn) or as_predict_fn(fn).path != "jax":
        raise NotConvertibleError(
            f"the function {name} is no JAX; mark it by `lime_jax.jax_predict`"
        )
    return DevicePredict(functools.partial(fn, **options) if options else fn)


@register_transformer(
    *("sklearn.PCA", "sklearn.IncrementalPCA", "sklearn.TruncatedSVD"), mixes="mixes columns"
)
def project(model: Estimator, features: Features) -> Features:
    """Sums of columns, centered first so that float32 keeps its digits."""
    components = model.components_.T
    if getattr(model, "whiten", False):
        deviation = np.sqrt(model.explained_variance_)
        components = components / np.maximum(deviation, np.finfo(deviation.dtype).eps)
    mean = getattr(model, "mean_", None)
    if mean is not None:
        features = features.then("subtract", mean)
    fn = Partial(_projected, components)
    return features.after(fn, components.shape[1], None, type(model).__name__)


@register_transformer("sklearn.Normalizer", mixes="mixes columns")
def normalize(normalizer: Estimator, features: Features) -> Features:
    """Each row divided by its length."""
    return features.after(_LENGTHS[normalizer.norm], len(features), features.names, "Normalizer")


@register_transformer("sklearn.PolynomialFeatures", mixes="mixes columns")
def multiply(model: Estimator, features: Features) -> Features:
    """Products of columns: as many factors as the degree, some of them 1."""
    powers = model.powers_
    factors = np.full((len(powers), max(1, powers.sum(1).max(initial=0))), len(features))
    for row, power in zip(factors, powers, strict=True):
        columns = np.repeat(np.arange(len(features)), power)
        row[: len(columns)] = columns
    fn = Partial(_products, factors.T)
    return features.after(fn, len(powers), None, "PolynomialFeatures")


def _products(factors: Array, inputs: AnyArray) -> Array:
    inputs = jnp.pad(jnp.asarray(inputs), ((0, 0), (0, 1)), constant_values=1)
    return inputs[:, factors].prod(1)


def _divided(length: Callable[[Array], Array], inputs: AnyArray) -> Array:
    size = length(jnp.asarray(inputs))
    return jnp.asarray(inputs) / jnp.where(size == 0, 1, size)


_LENGTHS = {
    "l1": Partial(_divided, Partial(lambda x: jnp.abs(x).sum(1, keepdims=True))),
    "l2": Partial(_divided, Partial(lambda x: jnp.sqrt((x * x).sum(1, keepdims=True)))),
    "max": Partial(_divided, Partial(lambda x: jnp.abs(x).max(1, keepdims=True))),
}


def _projected(components: Array, inputs: AnyArray) -> Array:
    return jnp.matmul(inputs, components, precision="highest")


def _replaced(old: Array, new: Array, inputs: AnyArray) -> Array:
    return jnp.where(inputs == old, new, inputs)
