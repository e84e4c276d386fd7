"""What people hand over as a model, and what theirs returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lime_jax.models.outputs import RawOutputs
from lime_jax.warn import warn

_NEAR = 1e-5
"""By what probabilities may miss 1 together."""


def check_model(model: object, name: str) -> None:
    """Refuse what is no model: mostly its predictions, in place of itself."""
    if not callable(model) and not hasattr(model, "predict"):
        raise ValueError(
            f"`{name}`: expected a function of a batch, such as model.predict_proba (without "
            f"calling it), got {type(model).__name__}"
        )


def called(model: Any, mode: str) -> Callable[..., Any]:
    """A function of a batch: of a fitted estimator, the method that says what is explained."""
    if callable(model):
        return model
    is_class = mode == "classification" and hasattr(model, "predict_proba")
    return model.predict_proba if is_class else model.predict


def as_matrix(raw: RawOutputs, count: int, name: str, class_names: Any = None) -> np.ndarray:
    """Outputs as (rows, outputs): of arrays, lists, tensors; one probability becomes two.

    Args:
        raw: what the model returned for `count` rows.
        name: of the argument that the model is.
        class_names: with two of them, one column of numbers from 0 to 1 is that of the second.

    Example:
        >>> as_matrix([0.25], 1, "predict_fn", ["no", "yes"]).tolist()
        [[0.75, 0.25]]
    """
    if hasattr(raw, "detach"):
        raw = raw.detach().cpu()
    values = np.asarray(raw, np.float64)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or len(values) != count:
        raise ValueError(
            f"`{name}`: expected one line of outputs for each of {count} rows, got shape "
            f"{values.shape}"
        )
    is_one = values.shape[1] == 1 and class_names is not None and len(class_names) == 2
    if is_one and bool(((values >= 0) & (values <= 1)).all()):
        return np.concatenate([1 - values, values], axis=1)
    return values


def warn_unless_probabilities(values: np.ndarray, name: str) -> None:
    """Say so where outputs of a classification do not add up to 1."""
    if not np.allclose(values.sum(1), 1, rtol=0, atol=_NEAR):
        warn(
            f"`{name}` returns numbers that do not add up to 1 for each row, so they are no "
            "probabilities of classes; weights are in their units"
        )


def label_numbers(
    labels: Sequence[Any] | None, top_labels: int | None, row: np.ndarray, class_names: Any
) -> tuple[list[int], list[int] | None]:
    """Numbers of the outputs to explain, and the highest ones if these were asked for.

    Args:
        labels: numbers of outputs, or names of classes.
        top_labels: how many of the highest, in place of `labels`.
        row: (outputs,) what the model says of the row.
    """
    if top_labels:
        lowest_first = np.argsort(row)[-int(top_labels) :]
        return lowest_first.tolist(), lowest_first[::-1].tolist()
    names = [] if class_names is None else [str(name) for name in class_names]
    found = []
    for label in () if labels is None else labels:
        number = names.index(label) if isinstance(label, str) and label in names else label
        if isinstance(number, str) or not -len(row) <= int(number) < len(row):
            raise ValueError(
                f"`labels`: expected numbers from 0 to {len(row) - 1}, of the model's outputs, or "
                f"names of its classes, got {label!r}"
            )
        found.append(int(number))
    return found, None


def watched(model: Callable[..., Any], convert: Callable[[Any, int], np.ndarray]) -> Any:
    """A model whose outputs are converted."""

    def predict(rows: Any) -> np.ndarray:
        return convert(model(rows), len(rows))

    return predict
