"""Explainable boosting machines of `interpret`: a sum of terms of one, two or three columns.

A term is a table of numbers by the columns' bins: a tree that looks for the bin of one column after
the other. The first bin of a column is for missing values, the last one for unknown levels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float64, Int, Int32

from lime_jax.models.boosted.trees import MARGIN_IS_EXACT, by_code, level_column, of_margins
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import linked, sum_of_trees
from lime_jax.models.convert.features import Features
from lime_jax.models.convert.links import Link, softmax, two_sigmoids
from lime_jax.models.convert.tree_sums import LevelSets
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.structure import TreeSum
from lime_jax.typing import Estimator

_LINKS: dict[str, Link] = {"logit": two_sigmoids, "mlogit": softmax, "log": jnp.exp}


@register_converter("interpret.ExplainableBoostingClassifier", **of_margins("predict_proba"))
@register_converter(
    "interpret.ExplainableBoostingRegressor",
    methods=("predict",),
    exact=("predict",),
    why_not=MARGIN_IS_EXACT,
)
def convert_ebm(model: Estimator, method: str, features: Features) -> Converted:
    """The sum of all terms, or what its link makes of it."""
    by_name = [k for k, (bins, *_) in enumerate(model.bins_) if isinstance(bins, Mapping)]
    margin = sum_of_trees(_sum_of_terms(model, features), by_code(features, by_name))
    if method == "decision_function" or model.link_ == "identity":
        return margin
    if model.link_ not in _LINKS:
        raise NotConvertibleError(f"{type(model).__name__}: its link is {model.link_}")
    return linked(margin, _LINKS[model.link_], MARGIN_IS_EXACT)


@dataclasses.dataclass(frozen=True, eq=False)
class _Search:
    """A tree that finds the bin of a value of one column; nodes as in `TreeSum`.

    Attributes:
        bin: of each leaf; -1 at other nodes.
    """

    column: int
    threshold: Float64[np.ndarray, " nodes"]
    missing_left: Bool[np.ndarray, " nodes"]
    level_set: Int32[np.ndarray, " nodes"]
    left: Int32[np.ndarray, " nodes"]
    right: Int32[np.ndarray, " nodes"]
    bin: Int32[np.ndarray, " nodes"]


def _sum_of_terms(model: Estimator, features: Features) -> TreeSum:
    """Every term as a tree of leaves for all combinations of bins."""
    sets = LevelSets()
    intercept = np.ravel(np.asarray(model.intercept_, np.float64))
    terms = [
        _term([_search(model, k, len(columns), features, sets) for k in columns], score)
        for columns, score in zip(model.term_features_, model.term_scores_, strict=True)
    ]
    sizes = np.array([len(term.column) for term in terms])
    roots = np.cumsum(sizes) - sizes
    parts: dict[str, Any] = {
        name: np.concatenate([getattr(term, name) for term in terms])
        for name in ("column", "threshold", "missing_left", "level_set", "left", "right", "value")
    }
    first = np.repeat(roots, sizes)
    for name in ("left", "right"):
        child = parts[name]
        parts[name] = np.where(child < 0, -1, child + first).astype(np.int32)
    return TreeSum(
        **parts,
        roots=roots.astype(np.int32),
        output=np.zeros(len(terms), np.int32),
        level_sets=sets.all(),
        base=intercept,
        num_features=len(features),
    )


def _term(searches: Sequence[_Search], score: Float64[np.ndarray, "..."]) -> TreeSum:
    """A search for each column in turn, below every leaf of those before it."""
    num_outputs = score.size // int(np.prod(score.shape[: len(searches)]))
    cell = np.zeros(1, np.int64)  # in `score`, of each leaf so far
    leaf = np.zeros(1, np.int64)
    nodes: dict[str, list[np.ndarray]] = {name: [] for name in _NODE}
    count = 1
    for search in searches:
        size = len(search.bin)
        inner, ends = np.flatnonzero(search.bin < 0), np.flatnonzero(search.bin >= 0)
        # A copy of the search for each leaf, whose place its root takes.
        place = count + np.arange(len(leaf))[:, None] * (size - 1) + np.arange(-1, size - 1)
        place[:, 0] = leaf
        count += len(leaf) * (size - 1)
        nodes["place"].append(place[:, inner].reshape(-1))
        nodes["column"].append(np.full(len(leaf) * len(inner), search.column))
        for name in ("threshold", "missing_left", "level_set"):
            nodes[name].append(np.tile(getattr(search, name)[inner], len(leaf)))
        for name in ("left", "right"):
            nodes[name].append(place[:, getattr(search, name)[inner]].reshape(-1))
        cell = (cell[:, None] * score.shape[len(nodes["place"]) - 1] + search.bin[ends]).reshape(-1)
        leaf = place[:, ends].reshape(-1)
    value = np.zeros((count, num_outputs))
    value[leaf] = score.reshape(-1, num_outputs)[cell]
    joined = {name: np.concatenate(parts) for name, parts in nodes.items()}
    place = joined.pop("place")

    def spread(name: str) -> np.ndarray:
        fill, dtype = _NODE[name]
        out = np.full(count, fill, dtype)
        out[place] = joined[name]
        return out

    return TreeSum(
        **{name: spread(name) for name in joined},
        value=value,
        roots=np.zeros(1, np.int32),
        output=np.zeros(1, np.int32),
        level_sets=(),
        base=np.zeros(num_outputs),
        num_features=0,
    )


_NODE: dict[str, tuple[float, type]] = {
    "place": (0, np.int64),
    "column": (-1, np.int32),
    "threshold": (np.nan, np.float64),
    "missing_left": (False, bool),
    "level_set": (-1, np.int32),
    "left": (-1, np.int32),
    "right": (-1, np.int32),
}
"""What a node has, and what it is at a leaf."""


def _search(
    model: Estimator, column: int, order: int, features: Features, sets: LevelSets
) -> _Search:
    """How a term of so many columns finds the bin of one of them."""
    by_order = model.bins_[column]
    bins = by_order[min(order, len(by_order)) - 1]
    if isinstance(bins, Mapping):
        values = level_column(features, column).values
        return _search_levels(column, _bins_of_levels(values, bins), sets)
    return _search_numbers(column, np.asarray(bins, np.float64))


def _search_numbers(column: int, cuts: Float64[np.ndarray, " cuts"]) -> _Search:
    """Missing numbers leave first; a cut belongs to the bin above it."""
    # Below no number at all: only missing ones go left.
    threshold = np.concatenate([[-np.inf], np.nextafter(cuts, -np.inf)])
    missing_left = np.arange(len(threshold)) == 0
    bins, no_set = np.arange(len(cuts) + 2), np.full(len(threshold), -1)
    return _halves(column, bins, threshold, missing_left, no_set)


def _search_levels(column: int, bin_: Int[np.ndarray, " levels"], sets: LevelSets) -> _Search:
    """Levels of the bins below the middle one go left."""
    bins = np.unique(bin_)
    level_set = sets.numbers(bin_ < above for above in bins[1:])
    no_number, not_missing = np.full(len(level_set), np.nan), np.zeros(len(level_set), bool)
    return _halves(column, bins, no_number, not_missing, level_set)


def _halves(
    column: int,
    bins: Int[np.ndarray, " bins"],
    threshold: Float64[np.ndarray, " tests"],
    missing_left: Bool[np.ndarray, " tests"],
    level_set: Int[np.ndarray, " tests"],
) -> _Search:
    """A tree over bins in order, in halves; between each and the next there is a test."""
    nodes = 2 * len(bins) - 1
    test, left, right, found = (np.full(nodes, -1, np.int32) for _ in range(4))
    todo, used = [(0, 0, len(bins))], 1
    while todo:
        node, first, stop = todo.pop()
        if stop - first == 1:
            found[node] = bins[first]
            continue
        middle = 1 if first == 0 and missing_left[0] else (first + stop) // 2
        test[node], left[node], right[node] = middle - 1, used, used + 1
        todo += [(used, first, middle), (used + 1, middle, stop)]
        used += 2
    return _Search(
        column,
        np.append(threshold, np.nan)[test],
        np.append(missing_left, False)[test],
        np.append(level_set, -1)[test].astype(np.int32),
        left,
        right,
        found,
    )


def _bins_of_levels(
    values: Sequence[object] | np.ndarray, bins: Mapping[str, int]
) -> Int[np.ndarray, " levels"]:
    """The bin of each level of a table: 0 for a missing one, the last for what was never met."""
    unknown = max(bins.values(), default=0) + 1
    return np.array([0 if v is None or v != v else bins.get(_key(v), unknown) for v in values])


def _key(level: object) -> str:
    """A level as `interpret` writes it: whole numbers without a fraction."""
    if isinstance(level, float | np.floating) and float(level).is_integer():
        return str(int(level))
    return str(level)
