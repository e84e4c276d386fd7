"""Texts: which words are there, and which are hidden."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lime_jax.stages.masks import MaskSamples, mask_coordinates, mask_view
from lime_jax.typing import Array, Bool, Coordinates, Float, Pytree, View, pytree, static

MORE_UNIFORMS = 2
"""That `removal_masks` needs besides one for each player."""

_HALVINGS = 26  # a share of words, as exactly as 32 bits hold it


@pytree
class TextInstance:
    """One text as the device knows it.

    Attributes:
        present: the players that there are, the first ones; texts of fewer are padded.
    """

    present: Bool[Any, "*batch players"]


@pytree
class TextDomain:
    """Players of a text, each of them there or hidden; see `Domain`. Texts are made on the host."""

    sample_size: int = static()

    @property
    def shared(self) -> bool:
        """No: a sample has the words of x."""
        return False

    @property
    def background_weights(self) -> None:
        """A hidden word shows one thing only."""
        return None

    def realize(self, instance: TextInstance, draws: Array) -> MaskSamples:
        """Masks from draws: masks, or uniforms."""
        if draws.dtype == bool:
            return MaskSamples(draws & instance.present)
        return MaskSamples(removal_masks(draws, instance.present))

    def inputs(self, instance: TextInstance, samples: MaskSamples) -> Array:
        """The masks: there is no text on a device."""
        del instance
        return samples.masks

    def view(self, instance: TextInstance, samples: MaskSamples) -> View:
        """Masks as numbers; see `Domain`."""
        return mask_view(samples, instance.present)

    def coordinates(self, instance: TextInstance) -> Coordinates:
        """X has all its words; see `Domain`."""
        return mask_coordinates(instance.present)


def removal_masks(
    uniforms: Float[Array, "samples columns"], present: Bool[Any, " players"]
) -> Bool[Array, "samples players"]:
    """Masks that keep k of D players, k uniform from 0 to D - 1, and which k uniform: `lime`'s law.

    Nothing is sorted: a share p of the players is drawn, and each is kept with probability p, given
    that not all are; with a share of the density (1 - p**D) (D + 1) / D every number of kept ones
    but D is as likely. One player is the first that is not kept; those before it are kept, those
    after it are free.

    Args:
        uniforms: one for each player and two more.
        present: the players that there are, the first ones.

    Example:
        >>> uniforms = jnp.array([[0.5, 0.5, 0.5, 0.5, 0.9]])
        >>> removal_masks(uniforms, jnp.array([True, True, True])).tolist()
        [[True, False, True]]
    """
    count = jnp.maximum(present.sum(), 1).astype(uniforms.dtype)
    place = jnp.arange(present.shape[0])
    below_one = 1 - jnp.finfo(uniforms.dtype).eps
    share = jnp.minimum(_kept_share(uniforms[:, -1], count), below_one)
    log_share = jnp.log(share)
    not_all = -jnp.expm1(count * log_share)
    first = jnp.floor(jnp.log1p(-uniforms[:, -2] * not_all) / log_share)
    first = jnp.minimum(first, count - 1)[:, None]
    free = uniforms[:, :-MORE_UNIFORMS] < share[:, None]
    return ((place < first) | (free & (place > first))) & present


def _kept_share(uniform: Float[Array, " samples"], count: Array) -> Float[Array, " samples"]:
    """The p of which ((D + 1) p - p**(D + 1)) / D is the uniform."""

    def halve(_: Pytree, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        below = ((count + 1) * middle - middle ** (count + 1)) / count < uniform
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    ends = jnp.zeros_like(uniform), jnp.ones_like(uniform)
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, ends)
    return (low + high) / 2
