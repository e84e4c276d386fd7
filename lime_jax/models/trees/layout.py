"""How nodes and trees are numbered for the device; on the host, all trees at once."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Int32, Int64

from lime_jax.models.structure import TreeSum, stable_order
from lime_jax.sizes import size_for

TREES_TOGETHER = 64
"""Trees that are summed before they are added to the rest: keeps rounding errors small."""

_TREES = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 64)
"""Trees that a group has room for: shares of the numbers that people choose."""


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """Some trees of a sum, tree by tree, each one's nodes breadth first and siblings adjacent."""

    node: Int64[np.ndarray, " nodes"]
    tree: Int64[np.ndarray, " nodes"]
    # Place of the left child, the right one is next; -1 at a leaf
    left: Int64[np.ndarray, " nodes"]
    levels: Int64[np.ndarray, " levels"]  # ends of the levels if nodes were sorted by level
    by_level: Int64[np.ndarray, " nodes"]  # places of the nodes sorted by level
    first: Int64[np.ndarray, " trees"]  # place of each tree's root
    depth: Int64[np.ndarray, " trees"]
    leaves: Int64[np.ndarray, " trees"]

    @property
    def is_leaf(self) -> np.ndarray:
        """Which nodes are leaves."""
        return self.left < 0


def lay_out(trees: TreeSum, which: Int64[np.ndarray, " some"]) -> Layout:
    """The nodes of some trees, in this order."""
    node, tree = trees.roots[which].astype(np.int64), np.arange(len(which))
    nodes, owners, depth = [node], [tree], np.zeros(len(which), np.int64)
    while node.size:
        inner = trees.column[node] >= 0
        node, tree = node[inner], tree[inner]
        depth[tree] += 1
        node = np.stack([trees.left[node], trees.right[node]], axis=1).ravel().astype(np.int64)
        tree = np.repeat(tree, 2)
        nodes.append(node)
        owners.append(tree)
    node, tree = np.concatenate(nodes), np.concatenate(owners)
    order = stable_order(tree, len(which))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    where = np.zeros(len(trees.column), np.int64)
    where[node] = place
    node, tree = node[order], tree[order]
    leaf = trees.column[node] < 0
    first = np.searchsorted(tree, np.arange(len(which)))
    return Layout(
        node=node,
        tree=tree,
        left=np.where(leaf, -1, where[trees.left[node]]),
        levels=np.cumsum([len(level) for level in nodes]),
        by_level=place,
        first=first,
        depth=depth,
        leaves=np.bincount(tree[leaf], minlength=len(which)),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Groups:
    """Trees in groups of one size that add to the same outputs; -1 where there is no tree."""

    member: Int64[np.ndarray, "groups size"]
    output: Int32[np.ndarray, " groups"]  # first output that a group adds to

    def padded(self, for_all: bool) -> Groups:
        """With room for more groups, and for more trees in each.

        Args:
            for_all: whether all trees of a group are worked on together, so that room takes time.
        """
        groups, size = self.member.shape
        least = TREES_TOGETHER if groups == 1 else 8
        wanted = min(s for s in _TREES if s >= size) if for_all else size_for(size, least, parts=1)
        more = size_for(groups, least=1) - groups
        pad = ((0, more), (0, wanted - size))
        member = np.pad(self.member, pad, constant_values=-1)
        return Groups(member, np.pad(self.output, (0, more)))


def group(output: Int32[np.ndarray, " trees"], depth: Int64[np.ndarray, " trees"]) -> Groups:
    """As few groups of trees of similar depth, and one output, as hold at most 64 each."""
    outputs, counts = np.unique(output, return_counts=True)
    size = -(-counts.max() // -(-counts.max() // TREES_TOGETHER))
    order = np.lexsort((depth, output))
    rows, owners = [], []
    for number, members in zip(outputs, np.split(order, np.cumsum(counts)[:-1]), strict=True):
        empty = -len(members) % size
        rows.append(np.pad(members, (0, empty), constant_values=-1).reshape(-1, size))
        owners.append(np.full(len(rows[-1]), number, np.int32))
    return Groups(np.concatenate(rows), np.concatenate(owners))
