"""What a model returned, checked at the door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float64

from lime_jax.warn import warn

RawOutputs: TypeAlias = Any
"""What a model returned: an array, a frame, a sparse matrix; of several targets a list of them."""


def as_outputs(
    raw: RawOutputs, num_rows: int, num_outputs: int | None = None, first_row: int | None = None
) -> np.ndarray:
    """The outputs of a host model as numbers, one row per input.

    Args:
        raw: what the model returned: an array, a frame, or what becomes one; of several targets
            a list of arrays or a mapping, whose columns come one after the other.
        num_outputs: how many columns it returned before; None: this is the first call.
        first_row: number of the first input among the rows to explain; None: inputs are samples.

    Raises:
        ValueError: if the shape is wrong, or the outputs are not finite numbers.

    Example:
        >>> as_outputs([1, 2, 3], 3).shape
        (3, 1)
        >>> as_outputs([np.zeros((3, 2)), np.ones((3, 2))], 3)[0].tolist()
        [0.0, 0.0, 1.0, 1.0]
    """
    outputs = _as_numbers(_as_array(raw, num_rows))
    if outputs.ndim not in (1, 2) or len(outputs) != num_rows or 0 in outputs.shape[1:]:
        raise ValueError(
            f"`model`: expected outputs of shape ({num_rows},) or ({num_rows}, outputs) for "
            f"{num_rows} inputs, got {_what_came(raw, outputs)}"
        )
    outputs = outputs.reshape(num_rows, -1).astype(np.float64, copy=False)
    if num_outputs is not None and outputs.shape[1] != num_outputs:
        raise ValueError(
            f"`model`: expected {num_outputs} outputs as in its first call, got {outputs.shape[1]}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        total = outputs.sum()  # as good as looking at each, in half the time; it may overflow
    if not np.isfinite(total) and not (finite := np.isfinite(outputs)).all():
        bad = np.flatnonzero(~finite.all(axis=1))
        which = f"input {bad[0]}" if first_row is None else f"row {first_row + bad[0]} of `X`"
        raise ValueError(
            f"`model`: expected finite outputs, got {outputs[bad[0]]} for {which} and "
            f"{bad.size} of {num_rows} inputs in all"
        )
    return outputs


def output_columns(raw: RawOutputs) -> tuple[Any, ...] | None:
    """What a model that returns frames calls its outputs.

    Returns:
        The columns of a frame or a mapping, or the name of a series; None of anything else.

    Example:
        >>> output_columns({"low": [0.0], "high": [1.0]})
        ('low', 'high')
    """
    if isinstance(raw, Mapping):
        widths = {name: np.shape(part)[1:] or (1,) for name, part in raw.items()}
        return tuple(
            name if width == (1,) else f"{name} {k}"
            for name, width in widths.items()
            for k in range(width[0])
        )
    columns = getattr(raw, "column_names", getattr(raw, "columns", None))  # pyarrow's, others'
    if columns is not None and not callable(columns):
        return tuple(columns)
    name = getattr(raw, "name", None)
    is_series = hasattr(raw, "to_numpy") and isinstance(name, str) and name != ""
    return (name,) if is_series else None


def _as_array(raw: RawOutputs, num_rows: int) -> np.ndarray:
    """What came as one array, the columns of several targets side by side."""
    if isinstance(raw, Mapping):
        raw = [np.asarray(part).reshape(len(part), -1) for part in raw.values()]
    if _are_arrays(raw) and all(len(p.shape) == 2 and p.shape[0] == num_rows for p in raw):
        return np.concatenate([_as_numbers(np.asarray(part)) for part in raw], axis=1)
    if hasattr(raw, "toarray"):  # sparse
        raw = raw.toarray()
    if isinstance(raw, np.ma.MaskedArray):  # what is masked is not known
        return np.ma.filled(raw.astype(np.float64), np.nan)
    try:
        return np.asarray(raw)
    except ValueError as error:  # of a list whose parts differ in length
        raise ValueError(
            f"`model`: expected one array of outputs, got {_what_came(raw, None)}"
        ) from error


def _are_arrays(raw: RawOutputs) -> bool:
    return isinstance(raw, list | tuple) and len(raw) > 0 and all(hasattr(p, "shape") for p in raw)


def _as_numbers(outputs: np.ndarray) -> np.ndarray:
    if outputs.dtype.kind in "biuf":
        return outputs
    flat = outputs.reshape(-1)
    text = next((one for one in flat.tolist() if isinstance(one, str | bytes)), None)
    try:
        if text is not None or outputs.dtype.kind != "O":
            raise TypeError("no numbers")
        return outputs.astype(np.float64)
    except (TypeError, ValueError) as error:
        came = next(iter(flat), None) if text is None else text
        classes = "a classifier's `predict` returns class names: hand over the classifier itself "
        raise ValueError(
            f"`model`: expected numbers, got {outputs.dtype} outputs such as {came!r}; "
            + ("return one array of numbers" if text is None else f"{classes}or `predict_proba`")
        ) from error


def _what_came(raw: RawOutputs, outputs: np.ndarray | None) -> str:
    """A wrong shape in words; of a list those of its parts."""
    if _are_arrays(raw):
        shapes = ", ".join(str(tuple(part.shape)) for part in raw[:4])
        more = ", ..." if len(raw) > 4 else ""
        return f"a {type(raw).__name__} of {len(raw)} arrays of shapes {shapes}{more}"
    if outputs is None:
        return f"a {type(raw).__name__} of {len(raw)} parts of different lengths"
    return str(outputs.shape)


def looks_like_probabilities(prediction: Float64[np.ndarray, "rows outputs"]) -> bool:
    """Whether outputs are several probabilities that sum to 1.

    Example:
        >>> looks_like_probabilities(np.array([[0.25, 0.75]]))
        True
    """
    if prediction.shape[1] < 2 or len(prediction) == 0:
        return False
    inside = bool(np.all((prediction >= -1e-6) & (prediction <= 1 + 1e-6)))
    return inside and bool(np.allclose(prediction.sum(1), 1, atol=1e-3))


def warn_unless_probabilities(prediction: Float64[np.ndarray, "rows outputs"]) -> None:
    """Warn where a classifier's outputs do not sum to 1.

    Args:
        prediction: of a model that is said to return probabilities.

    Example:
        >>> warn_unless_probabilities(np.array([[0.25, 0.75]]))
    """
    if len(prediction) and prediction.shape[1] > 1 and not looks_like_probabilities(prediction):
        sums = prediction.sum(1)
        worst = int(np.argmax(np.abs(sums - 1)))
        warn(
            f"the model's outputs should be probabilities that sum to 1, but those of row {worst} "
            f"sum to {sums[worst]:.4g}; hand over `mode='regression'` or `output='margin'` if "
            "they are not meant to be"
        )


def _warn_of_class_numbers(prediction: Float64[np.ndarray, "rows outputs"]) -> None:
    """Warn where the one output of a classifier is no probability but the number of a class."""
    whole = prediction.shape[1] == 1 and np.array_equal(prediction, np.round(prediction))
    if whole and len(prediction) and (prediction.min() < 0 or prediction.max() > 1):
        warn(
            f"the model is said to be a classifier, but its one output holds whole numbers from "
            f"{prediction.min():g} to {prediction.max():g}; numbers of classes are no quantity: "
            "return a column for each class, or hand over the classifier itself"
        )


def check_probabilities(prediction: Float64[np.ndarray, "rows outputs"]) -> None:
    """Refuse the log-odds of what is no probability.

    Example:
        >>> check_probabilities(np.array([[0.25, 0.75]]))
    """
    low, high = prediction.min(initial=0), prediction.max(initial=0)
    if low < -1e-6 or high > 1 + 1e-6:
        raise ValueError(
            "`link`: 'logit' is for probabilities, but the model's outputs go from "
            f"{prediction.min():.4g} to {prediction.max():.4g}; use link='identity'"
        )


def output_kind(
    known: str | None,
    mode: str | None,
    prediction: Float64[np.ndarray, "rows outputs"],
    exclusive: bool = True,
    has_classes: bool = False,
) -> str:
    """What the outputs of a model are.

    Args:
        mode: of the explainer; None: as the model says, or as its numbers look.
        exclusive: whether probabilities sum to 1; not those of several targets.
        has_classes: whether the model says what classes its outputs are of.

    Example:
        >>> output_kind(None, None, np.array([[0.25, 0.75]]))
        'probability'
    """
    kind = known
    if kind is None:
        several = looks_like_probabilities(prediction)
        other = "margin" if has_classes else "value"
        kind = "probability" if several or mode == "classification" else other
    if kind == "probability" and mode == "regression":
        kind = "value"
    if kind == "probability" and exclusive:
        warn_unless_probabilities(prediction)
        _warn_of_class_numbers(prediction)
    return kind
