"""Exact values of many rows of a sum of trees on a CPU: from tables of subtrees, in NumPy.

A row is a pattern in each subtree (`subtrees`), and a table has the values of all players there for
each pattern. The background enters nothing but the tables, by how often it has each pattern. XLA
gathers one number after the other; NumPy looks up many rows' numbers in one small table at a time,
a few times as fast, and there is nothing to compile.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float64, Int

from lime_jax.engine.work import Progress
from lime_jax.models.convert.tree_sums import outputs_of_nodes
from lime_jax.models.structure import TreeSum
from lime_jax.tabular.exact.route import one_by_one
from lime_jax.tabular.exact.shapley.codes import Codes, Known, codes_of
from lime_jax.tabular.exact.shapley.fit import fit_on_host
from lime_jax.tabular.exact.shapley.subtree_rows import (
    ROWS_AT_ONCE,
    BackgroundMasses,
    known_of,
    patterns_of,
)
from lime_jax.tabular.exact.shapley.subtree_tables import MassOf, Sums, Table, tables_of
from lime_jax.tabular.exact.shapley.subtrees import (
    PAIR_BITS,
    VALUE_BITS,
    Chunk,
    pairs_of,
    subtrees_of,
)
from lime_jax.tabular.exact.shapley.terms import Value
from lime_jax.typing import LinearFit

KEPT_BYTES = 2**27
"""Of all tables; larger ones are made for some rows after the other, a few trees at a time."""

_TRIED_ROWS = 256

_ROWS_OF_TABLES, _SUMS_AT_ONCE = 2**15, 2**26
"""Rows, and numbers that are added up, in memory together."""


@dataclasses.dataclass(frozen=True, eq=False)
class Maker:
    """What makes tables."""

    sums: Sums
    masses: Callable[[Chunk], Sequence[MassOf]]
    value: Value
    kind: np.dtype

    def __call__(self, chunk: Chunk) -> tuple[list[Table], Float64[np.ndarray, " outputs"]]:
        """The tables of some trees, and their outputs of no coalition."""
        return tables_of(chunk, self.sums, self.masses(chunk), self.value, self.kind)


Adder = Callable[[Float[np.ndarray, "sums rows"], Known], None]
"""Adds the values of some rows, by their codes."""


@runtime_checkable
class Part(Protocol):
    """Some trees."""

    def ready(self) -> Adder:
        """Make what is not kept."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class TablePart:
    """Some trees by their tables; or by what makes them for some rows after the other."""

    chunk: Chunk
    codes: Codes
    tables: list[Table] | Maker

    def ready(self) -> Adder:
        """With tables."""
        made = self.tables(self.chunk)[0] if isinstance(self.tables, Maker) else self.tables
        return partial(self._add, made)

    def _add(self, tables: list[Table], total: np.ndarray, known: Known) -> None:
        """Look the values of some rows up, and add them."""
        place = np.empty(total.shape[1], np.intp)
        found = np.empty(total.shape[1], total.dtype)
        patterns = patterns_of(self.chunk, self.codes, known)
        for table, of_group in zip(tables, patterns, strict=True):
            for lines, sums, pattern in zip(table.values, table.sums, of_group, strict=True):
                place[...] = pattern
                for line, target in sums:
                    lines[line].take(place, out=found, mode="wrap")
                    part = total[target]
                    np.add(part, found, out=part)


@dataclasses.dataclass(frozen=True, eq=False)
class ShapleyBlocks:
    """A sum of trees, and what stands for hidden players.

    Attributes:
        expected: outputs of no coalition: means over the background.
        rest: of all outputs, where it is the same for every row; None: there is no such sum.
        num_background: rows; NaN: there are none.
    """

    parts: tuple[Part, ...]
    codes: Codes
    sums: Sums
    expected: Float64[np.ndarray, " outputs"]
    rest: float | None
    num_background: float | int

    @property
    def pairs(self) -> Int[np.ndarray, "pairs 2"]:
        """Players whose interactions there are."""
        return self.sums.pairs

    def explain(
        self,
        rows: Float64[np.ndarray, "rows features"],
        labels: Int[np.ndarray, "rows labels"],
        tick: Progress | None = None,
    ) -> tuple[LinearFit, Float[np.ndarray, "rows labels pairs"]]:
        """Explanations of rows, with players for features, and interactions of their pairs."""
        kind, pairs = jnp.result_type(float), len(self.sums.pairs)
        coef = np.empty((*labels.shape, self.sums.num_players), kind)
        expected, together = np.empty(labels.shape), np.empty((*labels.shape, pairs), kind)
        numbers = self.sums.trees.num_outputs * self.sums.each
        most = max(1, min(_ROWS_OF_TABLES, _SUMS_AT_ONCE // numbers) // ROWS_AT_ONCE) * ROWS_AT_ONCE
        for start in range(0, len(rows), most):
            some = slice(start, start + most)
            found = coef[some], together[some], expected[some]
            self._fill(found, rows[some], labels[some])
            if tick is not None:
                tick(len(rows[some]))
        return fit_on_host(expected, coef, self.num_background), together

    def _fill(self, found: tuple[np.ndarray, ...], rows: np.ndarray, labels: np.ndarray) -> None:
        known = known_of(self.codes, rows)
        sums, kind = self.sums.trees.num_outputs * self.sums.each, found[0].dtype
        totals = [np.zeros((sums, codes.shape[1]), kind) for codes, _ in known]
        for part in self.parts:
            one_by_one(part.ready(), totals, known)
        for number, total in enumerate(totals):
            part = slice(number * ROWS_AT_ONCE, (number + 1) * ROWS_AT_ONCE)
            self._read(total, labels[part], *(to[part] for to in found))

    def _read(
        self,
        total: np.ndarray,
        labels: np.ndarray,
        coef: np.ndarray,
        together: np.ndarray,
        expected: np.ndarray,
    ) -> None:
        """What rows asked for."""
        players, held = self.sums.num_players, self.sums.any_held
        by_output = total.reshape(-1, self.sums.each, total.shape[1])
        mean = np.broadcast_to(self.expected[:, None], (len(by_output), total.shape[1]))
        if held:
            mean = self.sums.trees.base[:, None] + by_output[:, players].astype(np.float64)
        if self.rest is not None:
            by_output = np.concatenate([by_output, -by_output.sum(0, keepdims=True)])
            mean = np.concatenate([mean, self.rest - mean.sum(0, keepdims=True)])
        row = np.arange(len(labels))
        for number, label in enumerate(labels.T):
            asked = by_output[label[0]].T if (label == label[0]).all() else by_output[label, :, row]
            coef[:, number] = asked[:, :players]
            together[:, number] = asked[:, players + held :]
            expected[:, number] = mean[label, row]


def shapley_blocks(
    trees: TreeSum,
    background: Float64[np.ndarray, "background features"],
    weights: Float64[np.ndarray, " background"],
    groups: Int[np.ndarray, " features"],
    num_players: int,
    value: Value = "shapley",
    interactions: bool = False,
    max_pairs: int | None = None,
) -> ShapleyBlocks | None:
    """What does not depend on the rows to explain; see `shapley.shapley_tables`.

    Args:
        interactions: whether those of pairs of players are asked for too.
        max_pairs: those that matter most on the background; None: all that can matter.

    Returns:
        The tables, or None where some path is too long for one.
    """
    player_of = np.where(groups < 0, num_players, groups)
    chunks = subtrees_of(trees, player_of, PAIR_BITS if interactions else VALUE_BITS)
    if chunks is None:
        return None
    codes, pairs = codes_of(trees), pairs_of(chunks, num_players) if interactions else None
    sums, rest = sums_of(trees, groups, num_players, pairs)
    masses = BackgroundMasses(codes, known_of(codes, background), weights)
    maker = Maker(sums, masses, value, np.dtype(jnp.result_type(float)))
    made = by_tables(chunks, codes, maker, rest, len(weights))
    if max_pairs is None or len(sums.pairs) <= max_pairs:
        return made
    pairs = sums.pairs[_strongest(made, background, max_pairs)]
    maker = dataclasses.replace(maker, sums=dataclasses.replace(sums, pairs=pairs))
    return by_tables(chunks, codes, maker, rest, len(weights))


def sums_of(
    trees: TreeSum,
    groups: Int[np.ndarray, " features"],
    num_players: int,
    pairs: Int[np.ndarray, "pairs 2"] | None = None,
) -> tuple[Sums, float | None]:
    """Where the values of trees are added, and what all their outputs are together; see `rest`."""
    trees, rest = _without_last(_leafless(trees))
    held = bool((groups[np.unique(trees.column[trees.column >= 0])] < 0).any())
    pairs = np.zeros((0, 2), np.int64) if pairs is None else pairs
    return Sums(trees, num_players, outputs_of_nodes(trees)[:, 0], held, pairs), rest


def by_tables(
    chunks: tuple[Chunk, ...],
    codes: Codes,
    maker: Maker,
    rest: float | None,
    num_background: float | int,
) -> ShapleyBlocks:
    """With the tables, if they are not too large."""
    sums = maker.sums
    cells = sum(sums.cells(group) for chunk in chunks for group in chunk.groups)
    few = cells * maker.kind.itemsize <= KEPT_BYTES

    def make(chunk: Chunk) -> tuple[TablePart, np.ndarray]:
        tables, mean = maker(chunk)
        return TablePart(chunk, codes, tables if few else maker), mean

    made = one_by_one(make, chunks)
    expected = sums.trees.base + sum(mean for _, mean in made)
    parts = tuple(part for part, _ in made)
    return ShapleyBlocks(parts, codes, sums, expected, rest, num_background)


def _strongest(
    blocks: ShapleyBlocks, background: Float64[np.ndarray, "background features"], most: int
) -> Int[np.ndarray, " most"]:
    """The pairs of the largest mean |value| on the background, or on evenly spaced rows of it."""
    rows = background[:: -(-len(background) // _TRIED_ROWS)]
    outputs = blocks.sums.trees.num_outputs + (blocks.rest is not None)
    _, together = blocks.explain(rows, np.tile(np.arange(outputs), (len(rows), 1)))
    size = np.abs(together).mean((0, 1))
    return np.sort(np.argsort(-size, kind="stable")[:most])


def _leafless(trees: TreeSum) -> TreeSum:
    """Trees that are one leaf, as part of what is added to every row."""
    base = trees.base.copy()
    alone = trees.roots[trees.column[trees.roots] < 0]
    np.add.at(base, outputs_of_nodes(trees)[alone], trees.value[alone])
    return dataclasses.replace(trees, base=base)


def _without_last(trees: TreeSum) -> tuple[TreeSum, float | None]:
    """Probabilities add up to 1, so one output follows from the others."""
    value = trees.value
    if value.shape[1] < 2 or np.abs(value.sum(1)).max() > 1e-12 * np.abs(value).max():
        return trees, None
    first = np.arange(trees.num_outputs - 1)
    return trees.of_outputs(first), float(trees.base.sum())
