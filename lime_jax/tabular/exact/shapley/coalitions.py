"""What a sum of trees says of coalitions, without calling it.

A coalition is in a box if x meets the conditions of its players, and a background row those of the
others. So the output of a coalition is a sum over the boxes whose missed players are none of the
coalition's, each times the share of the background that meets the rest. The shares are known
before any row is; a row is left with one test of bits for every box and coalition.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax.engine import budget
from lime_jax.fits.shapley import ShapleyMethod
from lime_jax.models.structure import TreeSum
from lime_jax.placing import placed
from lime_jax.stages.masks import MaskSamples, mask_coordinates, mask_view
from lime_jax.tabular.exact.boxes import boxes_of
from lime_jax.tabular.exact.shapley.chunks import LevelColumns, Tests
from lime_jax.tabular.exact.shapley.layout import Layout
from lime_jax.tabular.exact.shapley.shares import background_shares, coalition_words
from lime_jax.tabular.exact.shapley.tables import Game, game_of, patterns_of
from lime_jax.typing import Array, Bool, Float, Int, LinearFit, Pytree, UInt32, pytree

__all__ = ["MOST_BYTES", "CoalitionForm", "CoalitionGame", "FormOfOutputs", "coalition_game"]

MOST_BYTES = budget.MEMORY_BUDGET // 4
"""Of the shares that are kept."""

_BOXES_TOGETHER = 32
"""Summed up before they join the total, so that 32 bits lose little."""

_OUTPUTS_AT_ONCE = 2**14
"""Rows times coalitions on a CPU."""


@pytree
class CoalitionGame:
    """A sum of trees, a background and coalitions, on the device. Boxes come in two axes.

    Attributes:
        tests: of the boxes; bits are by player, and one more for all held columns.
        share: of the background that meets all conditions of players outside each coalition.
        coalitions: bits by player, by word; the one for held columns is set.
    """

    levels: LevelColumns
    tests: Tests
    value: Float[Any, "sums boxes outputs"]
    share: Float[Any, "sums boxes coalitions"]
    coalitions: UInt32[Any, "words coalitions"]
    base: Float[Any, " outputs"]


def coalition_game(
    trees: TreeSum,
    background: Float64[np.ndarray, "background features"],
    weights: Float64[np.ndarray, " background"],
    groups: Int[np.ndarray, " features"],
    coalitions: Bool[np.ndarray, "coalitions players"],
    most_bytes: int = MOST_BYTES,
) -> CoalitionGame | None:
    """What does not depend on the rows to explain; for the caller to keep.

    Args:
        groups: player of each column; -1 where it is held.

    Returns:
        The game, or None where it would take more memory.
    """
    count, num_players = coalitions.shape
    boxes = boxes_of(trees, np.ones(trees.num_features, bool))
    kind = np.dtype(jnp.result_type(float))
    rows = max(1, -(-len(boxes.value) // _BOXES_TOGETHER))
    if rows * _BOXES_TOGETHER * count * kind.itemsize > most_bytes:
        return None
    game = game_of(boxes, np.asarray(groups), num_players)
    patterns = patterns_of(game, background, weights)
    share = np.zeros((rows * _BOXES_TOGETHER, count), kind)
    share[: len(boxes.value)] = background_shares(game, patterns, coalitions, kind)
    asked = np.pad(coalitions, ((0, 0), (0, int(game.held.any()))), constant_values=True)
    layout = Layout(_by_player(game, groups, asked.shape[1]), patterns, 0)
    levels = layout.level_columns(trees.num_features)
    dealt = np.full((1, len(share)), -1)
    dealt[0, : len(boxes.value)] = np.arange(len(boxes.value))
    by_row = (rows, _BOXES_TOGETHER, -1)
    return CoalitionGame(
        levels=levels,
        tests=jax.tree.map(lambda array: placed(array[0]), layout.tests(dealt)),
        value=placed(layout.values(dealt)[0].T.reshape(by_row), kind),
        share=placed(share.reshape(by_row)),
        coalitions=placed(coalition_words(asked)),
        base=placed(boxes.base, kind),
    )


def _by_player(game: Game, groups: Int[np.ndarray, " features"], positions: int) -> Game:
    """The same boxes with a position for every player, met or not, and one for held columns."""
    player = np.asarray(groups)[game.boxes.conditions.column[game.entry]]
    position = np.where(game.held, positions - 1, player)
    return dataclasses.replace(game, position=position, size=np.full_like(game.size, positions))


class FormOfOutputs:
    """KernelSHAP on coalitions whose outputs need no call of the model; see `ClosedForm`."""

    method: ShapleyMethod

    def outputs(self, instances: Pytree, labels: Array) -> Array:
        """(rows, labels, coalitions): what the model says, averaged over the background."""
        raise NotImplementedError

    def explain_block(
        self,
        instances: Pytree,
        labels: Int[Array, "rows labels"],
        variance: Float[Array, "rows labels"] | None = None,
    ) -> LinearFit:
        """Explanations of a block of rows, with players for features; see `ClosedForm`."""
        del variance
        method, masks = self.method, self.method.masks
        present = jnp.ones(masks.shape[-1], bool)

        def summarize(masks: Array, y: Array) -> Array:
            return method.summarize(mask_view(MaskSamples(masks), present), y)

        def fit(outputs: Array) -> LinearFit:
            y = outputs.T.reshape(*masks.shape[:2], -1)
            return method.solve(jax.vmap(summarize)(masks, y), mask_coordinates(present))

        return jax.vmap(fit)(self.outputs(instances, labels))


@pytree
class CoalitionForm(FormOfOutputs):
    """KernelSHAP on coalitions whose outputs are formulas; see `ClosedForm`.

    Attributes:
        game: of model, background and coalitions.
        method: that the coalitions are of.
    """

    game: CoalitionGame
    method: ShapleyMethod

    @property
    def rows_at_once(self) -> int:
        """See `ClosedForm`."""
        count = self.game.coalitions.shape[1]
        return budget.rows_of_formulas(min(128, _OUTPUTS_AT_ONCE // count), 64 * count)

    def outputs(
        self, instances: Float[Array, "rows features"], labels: Int[Array, "rows labels"]
    ) -> Float[Array, "rows labels coalitions"]:
        """What the model says of all coalitions, averaged over the background."""
        game = self.game
        missed = game.tests.missed(game.levels(instances.T))
        by_box = [words.reshape(*game.share.shape[:2], -1) for words in missed]
        none = jnp.zeros((*labels.shape, game.share.shape[2]), game.share.dtype)

        def add_box(total: Array, box: Pytree) -> tuple[Array, None]:
            share, value, missed = box
            fails = jnp.zeros(none.shape[::2], bool)
            for row_misses, asked in zip(missed, game.coalitions, strict=True):
                fails |= (row_misses[:, None] & asked) != 0
            there = jnp.where(fails, 0, share)
            return total + value[labels][:, :, None] * there[:, None], None

        def add_boxes(total: Array, boxes: Pytree) -> tuple[Array, None]:
            return total + jax.lax.scan(add_box, none, boxes)[0], None

        total = jax.lax.scan(add_boxes, none, (game.share, game.value, by_box))[0]
        return total + game.base[labels][:, :, None]
