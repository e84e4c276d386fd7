"""Tree ensembles of the domain `ai.onnx.ml`, as sums of trees.

How two classes share one column of weights is not in the standard; this is what onnxruntime does.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.models.onnx.operators import builder
from lime_jax.models.onnx.reader import Node, Value
from lime_jax.models.onnx.tables import class_labels, finish, post_transform
from lime_jax.models.structure import TreeSum
from lime_jax.models.trees import tree_predict
from lime_jax.typing import Array, pytree, static


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """A node on the host."""

    trees: TreeSum  # on one flag for each test of equality, and behind them the node's columns
    equal_columns: tuple[int, ...]  # that are tested for equality
    equal_values: np.ndarray  # with one or several numbers, (tests, most of them); NaN: none
    transform: str  # of the sum, see `finish`


@pytree
class EnsemblePredict:
    """The same on the device."""

    trees: Any
    equal_values: Any
    equal_columns: tuple[int, ...] = static()
    transform: str = static()

    def __call__(self, x: Value) -> Array:
        """The outputs for a batch."""
        x = jnp.asarray(x, jnp.result_type(float))
        if self.equal_columns:
            tested = x[:, np.array(self.equal_columns)]
            equal = (tested[:, :, None] == self.equal_values).any(-1)
            flags = jnp.where(jnp.isnan(tested), tested, equal)
            x = jnp.concatenate([flags, x], axis=1)
        return finish(self.trees(x), self.transform)


@builder("ai.onnx.ml.TreeEnsembleClassifier", "ai.onnx.ml.TreeEnsembleRegressor")
def build_ensemble(node: Node) -> EnsemblePredict:
    """An ensemble of a node, on the device."""
    return on_device(read_ensemble(node))


def on_device(read: Ensemble) -> EnsemblePredict:
    """An ensemble on the device."""
    return EnsemblePredict(
        tree_predict(read.trees), read.equal_values, read.equal_columns, read.transform
    )


def read_ensemble(node: Node) -> Ensemble:
    """The trees of a node, whose thresholds are compared with values as they are, not rounded."""
    modes = np.array(node.get("nodes_modes"))
    if unknown := set(modes.tolist()) - _MODES:
        raise node.refuse(f"{unknown.pop()} has no JAX form here")
    leaf = modes == "LEAF"
    place = _Places(node)
    yes = place.children("nodes_truenodeids", leaf)
    no = place.children("nodes_falsenodeids", leaf)
    place.check_roots(yes, no)
    missing_yes = integers_of(node, "nodes_missing_value_tracks_true", len(modes)).astype(bool)
    tests = Tests(
        modes,
        integers_of(node, "nodes_featureids"),
        reals_of(node, "nodes_values"),
        missing_yes,
        yes,
        no,
    )
    return tests.ensemble(place.roots, Scores.read(node, place))


_MODES = {"LEAF", *(f"BRANCH_{name}" for name in ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ"))}


@dataclasses.dataclass(frozen=True, eq=False)
class Tests:
    """What the nodes of all trees do; leaves are those of mode "LEAF".

    Attributes:
        missing_yes: whether missing values take the branch of what is true.
        members: what a "BRANCH_MEMBER" looks for, of these in a row.
    """

    modes: np.ndarray
    column: np.ndarray
    value: np.ndarray
    missing_yes: np.ndarray
    yes: np.ndarray
    no: np.ndarray
    members: tuple[tuple[float, ...], ...] = ()

    def ensemble(self, roots: np.ndarray, scores: Scores) -> Ensemble:
        """As a sum of trees."""
        leaf = self.modes == "LEAF"
        column, threshold, equal, width = self._compared()
        missing_yes = self.missing_yes | (self.modes == "BRANCH_NEQ")  # NaN equals nothing
        # Left is where the value is at or below the threshold, whichever of the two that is.
        swapped = np.isin(self.modes, ["BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_MEMBER"])
        trees = TreeSum(
            column=np.where(leaf, -1, column).astype(np.int32),
            threshold=np.where(leaf, np.nan, threshold),
            missing_left=(missing_yes ^ swapped) & ~leaf,
            level_set=np.full(len(leaf), -1, np.int32),
            left=np.where(swapped, self.no, self.yes).astype(np.int32),
            right=np.where(swapped, self.yes, self.no).astype(np.int32),
            value=scores.value,
            roots=roots.astype(np.int32),
            output=scores.output,
            level_sets=(),
            base=scores.base,
            num_features=width,
        )
        most = max((len(numbers) for _, numbers in equal), default=0)
        values = np.full((len(equal), most), np.nan)
        for row, (_, numbers) in zip(values, equal, strict=True):
            row[: len(numbers)] = numbers
        return Ensemble(trees, tuple(c for c, _ in equal), values, scores.transform)

    def _compared(
        self,
    ) -> tuple[np.ndarray, np.ndarray, list[tuple[int, tuple[float, ...]]], int]:
        """Columns and thresholds, tests of equality, and how many columns there are with them.

        Flags of equality are the first columns, as the number of columns is not known here.
        """
        strict = np.isin(self.modes, ["BRANCH_LT", "BRANCH_GTE"])
        threshold = np.where(strict, np.nextafter(self.value, -np.inf), self.value)
        equality = np.isin(self.modes, ["BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER"])
        width = int(self.column[self.modes != "LEAF"].max(initial=-1)) + 1
        members = iter(self.members)
        pairs = [
            (int(self.column[k]), next(members))
            if self.modes[k] == "BRANCH_MEMBER"
            else (int(self.column[k]), (float(self.value[k]),))
            for k in np.flatnonzero(equality)
        ]
        number = {pair: k for k, pair in enumerate(dict.fromkeys(pairs))}
        column = self.column + len(number)
        column[equality] = [number[pair] for pair in pairs]
        threshold[equality] = 0.5
        return column, threshold, list(number), width + len(number)


class _Places:
    """Where the nodes of all trees are, which ONNX numbers within each tree."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.trees = integers_of(node, "nodes_treeids")
        ids = integers_of(node, "nodes_nodeids")
        self.by_id = {
            key: k for k, key in enumerate(zip(self.trees.tolist(), ids.tolist(), strict=True))
        }
        starts = np.flatnonzero(np.diff(self.trees, prepend=self.trees[0] - 1))
        self.roots = starts.astype(np.int32)
        self.tree_of = np.searchsorted(starts, np.arange(len(ids)), side="right") - 1
        if len(set(self.trees[starts].tolist())) < len(starts):
            raise node.refuse("nodes of its trees are not listed tree by tree")

    def of(self, trees: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Places of some nodes."""
        pairs = zip(trees.tolist(), ids.tolist(), strict=True)
        return np.array([self.by_id[pair] for pair in pairs], np.int32)

    def children(self, name: str, leaf: np.ndarray) -> np.ndarray:
        """Places of the children of every node; -1 at leaves."""
        found = np.full(len(leaf), -1, np.int32)
        found[~leaf] = self.of(self.trees[~leaf], integers_of(self.node, name)[~leaf])
        return found

    def check_roots(self, yes: np.ndarray, no: np.ndarray) -> None:
        """Refuse trees that do not start with their root."""
        if np.isin(self.roots, np.concatenate([yes, no])).any():
            raise self.node.refuse("its trees do not start with their roots")


@dataclasses.dataclass(frozen=True)
class Scores:
    """What leaves add to which outputs; see `TreeSum` and `Ensemble`."""

    value: np.ndarray
    output: np.ndarray
    base: np.ndarray
    transform: str

    @classmethod
    def read(cls, node: Node, place: _Places) -> Scores:
        """Those of a node."""
        classes = node.op.endswith("Classifier")
        kind = "class" if classes else "target"
        at = place.of(integers_of(node, f"{kind}_treeids"), integers_of(node, f"{kind}_nodeids"))
        ids, weights = integers_of(node, f"{kind}_ids"), reals_of(node, f"{kind}_weights")
        count = len(class_labels(node)) if classes else node.get("n_targets", 1)
        base, transform = reals_of(node, "base_values"), post_transform(node)
        aggregate = "SUM" if classes else node.get("aggregate_function", "SUM")
        if aggregate not in ("SUM", "AVERAGE"):
            raise node.refuse(f"aggregate_function {aggregate} has no JAX form here")
        if aggregate == "AVERAGE":
            weights = weights / len(place.roots)
        if not classes and count == 1 and transform != "NONE":
            raise node.refuse(f"post_transform {transform} of one number has no JAX form here")
        if classes and count == 2:
            return _two_classes(node, place, (at, ids, weights), base, transform)
        if len(base) not in (0, count):
            raise node.refuse(f"{len(base)} base values for {count} outputs have no JAX form here")
        base = base if len(base) else np.zeros(count)
        return by_output(place.tree_of, (at, ids, weights), base, transform)


Leaves = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Nodes, the outputs they add to, and what they add."""


def _two_classes(
    node: Node, place: _Places, leaves: Leaves, base: np.ndarray, transform: str
) -> Scores:
    """Weights of the first class alone are the second one's, from which the first follow."""
    _, ids, weights = leaves
    if ids.any() or len(base) > 1:
        if len(base):
            raise node.refuse(f"{len(base)} base values for two classes have no JAX form here")
        return by_output(place.tree_of, leaves, np.zeros(2), transform)
    base = base if len(base) else np.zeros(1)
    if transform == "SOFTMAX":
        raise node.refuse("SOFTMAX of one score for two classes has no JAX form here")
    one = by_output(
        place.tree_of, leaves, base, "TWO_SIGMOIDS" if transform == "LOGISTIC" else "NONE"
    )
    if transform == "LOGISTIC":
        return one
    rest = 1.0 if (weights >= 0).all() else 0.0  # probabilities, else margins
    return Scores(
        np.concatenate([-one.value, one.value], axis=1),
        one.output,
        np.array([rest - base[0], base[0]]),
        "NONE",
    )


def by_output(tree_of: np.ndarray, leaves: Leaves, base: np.ndarray, transform: str) -> Scores:
    """Values one wide where each tree adds to one output, else as wide as there are outputs.

    `tree_of` each node, from 0 on.
    """
    at, ids, weights = leaves
    trees, nodes, count = tree_of[at], len(tree_of), int(tree_of.max(initial=-1)) + 1
    lowest = np.full(count, len(base))
    highest = np.zeros(count, np.int64)
    np.minimum.at(lowest, trees, ids)
    np.maximum.at(highest, trees, ids)
    single = bool((lowest >= highest).all())
    value = np.zeros((nodes, 1 if single else len(base)))
    np.add.at(value, (at, np.zeros_like(ids) if single else ids), weights)
    output = np.minimum(lowest, highest) if single else np.zeros_like(lowest)
    return Scores(value, output.astype(np.int32), base, transform)


def integers_of(node: Node, name: str, default: int = 0) -> np.ndarray:
    """An attribute of integers; so many zeros where there is none."""
    return np.array(node.get(name) or (0,) * default, np.int64)


def reals_of(node: Node, name: str) -> np.ndarray:
    """An attribute of reals, in the precision it comes in."""
    value = node.get(f"{name}_as_tensor")
    return np.array(node.get(name) or () if value is None else value, np.float64)
