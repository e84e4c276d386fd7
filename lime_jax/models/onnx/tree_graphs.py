"""Tree ensembles of version 5 of `ai.onnx.ml`: inner nodes and leaves apart, sets of members."""

from __future__ import annotations

import dataclasses

import numpy as np

from lime_jax.models.onnx.operators import builder
from lime_jax.models.onnx.reader import Node
from lime_jax.models.onnx.trees import (
    Ensemble,
    EnsemblePredict,
    Tests,
    by_output,
    integers_of,
    on_device,
)

_MODES = np.array([f"BRANCH_{m}" for m in ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER")])
_AVERAGE, _SUM = 0, 1


@builder("ai.onnx.ml.TreeEnsemble")
def build_graph(node: Node) -> EnsemblePredict:
    """An ensemble of a node, on the device."""
    return on_device(read_graph_of_trees(node))


def read_graph_of_trees(node: Node) -> Ensemble:
    """The trees of a node."""
    aggregate = _aggregate(node)
    inner = len(node.get("nodes_modes"))
    children = [
        integers_of(node, f"nodes_{side}nodeids") + inner * integers_of(node, f"nodes_{side}leafs")
        for side in ("true", "false")
    ]
    places = _Places.of(node, children, inner)
    is_leaf, members = places.node >= inner, _members(node)
    at = np.where(is_leaf, 0, places.node)
    modes = np.where(is_leaf, "LEAF", _MODES[np.asarray(node.get("nodes_modes"), int)][at])
    missing = integers_of(node, "nodes_missing_value_tracks_true", inner).astype(bool)
    tests = Tests(
        modes,
        integers_of(node, "nodes_featureids")[at],
        np.asarray(node.get("nodes_splits"), np.float64)[at],
        missing[at] & ~is_leaf,
        places.yes,
        np.where(is_leaf, -1, places.yes + 1),
        tuple(members[k] for k in at[modes == "BRANCH_MEMBER"]),
    )
    leaves, end = np.flatnonzero(is_leaf), places.node[is_leaf] - inner
    weights = np.asarray(node.get("leaf_weights"), np.float64)[end]
    if aggregate == _AVERAGE:
        weights = weights / len(places.roots)
    ids = integers_of(node, "leaf_targetids")[end]
    base = np.zeros(node.get("n_targets", 1))
    scores = by_output(places.tree, (leaves, ids, weights), base, "NONE")
    ensemble = tests.ensemble(places.roots, scores)
    return dataclasses.replace(
        ensemble, trees=ensemble.trees.of_nodes(np.argsort(places.tree, kind="stable"))
    )


def _aggregate(node: Node) -> int:
    """How leaves become an output; refuses what has no JAX form."""
    if node.get("post_transform", 0):
        raise node.refuse("onnxruntime reads it as another one than the standard: post_transform")
    aggregate = node.get("aggregate_function", _SUM)
    if aggregate not in (_AVERAGE, _SUM):
        raise node.refuse(f"aggregate_function {aggregate} has no JAX form here")
    return aggregate


def _members(node: Node) -> dict[int, tuple[float, ...]]:
    """What each node that looks for members looks for; NaN stands between them."""
    values = node.get("membership_values")
    numbers = np.zeros(0) if values is None else np.asarray(values, np.float64)
    stops = np.flatnonzero(np.isnan(numbers))
    parts = [tuple(part[~np.isnan(part)].tolist()) for part in np.split(numbers, stops)]
    mine = np.flatnonzero(np.asarray(node.get("nodes_modes")) == len(_MODES) - 1)
    return dict(zip(mine.tolist(), parts, strict=False))


@dataclasses.dataclass(frozen=True, eq=False)
class _Places:
    """Every node as often as a path leads to it, those of a tree together.

    Attributes:
        node: of the model, behind inner ones the leaves.
        yes: place of the child where the test is true, the other one is next; -1 at a leaf.
    """

    node: np.ndarray
    tree: np.ndarray
    yes: np.ndarray
    roots: np.ndarray

    @classmethod
    def of(cls, node: Node, children: list[np.ndarray], inner: int) -> _Places:
        at = integers_of(node, "tree_roots")
        tree, parts, total = np.arange(len(at)), [], 0
        while at.size:
            if len(parts) > inner:
                raise node.refuse("its trees lead back to where they come from")
            goes_on, total = at < inner, total + len(at)
            yes = np.full(len(at), -1)
            yes[goes_on] = total + 2 * np.arange(goes_on.sum())
            parts.append((at, tree, yes))
            at = np.stack([child[at[goes_on]] for child in children], axis=1).ravel()
            tree = np.repeat(tree[goes_on], 2)
        at, tree, yes = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(at, tree, yes, np.arange(len(integers_of(node, "tree_roots"))))
