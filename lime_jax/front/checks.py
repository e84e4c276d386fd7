"""What is checked at the door of an explainer: columns on the way in, fits on the way out."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lime_jax.tabular import frames
from lime_jax.typing import LinearFit


def as_list(names: Any) -> list[Any]:
    """Names or numbers of columns, from any sequence, also an array or an index."""
    return names.tolist() if hasattr(names, "tolist") else list(names)


def column_number(schema: frames.Schema, column: int | str, argument: str) -> int:
    """The number of a column."""
    if isinstance(column, str) and column in schema.columns:
        return schema.columns.index(column)
    if not isinstance(column, str) and int(column) in range(len(schema.columns)):
        return int(column)
    raise ValueError(
        f"`{argument}`: expected names or numbers of the {len(schema.columns)} columns, "
        f"got {column!r}"
    )


def learn_table(settings: Mapping[str, Any], X: Any) -> frames.Schema:
    """The schema of a table, with the names and levels that the settings give it."""
    categorical, names = settings["categorical_features"], settings["feature_names"]
    return frames.learn_schema(
        X,
        None if categorical is None else as_list(categorical),
        None if names is None else as_list(names),
        settings["categorical_names"],
    )


def check_seed(seed: Any) -> None:
    """Refuse what is not a seed."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < 2**32:
        raise ValueError(f"`seed`: expected a whole number from 0 to 4294967295, got {seed!r}")


def check_choices(explainer: Any, known: Mapping[str, Sequence[Any]]) -> None:
    """Refuse settings that are none of their choices."""
    for name, choices in known.items():
        if getattr(explainer, name) not in choices:
            listed = ", ".join(map(str, choices))
            raise ValueError(
                f"`{name}`: expected one of {listed}, got {getattr(explainer, name)!r}"
            )


def refuse_settings(explainer: Any, names: Sequence[str]) -> None:
    """Refuse settings that belong to another algorithm.

    Args:
        names: of settings that must be left as they are by default.
    """
    defaults = inspect.signature(type(explainer).__init__).parameters
    for name in names:
        value, default = getattr(explainer, name), defaults[name].default
        same = isinstance(value, str | int | float) and value == default
        if value is not default and not same:
            raise ValueError(
                f"`{name}`: is no setting of algorithm={explainer.algorithm!r}, got {value!r}; "
                "leave it out"
            )


@contextmanager
def errors_noted(note_of: Callable[[Exception], str]) -> Iterator[None]:
    """Add what may be behind them to errors that pass."""
    try:
        yield
    except Exception as error:
        note = note_of(error)
        if note:
            error.add_note(note)
        raise


def check_fit(
    fit: LinearFit,
    enough: float | int | np.ndarray,
    is_exact: bool,
    hidden_error: Exception | None,
    link: str = "identity",
) -> None:
    """Refuse what is not finite, and warn where a sampled fit rests on few samples.

    Args:
        enough: effective samples that a row needs, or (rows,) each row.
        hidden_error: an exception of the model that could not leave a callback.
    """
    finite = np.isfinite(fit.coef).all(axis=(1, 2)) & np.isfinite(fit.intercept).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        where = "around" if is_exact else "on the samples of"
        raise ValueError(
            f"`model`: its outputs {where} row {row} are not all "
            + ("probabilities, which link='logit' needs; " if link == "logit" else "finite; ")
            + "check that it accepts values that do not occur together in the data"
        ) from hidden_error
    few = np.flatnonzero(fit.effective_samples < enough)
    if few.size and not is_exact:
        least = float(fit.effective_samples[few].min())
        warnings.warn(
            f"the kernel is so narrow, or `num_samples` so few, that {few.size} of {len(fit.coef)} "
            f"rows rest on few samples (effective sample size down to {least:.3g}, "
            f"{fit.coef.shape[2]} features); use a larger `kernel_width` or more `num_samples`",
            UserWarning,
            stacklevel=4,
        )
