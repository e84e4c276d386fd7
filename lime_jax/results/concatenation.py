"""Explanations of the parts of a data set, as those of the whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.kinds import RowField, row_fields, shared_fields
from lime_jax.results.row_index import join_ids

_MAY_DIFFER = ("row_names", "output_kind", "num_samples", "num_replicates", "model_path")
"""What parts share within themselves, and need not have in common."""

Part = TypeVar("Part", bound=ExplanationArrays)


def concatenate(parts: Sequence[Part]) -> Part:
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
    if not first.features_by_row:
        parts = _with_all_levels(parts)
    widest = max(parts, key=lambda part: part.coef.shape[2])
    changes: dict[str, Any] = {"names": widest.names}
    for name, field in row_fields(first).items():
        values = [getattr(part, name) for part in parts]
        changes[name] = _joined(values, field, widest.coef.shape[2])
    ids = join_ids([part.row_ids for part in parts])
    changes["row_names"], changes["row_ids"] = _row_names(parts, ids)
    kinds = {part.output_kind for part in parts}
    changes["output_kind"] = kinds.pop() if len(kinds) == 1 else "value"
    changes["num_samples"] = max(part.num_samples for part in parts)
    changes["num_replicates"] = max(part.num_replicates for part in parts)
    return dataclasses.replace(first, **changes)


def _row_names(
    parts: Sequence[ExplanationArrays], ids: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray]:
    """What the levels are called; numbers that count the rows of each part count them all."""
    names = {part.row_names for part in parts}
    if names == {()} and len(np.unique(ids)) < len(ids):
        return (), np.arange(len(ids))
    levels = {max(len(one), 1) for one in names}
    if len(levels) > 1:
        return ("",), ids
    return names.pop() if len(names) == 1 else ("",) * levels.pop(), ids


def _check_same(parts: Sequence[ExplanationArrays]) -> None:
    first = parts[0]
    for number, part in enumerate(parts):
        if type(part) is not type(first):
            raise ValueError(
                f"`parts`: expected parts of one kind, but part 0 is {type(first).__name__} and "
                f"part {number} {type(part).__name__}"
            )
        for name in shared_fields(first):
            if name in _MAY_DIFFER:
                continue
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
        if not first.features_by_row and _but_levels(part) != _but_levels(first):
            raise ValueError(f"`parts`: the features of part {number} are not those of part 0")


def _but_levels(part: ExplanationArrays) -> Any:
    """All but the names of levels: parts may have met others."""
    return dataclasses.replace(part.names, levels=()), part.names.categorical


def _with_all_levels(parts: Sequence[Part]) -> list[Part]:
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


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _joined(values: list[Any], field: RowField, width: int) -> Any:
    """A field of all parts; rows of fewer features are filled up."""
    if field.is_ragged:
        return sum(values, ())
    if field.axes.endswith("f"):
        values = [widened(value, width, field.filler) for value in values]
    return np.concatenate(values)


def widened(array: np.ndarray, width: int, filler: float | int) -> np.ndarray:
    """The last axis filled up."""
    gap = [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])]
    return np.pad(array, gap, constant_values=filler)
