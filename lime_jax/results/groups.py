"""Rows in groups: by a column, by what is predicted, by a mask or names, or by a shallow tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from lime_jax.results.arrays import ExplanationArrays

_QUARTERS = (0.25, 0.5, 0.75)
MOST_GROUPS = 50
_MOST_LEVELS = 3  # that the name of a leaf lists


Codes: TypeAlias = tuple[np.ndarray, list[str]]
"""(rows,) numbers of names, and these."""

Pieces: TypeAlias = Callable[[], Iterable[ExplanationArrays]]
"""All rows, a part at a time, as often as they are asked for."""


@dataclasses.dataclass(frozen=True, eq=False)
class Grouping:
    """How rows that come a part at a time are put into groups.

    Attributes:
        codes: of a part and the number of its first row: which group each row is in.
        order: names of groups as they are listed, of those that were met.
        counted: (rows,) whether a row tells about its group; those by which groups were found do
            not. None: all do.
    """

    codes: Callable[[ExplanationArrays, int], Codes]
    order: Callable[[list[str]], list[str]] = sorted
    counted: np.ndarray | None = None


def grouping_of(sample: ExplanationArrays, pieces: Pieces, count: int, by: object) -> Grouping:
    """The groups that `by` asks for, of anything but a tree.

    Args:
        sample: says what all rows have in common.
        pieces: all rows, a part at a time; walked over for the quarters of a column.
        count: how many rows there are.
    """
    if isinstance(by, str):
        names = sample.feature_names
        if by in names:
            return _by_column(sample, pieces, names.index(by))
        if by == "prediction":
            return _by_prediction(sample)
        raise ValueError(
            "`by`: expected the name of a column, 'prediction', 'tree', or a mask or names with "
            f"one for each row, got {by!r}; the columns are {', '.join(map(str, names[:8]))}"
        )
    keys = np.asarray(by)
    if keys.shape != (count,):
        raise ValueError(
            f"`by`: expected one entry for each of {count} rows, got shape {keys.shape}"
        )
    if keys.dtype.kind == "b":
        keys = np.where(keys, "inside", "outside")
    found, numbers = np.unique(np.array(list(map(str, keys.tolist()))), return_inverse=True)
    check_number(len(found))

    def codes(arrays: ExplanationArrays, start: int) -> Codes:
        return numbers[start : start + len(arrays)], found.tolist()

    return Grouping(codes)


def check_number(groups: int) -> None:
    """Refuse very many groups."""
    if groups > MOST_GROUPS:
        raise ValueError(
            f"`by`: expected at most {MOST_GROUPS} groups, got {groups:,}; put them together"
        )


def _by_prediction(sample: ExplanationArrays) -> Grouping:
    """By the class that the model predicts."""
    if sample.output_kind == "value" or sample.prediction.shape[1] < 2:
        raise ValueError(
            "`by`: 'prediction' is for models of classes; give names of groups, such as of ranges "
            "of `explanations.prediction`"
        )
    names = list(map(str, sample.output_names))

    def codes(arrays: ExplanationArrays, start: int) -> Codes:
        return arrays.prediction.argmax(1), names

    return Grouping(codes, lambda met: [name for name in dict.fromkeys(names) if name in met])


def _by_column(sample: ExplanationArrays, pieces: Pieces, feature: int) -> Grouping:
    """By bins or levels where a column has them, else by quarters of its numbers."""
    if sample.conditions and (sample.bins[:, feature] >= 0).any():
        return _by_bins(feature)
    name = sample.feature_names[feature]
    if sample.names.levels[feature] is None:
        return _by_quarters(sample, pieces, feature)

    def codes(arrays: ExplanationArrays, start: int) -> Codes:
        values = arrays.values[:, feature]
        _, first, numbers = np.unique(values, return_index=True, return_inverse=True)
        return numbers, [f"{name} = {text}" for text in arrays.value_texts(first, feature)]

    return Grouping(codes)


def _by_bins(feature: int) -> Grouping:
    """By the conditions of bins, in their order; a value in none is a group at the end."""
    ranks: dict[str, int] = {}

    def codes(arrays: ExplanationArrays, start: int) -> Codes:
        bins = arrays.bins[:, feature].astype(np.int64)
        outside = np.flatnonzero(bins < 0)
        keys = bins.copy()
        keys[outside] = len(arrays.conditions) + outside
        _, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
        texts = [arrays.condition(row, feature) for row in first.tolist()]
        for text, rank in zip(texts, keys[first].tolist(), strict=True):
            ranks[text] = min(rank, ranks.get(text, rank))
        return numbers, texts

    return Grouping(codes, lambda met: sorted(met, key=lambda text: ranks[text]))


def _by_quarters(sample: ExplanationArrays, pieces: Pieces, feature: int) -> Grouping:
    """By quarters of the numbers, which are looked at before."""
    values = np.concatenate([part.values[:, feature] for part in pieces()])
    known = values[~np.isnan(values)]
    ends = np.unique(np.quantile(known, _QUARTERS)) if len(known) else np.zeros(0)
    name = sample.feature_names[feature]
    shown = [sample.names.display_value(feature, end) for end in ends.tolist()]
    bounds = ["", *(f"{end} < " for end in shown)]
    names = [f"{low}{name}" for low in bounds]
    names = [f"{text} <= {end}" for text, end in zip(names, shown, strict=False)] + names[-1:]
    names = [*names, f"{name} missing"]
    numbers = np.where(np.isnan(values), len(ends) + 1, np.searchsorted(ends, values))

    def codes(arrays: ExplanationArrays, start: int) -> Codes:
        return numbers[start : start + len(arrays)], names

    return Grouping(codes, lambda met: [name for name in names if name in met])


def grouping_by_tree(
    arrays: ExplanationArrays, weights: np.ndarray, max_depth: int, min_rows: int
) -> Grouping:
    """Leaves of a tree that tells the weights of half of the rows; the other half is counted."""
    from sklearn.tree import DecisionTreeRegressor

    order = np.argsort(arrays.key_ids, kind="stable")
    half = np.zeros(len(order), bool)
    half[order[::2]] = True
    if half.sum() < 2 * min_rows:
        raise ValueError(
            f"`by`: 'tree' needs {4 * min_rows} rows, half of them to find groups of at least "
            f"{min_rows}, got {len(order)}; ask for fewer by `min_rows`"
        )
    tree = DecisionTreeRegressor(
        max_depth=max_depth, min_samples_leaf=min_rows, random_state=0, ccp_alpha=0.0
    )
    tree.fit(arrays.values[half], weights[half])
    leaves = tree.apply(arrays.values)
    names = _leaf_names(arrays, tree.tree_)
    found = np.unique(leaves)
    numbers = np.searchsorted(found, leaves)
    texts = [names[leaf] for leaf in found.tolist()]

    def codes(some: ExplanationArrays, start: int) -> Codes:
        return numbers[start : start + len(some)], texts

    return Grouping(codes, lambda met: texts, ~half)


def _leaf_names(arrays: ExplanationArrays, tree: Any) -> dict[int, str]:
    """The path to each leaf in words."""
    names: dict[int, str] = {}
    waiting: list[tuple[int, dict[int, tuple[float, float, bool]]]] = [(0, {})]
    while waiting:
        node, path = waiting.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            parts = [_between(arrays, feature, *ends) for feature, ends in path.items()]
            names[node] = " and ".join(parts) or "all rows"
            continue
        feature, cut = int(tree.feature[node]), float(tree.threshold[node])
        low, high, missing = path.get(feature, (-np.inf, np.inf, True))
        to_left = bool(tree.missing_go_to_left[node])
        waiting.append((left, {**path, feature: (low, min(high, cut), missing and to_left)}))
        waiting.append((right, {**path, feature: (max(low, cut), high, missing and not to_left)}))
    return names


def _between(
    arrays: ExplanationArrays, feature: int, low: float, high: float, missing: bool
) -> str:
    """What a column is between two cuts, missing values where there are any."""
    name, levels = arrays.feature_names[feature], arrays.names.levels[feature]
    if levels is not None:
        inside = [text for code, text in enumerate(levels) if low < code <= high]
        more = len(inside) - _MOST_LEVELS
        listed = ", ".join(inside[:_MOST_LEVELS]) + (f" and {more} more" if more > 0 else "")
        return f"{name} in {{{listed}}}"
    text = name
    if np.isfinite(low):
        text = f"{arrays.names.display_value(feature, low)} < {text}"
    if np.isfinite(high):
        text = f"{text} <= {arrays.names.display_value(feature, high)}"
    is_missing = missing and bool(np.isnan(arrays.values[:, feature]).any())
    return f"{text} or missing" if is_missing else text
