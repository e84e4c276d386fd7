"""Players that are there or hidden, and what the engine knows of them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lime_jax.stages.masks import MaskSamples, mask_coordinates, mask_view
from lime_jax.typing import Array, Bool, Coordinates, Float, View, pytree, static

MORE_UNIFORMS = 3
"""That `removal_masks` needs besides one for each player."""


@pytree
class Players:
    """One instance as the device knows it.

    Attributes:
        present: the players that there are, the first ones; instances of fewer are padded.
    """

    present: Bool[Any, "*batch players"]


@pytree
class MaskedDomain:
    """Players, each of them there or hidden; see `Domain`. What is left is made on the host."""

    sample_size: int = static()

    @property
    def shared(self) -> bool:
        """No: a sample has the words of x."""
        return False

    @property
    def background_weights(self) -> None:
        """A hidden word shows one thing only."""
        return None

    def realize(self, instance: Players, draws: Array) -> MaskSamples:
        """Masks from draws: masks, or uniforms."""
        if draws.dtype == bool:
            return MaskSamples(draws & instance.present)
        return MaskSamples(removal_masks(draws, instance.present))

    def inputs(self, instance: Players, samples: MaskSamples) -> Array:
        """The masks: there is no text on a device."""
        del instance
        return samples.masks

    def view(self, instance: Players, samples: MaskSamples) -> View:
        """Masks as numbers; see `Domain`."""
        return mask_view(samples, instance.present)

    def coordinates(self, instance: Players) -> Coordinates:
        """X has all its words; see `Domain`."""
        return mask_coordinates(instance.present)


def removal_masks(
    uniforms: Float[Array, "samples columns"], present: Bool[Any, " players"]
) -> Bool[Array, "samples players"]:
    """Masks that keep k of D players, k uniform from 0 to D - 1, and which k uniform: `lime`'s law.

    Nothing is sorted. Keep each player with a probability p that is uniform itself, and any number
    of kept ones is as likely; given that not all are kept, the first J that is not has probability
    (D + 1) / D / ((J + 1) (J + 2)), and given J, p is the second largest of J + 2 uniforms. So J is
    drawn, then p: players before J are kept, J is not, and those after it are kept by chance.

    Args:
        uniforms: one for each player and three more.
        present: the players that there are, the first ones.

    Example:
        >>> uniforms = jnp.array([[0.5, 0.1, 0.9, 0.7, 0.5, 0.5]])
        >>> removal_masks(uniforms, jnp.array([True, True, True])).tolist()
        [[False, True, False]]
    """
    count = jnp.maximum(present.sum(), 1).astype(uniforms.dtype)
    place = jnp.arange(present.shape[0])
    of_first, one, other = (uniforms[:, -k] for k in range(1, MORE_UNIFORMS + 1))
    first = jnp.floor(1 / (1 - of_first * count / (count + 1)) - 1)
    first = jnp.minimum(first, count - 1)
    share = jnp.exp(jnp.log(one) / (first + 2) + jnp.log(other) / (first + 1))
    free = uniforms[:, :-MORE_UNIFORMS] < share[:, None]
    first = first[:, None]
    return ((place < first) | (free & (place > first))) & present
