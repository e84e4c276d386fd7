"""Tables of subtrees: the values of all their players, by the pattern of a row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from lime_jax.models.structure import TreeSum
from lime_jax.tabular.exact.shapley.subtrees import Chunk, Group, Leaves
from lime_jax.tabular.exact.shapley.terms import (
    Value,
    interactions_of_leaves,
    values_of_leaves,
)

MassOf = Callable[
    [Leaves, Int[np.ndarray, "leaves patterns"], Int[np.ndarray, "leaves 1"]],
    Float64[np.ndarray, "leaves sets"],
]
"""How often what stands for hidden players misses each set of positions, by leaf: from those
that each pattern misses, and those that are never missed."""

_CELLS_AT_ONCE = 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class Sums:
    """Where values are added: for each output to its players, then to its pairs of players.

    Attributes:
        num_players: the held columns are one behind the last.
        output: first of the outputs of each node's tree, in the sum of trees.
        any_held: whether some columns always keep x's own value; then what the trees say of no
            coalition depends on x, and each output has a sum for it behind those of its players.
        pairs: players whose interactions are asked for.
    """

    trees: TreeSum
    num_players: int
    output: Int[np.ndarray, " nodes"]
    any_held: bool
    pairs: Int[np.ndarray, "pairs 2"]

    @property
    def each(self) -> int:
        """Sums of each output."""
        return self.num_players + self.any_held + len(self.pairs)

    @property
    def width(self) -> int:
        """Outputs that a tree adds to."""
        return self.trees.value.shape[1]

    def lines(self, group: Group) -> int:
        """Of each output in the table of a subtree: players, held columns, pairs of players."""
        players = group.players.shape[1]
        return players + 1 + (players * (players - 1) // 2 if len(self.pairs) else 0)

    def cells(self, group: Group) -> int:
        """Numbers in the table of a group."""
        return len(group.root) * self.lines(group) * self.width * 2**group.bits

    @cached_property
    def pair_sum(self) -> Int[np.ndarray, "players players"]:
        """The sum of each pair, -1 where there is none."""
        number = np.full((self.num_players + 1,) * 2, -1)
        first, second = self.pairs.T
        number[first, second] = np.arange(len(first)) + self.num_players + self.any_held
        return number


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Of a group of subtrees.

    Attributes:
        values: output by output for players, held columns and pairs, by pattern.
        sums: of each subtree, lines in its part of `values` and the sums that they are added to.
    """

    values: Float[np.ndarray, "subtrees lines patterns"]
    sums: tuple[tuple[tuple[int, int], ...], ...]


def tables_of(
    chunk: Chunk,
    sums: Sums,
    masses: Sequence[MassOf],
    value: Value,
    kind: np.dtype,
) -> tuple[list[Table], Float64[np.ndarray, " outputs"]]:
    """The tables of some trees, and the outputs of no coalition."""
    tables, expected = [], np.zeros(sums.trees.num_outputs)
    for group, mass_of in zip(chunk.groups, masses, strict=True):
        found = np.zeros((len(group.root), sums.width, sums.lines(group), 2**group.bits))
        used = np.zeros(found.shape[:3:2], bool)
        for leaves in group.leaves:
            cells = max(1, leaves.players.shape[1]) * 2**group.bits
            each = max(1, _CELLS_AT_ONCE // cells)
            for start in range(0, len(leaves.node), each):
                some = _part(leaves, slice(start, start + each))
                used |= _add(found, expected, group, some, sums, mass_of, value)
        values = found.reshape(len(found), -1, found.shape[-1]).astype(kind)
        tables.append(Table(values, _targets(group, sums, used)))
    return tables, expected


def _part(leaves: Leaves, some: slice) -> Leaves:
    parts = {field.name: getattr(leaves, field.name)[some] for field in dataclasses.fields(leaves)}
    return Leaves(**parts)


def _add(
    found: np.ndarray,
    expected: np.ndarray,
    group: Group,
    leaves: Leaves,
    sums: Sums,
    mass_of: MassOf,
    value: Value,
) -> Bool[np.ndarray, "subtrees lines"]:
    """Add the values of some leaves to their group's table; says which lines they have."""
    missed = leaves.missed(group.path, group.bits)
    positions = leaves.players.shape[1]
    held = leaves.players == sums.num_players
    never = (held << np.arange(positions)).sum(1)[:, None]  # no background row misses these
    mass = mass_of(leaves, missed, never)
    nobody = np.broadcast_to(mass[:, :1], mass.shape)[:, None]
    terms = [values_of_leaves(mass, value), nobody]
    if len(sums.pairs):
        terms.append(interactions_of_leaves(mass, value))
    terms = np.concatenate(terms, 1) * (np.arange(2**positions) & never == 0)[:, None]
    line = _lines(group, leaves, sums)
    for output in range(sums.width):
        worth = sums.trees.value[leaves.node, output]
        np.add.at(expected, sums.output[leaves.node] + output, worth * mass[:, 0])
        for some in _apart(leaves.subtree):
            of_some = worth[some, None, None] * terms[some]
            for term, lines in zip(np.moveaxis(of_some, 1, 0), line[some].T, strict=True):
                there = np.flatnonzero(lines >= 0)
                added = np.take_along_axis(term[there], missed[some[there]], 1)
                found[leaves.subtree[some[there]], output, lines[there]] += added
    used = np.zeros((len(found), found.shape[2] + 1), bool)
    used[leaves.subtree[:, None], line] = True
    return used[:, :-1]


def _lines(group: Group, leaves: Leaves, sums: Sums) -> Int[np.ndarray, "leaves terms"]:
    """The line of each term; -1 for those of nobody."""
    players = group.players[leaves.subtree]
    position = (players[:, :, None] == leaves.players[:, None]).argmax(1)
    held = leaves.players == sums.num_players
    count = players.shape[1]
    last = np.full((len(position), 1), count if sums.any_held else -1)
    lines = [np.where(held, -1, position), last]
    if len(sums.pairs):
        first, second = np.triu_indices(position.shape[1], 1)
        low = np.minimum(position[:, first], position[:, second])
        high = np.maximum(position[:, first], position[:, second])
        line = count + 1 + low * (2 * count - low - 1) // 2 + high - low - 1
        lines.append(np.where(held[:, first] | held[:, second], -1, line))
    return np.concatenate(lines, 1)


def _apart(subtree: Int[np.ndarray, " leaves"]) -> list[Int[np.ndarray, " some"]]:
    """Leaves in parts that have none from the same subtree: those add to the same lines."""
    order = np.argsort(subtree, kind="stable")
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order)) - np.searchsorted(subtree[order], subtree[order])
    return [np.flatnonzero(number == some) for some in range(int(number.max()) + 1)]


def _targets(
    group: Group, sums: Sums, used: Bool[np.ndarray, "subtrees lines"]
) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Lines and their sums, of each subtree."""
    output = np.zeros(len(group.root), np.int64)
    for leaves in group.leaves:
        output[leaves.subtree] = sums.output[leaves.node]
    count, lines = group.players.shape[1], used.shape[1]
    target = [group.players, np.full((len(output), 1), sums.num_players)]
    if len(sums.pairs):
        first, second = np.triu_indices(count, 1)
        target.append(sums.pair_sum[group.players[:, first], group.players[:, second]])
    target = np.concatenate(target, 1)
    found: list[list[tuple[int, int]]] = [[] for _ in output]
    for subtree, line in zip(*np.nonzero(used & (target >= 0)), strict=True):
        for number in range(sums.width):
            place = (output[subtree] + number) * sums.each + target[subtree, line]
            found[subtree].append((int(number * lines + line), int(place)))
    return tuple(map(tuple, found))
