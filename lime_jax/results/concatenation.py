"""Explanations of the parts of a data set, as those of the whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lime_jax.image.explanations import ImageExplanations
from lime_jax.results.explanations import Explanations
from lime_jax.results.row_index import join_ids

_SAME = (
    *("algorithm", "output_names", "classes", "conditions", "link", "groups", "kernel_width"),
    "method",
)
"""What is one thing for all rows."""

_PADDING = {
    "coef": 0,
    "std_error": np.nan,
    "support": 0,
    "values": 0,
    "bins": -1,
    "variables": 0,
    "feature_mask": False,
}
"""Fields with an axis of features, and what they hold where an image has fewer superpixels."""


def concatenate(parts: Sequence[Explanations]) -> Explanations:
    """Put the explanations of parts of a data set together.

    Args:
        parts: in the order their rows shall have; of one explainer, one model and one set of
            options, since weights that are not comparable do not belong into one table.

    Returns:
        The explanations of all rows.

    Raises:
        ValueError: if there are no parts, or they are not of one kind; it says what differs.

    Example:
        >>> import numpy as np, lime_jax
        >>> X = np.arange(8.0).reshape(4, 2)
        >>> explainer = lime_jax.TabularExplainer().fit(X)
        >>> model = lambda batch: batch.sum(1)
        >>> parts = [explainer.explain(rows, model) for rows in (X[:1], X[1:])]
        >>> len(lime_jax.concatenate(parts))
        4
    """
    if not parts:
        raise ValueError("`parts`: expected at least one of `Explanations`, got none")
    parts = [part for part in parts if len(part)] or parts[:1]
    first = parts[0]
    if len(parts) == 1:
        return first
    _check_same(parts)
    is_image = isinstance(first, ImageExplanations)
    if not is_image:
        parts = _with_all_levels(parts)
    widest = max(parts, key=lambda part: part.coef.shape[2])
    changes: dict[str, Any] = {"names": widest.names}
    for name in first.row_fields():
        fields = [getattr(part, name) for part in parts]
        if isinstance(fields[0], tuple):
            changes[name] = tuple(entry for field in fields for entry in field)
            continue
        if is_image and name in _PADDING:
            fields = [_padded(field, widest.coef.shape[2], _PADDING[name]) for field in fields]
        changes[name] = join_ids(fields) if name == "row_ids" else np.concatenate(fields)
    changes["row_names"], changes["row_ids"] = _row_names(parts, changes["row_ids"])
    kinds = {part.output_kind for part in parts}
    changes["output_kind"] = kinds.pop() if len(kinds) == 1 else "value"
    changes["num_samples"] = max(part.num_samples for part in parts)
    changes["num_replicates"] = max(part.num_replicates for part in parts)
    return dataclasses.replace(first, **changes)


def _row_names(
    parts: Sequence[Explanations], ids: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray]:
    """What the levels are called; numbers that count the rows of each part count them all."""
    names = {part.row_names for part in parts}
    if names == {()} and len(np.unique(ids)) < len(ids):
        return (), np.arange(len(ids))
    levels = {max(len(one), 1) for one in names}
    if len(levels) > 1:
        return ("",), ids
    return names.pop() if len(names) == 1 else ("",) * levels.pop(), ids


def _check_same(parts: Sequence[Explanations]) -> None:
    first = parts[0]
    for number, part in enumerate(parts):
        if type(part) is not type(first):
            raise ValueError(
                f"`parts`: expected parts of one kind, but part 0 is {type(first).__name__} and "
                f"part {number} {type(part).__name__}"
            )
        for name in _SAME:
            one, other = getattr(first, name), getattr(part, name)
            both_nan = isinstance(one, float) and np.isnan(one) and np.isnan(other)
            if one != other and not both_nan:
                raise ValueError(
                    f"`parts`: expected explanations of one explainer and one model, but the "
                    f"{name.replace('_', ' ')} of part 0 is {_short(one)} and that of part "
                    f"{number} is {_short(other)}"
                )
        if part.labels.shape[1] != first.labels.shape[1]:
            raise ValueError(
                f"`parts`: expected as many labels for every row, but part 0 has "
                f"{first.labels.shape[1]} and part {number} {part.labels.shape[1]}"
            )
        if not isinstance(part, ImageExplanations) and _but_names(part) != _but_names(first):
            raise ValueError(f"`parts`: the features of part {number} are not those of part 0")


def _but_names(part: Explanations) -> Any:
    """All but the names of levels: parts may have met others."""
    return dataclasses.replace(part.names, levels=()), part.names.categorical


def _with_all_levels(parts: Sequence[Explanations]) -> list[Explanations]:
    """The parts with the levels of all of them, and codes that agree."""
    if all(part.names == parts[0].names for part in parts):
        return list(parts)
    values = [part.values.copy() for part in parts]
    all_levels: list[tuple[str, ...] | None] = []
    for k in range(len(parts[0].names.columns)):
        known: dict[tuple[str, int], int] = {}
        for part, numbers in zip(parts, values, strict=True):
            levels = part.names.levels[k]
            if levels is None:
                continue
            # Two levels can have one name: 1 and "1".
            keys = [(name, levels[:code].count(name)) for code, name in enumerate(levels)]
            codes = np.array([known.setdefault(key, len(known)) for key in keys])
            numbers[:, k] = codes[numbers[:, k].astype(np.int64)]
        numeric = parts[0].names.levels[k] is None
        all_levels.append(None if numeric else tuple(name for name, _ in known))
    names = dataclasses.replace(parts[0].names, levels=tuple(all_levels))
    return [
        dataclasses.replace(part, values=numbers, names=names)
        for part, numbers in zip(parts, values, strict=True)
    ]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _padded(field: np.ndarray, width: int, filler: Any) -> np.ndarray:
    more = [(0, 0)] * (field.ndim - 1) + [(0, width - field.shape[-1])]
    return np.pad(field, more, constant_values=filler)
