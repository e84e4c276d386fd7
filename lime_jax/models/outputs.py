"""What a model returned, checked at the door."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64


def as_outputs(raw: Any, num_rows: int, num_outputs: int | None = None) -> np.ndarray:
    """The outputs of a host model as numbers, one row per input.

    Args:
        raw: what the model returned.
        num_rows: how many inputs it was given.
        num_outputs: how many columns it returned before; None: this is the first call.

    Returns:
        (num_rows, outputs) in float64.

    Raises:
        ValueError: if the shape is wrong, or the outputs are not finite numbers.

    Example:
        >>> as_outputs([1, 2, 3], 3).shape
        (3, 1)
    """
    outputs = np.asarray(raw)
    if outputs.dtype.kind not in "biuf":
        try:
            outputs = outputs.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"`model`: expected numbers, got {outputs.dtype} outputs such as "
                f"{outputs.reshape(-1)[0]!r}; a classifier's `predict` returns class names: hand "
                "over the classifier itself or its `predict_proba`"
            ) from error
    if outputs.ndim not in (1, 2) or len(outputs) != num_rows or 0 in outputs.shape[1:]:
        raise ValueError(
            f"`model`: expected outputs of shape ({num_rows},) or ({num_rows}, outputs) for "
            f"{num_rows} inputs, got {outputs.shape}"
        )
    outputs = outputs.reshape(num_rows, -1).astype(np.float64, copy=False)
    if num_outputs is not None and outputs.shape[1] != num_outputs:
        raise ValueError(
            f"`model`: expected {num_outputs} outputs as in its first call, got {outputs.shape[1]}"
        )
    finite = np.isfinite(outputs)
    if not finite.all():
        bad = np.flatnonzero(~finite.all(axis=1))
        raise ValueError(
            f"`model`: expected finite outputs, got {outputs[bad[0]]} for input {bad[0]} and "
            f"{bad.size} of {num_rows} inputs in all"
        )
    return outputs


def looks_like_probabilities(prediction: Float64[np.ndarray, "rows outputs"]) -> bool:
    """Whether outputs are several probabilities that sum to 1.

    Args:
        prediction: of a model.

    Returns:
        True if so.

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
        warnings.warn(
            f"the model's outputs should be probabilities that sum to 1, but those of row {worst} "
            f"sum to {sums[worst]:.4g}; hand over `mode='regression'` or `output='margin'` if "
            "they are not meant to be",
            UserWarning,
            stacklevel=5,
        )


def check_probabilities(prediction: Float64[np.ndarray, "rows outputs"]) -> None:
    """Refuse the log-odds of what is no probability.

    Args:
        prediction: of a model.

    Raises:
        ValueError: if an output is not between 0 and 1.

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
    known: str | None, mode: str | None, prediction: Float64[np.ndarray, "rows outputs"]
) -> str:
    """What the outputs of a model are.

    Args:
        known: as the model says; None: it does not.
        mode: of the explainer; None: as the model says, or as its numbers look.
        prediction: of some rows.

    Returns:
        "probability", "margin" or "value".

    Example:
        >>> output_kind(None, None, np.array([[0.25, 0.75]]))
        'probability'
    """
    kind = known
    if kind is None:
        several = looks_like_probabilities(prediction)
        kind = "probability" if several or mode == "classification" else "value"
    if kind == "probability" and mode == "regression":
        kind = "value"
    if kind == "probability":
        warn_unless_probabilities(prediction)
    return kind


def output_names(
    known: Sequence[str] | None, class_names: Sequence[Any] | np.ndarray | None, count: int
) -> tuple[str, ...]:
    """Names of the outputs of a model.

    Args:
        known: as the model says; None: it does not.
        class_names: of the explainer; None: as the model says.
        count: of the outputs.

    Returns:
        The explainer's, else the model's, else numbers. A name that was there before gets its
        number: ImageNet has two cranes.

    Raises:
        ValueError: if the explainer's do not fit.

    Example:
        >>> output_names(None, ["cat", "dog"], 2)
        ('cat', 'dog')
        >>> output_names(None, ["crane", "stork", "crane"], 3)
        ('crane', 'stork', 'crane (2)')
    """
    if class_names is not None:
        names = tuple(map(str, class_names))
        if count == 1 and len(names) == 2:
            return names[1:]  # one column: the margin or probability of the second class
        if len(names) != count:
            raise ValueError(
                f"`class_names`: expected {count} names, one per output of the model, "
                f"got {len(names)}"
            )
        return _told_apart(names)
    if known is not None and len(known) == count:
        return _told_apart(tuple(known))
    return ("prediction",) if count == 1 else tuple(map(str, range(count)))


def _told_apart(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) == len(names):
        return names
    before: set[str] = set()
    unique = []
    for number, name in enumerate(names):
        unique.append(f"{name} ({number})" if name in before else name)
        before.add(name)
    return tuple(unique)


def choose_labels(
    labels: Sequence[Any] | np.ndarray | None,
    top_labels: int | None,
    prediction: Float64[np.ndarray, "rows outputs"],
    names: Sequence[str],
) -> np.ndarray:
    """Which outputs to explain.

    Args:
        labels: by number or name; None: all.
        top_labels: in place of `labels`, each row's k highest outputs.
        prediction: of the model.
        names: of the outputs.

    Returns:
        (rows, labels).

    Raises:
        ValueError: if there is no such output.
    """
    rows, count = prediction.shape
    if top_labels is not None:
        if top_labels > count:
            raise ValueError(f"`top_labels`: expected at most {count} outputs, got {top_labels}")
        return np.argsort(-prediction, axis=1, kind="stable")[:, :top_labels].astype(np.int64)
    if labels is None:
        chosen = list(range(count))
    else:
        if isinstance(labels, str) or np.ndim(labels) != 1 or len(labels) == 0:
            raise ValueError(
                f"`labels`: expected a list of numbers or names, such as [0], got {labels!r}"
            )
        chosen = []
        for label in labels:
            if isinstance(label, str) and label in names:
                chosen.append(list(names).index(label))
            elif not isinstance(label, str) and 0 <= int(label) < count:
                chosen.append(int(label))
            else:
                listed = ", ".join([*names[:10], "..."] if count > 10 else names)
                raise ValueError(
                    f"`labels`: expected numbers from 0 to {count - 1} or names among "
                    f"{listed}, got {label!r}"
                )
    return np.tile(np.array(chosen, np.int64), (rows, 1))
