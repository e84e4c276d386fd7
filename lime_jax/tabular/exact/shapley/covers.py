"""Covers in the place of a background: how often training rows went each way, as the trees know.

Where a column is hidden, a row goes both ways at its tests, by the shares of the training rows that
did ("path-dependent" Shapley values: Lundberg et al., "From local explanations to global
understanding with explainable AI for trees", 2020). So a hidden player meets a leaf's conditions
with a chance that is the product of those shares, whoever else is hidden: as with a background in
which the players of each leaf are independent.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float64, Int

from lime_jax.models.structure import TreeSum
from lime_jax.tabular.exact.shapley.subtree_tables import MassOf
from lime_jax.tabular.exact.shapley.subtrees import Chunk, Leaves


@dataclasses.dataclass(frozen=True, eq=False)
class Edges:
    """What is above each node of a sum of trees.

    Attributes:
        parent: -1 for a root.
        share: of the parent's training rows that came to each node; 1 for a root.
        player: whose test parts the node from its sibling; -1 for a root.
    """

    parent: Int[np.ndarray, " nodes"]
    share: Float64[np.ndarray, " nodes"]
    player: Int[np.ndarray, " nodes"]


def edges_of(trees: TreeSum, player_of: Int[np.ndarray, " features"]) -> Edges:
    """What is above each node; where no training row came to a test, half goes each way."""
    assert trees.cover is not None
    parent, player = np.full((2, len(trees.column)), -1)
    share = np.ones(len(parent))
    inner = np.flatnonzero(trees.column >= 0)
    left, right = trees.left[inner], trees.right[inner]
    parent[left] = parent[right] = inner
    player[left] = player[right] = player_of[trees.column[inner]]
    both = trees.cover[left] + trees.cover[right]
    went_left = np.where(both > 0, trees.cover[left] / np.where(both > 0, both, 1), 0.5)
    share[left], share[right] = went_left, 1 - went_left
    return Edges(parent, share, player)


@dataclasses.dataclass(frozen=True, eq=False)
class CoverMasses:
    """How often the players of leaves miss them, by the covers.

    Attributes:
        held: player that always keeps x's own values, so it misses nothing.
    """

    edges: Edges
    held: int

    def __call__(self, chunk: Chunk) -> list[MassOf]:
        """For each group of subtrees; it does not matter which."""
        return [self._mass] * len(chunk.groups)

    def _mass(self, leaves: Leaves, missed: np.ndarray, never: np.ndarray) -> np.ndarray:
        del missed, never
        chance = self._chances(leaves)
        mass = np.ones((len(chance), 1))
        for share in chance.T[..., None]:
            mass = np.concatenate([mass * share, mass * (1 - share)], axis=1)
        return mass

    def _chances(self, leaves: Leaves) -> Float64[np.ndarray, "leaves positions"]:
        """Of meeting a leaf's conditions, hidden."""
        chance, edges = np.ones(leaves.players.shape), self.edges
        leaf, node = np.arange(len(chance)), leaves.node
        while len(node):
            inside = (edges.parent[node] >= 0) & (edges.player[node] != self.held)
            of_edge = leaves.players[leaf[inside]] == edges.player[node[inside], None]
            chance[leaf[inside], of_edge.argmax(1)] *= edges.share[node[inside]]
            below = edges.parent[node] >= 0
            leaf, node = leaf[below], edges.parent[node[below]]
        return chance
