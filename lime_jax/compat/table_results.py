"""Explanations of tables by `lime`'s samples, as our own ones with standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lime_jax.compat.explanation import Explanation
from lime_jax.compat.packed import Samples, output_kind_of, packed
from lime_jax.compat.table_state import TableExplainer
from lime_jax.results.explanations import Explanations
from lime_jax.results.names import FeatureNames, level_name
from lime_jax.typing import Support


def result_of(
    owner: TableExplainer,
    row: np.ndarray,
    codes: np.ndarray,
    found: Explanation,
    samples: Samples,
    regressor: object,
) -> Any:
    """The same as a `lime_jax.Explanation`; None where weights are not of columns.

    `codes` are the row with bins in place of numbers, where there are any.
    """
    columns = _columns(owner, row, codes)
    facts = dict(
        values=columns.values[None],
        bins=columns.bins[None],
        conditions=tuple(columns.texts),
        support=columns.support[None],
        names=FeatureNames(tuple(map(str, owner.feature_names)), levels=tuple(columns.levels)),
        **output_facts(owner, samples.outputs),
    )
    return packed(Explanations, found, owner.base, samples, facts, regressor)


def output_facts(owner: TableExplainer, outputs: np.ndarray) -> dict[str, Any]:
    """What outputs are called, and what they are."""
    is_class, count = owner.mode == "classification", outputs.shape[1]
    names = list(map(str, owner.class_names)) if is_class else ["prediction"]
    return {
        "output_names": tuple(names if len(names) == count else map(str, range(count))),
        "output_kind": output_kind_of(outputs) if is_class else "value",
    }


class _Columns:
    """What the columns of a row are called and are, all without values at first."""

    def __init__(self, row: np.ndarray) -> None:
        count = len(row)
        self.values = np.array(row, np.float64)
        self.bins = np.full(count, -1, np.int32)
        self.support = np.full(count, Support.FULL, np.int8)
        self.levels: list[tuple[str, ...] | None] = [None] * count
        self.texts: list[str] = []

    def add(self, column: int, place: int, texts: Sequence[str], was_met: bool) -> None:
        """A column with bins or levels, and which of them is the row's; -1 for none."""
        if place >= 0:
            self.bins[column] = len(self.texts) + place
        if not was_met:
            self.support[column] = Support.NONE
        self.texts += texts


def _columns(owner: TableExplainer, row: np.ndarray, codes: np.ndarray) -> _Columns:
    found = _Columns(row)
    in_bins = {} if owner.discretizer is None else owner.discretizer.names
    for k in owner.categorical_features:
        values, code = list(owner.feature_values[k]), codes[k]
        if k in in_bins:
            found.add(k, int(code), list(map(str, in_bins[k])), code in values)
            continue
        place = values.index(code) if code in values else -1
        names = _level_names(owner.categorical_names.get(k), values)
        found.add(k, place, [f"{owner.feature_names[k]}={name}" for name in names], place >= 0)
        found.levels[k], found.values[k] = tuple(names), place
    return found


def _level_names(names: Any, values: Sequence[Any]) -> list[str]:
    """Of levels that are numbers of names, or of which these are not known."""
    try:
        return [str(names[int(value)]) for value in values]
    except (IndexError, KeyError, TypeError, ValueError):
        return [level_name(float(value)) for value in values]
