"""LIME of players that are hidden: a byte of chance for each, and moments of zeros and ones."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp

from lime_jax.fits.linear import LinearMethod
from lime_jax.masked.domain import MORE_UNIFORMS
from lime_jax.stages.moments import Moments
from lime_jax.stages.random_words import block_words, uniform_from_bits
from lime_jax.typing import Array, Float, Index, Key, View, pytree, static

_BYTES = 4  # of a random word


@pytree
class RemovalLime(LinearMethod):
    """`LinearMethod` for masks; its design has a column for four players, and some more.

    Attributes:
        relative: whether distances are shares of the one between all players and none.
    """

    relative: bool = static(default=False)

    def draws(
        self, key: Key[Array, ""], replicate: Index, block: Index
    ) -> Float[Array, "samples columns"]:
        """Uniforms of one block.

        Each player has a byte of its own, and all of a sample have the digits below in common:
        every one is uniform, and two hang together only where their bytes meet the same bound.
        """
        design = self.design
        halves = min(2, design.block_size)
        size = design.block_size // halves

        def draw(half: Array) -> Array:
            return block_words(key, replicate, halves * block + half, size, design.num_columns)

        # A loop is not fused with what reads its results: else every reader would draw anew.
        words = jax.lax.map(draw, jnp.arange(halves)).reshape(-1, design.num_columns)
        more = uniform_from_bits(words[:, -MORE_UNIFORMS - 1 :])
        bytes_of = words[:, None, : -MORE_UNIFORMS - 1] >> (8 * jnp.arange(_BYTES))[:, None]
        whole = (bytes_of & 0xFF).reshape(len(words), -1).astype(more.dtype)
        return jnp.concatenate([(whole + more[:, :1]) / 256, more[:, 1:]], axis=1)

    def weights(self, view: View) -> Float[Array, " samples"]:
        """Proximity of each mask to x: a function of how many are kept."""
        players = jnp.maximum(view.origin.sum(), 1)
        share = view.z.sum(-1) / players
        away = distance_of_share(share, 1 if self.relative else players, self.distance, jnp)
        return self.kernel(away, self.kernel_width)

    def summarize(self, view: View, y: Float[Array, "samples outputs"]) -> Moments:
        """Weighted moments of some samples; zeros and ones need not be centered before they add."""
        weights = self.weights(view).astype(view.z.dtype)
        players, outputs = view.z.shape[1], y.shape[1]
        mean_y = mean_of(weights, y)
        mean_y = mean_y + mean_of(weights, y - mean_y)
        root = jnp.sqrt(weights)[:, None]
        columns = jnp.concatenate([root * view.z, root * (y - mean_y), root], axis=1)
        products = jnp.matmul(columns.T, columns, precision="highest")
        sums, weight = products[:players, -1], products[-1, -1]
        mean_z = sums / jnp.where(weight > 0, weight, 1)
        of_outputs = slice(players, players + outputs)
        return Moments(
            weight=weight,
            weight_squared=(weights**2).sum(),
            mean_z=mean_z,
            mean_y=mean_y,
            zz=products[:players, :players] - jnp.outer(mean_z, sums),
            zy=products[:players, of_outputs] - jnp.outer(mean_z, products[-1, of_outputs]),
            yy=jnp.diagonal(products)[of_outputs],
        )


def distance_of_share(share: Any, players: Any, distance: str, xp: ModuleType) -> Any:
    """How far a mask is from all players that keeps a share of them; `xp` is NumPy or its like."""
    if distance == "cosine":
        return 1 - xp.sqrt(share)
    hidden = xp.maximum(1 - share, 0) * players
    return xp.sqrt(hidden) if distance == "euclidean" else hidden


def mean_of(
    weights: Float[Array, " samples"], y: Float[Array, "samples outputs"]
) -> Float[Array, " outputs"]:
    """Weighted means of outputs; 0 without any weight."""
    total = weights.sum()
    return jnp.matmul(weights / jnp.where(total > 0, total, 1), y, precision="highest")


def columns_of(width: int) -> int:
    """Random words of a sample of so many players, a multiple of four."""
    return width // _BYTES + MORE_UNIFORMS + 1
