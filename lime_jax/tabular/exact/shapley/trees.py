"""Exact interventional Shapley values of sums of trees.

Against one background row a box is a game of products: a coalition is in it if each condition is
met by x, where its player is in the coalition, or by the background row, where it is not. The
Shapley values of such a game are two factorial weights (`shapley_lines`), those of the model the
sum over boxes and the mean over the background: what interventional TreeSHAP computes (Lundberg
et al., "From local explanations to global understanding with explainable AI for trees", 2020).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64
from scipy.special import gammaln

from lime_jax.engine import budget
from lime_jax.models.structure import TreeSum
from lime_jax.placing import placed
from lime_jax.tabular.exact.boxes import boxes_of, without_last
from lime_jax.tabular.exact.shapley.chunks import LevelColumns, Long, Short, Tiles
from lime_jax.tabular.exact.shapley.fit import shapley_fit
from lime_jax.tabular.exact.shapley.layout import Layout
from lime_jax.tabular.exact.shapley.tables import WORD, game_of, patterns_of
from lime_jax.typing import Array, Float, Int, LinearFit, Pytree, pytree, static

TABLE_BYTES = 32 * 2**20
"""Of all tables together; the longest boxes that do not fit go without."""


@pytree
class TreeGame:
    """A sum of trees and a background, on the device.

    Attributes:
        long: boxes with the patterns of the background.
        expected: mean of every output over the background.
        total: of all outputs, where it is the same for every row; 0 otherwise.
        num_players: columns or groups of them (static, as all below).
        any_held: whether some columns always keep x's own value; then `expected` depends on x.
        rest_is_last: whether the last output is `total` less the others, and left out.
    """

    levels: LevelColumns
    short: tuple[Short, ...]
    long: tuple[Long, ...]
    base: Float[Any, " outputs"]
    expected: Float[Any, " outputs"]
    total: Float[Any, ""]
    num_players: int = static()
    num_background: int = static()
    any_held: bool = static()
    rest_is_last: bool = static()


def tree_game(
    trees: TreeSum,
    background: Float64[np.ndarray, "background features"],
    weights: Float64[np.ndarray, " background"],
    groups: Int[np.ndarray, " features"],
    num_players: int,
    table_bytes: int = TABLE_BYTES,
) -> TreeGame:
    """Build the game; see `shapley.shapley_tables`.

    Args:
        groups: player of each column; -1 where it is held.
    """
    every = np.ones(trees.num_features, bool)
    boxes, total = without_last(boxes_of(trees, every))
    game = game_of(boxes, np.asarray(groups), num_players)
    patterns = patterns_of(game, background, weights)
    layout = Layout(game, patterns, table_bytes)
    levels = layout.level_columns(trees.num_features)
    float_ = jnp.result_type(float)
    return TreeGame(
        levels=levels,
        short=layout.short(),
        long=layout.long(),
        base=placed(boxes.base, float_),
        expected=placed(boxes.base + (patterns.met_by_all() @ boxes.value), float_),
        total=placed(total or 0.0, float_),
        num_players=num_players,
        num_background=len(background),
        any_held=bool(game.held.any()),
        rest_is_last=total is not None,
    )


@pytree
class ShapleyTreeForm:
    """Shapley values of a sum of trees; see `ClosedForm`."""

    game: TreeGame

    @property
    def rows_at_once(self) -> int:
        """See `ClosedForm`."""
        cells = [short.tiles.source[0].size for short in self.game.short]
        cells += [long.weight[0].size for long in self.game.long]
        return budget.rows_of_formulas(128, 32 * max(cells, default=1))

    def explain_block(
        self,
        instances: Float[Array, "rows features"],
        labels: Int[Array, "rows labels"],
        variance: Float[Array, "rows labels"] | None = None,
    ) -> LinearFit:
        """Explanations of a block of rows, with players for features; see `ClosedForm`."""
        del variance
        game, columns = self.game, self.game.levels(instances.T)
        rows, outputs = instances.shape[0], game.base.shape[0]
        kind = game.base.dtype
        totals = (
            jnp.zeros((game.num_players, outputs, rows), kind),
            jnp.broadcast_to(game.base[:, None], (outputs, rows)),
        )
        for chunks in (*game.short, *game.long):
            totals = self._add(totals, chunks, columns)
        coef, output = totals
        expected = (
            output - coef.sum(0)
            if game.any_held
            else jnp.broadcast_to(game.expected[:, None], output.shape)
        )
        if game.rest_is_last:
            coef = jnp.concatenate([coef, -coef.sum(1, keepdims=True)], 1)
            expected = jnp.concatenate([expected, (game.total - expected.sum(0))[None]])
        return shapley_fit(jnp.transpose(coef, (2, 1, 0)), expected.T, labels, game.num_background)

    def _add(self, totals: Pytree, chunks: Short | Long, columns: Array) -> Pytree:
        terms = _short_terms if isinstance(chunks, Short) else _long_terms

        def add(totals: Pytree, chunk: Pytree) -> tuple[Pytree, None]:
            coef, output = totals
            missed, terms_ = terms(chunk, columns)
            coef = coef + _by_player(chunk.tiles, terms_, len(coef))
            if self.game.any_held:
                output = output + _own(chunk, missed)
            return (coef, output), None

        return jax.lax.scan(add, totals, chunks)[0]


def _short_terms(chunk: Short, columns: Array) -> tuple[Pytree, Array]:
    """Missed sets by length of the boxes, and the value of every position in the tiles."""
    missed = [tests.missed(columns)[0] for tests in chunk.tests]
    by_box = jnp.concatenate(missed).astype(jnp.int32)
    place = chunk.first[..., None] + by_box[chunk.tiles.source]
    return [[m] for m in missed], chunk.lines.at[place].get(mode="promise_in_bounds")


def _long_terms(chunk: Long, columns: Array) -> tuple[Pytree, Array]:
    """Missed sets, and the value of every position in the tiles."""
    missed = chunk.tests.missed(columns)
    terms = _values(chunk, missed)
    return [missed], terms.reshape(-1, terms.shape[-1])[chunk.tiles.source]


def _values(chunk: Long, missed: list[Array]) -> Array:
    """Values of all positions, (boxes, positions, rows)."""
    kind, positions = chunk.weight.dtype, chunk.positions
    alive = jnp.ones((*chunk.weight.shape, missed[0].shape[-1]), bool)
    for by_row, by_pattern in zip(missed, chunk.missed, strict=True):
        alive &= (by_row[:, None] & by_pattern[..., None]) == 0
    size = _count(missed)
    count = jnp.maximum(_count(chunk.missed) - chunk.held[:, None], 0)
    factorials = jnp.asarray(_factorials(positions), kind)
    place = count[..., None] * (positions + 1) + size[:, None]
    share = factorials.at[place].get(mode="promise_in_bounds") * chunk.weight[..., None]
    share = jnp.where(alive, share, 0)
    flags = _flags(chunk.missed, positions).astype(kind)
    # What a position in x's set loses is |n| / |m| times what one in n gets; 1 / |m| for no n.
    flags = jnp.concatenate([flags, jnp.maximum(count, 1)[:, None].astype(kind)], 1)
    sums = jnp.matmul(flags, share, precision="highest")
    loss = sums[:, -1] / jnp.maximum(size, 1)
    return jnp.where(_flags(missed, positions), -loss[:, None], sums[:, :-1])


def _count(sets: Pytree) -> Array:
    """Positions in sets that come word by word."""
    counts = [jax.lax.population_count(word) for word in sets]
    return jnp.stack(counts).sum(0).astype(jnp.int32)


def _flags(sets: Pytree, positions: int) -> Array:
    """Whether each position is in sets that come word by word: (boxes, positions, ...)."""
    bit = jnp.arange(WORD, dtype=jnp.uint32)[:, None]
    words = [((word[:, None] >> bit) & 1) > 0 for word in sets]
    return jnp.concatenate(words, 1)[:, :positions]


def _factorials(positions: int) -> Float64[np.ndarray, " cells"]:
    """(n - 1)! m! / (n + m)! for n and m up to `positions`; 1 for n = 0."""
    n, m = np.indices((positions + 1, positions + 1))
    log = gammaln(np.maximum(n, 1)) + gammaln(m + 1) - gammaln(n + m + 1)
    return np.where(n > 0, np.exp(log), 1.0).ravel()


def _own(chunk: Short | Long, missed: Pytree) -> Array:
    """The boxes that rows are in, (outputs, rows)."""
    values = chunk.value if isinstance(chunk, Short) else (chunk.value,)
    inside = [
        jnp.matmul(value, (jnp.stack(words) == 0).all(0).astype(value.dtype), precision="highest")
        for value, words in zip(values, missed, strict=True)
    ]
    return jnp.stack(inside).sum(0)


def _by_player(tiles: Tiles, terms: Array, num_players: int) -> Array:
    """Sums over all boxes, (players, outputs, rows)."""
    by_tile = jnp.matmul(tiles.value, terms, precision="highest")
    return jax.ops.segment_sum(by_tile, tiles.player, num_players, indices_are_sorted=True)
