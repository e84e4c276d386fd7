"""The trees and the categories of XGBoost's JSON form.

XGBoost rounds values to float32 and goes left if they are below the threshold; at a categorical
split it goes *right* if the code is in the set.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from lime_jax.models.boosted.trees import with_codes
from lime_jax.models.convert.columns import LevelColumn, NotConvertibleError
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.tree_sums import LevelSets
from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.thresholds import strictly_below


def tree_sum(
    trees: Sequence[Mapping[str, Any]],
    outputs: Sequence[int],
    base: Float64[np.ndarray, " outputs"],
    num_features: int,
    weights: Sequence[float] | None = None,
) -> TreeSum:
    """A sum of trees, the nodes in use numbered together; level sets by XGBoost's own codes.

    `outputs` may be of more trees; `weights` are as dropping some trees left them.
    """
    sizes = np.array([len(tree["left_children"]) for tree in trees], np.int64)
    first = np.cumsum(sizes) - sizes
    shift = np.repeat(first, sizes)

    def column(name: str, dtype: Any) -> np.ndarray:
        chained = itertools.chain.from_iterable(tree[name] for tree in trees)
        return np.fromiter(chained, dtype, int(sizes.sum()))

    left, right = column("left_children", np.int64), column("right_children", np.int64)
    leaf = left < 0
    left, right = (np.where(leaf, -1, child + shift) for child in (left, right))
    number = column("split_conditions", np.float64)
    missing_left = column("default_left", bool) & ~leaf
    is_set = column("split_type", np.int8).astype(bool) & ~leaf
    level_set, level_sets = np.full(len(leaf), -1, np.int32), ()
    if is_set.any():
        level_sets, level_set = _category_sets(trees, first, is_set)
        left, right = np.where(is_set, right, left), np.where(is_set, left, right)
        missing_left ^= is_set
    used = np.zeros(len(leaf), bool)  # a pruned tree keeps its cut nodes
    used[first] = used[left[~leaf]] = used[right[~leaf]] = True
    place = np.append(np.cumsum(used) - 1, -1).astype(np.int32)
    if {int(tree["tree_param"]["size_leaf_vector"]) for tree in trees} & {0, 1}:
        value = np.where(leaf, number, 0.0)[:, None]
    else:
        value = _vectors(trees, leaf, column("right_children", np.int64), len(base))
        outputs = [0] * len(trees)
    if weights is not None:
        value *= np.repeat(np.asarray(weights, np.float64), sizes)[:, None]
    threshold = strictly_below(np.where(leaf, 0.0, number))
    return TreeSum(
        column=np.where(leaf, -1, column("split_indices", np.int64)).astype(np.int32)[used],
        threshold=np.where(leaf | is_set, np.nan, threshold)[used],
        missing_left=missing_left[used],
        level_set=level_set[used],
        left=place[left][used],
        right=place[right][used],
        value=value[used],
        roots=place[first],
        output=np.array(outputs[: len(trees)], np.int32),
        level_sets=level_sets,
        base=base,
        num_features=num_features,
        cover=column("sum_hessian", np.float64)[used] if _have_covers(trees) else None,
    )


def _have_covers(trees: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each node says how much of the training rows reached it."""
    return all(len(tree.get("sum_hessian", ())) == len(tree["left_children"]) for tree in trees)


def _vectors(
    trees: Sequence[Mapping[str, Any]], leaf: np.ndarray, right: np.ndarray, width: int
) -> Float64[np.ndarray, "nodes outputs"]:
    """What leaves of several outputs add; the right child of a leaf is its number among them."""
    value = np.zeros((len(leaf), width))
    start = 0
    for tree in trees:
        stop = start + len(tree["left_children"])
        nodes = start + np.flatnonzero(leaf[start:stop])
        if "leaf_weights" in tree:
            vectors = np.array(tree["leaf_weights"], np.float64).reshape(-1, width)[right[nodes]]
        else:  # before XGBoost 3.2
            vectors = np.array(tree["base_weights"], np.float64).reshape(-1, width)[nodes - start]
        value[nodes], start = vectors, stop
    return value


def _category_sets(
    trees: Sequence[Mapping[str, Any]], first: np.ndarray, is_set: np.ndarray
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Sets of codes, and the number of each node's own."""
    nodes, flags = [], []
    for tree, start in zip(trees, first, strict=True):
        codes = np.array(tree["categories"], np.int64)
        segments = zip(
            tree["categories_nodes"],
            tree["categories_segments"],
            tree["categories_sizes"],
            strict=True,
        )
        for node, begin, size in segments:
            members = codes[begin : begin + size]
            flags.append(np.isin(np.arange(members.max(initial=0) + 1), members))
            nodes.append(start + node)
    level_set = np.full(len(is_set), -1, np.int32)
    sets = LevelSets()
    level_set[nodes] = sets.numbers(flags)
    return sets.all(), level_set


def with_categories(model: Mapping[str, Any], types: Sequence[str], features: Features) -> Features:
    """The columns with XGBoost's codes in place of categories; it refuses one it does not know."""
    for k in (k for k, kind in enumerate(types) if kind == "c"):
        source = features.columns[k]
        if not isinstance(source, LevelColumn):
            continue
        if "cats" not in model:
            raise NotConvertibleError("XGBoost: a model of before 3.1 does not know its categories")
        encodings = model["cats"]["enc"]
        names = _category_names(encodings[k]) if k < len(encodings) else []
        if not names:
            continue  # fitted on codes
        unknown = [v for v in source.values if v is not None and v == v and v not in names]
        if unknown:
            raise NotConvertibleError(f"XGBoost: column {k} has no category {unknown[0]!r}")
        features = with_codes(features, k, names)
    return features


def _category_names(encoding: Mapping[str, Any]) -> list[Any]:
    values, offsets = encoding["values"], encoding.get("offsets")
    if offsets is None:
        return list(values)
    text = bytes(v % 256 for v in values)
    return [text[a:b].decode() for a, b in itertools.pairwise(offsets)]
