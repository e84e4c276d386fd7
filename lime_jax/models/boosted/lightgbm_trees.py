"""The trees of LightGBM's text form.

LightGBM compares in float64 and goes left at or below the threshold, or if the code is in a
categorical split's set; what it takes for missing differs by column.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from lime_jax.models.boosted.trees import unique_sets
from lime_jax.models.structure import TreeSum

_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of a decision type; the two above are what is missing
_ZERO = 1  # what is missing: 0 stands for none, 1 for zero, 2 for NaN

SMALL = float(np.float32(1e-35))
"""Up to here LightGBM takes a number, or its negative, for 0."""


@dataclasses.dataclass(frozen=True)
class ModelText:
    """The text form of a model.

    Attributes:
        header: what it says of the whole model; flags without a value are "".
        trees: what it says of each tree.
        parameters: of the objective; flags without a value are "".
    """

    header: dict[str, str]
    trees: list[dict[str, str]]
    objective: str
    parameters: dict[str, str]


def read_text(text: str) -> ModelText:
    """Take the text form of a model apart."""
    body = text.partition("\nend of trees")[0]
    parts = [
        {name: value for name, _, value in (line.partition("=") for line in part.splitlines())}
        for part in body.split("\nTree=")
    ]
    header, trees = parts[0], parts[1:]
    name, *rest = header.get("objective", "custom").split()
    parameters = {key: value for key, _, value in (word.partition(":") for word in rest)}
    return ModelText(header, trees, name, parameters)


def tree_sum(
    trees: Sequence[dict[str, str]], outputs: int, num_features: int
) -> tuple[TreeSum, np.ndarray]:
    """A sum of trees from their text form.

    Of each tree the inner nodes come first, then the leaves: LightGBM's child -1 is leaf 0.

    Returns:
        The trees, with level sets by LightGBM's own codes, and in which columns 0 is missing.
    """

    def column(name: str, dtype: Any) -> np.ndarray:
        words = " ".join(tree.get(name, "") for tree in trees).split()
        return np.array(words, np.float64 if dtype is float else np.int64)

    leaves = np.array([int(tree["num_leaves"]) for tree in trees], np.int64)
    inner = leaves - 1
    sizes = leaves + inner
    first = np.cumsum(sizes) - sizes
    nodes = int(sizes.sum())
    number = np.arange(nodes) - np.repeat(first, sizes)
    is_leaf = number >= np.repeat(inner, sizes)
    places = np.flatnonzero(~is_leaf)

    def spread(values: np.ndarray, fill: Any) -> np.ndarray:
        out = np.full(nodes, fill, np.result_type(values, type(fill)))
        out[places] = values
        return out

    def children(name: str) -> np.ndarray:
        child, start = column(name, int), np.repeat(first, inner)
        child = np.where(child < 0, np.repeat(inner, inner) + ~child, child) + start
        return spread(child, -1).astype(np.int32)

    split, kind = column("split_feature", int), column("decision_type", int)
    threshold = _around_zero(column("threshold", float))
    is_set, missing = (kind & _CATEGORICAL).astype(bool), kind >> 2
    default_left = (kind & _DEFAULT_LEFT).astype(bool)
    # Without a missing value in training, NaN is 0; in a set it never is.
    missing_left = np.where(missing == 0, threshold >= 0, default_left) & ~is_set
    level_set, level_sets = np.full(len(split), -1, np.int64), ()
    if is_set.any():
        level_sets, level_set = _category_sets(trees, inner, is_set, threshold)
    value = np.zeros(nodes)
    value[is_leaf] = column("leaf_value", float)
    zero = np.zeros(num_features, bool)
    zero[split[(missing == _ZERO) & ~is_set]] = True
    sum_ = TreeSum(
        column=spread(split, -1).astype(np.int32),
        threshold=spread(np.where(is_set, np.nan, threshold), np.nan),
        missing_left=spread(missing_left, False),
        level_set=spread(level_set, -1).astype(np.int32),
        left=children("left_child"),
        right=children("right_child"),
        value=value[:, None],
        roots=first.astype(np.int32),
        output=(np.arange(len(trees)) % outputs).astype(np.int32),
        level_sets=level_sets,
        base=np.zeros(outputs),
        num_features=num_features,
    )
    return sum_, zero


def _around_zero(threshold: np.ndarray) -> np.ndarray:
    """Thresholds that do what LightGBM does to values next to 0: it reads them as 0."""
    negative = (threshold >= -SMALL) & (threshold < 0)
    positive = (threshold >= 0) & (threshold < SMALL)
    threshold = np.where(negative, np.nextafter(-SMALL, -1), threshold)
    return np.where(positive, SMALL, threshold)


def _category_sets(
    trees: Sequence[dict[str, str]],
    inner: np.ndarray,
    is_set: np.ndarray,
    threshold: Float64[np.ndarray, " nodes"],
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Sets of codes, which are bits of 32-bit words, and the number of each node's own."""
    flags = []
    stop = np.cumsum(inner)
    for tree, begin, end in zip(trees, stop - inner, stop, strict=True):
        if not is_set[begin:end].any():
            continue
        words = np.array(tree["cat_threshold"].split(), np.uint32)
        bounds = np.array(tree["cat_boundaries"].split(), np.int64)
        for k in threshold[begin:end][is_set[begin:end]].astype(np.int64):
            own = words[bounds[k] : bounds[k + 1]].astype("<u4")
            flags.append(np.unpackbits(own.view(np.uint8), bitorder="little").astype(bool))
    level_set = np.full(len(is_set), -1, np.int64)
    level_sets, level_set[is_set] = unique_sets(flags)
    return level_sets, level_set
