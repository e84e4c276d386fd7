"""Models: an estimator behind steps, or a function; and what it says itself of any rows."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import compose, pipeline
from sklearn.base import is_classifier, is_outlier_detector

from tests.differential import estimators, steps
from tests.differential.columns import Generator
from tests.differential.functions import make_function
from tests.differential.tables import ROWS, TRAINING, Table
from tests.differential.targets import Target, make_target

ATTEMPTS = 60


@dataclasses.dataclass(frozen=True)
class Model:
    """A fitted model.

    Attributes:
        name: what it is made of.
        handed: what the explainer gets.
        ask: rows to (rows, outputs): the model's own answer.
        output: of the explainer.
        classes: of its outputs, in order; None: it has none.
    """

    name: str
    handed: Any
    ask: Callable[[Any], np.ndarray]
    output: str | None = None
    classes: list[Any] | None = None
    is_probability: bool = False


def make_model(rng: Generator, table: Table) -> Model:
    """A random model that answers, with finite numbers, for rows of the table.

    Args:
        rng: to draw from.
        table: that it is fitted to.

    Returns:
        The model; those that do not suit the table are passed over.
    """
    for _ in range(ATTEMPTS):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                model = _draw(rng, table)
                if model is not None and _answers(rng, model, table):
                    return model
            except (ValueError, TypeError, AttributeError, KeyError, np.linalg.LinAlgError):
                continue
            except Exception as error:  # the libraries' own
                if type(error).__module__.partition(".")[0] in ("builtins", "tests"):
                    raise
    name, function = "constant", lambda batch: np.zeros(len(batch))
    return Model(name, function, lambda batch: function(batch)[:, None])


def _answers(rng: Generator, model: Model, table: Table) -> bool:
    """Whether it knows rows put together from cells of several, and says the same of one alone."""
    mixed = rng.integers(0, ROWS, (64, len(table.columns)))
    outputs = [model.ask(table.cells(mixed)), model.ask(table.native)]
    if not all(np.isfinite(each).all() and np.abs(each).max() < 1e30 for each in outputs):
        return False
    alone = np.concatenate([model.ask(table.rows([row])) for row in range(TRAINING, ROWS)])
    spread = np.ptp(outputs[1], axis=0).max()
    # Sums of numbers that cancel depend on how many rows a library multiplies at a time.
    return bool(np.abs(alone - outputs[1][TRAINING:]).max() <= 1e-7 * spread)


def _draw(rng: Generator, table: Table) -> Model | None:
    if rng.random() < 0.22:
        made = make_function(rng, table)
        if made is None:
            return None
        name, function = made
        probable = name == "classes"
        ask = lambda batch: as_columns(function(batch))  # noqa: E731
        return Model(f"function:{name}", function, ask, is_probability=probable)
    return _estimator(rng, table, make_target(rng, table))


def _estimator(rng: Generator, table: Table, target: Target) -> Model:
    several = rng.random() < 0.06
    kinds = estimators.CLASSIFIERS if target.is_classes else estimators.REGRESSORS
    values = target.values
    if several:
        kinds = estimators.SEVERAL_CLASSES if target.is_classes else estimators.SEVERAL_TARGETS
        values = np.stack([values, values[::-1]], axis=1)
    elif rng.random() < 0.03:
        kinds = estimators.OUTLIERS
    families = sorted({name.partition(":")[0] for name in kinds})
    often = np.array([3.0 if estimators.takes_missing(name) else 1.0 for name in families])
    family = str(rng.choice(families, p=often / often.sum()))
    name = str(rng.choice([n for n in kinds if n.partition(":")[0] == family]))
    last = kinds[name](int(rng.integers(100)))
    if kinds is estimators.REGRESSORS and rng.random() < 0.12:
        name, last = _transformed(rng, name, last, values)
    front, model = _behind_steps(rng, table, name, last)
    if kinds is estimators.OUTLIERS:
        model.fit(table.rows(np.arange(TRAINING)))
    else:
        model.fit(table.rows(np.arange(TRAINING)), values[:TRAINING])
    full = f"{front}{name} ({target.kind}{', several' if several else ''})"
    return _handed(rng, full, model)


def _transformed(rng: Generator, name: str, last: Any, values: np.ndarray) -> tuple[str, Any]:
    from sklearn.preprocessing import StandardScaler

    how = str(rng.choice([*estimators.TRANSFORMED]))
    pair = estimators.TRANSFORMED[how]
    if how == "log" and values.min() <= 0:
        how, pair = "cube", estimators.TRANSFORMED["cube"]
    if pair is None:
        return f"scaled({name})", compose.TransformedTargetRegressor(
            last, transformer=StandardScaler()
        )
    func, inverse = pair
    made = compose.TransformedTargetRegressor(
        last, func=func, inverse_func=inverse, check_inverse=False
    )
    return f"{how}({name})", made


def _behind_steps(rng: Generator, table: Table, name: str, last: Any) -> tuple[str, Any]:
    keys: list[Any] = list(range(len(table.columns))) if table.is_array else list(table.names)
    text = [k for k, c in enumerate(table.columns) if c.values.dtype == object]
    other = [
        k for k, c in enumerate(table.columns) if c.values.dtype != object and c.dtype != "datetime"
    ]
    missing = any(np.isnan(table.columns[k].values).any() for k in other)
    direct = not text and len(other) == len(keys)
    if text and _native_levels(rng, table, name, last):
        return "native levels > ", last
    must_fill = missing and not (estimators.takes_missing(name) and rng.random() < 0.6)
    names = steps.choose_steps(rng, must_fill)
    made = steps.made(names)
    declared = [k for k in table.levels if rng.random() < 0.5]
    if direct and not declared:
        if not made:
            return "", last
        return " > ".join([*names, ""]), pipeline.make_pipeline(*made, last)
    levels = [keys[k] for k in {*text, *declared}]
    numbers = [keys[k] for k in other if k not in declared]
    encoder, front = steps.encoded(rng, levels, numbers, made)
    shown = f"{encoder if levels else 'columns'} + {'/'.join(names) or 'as it is'} > "
    return shown, pipeline.make_pipeline(front, last)


def _native_levels(rng: Generator, table: Table, name: str, last: Any) -> bool:
    """Whether the estimator is to take pandas' categories as they are."""
    text = [c for c in table.columns if c.values.dtype == object]
    if table.kind not in ("pandas", "polars") or any(c.dtype != "category" for c in text):
        return False
    family = name.partition(":")[0]
    if family not in ("xgboost", "lightgbm", "hist") or rng.random() < 0.3:
        return False
    if family == "xgboost":
        last.set_params(enable_categorical=True)
    return True


def _handed(rng: Generator, name: str, model: Any) -> Model:
    """The model itself, one of its methods, or its margin."""
    classes = (
        list(model.classes_) if isinstance(getattr(model, "classes_", None), np.ndarray) else None
    )
    last = model[-1] if isinstance(model, pipeline.Pipeline) else model
    library = type(last).__module__.partition(".")[0]
    chance = rng.random()
    if chance < 0.12 and hasattr(model, "decision_function"):
        ask = lambda rows: as_columns(model.decision_function(rows))  # noqa: E731
        if rng.random() < 0.5:
            return Model(f"{name}.decision_function", model.decision_function, ask, None, classes)
        return Model(f"{name}, margin", model, ask, "margin", classes)
    if (
        chance < 0.2
        and library in ("xgboost", "lightgbm")
        and last is model
        and is_classifier(model)
    ):
        option = "output_margin" if library == "xgboost" else "raw_score"
        return Model(
            f"{name}, margin",
            model,
            lambda rows: as_columns(model.predict(rows, **{option: True})),
            "margin",
            classes,
        )
    if is_classifier(model) and classes is not None and chance < 0.23:
        return Model(
            f"{name}.predict", model.predict, lambda rows: _votes(model, rows), None, classes
        )
    method = own_method(model)
    if method is not None:
        ask = lambda rows: as_columns(getattr(model, method)(rows))  # noqa: E731
        probable = method == "predict_proba"
        if chance > 0.85:
            handed = getattr(model, method)
            return Model(f"{name}.{method}", handed, ask, None, classes, probable)
        return Model(name, model, ask, None, classes, probable)
    return Model(name, model, lambda rows: _votes(model, rows), None, classes)


def own_method(model: Any) -> str | None:
    """The method that says most: probabilities, else margins, else numbers; None: classes only."""
    if hasattr(model, "predict_proba"):
        return "predict_proba"
    if not is_classifier(model) and not is_outlier_detector(model):
        return "predict"
    return "decision_function" if hasattr(model, "decision_function") else None


def _votes(model: Any, rows: Any) -> np.ndarray:
    """One column a class: 1 for the predicted one."""
    return (np.asarray(model.predict(rows))[:, None] == model.classes_).astype(np.float64)


def as_columns(raw: Any) -> np.ndarray:
    """Outputs as (rows, outputs) in float64; those of several targets one after the other."""
    if isinstance(raw, list):
        return np.concatenate([as_columns(part) for part in raw], axis=1)
    raw = np.asarray(raw)
    return raw.reshape(len(raw), -1).astype(np.float64)
