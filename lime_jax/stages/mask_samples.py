"""Mask domains: a sample says of every player whether it keeps x's own value."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lime_jax.stages.masks import bernoulli_masks
from lime_jax.typing import Array, Bool, Coordinates, Float, Support, View, pytree


@pytree
class MaskSamples:
    """Samples of a mask domain.

    Attributes:
        masks: True where a player keeps x's own value; a player is a superpixel, a column or a
            group of columns.
    """

    masks: Bool[Array, "*batch samples players"]


def masks_of(
    draws: Bool[Array, "samples players"] | Float[Array, "samples players"],
    present: Bool[Any, " players"],
    keep_probability: Any,
) -> Bool[Array, "samples players"]:
    """Masks from what a method draws.

    Args:
        present: players that there are; the others are never kept.

    Example:
        >>> masks_of(jnp.array([[0.2, 0.7, 0.1]]), jnp.array([True, True, False]), 0.5).tolist()
        [[True, False, False]]
    """
    masks = draws if draws.dtype == bool else bernoulli_masks(draws, keep_probability)
    return masks & present


def mask_view(samples: MaskSamples, present: Bool[Any, " players"]) -> View:
    """Masks as x sees them.

    Returns:
        1 for a player that keeps x's value; x itself keeps all.
    """
    z = samples.masks.astype(jnp.result_type(float))
    return View(z, z, jnp.asarray(present, z.dtype))


def mask_coordinates(present: Bool[Any, " players"]) -> Coordinates:
    """X's own mask: all players that there are.

    Args:
        present: players that there are; the others have no weight.
    """
    numbers = jnp.arange(present.shape[0])
    support = jnp.full(present.shape, int(Support.FULL), jnp.int32)
    own = jnp.asarray(present, jnp.result_type(float))
    return Coordinates(own, numbers, numbers, jnp.asarray(present), support)
