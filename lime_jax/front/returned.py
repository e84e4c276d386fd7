"""What models return besides arrays: labels with scores, tensors, one column for two classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lime_jax.models.outputs import RawOutputs


def plain(raw: RawOutputs) -> RawOutputs:
    """Labels with scores as columns, tensors as arrays; all else as it is.

    Example:
        >>> plain([1.0, 2.0])
        [1.0, 2.0]
    """
    named = scores_by_label(raw)
    return as_array(raw) if named is None else named


def scores_by_label(raw: RawOutputs) -> dict[str, np.ndarray] | None:
    """Lists of labels with their scores, as a pipeline of Hugging Face returns them, as columns.

    None where it is something else. Labels are in the order of their names, as every input lists
    them in the order of its scores.

    Example:
        >>> one = [{"label": "good", "score": 0.75}, {"label": "bad", "score": 0.25}]
        >>> {name: scores.tolist() for name, scores in scores_by_label([one]).items()}
        {'bad': [0.25], 'good': [0.75]}
    """
    if not isinstance(raw, list) or not raw or not all(map(_is_scored, raw)):
        return None
    lists = [[row] if isinstance(row, Mapping) else row for row in raw]
    rows = [{entry["label"]: float(entry["score"]) for entry in row} for row in lists]
    names = sorted(rows[0])
    if any(row.keys() != rows[0].keys() for row in rows) or len(names) < 2:
        raise ValueError(
            "`model`: expected the scores of all labels for every input, but some have those "
            f"of {', '.join(names)} only; ask the pipeline for all of them (top_k=None)"
        )
    return {name: np.array([row[name] for row in rows]) for name in names}


def as_array(raw: RawOutputs) -> RawOutputs:
    """A tensor of another library as an array, also one that gradients are kept of."""
    if hasattr(raw, "detach"):
        raw = raw.detach().cpu()
    return raw.numpy() if hasattr(raw, "numpy") and callable(raw.numpy) else raw


def both_classes(outputs: np.ndarray) -> np.ndarray:
    """One column with the probability of the second of two classes, as one for each."""
    return np.concatenate([1 - outputs, outputs], axis=1)


def is_one_probability(outputs: np.ndarray) -> bool:
    """Whether there is one column, of numbers from 0 to 1."""
    return outputs.shape[1] == 1 and bool(((outputs >= 0) & (outputs <= 1)).all())


def _is_scored(row: Any) -> bool:
    if isinstance(row, Mapping):
        row = [row]
    is_list = isinstance(row, list) and len(row) > 0
    return is_list and all(
        isinstance(one, Mapping) and {"label", "score"} <= set(one) for one in row
    )
