"""0/1 masks: which players (superpixels, columns, tokens) keep x's own values."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.typing import Array, Bool, Coordinates, Float, Int, Support, View, pytree


def bernoulli_masks(
    uniforms: Float[Array, "*shape"], probability: Float[Array, "..."] | float
) -> Bool[Array, "*shape"]:
    """Masks that keep every player independently.

    Args:
        uniforms: strictly between 0 and 1.
        probability: that a player is kept; a number, or anything that broadcasts.

    Returns:
        True where a player is kept.

    Example:
        >>> import jax.numpy as jnp
        >>> bernoulli_masks(jnp.array([0.2, 0.7]), 0.5).tolist()
        [True, False]
    """
    return uniforms < probability


def complementary_pairs(
    masks: Bool[np.ndarray, "masks players"],
) -> Bool[np.ndarray, "pairs players"]:
    """Every mask, followed by its complement.

    Args:
        masks: any.

    Returns:
        Twice as many: masks at the even places, their complements at the odd ones.

    Example:
        >>> complementary_pairs(np.array([[True, True, False]])).astype(int).tolist()
        [[1, 1, 0], [0, 0, 1]]
    """
    return np.stack([masks, ~masks], axis=1).reshape(-1, masks.shape[1])


def subsets_of_size(num_players: int, size: int) -> Bool[np.ndarray, "subsets players"]:
    """All subsets of one size."""
    count = math.comb(num_players, size)
    members = itertools.chain.from_iterable(itertools.combinations(range(num_players), size))
    members = np.fromiter(members, np.int64, count * size).reshape(count, size)
    masks = np.zeros((count, num_players), bool)
    masks[np.arange(count)[:, None], members] = True
    return masks


def all_subsets(num_players: int) -> Bool[np.ndarray, "subsets players"]:
    """All subsets, each next to its complement; first none of the players, then all of them.

    Args:
        num_players: how many there are, at least 1.

    Returns:
        `2**num_players` masks.

    Example:
        >>> all_subsets(2).astype(int).tolist()
        [[0, 0], [1, 1], [1, 0], [0, 1]]
    """
    numbers = np.arange(2 ** (num_players - 1))  # without the last player, who is in no first mask
    masks = numbers[:, None] >> np.arange(num_players) & 1
    return complementary_pairs(masks.astype(bool))


@pytree
class MaskSamples:
    """Samples of a mask domain: True where a superpixel, column or group keeps x's own value."""

    masks: Bool[Array, "*batch samples players"]


@pytree
class RowMasks:
    """Samples of a table, each of them against one background row.

    Attributes:
        masks: True where a player keeps x's own value.
        rows: numbers of the background rows that the others take theirs from.
    """

    masks: Bool[Array, "*batch samples players"]
    rows: Int[Array, "*batch samples"]


def masks_of(
    draws: Bool[Array, "samples players"] | Float[Array, "samples players"],
    present: Bool[Any, " players"],
    keep_probability: Float[Array, ""] | float,
) -> Bool[Array, "samples players"]:
    """Masks from what a method draws; players that are not `present` are never kept."""
    masks = draws if draws.dtype == bool else bernoulli_masks(draws, keep_probability)
    return masks & present


def mask_view(samples: MaskSamples, present: Bool[Any, " players"]) -> View:
    """Masks as x sees them: 1 for a player that keeps x's value; x itself keeps all."""
    z = samples.masks.astype(jnp.result_type(float))
    return View(z, z, jnp.asarray(present, z.dtype))


def mask_coordinates(present: Bool[Any, " players"]) -> Coordinates:
    """X's own mask: all players that there are; the others have no weight."""
    numbers = jnp.arange(present.shape[0])
    support = jnp.full(present.shape, int(Support.FULL), jnp.int32)
    z = jnp.asarray(present, jnp.result_type(float))
    return Coordinates(z, numbers, numbers, jnp.asarray(present), support)
