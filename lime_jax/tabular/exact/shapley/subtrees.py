"""Trees cut into subtrees so small that a table has an entry for all that a row can do in each.

To a subtree a row is a pattern of bits: for every player on the path to its root, whether the row
fails a test of that player's there; and for every test of the subtree itself, its outcome. Leaves
below one root share the path, so one table returns the values of all players of the subtree.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Int

from lime_jax.models.structure import TreeSum

LONGEST_PATH = 12
"""Players on the path to a leaf; a table doubles with each."""

VALUE_BITS, PAIR_BITS = 10, 7
"""Of the pattern of a subtree of more than a leaf: the larger, the fewer lines are looked up for
each row; but of pairs of players a larger subtree has so many that smaller ones need fewer."""

_NODES_AT_ONCE = 512


@dataclasses.dataclass(frozen=True, eq=False)
class Leaves:
    """Leaves with as many players on their paths, of subtrees of one kind.

    Attributes:
        subtree: number of each leaf's subtree in its group.
        node: number of each leaf in the sum of trees.
        players: on the path, by position; the held columns together are one behind the last.
        bit: of the pattern, for every test of the subtree above the leaf; -1 for padding.
        right: whether the leaf is on the right of that test.
        position: of the player of that test.
    """

    subtree: Int[np.ndarray, " leaves"]
    node: Int[np.ndarray, " leaves"]
    players: Int[np.ndarray, "leaves positions"]
    bit: Int[np.ndarray, "leaves tests"]
    right: Int[np.ndarray, "leaves tests"]
    position: Int[np.ndarray, "leaves tests"]

    def missed(self, path: int, bits: int) -> Int[np.ndarray, "leaves patterns"]:
        """Positions that each pattern fails, as bits."""
        pattern = np.arange(2**bits)
        missed = np.tile(pattern & (2**path - 1), (len(self.node), 1))
        for bit, right, position in zip(self.bit.T, self.right.T, self.position.T, strict=True):
            fails = (pattern >> np.maximum(bit, 0)[:, None] & 1) != right[:, None]
            fails &= (bit >= 0)[:, None]
            missed |= fails.astype(np.int64) << position[:, None]
        return missed


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Subtrees with as many players on the path to their roots, and as many tests.

    Attributes:
        path: players on the path.
        root: place of each root among the nodes of paths.
        tests: of each subtree, among the tests of the chunk.
        players: of each subtree, ascending, -1 for padding.
    """

    path: int
    root: Int[np.ndarray, " subtrees"]
    tests: Int[np.ndarray, "subtrees tests"]
    players: Int[np.ndarray, "subtrees players"]
    leaves: tuple[Leaves, ...]

    @property
    def bits(self) -> int:
        """Of a pattern."""
        return self.path + self.tests.shape[1]


@dataclasses.dataclass(frozen=True, eq=False)
class Chunk:
    """Some trees.

    Nodes of paths are numbered level by level: in each, all left children, then all right ones.

    Attributes:
        tests: nodes with tests, in the sum of trees.
        levels: of each level of paths, places and tests of those whose children are nodes of
            paths, and the positions of the tests' players.
        groups: their subtrees.
        output: first of the outputs of each tree; `tree` is the number of each node's.
    """

    tests: Int[np.ndarray, " tests"]
    num_roots: int
    levels: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]
    groups: tuple[Group, ...]


class _Nodes:
    """The nodes of some trees, level by level, and what lies above and below each."""

    def __init__(self, trees: TreeSum, roots: np.ndarray, player_of: np.ndarray) -> None:
        none = np.full(len(roots), -1)
        self.node, self.parent, self.right = roots.astype(np.int64), none, none * 0
        self.size, self.path = none * 0, np.full((len(roots), LONGEST_PATH + 1), -1)
        self.start = [0, len(roots)]
        position, players = [], self.path.shape[1]
        while True:
            level = slice(*self.start[-2:])
            node, size, path = self.node[level], self.size[level], self.path[level]
            inner = np.flatnonzero(trees.column[node] >= 0)
            player = player_of[trees.column[node]]
            same = path == player[:, None]
            at = np.where(same.any(1), same.argmax(1), size)
            position.append(at)
            self.longest = int(self.size.max())
            if not len(inner) or self.longest >= players:
                break
            below = path[inner]
            below[np.arange(len(inner)), np.minimum(at[inner], players - 1)] = player[inner]
            longer = np.maximum(size[inner], at[inner] + 1)
            child = np.concatenate([trees.left[node[inner]], trees.right[node[inner]]])
            self.node = np.append(self.node, child.astype(np.int64))
            self.parent = np.append(self.parent, np.tile(inner + level.start, 2))
            self.right = np.append(self.right, np.repeat([0, 1], len(inner)))
            self.size = np.append(self.size, np.tile(longer, 2))
            self.path = np.concatenate([self.path, below, below])
            self.start.append(len(self.node))
        self.position = np.concatenate(position)
        self.inner = trees.column[self.node] >= 0

    def levels(self) -> list[slice]:
        """Of the nodes."""
        return [slice(*ends) for ends in zip(self.start[:-1], self.start[1:], strict=True)]


def subtrees_of(
    trees: TreeSum, player_of: Int[np.ndarray, " features"], bits: int = VALUE_BITS
) -> tuple[Chunk, ...] | None:
    """The subtrees of all trees, a few trees at a time.

    Args:
        player_of: of each column; the held ones share a player behind the last.
        bits: of the pattern of a subtree of more than a leaf.

    Returns:
        The chunks, or None where the path to a leaf is longer than a table should be.
    """
    first = np.sort(trees.roots)
    count = np.diff(np.append(first, len(trees.column)))
    chunk = np.cumsum(count) // _NODES_AT_ONCE
    chunks = []
    for number in np.unique(chunk):
        nodes = _Nodes(trees, first[chunk == number], player_of)
        if nodes.longest > LONGEST_PATH:
            return None
        chunks.append(_cut(nodes, bits))
    return tuple(chunks)


def _cut(nodes: _Nodes, bits: int) -> Chunk:
    count = len(nodes.node)
    below = nodes.inner.astype(np.int64)
    for level in reversed(nodes.levels()[1:]):
        np.add.at(below, nodes.parent[level], below[level])
    fits = ~nodes.inner | (nodes.size + below <= bits)
    # The number of each node's subtree is that of its root; -1 above the roots.
    root = np.where(fits, np.arange(count), -1)
    for level in nodes.levels()[1:]:
        above = root[nodes.parent[level]]
        root[level] = np.where(above >= 0, above, root[level])
    on_path = (root < 0) | (root == np.arange(count))
    place = np.cumsum(on_path) - 1
    test = np.cumsum(nodes.inner) - 1
    levels = []
    for level in nodes.levels():
        parts = np.flatnonzero(root[level] < 0) + level.start
        if len(parts):
            levels.append((place[parts], test[parts], nodes.position[parts]))
    return Chunk(
        nodes.node[nodes.inner],
        nodes.start[1],
        tuple(levels),
        tuple(_groups(nodes, root, below, place, test)),
    )


def _groups(
    nodes: _Nodes, root: np.ndarray, below: np.ndarray, place: np.ndarray, test: np.ndarray
) -> list[Group]:
    """Subtrees by the numbers of their players on the path and of their tests."""
    roots = np.flatnonzero(root == np.arange(len(root)))
    roots = roots[(nodes.size[roots] > 0) | (below[roots] > 0)]  # not a tree that is one leaf
    inner = np.flatnonzero(nodes.inner & (root >= 0))
    inner = inner[np.argsort(root[inner], kind="stable")]
    of_inner, bit = root[inner], np.zeros(len(root), np.int64)
    bit[inner] = np.arange(len(inner)) - np.searchsorted(of_inner, of_inner)
    bit[inner] += nodes.size[of_inner]
    leaf = np.flatnonzero(~nodes.inner)
    most = int(below.max()) + 1
    key = nodes.size[roots] * most + below[roots]
    groups = []
    for number in np.unique(key):
        mine, size = roots[key == number], int(number) // most
        tests = inner[np.isin(of_inner, mine)].reshape(len(mine), -1)
        number_of = np.full(len(root), -1)
        number_of[mine] = np.arange(len(mine))
        ends = leaf[number_of[root[leaf]] >= 0]
        by_size = [ends[nodes.size[ends] == n] for n in np.unique(nodes.size[ends])]
        leaves = tuple(_leaves(nodes, some, root, number_of, bit) for some in by_size)
        groups.append(Group(size, place[mine], test[tests], _players(leaves, len(mine)), leaves))
    return groups


def _leaves(
    nodes: _Nodes, leaf: np.ndarray, root: np.ndarray, number_of: np.ndarray, bit: np.ndarray
) -> Leaves:
    steps, at = [], leaf
    while (inside := (root[at] != at)).any():
        parent = np.where(inside, nodes.parent[at], 0)
        steps.append(
            (
                np.where(inside, bit[parent], -1),
                nodes.right[at],
                np.where(inside, nodes.position[parent], 0),
            )
        )
        at = np.where(inside, parent, at)
    bits, right, position = np.array(steps, np.int64).reshape(-1, 3, len(leaf)).transpose(1, 2, 0)
    size = int(nodes.size[leaf[0]])
    return Leaves(
        number_of[root[leaf]], nodes.node[leaf], nodes.path[leaf, :size], bits, right, position
    )


def _players(leaves: tuple[Leaves, ...], subtrees: int) -> Int[np.ndarray, "subtrees players"]:
    """The players of all leaves of each subtree, ascending; -1 for padding."""
    subtree = np.concatenate([np.repeat(some.subtree, some.players.shape[1]) for some in leaves])
    player = np.concatenate([some.players.ravel() for some in leaves])
    most = int(player.max(initial=0)) + 1
    subtree, player = np.divmod(np.unique(subtree * most + player), most)
    first = np.searchsorted(subtree, np.arange(subtrees))
    place = np.arange(len(subtree)) - first[subtree]
    players = np.full((subtrees, int(place.max(initial=-1)) + 1), -1)
    players[subtree, place] = player
    return players


def pairs_of(chunks: tuple[Chunk, ...], num_players: int) -> Int[np.ndarray, "pairs 2"]:
    """The pairs of players that are on the path to some leaf together, in order."""
    parts = [np.zeros((0, 2), np.int64)]
    for leaves in (leaves for chunk in chunks for group in chunk.groups for leaves in group.leaves):
        first, second = np.triu_indices(leaves.players.shape[1], 1)
        both = np.stack([leaves.players[:, first], leaves.players[:, second]], -1)
        parts.append(np.sort(both.reshape(-1, 2), 1))
    first, second = np.concatenate(parts).T
    code = np.unique(first[second < num_players] * num_players + second[second < num_players])
    return np.stack(np.divmod(code, num_players), 1)
