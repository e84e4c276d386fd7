"""Exact path-dependent values of a sum of trees: by passes, or for many rows from tables."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float64, Int

from lime_jax.engine.work import Progress
from lime_jax.models.structure import TreeSum
from lime_jax.tabular.exact.shapley.blocks import (
    KEPT_BYTES,
    Maker,
    ShapleyBlocks,
    by_tables,
    sums_of,
)
from lime_jax.tabular.exact.shapley.codes import codes_of
from lime_jax.tabular.exact.shapley.covers import CoverMasses, edges_of
from lime_jax.tabular.exact.shapley.path_passes import PathPass, path_passes
from lime_jax.tabular.exact.shapley.subtree_tables import Sums
from lime_jax.tabular.exact.shapley.subtrees import (
    PAIR_BITS,
    VALUE_BITS,
    Chunk,
    pairs_of,
    subtrees_of,
)
from lime_jax.tabular.exact.shapley.terms import Value
from lime_jax.typing import LinearFit

_FEW_ROWS = 1024
"""So few are not worth a thought of tables."""

_STEPS_A_CELL = 32
"""A number of a table takes as long to make as so many steps of a pass."""


@dataclasses.dataclass(frozen=True, eq=False)
class PathValues:
    """A sum of trees with covers.

    Attributes:
        groups: player of each column; -1 for a column that always keeps the row's own value.
    """

    trees: TreeSum
    groups: Int[np.ndarray, " features"]
    num_players: int
    value: Value = "shapley"

    pairs = np.zeros((0, 2), np.int64)
    """None are asked for."""

    def explain(
        self,
        rows: Float64[np.ndarray, "rows features"],
        labels: Int[np.ndarray, "rows labels"],
        tick: Progress | None = None,
    ) -> tuple[LinearFit, Float[np.ndarray, "rows labels pairs"]]:
        """Explanations of rows; see `ShapleyBlocks`."""
        tables = self._tables if self._tables_pay(len(rows)) else None
        return (tables or self._passes).explain(rows, labels, tick)

    def _tables_pay(self, rows: int) -> bool:
        """Whether tables take less time than passes, if so many rows wait for them."""
        if rows <= _FEW_ROWS or self._chunks is None:
            return False
        sums, steps = self._sums[0], sum(part.steps for part in self._parts[0])
        cells = sum(sums.cells(group) for chunk in self._chunks for group in chunk.groups)
        few = cells * np.dtype(jnp.result_type(float)).itemsize <= KEPT_BYTES
        return few and cells * _STEPS_A_CELL <= steps * rows

    @property
    def _player_of(self) -> Int[np.ndarray, " features"]:
        return np.where(self.groups < 0, self.num_players, self.groups)

    @cached_property
    def _chunks(self) -> tuple[Chunk, ...] | None:
        return subtrees_of(self.trees, self._player_of, VALUE_BITS)

    @cached_property
    def _tables(self) -> ShapleyBlocks | None:
        return path_tables(self.trees, self.groups, self.num_players, self.value)

    @cached_property
    def _sums(self) -> tuple[Sums, float | None]:
        return sums_of(self.trees, self.groups, self.num_players)

    @cached_property
    def _parts(self) -> tuple[list[PathPass], Float64[np.ndarray, " outputs"]]:
        sums, kind = self._sums[0], np.dtype(jnp.result_type(float))
        edges, codes = edges_of(sums.trees, self._player_of), codes_of(self.trees)
        return path_passes(sums.trees, edges, codes, sums, self.value, kind)

    @cached_property
    def _passes(self) -> ShapleyBlocks:
        (parts, mean), (sums, rest) = self._parts, self._sums
        expected = sums.trees.base + mean
        return ShapleyBlocks(tuple(parts), codes_of(self.trees), sums, expected, rest, np.nan)


def path_tables(
    trees: TreeSum,
    groups: Int[np.ndarray, " features"],
    num_players: int,
    value: Value = "shapley",
    interactions: bool = False,
) -> ShapleyBlocks | None:
    """By tables of subtrees, with interactions; None where some path is too long for one."""
    player_of = np.where(groups < 0, num_players, groups)
    chunks = subtrees_of(trees, player_of, PAIR_BITS if interactions else VALUE_BITS)
    if chunks is None:
        return None
    pairs = pairs_of(chunks, num_players) if interactions else None
    sums, rest = sums_of(trees, groups, num_players, pairs)
    masses = CoverMasses(edges_of(sums.trees, player_of), num_players)
    maker = Maker(sums, masses, value, np.dtype(jnp.result_type(float)))
    return by_tables(chunks, codes_of(trees), maker, rest, np.nan)
