"""A table against a background: hidden columns take the values of background rows."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax.stages.masks import (
    MaskSamples,
    RowMasks,
    mask_coordinates,
    mask_view,
    masks_of,
)
from lime_jax.typing import (
    AnyArray,
    Array,
    Bool,
    Coordinates,
    Float,
    Int,
    Pytree,
    View,
    pytree,
    static,
)


def _shown_columns(masks: AnyArray, player_of: AnyArray) -> Any:
    """Flags of the columns of players that are shown, and of those that no player has."""
    if isinstance(masks, np.ndarray):
        # `take` keeps the order of the axes in memory: the inputs are one table without a copy.
        return np.take(masks, player_of, axis=-1) | (player_of < 0)
    return masks[..., player_of] | (player_of < 0)


class _Shown:
    """Players that are shown or hidden; x shows all. What the domains of this module share."""

    num_players: int

    @property
    def shared(self) -> bool:
        """No: shown or not, a sample holds values of x."""
        return False

    @property
    def _present(self) -> Bool[Array, " players"]:
        return jnp.ones(self.num_players, bool)

    def view(self, instance: Pytree, samples: MaskSamples | RowMasks) -> View:
        """Masks as numbers; see `Domain`."""
        return mask_view(MaskSamples(samples.masks), self._present)

    def coordinates(self, instance: Pytree) -> Coordinates:
        """X keeps everything; see `Domain`."""
        return mask_coordinates(self._present)


@pytree
class BackgroundDomain(_Shown):
    """Columns in groups, each of them x's own or a background row's; see `Domain`.

    Attributes:
        background: rows, numbers and level codes.
        background_weights: of each row; they add up to 1.
        player_of: the player that each column belongs to; -1: the column always keeps x's value.
        num_players: columns, or groups of them.
    """

    background: Float[Any, "background features"]
    background_weights: Float[Any, " background"]
    player_of: Int[Any, " features"]
    num_players: int = static()

    @property
    def sample_size(self) -> int:
        """Numbers that one sample consists of."""
        rows, features = self.background.shape
        return rows * features

    def realize(self, instance: Pytree, draws: Pytree) -> MaskSamples:
        """Masks from draws; `instance` is not looked at."""
        return MaskSamples(masks_of(draws, self._present, 0.5))

    def inputs(
        self, instance: Float[Any, " features"], samples: MaskSamples
    ) -> Float[Array, "*batch samples background features"]:
        """Every sample on every background row."""
        shown = _shown_columns(samples.masks, self.player_of)
        return jnp.where(shown[..., None, :], instance, self.background)


@pytree
class RowsDomain(_Shown):
    """As `BackgroundDomain`, but each sample is of one background row; see `Domain`.

    Attributes:
        background: rows, numbers and level codes.
        player_of: the player that each column belongs to; -1: the column always keeps x's value.
        num_players: columns, or groups of them.
    """

    background: Float[Any, "background features"]
    player_of: Int[Any, " features"]
    num_players: int = static()

    @property
    def sample_size(self) -> int:
        """Numbers that one sample consists of."""
        return self.background.shape[1]

    @property
    def background_weights(self) -> None:
        """None: a sample has one input."""
        return

    def realize(self, instance: Pytree, draws: RowMasks) -> RowMasks:
        """The draws themselves."""
        return draws

    def inputs(
        self, instance: Float[Any, " features"], samples: RowMasks
    ) -> Float[Array, "*batch samples features"]:
        """Every sample on its own background row."""
        shown = _shown_columns(samples.masks, self.player_of)
        return jnp.where(shown, instance, self.background[samples.rows])


def host_row_inputs(
    rows: Float64[np.ndarray, "rows features"],
    background: Float64[np.ndarray, "background features"],
    player_of: Int[np.ndarray, " features"],
    samples: RowMasks,
) -> Float64[np.ndarray, "rows units samples features"]:
    """The same in float64: what a host model is called with."""
    shown = _shown_columns(np.asarray(samples.masks), player_of)
    return np.where(shown, rows[:, None, None], background[np.asarray(samples.rows)])


def host_inputs(
    rows: Float64[np.ndarray, "rows features"],
    background: Float64[np.ndarray, "background features"],
    player_of: Int[np.ndarray, " features"],
    samples: MaskSamples,
) -> Float64[np.ndarray, "rows units samples background features"]:
    """The same in float64: what a host model is called with."""
    # All background rows side by side make the innermost loop long.
    shown = _shown_columns(np.asarray(samples.masks), player_of)
    count = len(background)
    instances = np.tile(rows, count)[:, None, None]
    inputs = np.where(np.tile(shown, count), instances, background.reshape(-1))
    return inputs.reshape(*shown.shape[:-1], *background.shape)
