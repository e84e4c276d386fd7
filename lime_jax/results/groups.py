"""Rows in groups: by a column, by what is predicted, by a mask or names, or by a shallow tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lime_jax.results.arrays import ExplanationArrays

_QUARTERS = (0.25, 0.5, 0.75)
_MOST_GROUPS = 50
_MOST_LEVELS = 3  # that the name of a leaf lists


@dataclasses.dataclass(frozen=True, eq=False)
class Groups:
    """Which group each row is in.

    Attributes:
        numbers: (rows,) of the row's group.
        names: of the groups.
        counted: (rows,) whether a row tells about its group; those by which groups were found do
            not.
    """

    numbers: np.ndarray
    names: tuple[str, ...]
    counted: np.ndarray


def groups_of(
    arrays: ExplanationArrays, by: Any, weights: np.ndarray, max_depth: int, min_rows: int
) -> Groups:
    """The groups that `by` asks for; `weights` (rows, features) are what a tree looks at."""
    if isinstance(by, str):
        names = arrays.feature_names
        if by in names:
            return _by_column(arrays, names.index(by))
        if by == "prediction":
            return _by_prediction(arrays)
        if by == "tree":
            return _by_tree(arrays, weights, max_depth, min_rows)
        raise ValueError(
            "`by`: expected the name of a column, 'prediction', 'tree', or a mask or names with "
            f"one for each row, got {by!r}; the columns are {', '.join(map(str, names[:8]))}"
        )
    keys = np.asarray(by)
    if keys.shape != (len(arrays),):
        raise ValueError(
            f"`by`: expected one entry for each of {len(arrays)} rows, got shape {keys.shape}"
        )
    if keys.dtype.kind == "b":
        return _of_keys(["inside" if inside else "outside" for inside in keys.tolist()])
    return _of_keys(list(map(str, keys.tolist())))


def _by_prediction(arrays: ExplanationArrays) -> Groups:
    """By the class that the model predicts."""
    if arrays.output_kind == "value" or arrays.prediction.shape[1] < 2:
        raise ValueError(
            "`by`: 'prediction' is for models of classes; give names of groups, such as of ranges "
            "of `explanations.prediction`"
        )
    highest = arrays.prediction.argmax(1).tolist()
    return _of_keys([arrays.output_names[k] for k in highest], arrays.output_names)


def _of_keys(keys: Sequence[str], order: Sequence[str] = ()) -> Groups:
    """Groups of equal keys, in an order or in that of their names."""
    names = tuple(key for key in order if key in set(keys)) or tuple(sorted(set(keys)))
    if len(names) > _MOST_GROUPS:
        raise ValueError(
            f"`by`: expected at most {_MOST_GROUPS} groups, got {len(names):,}; put them together"
        )
    place = {name: number for number, name in enumerate(names)}
    numbers = np.array([place[key] for key in keys], np.int64)
    return Groups(numbers, names, np.ones(len(keys), bool))


def _by_column(arrays: ExplanationArrays, feature: int) -> Groups:
    """By bins or levels where a column has them, else by quarters of its numbers."""
    rows = np.arange(len(arrays))
    name, values = arrays.feature_names[feature], arrays.values[:, feature]
    if (arrays.bins[:, feature] >= 0).all() and arrays.conditions:
        bins = arrays.bins[:, feature]
        order = [arrays.conditions[k] for k in np.unique(bins).tolist()]
        return _of_keys([arrays.conditions[k] for k in bins.tolist()], order)
    if arrays.names.levels[feature] is not None:
        texts = arrays.value_texts(rows, feature)
        return _of_keys([f"{name} = {text}" for text in texts])
    known = values[~np.isnan(values)]
    ends = np.unique(np.quantile(known, _QUARTERS)) if len(known) else np.zeros(0)
    shown = [arrays.names.display_value(feature, end) for end in ends.tolist()]
    bounds = ["", *(f"{end} < " for end in shown)]
    names = [f"{low}{name}" for low in bounds]
    names = [f"{text} <= {end}" for text, end in zip(names, shown, strict=False)] + names[-1:]
    names = [*names, f"{name} missing"]
    codes = np.where(np.isnan(values), len(ends) + 1, np.searchsorted(ends, values))
    return _of_keys([names[k] for k in codes.tolist()], names)


def _by_tree(
    arrays: ExplanationArrays, weights: np.ndarray, max_depth: int, min_rows: int
) -> Groups:
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
    return Groups(numbers, tuple(names[leaf] for leaf in found.tolist()), ~half)


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
