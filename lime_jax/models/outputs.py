"""What a model returned, checked at the door."""

from __future__ import annotations

import warnings
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
    bad = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
    if bad.size:
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
