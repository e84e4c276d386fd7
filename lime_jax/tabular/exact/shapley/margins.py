"""What a function of a sum over columns says of coalitions, without calling it.

The sum for a coalition S and a background row b is what x's columns in S add plus what b's others
do: a product of masks with x's parts, and one with b's. The link of their sums is all that is left
to work out for each coalition and background row.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64, Int

from lime_jax.engine import budget
from lime_jax.fits.shapley import ShapleyMethod
from lime_jax.models.convert.column_map import put
from lime_jax.models.structure import Additive
from lime_jax.placing import placed
from lime_jax.tabular.exact.shapley.additive import AdditiveGame, additive_game
from lime_jax.tabular.exact.shapley.coalitions import FormOfOutputs
from lime_jax.typing import Array, Bool, Float, Pytree, pytree

_SUMS_AT_ONCE = 2**15
"""Rows times coalitions times sums, on a CPU."""


@pytree
class MarginGame:
    """A function of an additive model, and a background, on the device.

    Attributes:
        sums: the additive model beyond its mean over the background.
        background: rows as the additive model takes them.
        weights: of the rows; they add up to 1.
        link: (samples, sums) -> (samples, outputs).
    """

    sums: AdditiveGame
    background: Float[Any, "background features"]
    weights: Float[Any, " background"]
    link: Pytree


def margin_game(
    model: Additive,
    link: Pytree,
    background: Float64[np.ndarray, "background features"],
    weights: Float64[np.ndarray, " background"],
    groups: Int[np.ndarray, " features"],
    num_players: int,
) -> MarginGame | None:
    """What does not depend on the rows to explain; for the caller to keep.

    Args:
        groups: player of each column; -1 where it is held.

    Returns:
        The game, or None where the sum of a background row is not known.
    """
    sums = additive_game(model, background, weights, groups, num_players)
    if not np.isfinite(np.asarray(sums.expected)).all():
        return None
    float_ = jnp.result_type(float)
    return MarginGame(sums, placed(background, float_), placed(weights, float_), put(link))


def adds_numbers(
    model: Additive, values: Float64[np.ndarray, "rows features"]
) -> Bool[np.ndarray, " rows"]:
    """Whether each column of a row adds a number, be it for a missing one."""
    count = np.diff(model.level_offsets)
    unknown = (count > 0) & ~((values >= 0) & (values < count))
    lost = np.isnan(values) & np.isnan(model.missing).any(axis=1)
    infinite = np.isinf(values) & (model.slope != 0).any(axis=1)
    return ~(unknown | lost | infinite).any(axis=1)


@pytree
class MarginForm(FormOfOutputs):
    """KernelSHAP on coalitions whose outputs are a link of sums; see `ClosedForm`.

    Attributes:
        game: of model and background.
        method: that the coalitions are of.
    """

    game: MarginGame
    method: ShapleyMethod

    @property
    def rows_at_once(self) -> int:
        """See `ClosedForm`."""
        count, outputs = self.method.masks[..., 0].size, self.game.sums.expected.size
        in_cache = min(16, _SUMS_AT_ONCE // (count * outputs))
        return budget.rows_of_formulas(in_cache, 64 * count * outputs)

    def outputs(
        self, instances: Float[Array, "rows features"], labels: Int[Array, "rows labels"]
    ) -> Float[Array, "rows labels coalitions"]:
        """What the model says of all coalitions, averaged over the background."""
        game, sums = self.game, self.game.sums
        players = sums.num_players
        masks = self.method.masks.reshape(-1, self.method.masks.shape[-1])[:, :players]
        inside = masks.astype(sums.slope.dtype)
        by_player = sums.of_players(instances)
        shown = _sum("cp,pro->rco", inside, by_player[:-1]) + by_player[-1][:, None] + sums.expected

        def add(total: Array, part: tuple[Array, Array]) -> tuple[Array, None]:
            row, weight = part
            hidden = _sum("cp,po->co", 1 - inside, sums.of_players(row[None])[:-1, 0])
            margins = (shown + hidden).reshape(-1, shown.shape[-1])
            return total + weight * game.link(margins).reshape(total.shape), None

        outputs = jax.eval_shape(game.link, shown[0]).shape[-1]
        none = jnp.zeros((*shown.shape[:2], outputs), shown.dtype)
        total = jax.lax.scan(add, none, (game.background, game.weights))[0]
        return jax.vmap(lambda of_row, asked: of_row[:, asked].T)(total, labels)


def _sum(subscripts: str, a: Array, b: Array) -> Array:
    return jnp.einsum(subscripts, a, b, precision="highest")
