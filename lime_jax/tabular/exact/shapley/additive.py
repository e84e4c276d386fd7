"""Exact interventional Shapley values of a sum over columns: what each adds beyond its mean."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax.engine import budget
from lime_jax.models.structure import Additive
from lime_jax.placing import placed
from lime_jax.tabular.exact.shapley.fit import shapley_fit
from lime_jax.typing import Array, Float, Int, LinearFit, pytree, static


@pytree
class AdditiveGame:
    """An additive model less its columns' means over a background, on the device.

    Attributes:
        center: numbers are relative to it.
        slope: of numeric columns; 0 for categorical ones.
        at_center: what a numeric column adds there; 0 for a categorical one.
        missing: what a missing number adds.
        level_value: what levels add, all columns one after the other, and a NaN for unknown ones.
        level_first: where a column's levels begin.
        level_count: how many it has; 0: numeric.
        player: of each column; `num_players` where it is held.
        expected: mean of every output over the background.
        num_players: columns or groups of them (static).
    """

    center: Float[Any, " features"]
    slope: Float[Any, "features outputs"]
    at_center: Float[Any, "features outputs"]
    missing: Float[Any, "features outputs"]
    level_value: Float[Any, "levels outputs"]
    level_first: Int[Any, " features"]
    level_count: Int[Any, " features"]
    player: Int[Any, " features"]
    expected: Float[Any, " outputs"]
    num_players: int = static()
    num_background: int = static()

    def of_players(
        self, rows: Float[Array, "rows features"]
    ) -> Float[Array, "players_plus_1 rows outputs"]:
        """What each player's columns add beyond their mean, and last what held ones do."""
        away = (rows - self.center)[..., None]
        added = jnp.where(jnp.isnan(away), self.missing, away * self.slope + self.at_center)
        if self.level_value.shape[0] > 1:
            known = (rows >= 0) & (rows < self.level_count)
            code = self.level_first + jnp.where(known, rows, 0).astype(jnp.int32)
            code = jnp.where(known, code, self.level_value.shape[0] - 1)
            added = jnp.where(self.level_count[:, None] > 0, self.level_value[code], added)
        return jax.ops.segment_sum(jnp.moveaxis(added, 1, 0), self.player, self.num_players + 1)


def additive_game(
    model: Additive,
    background: Float64[np.ndarray, "background features"],
    weights: Float64[np.ndarray, " background"],
    groups: Int[np.ndarray, " features"],
    num_players: int,
) -> AdditiveGame:
    """Build the game; see `shapley.shapley_tables`.

    Args:
        groups: player of each column; -1 where it is held.
    """
    groups, count = np.asarray(groups), np.diff(model.level_offsets)
    mean = np.zeros((model.num_features, model.num_outputs))
    level_value = model.level_value.copy()
    there = ~np.isnan(background)
    mass = weights @ there
    total = weights @ np.where(there, background, 0)
    # Rounded as the device has it, so that a large mean takes no digits from the rest.
    center = (total / np.where(mass > 0, mass, 1)).astype(jnp.result_type(float)).astype(float)
    at_center = (center - model.shift)[:, None] * model.slope
    for k in range(model.num_features):
        levels = slice(model.level_offsets[k], model.level_offsets[k + 1])
        if not count[k]:
            away = (total[k] - mass[k] * center[k]) * model.slope[k]
            mean[k] = mass[k] * at_center[k] + away
            if mass[k] < 1 and not there[:, k].all():
                mean[k] += (1 - mass[k]) * model.missing[k]
            continue
        code = background[:, k]
        known = there[:, k] & (code >= 0) & (code < count[k])
        value = level_value[levels][np.where(known, code, 0).astype(int)]
        mean[k] = weights @ np.where(
            known[:, None], value, np.nan if level_value[levels].any() else 0
        )
        level_value[levels] -= mean[k]
    numeric = (count == 0)[:, None]
    unknown = np.full((1, model.num_outputs), np.nan)
    float_ = jnp.result_type(float)
    return AdditiveGame(
        center=placed(center, float_),
        slope=placed(np.where(numeric, model.slope, 0), float_),
        at_center=placed(np.where(numeric, at_center - mean, 0), float_),
        missing=placed(np.where(numeric, model.missing - mean, 0), float_),
        level_value=placed(np.concatenate([level_value, unknown]), float_),
        level_first=placed(model.level_offsets[:-1], jnp.int32),
        level_count=placed(count, jnp.int32),
        player=placed(np.where(groups < 0, num_players, groups), jnp.int32),
        expected=placed(model.intercept + mean.sum(0), float_),
        num_players=num_players,
        num_background=len(background),
    )


@pytree
class ShapleyAdditiveForm:
    """Shapley values of a sum over columns; see `ClosedForm`."""

    game: AdditiveGame

    @property
    def rows_at_once(self) -> int:
        """See `ClosedForm`."""
        numbers = max(self.game.slope.size, 1)
        return budget.rows_of_formulas(min(1024, 2**16 // numbers), 64 * numbers, most=2**14)

    def explain_block(
        self,
        instances: Float[Array, "rows features"],
        labels: Int[Array, "rows labels"],
        variance: Float[Array, "rows labels"] | None = None,
    ) -> LinearFit:
        """Explanations of a block of rows, with players for features; see `ClosedForm`."""
        del variance
        game = self.game
        by_player = game.of_players(instances)
        coef = jnp.moveaxis(by_player[:-1], 0, -1)
        return shapley_fit(coef, game.expected + by_player[-1], labels, game.num_background)
