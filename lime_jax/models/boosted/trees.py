"""Boosted trees of any library: categories by its own codes, numbers that it takes for missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from lime_jax.models.convert.columns import LevelColumn, NotConvertibleError, NumberColumn
from lime_jax.models.convert.compose import sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.tree_sums import LevelSets
from lime_jax.models.registry import Converted
from lime_jax.models.structure import TreeSum

MARGIN_IS_EXACT = (
    "what it predicts is not a sum over trees or over columns; its margin is: `output='margin'`"
)


def of_margins(*methods: str, is_margin: bool = False) -> dict[str, Any]:
    """What `register_converter` is told of boosted models.

    Args:
        methods: beside the margins.
        is_margin: whether `predict` is the margin itself under some objectives.
    """
    return {
        "methods": (*methods, "decision_function"),
        "exact": ("predict",) * is_margin + ("decision_function",),
        "why_not": MARGIN_IS_EXACT,
    }


@dataclasses.dataclass(frozen=True)
class TakenForMissing:
    """Numbers that a library reads as missing values."""

    low: Float64[np.ndarray, " columns"]  # of each column, smallest such number; NaN: none
    high: Float64[np.ndarray, " columns"]
    words: str  # which numbers, for a message

    def steps(self) -> dict[int, tuple[Any, ...]]:
        """What makes them missing, by column; see `NumberColumn`."""
        some = np.flatnonzero(~np.isnan(self.low)).tolist()
        return {k: ("missing", float(self.low[k]), float(self.high[k])) for k in some}

    def holds(self, column: int, values: np.ndarray | float) -> np.ndarray | np.bool_ | bool:
        """Whether values of a column are taken for missing."""
        return (values >= self.low[column]) & (values <= self.high[column])


def boosted_trees(
    trees: TreeSum,
    features: Features,
    taken: TakenForMissing | None = None,
    *,
    as_codes: tuple[object, ...],
    rounds_inputs: bool = False,
) -> Converted:
    """A sum of trees whose level sets go by the library's codes, in terms of the raw columns.

    `as_codes` is the step that the library does with numbers before it takes them for codes.
    """
    why = ""
    if taken is not None:
        features = _without_numbers(features, taken)
        trees, apart = _with_numbers(trees, features, taken)
        if apart:
            why = f"it takes {taken.words} for missing; call it with NaN there"
            features = _changed(features, taken.steps())
    by_set = np.unique(trees.column[trees.level_set >= 0]).tolist()
    numbers = [k for k in by_set if isinstance(features.columns[k], NumberColumn)]
    if numbers:
        raw = features.columns[numbers[0]].raw
        why = why or (
            f"column {raw} is categorical for the model, but numeric here; name it in "
            "`categorical_features`"
        )
        features = _changed(features, dict.fromkeys(numbers, as_codes))
    trees = _by_level(trees, features)
    converted = sum_of_trees(trees, features, rounds_inputs=rounds_inputs)
    return dataclasses.replace(converted, why_not_exact=why) if why else converted


def with_codes(features: Features, column: int, categories: Sequence[object]) -> Features:
    """The columns with the library's codes in place of the levels of one; NaN for others."""
    source = features.columns[column]
    assert isinstance(source, LevelColumn)
    codes = {name: code for code, name in enumerate(categories)}
    level_codes = [np.nan if v is None or v != v else codes.get(v, np.nan) for v in source.values]
    columns = list(features.columns)
    columns[column] = LevelColumn(source.raw, np.array(level_codes, np.float64))
    return features.replaced(columns, features.names)


def level_column(features: Features, column: int) -> LevelColumn:
    """A column that has levels to the model; refuses one that is numeric in the table."""
    source = features.columns[column]
    if isinstance(source, LevelColumn):
        return source
    raise NotConvertibleError(
        f"{features.raw_name(source.raw)} has levels to the model, but is numeric here; "
        "name it in `categorical_features`"
    )


def by_code(features: Features, columns: Sequence[int]) -> Features:
    """The columns with the table's codes in place of levels, for level sets that go by them."""
    changed = list(features.columns)
    for k in columns:
        source = changed[k]
        if isinstance(source, LevelColumn):
            changed[k] = LevelColumn(source.raw, np.arange(len(source.values), dtype=np.float64))
    return features.replaced(changed, features.names)


def no_probabilities(objective: str) -> ValueError:
    """The error of who asks a `Booster` for probabilities that it does not predict."""
    return ValueError(
        f"`output`: this Booster's objective is {objective}, it predicts no probabilities; "
        "expected 'value' or 'margin'"
    )


def _changed(features: Features, steps: Mapping[int, tuple[object, ...]]) -> Features:
    """The columns after one more step each, where they are numbers."""
    columns = list(features.columns)
    for k, step in steps.items():
        if isinstance(columns[k], NumberColumn):
            columns[k] = columns[k].then(*step)
    return features.replaced(columns, features.names)


def _without_numbers(features: Features, taken: TakenForMissing) -> Features:
    """Missing values in place of numbers that stand for them, where the table is at hand."""
    columns = list(features.columns)
    for k, source in enumerate(columns):
        if np.isnan(taken.low[k]):
            continue
        if isinstance(source, NumberColumn) and taken.holds(k, source.missing):
            columns[k] = dataclasses.replace(source, missing=np.nan)
        if isinstance(source, LevelColumn):
            numbers = source.numbers()
            numbers = np.where(taken.holds(k, numbers), np.nan, numbers)
            columns[k] = LevelColumn(source.raw, numbers)
    return features.replaced(columns, features.names)


def _with_numbers(
    trees: TreeSum, features: Features, taken: TakenForMissing
) -> tuple[TreeSum, bool]:
    """Thresholds that send the numbers the way of missing values; whether they can not all."""
    is_level = np.array([isinstance(c, LevelColumn) for c in features.columns])
    node = np.flatnonzero(trees.column >= 0)
    node = node[~is_level[trees.column[node]] & ~np.isnan(taken.low[trees.column[node]])]
    low, high = taken.low[trees.column[node]], taken.high[trees.column[node]]
    below = np.nextafter(low, -np.inf)
    left, old = trees.missing_left[node], trees.threshold[node]
    is_set = trees.level_set[node] >= 0
    apart = is_set | np.where(left, old < below, old > high)
    new = np.where(left, np.maximum(old, high), np.minimum(old, below))
    threshold = trees.threshold.copy()
    threshold[node] = np.where(apart, old, new)
    return dataclasses.replace(trees, threshold=threshold), bool(apart.any())


def _by_level(trees: TreeSum, features: Features) -> TreeSum:
    """Level sets by the levels of the raw columns, where the trees will be on those."""
    used = [features.columns[k] for k in np.unique(trees.column[trees.column >= 0])]
    raw = all(isinstance(c, NumberColumn | LevelColumn) for c in used)
    if features.base is not None or not raw:
        return trees
    missing_left, level_set = trees.missing_left.copy(), trees.level_set.copy()
    sets = LevelSets()
    nodes = np.flatnonzero(trees.level_set >= 0)
    for node in nodes:
        source, flags = features.columns[trees.column[node]], trees.level_sets[level_set[node]]
        if isinstance(source, LevelColumn):
            codes = source.numbers()
            known = (codes >= 0) & (codes < len(flags))
            in_set = known & flags[np.where(known, codes, 0).astype(np.int64)]
            flags = in_set | (np.isnan(codes) & missing_left[node])
            missing_left[node] = False
        level_set[node] = sets.number(flags)
    return dataclasses.replace(
        trees, missing_left=missing_left, level_set=level_set, level_sets=sets.all()
    )
