"""Random words of a block or of a replicate, and the uniforms that words become.

`fold_in(key, i)` equals `split(key)[i]`: numbers that are folded in at one level must differ, or
two things are made of the same words. Replicates take 0, 1, ... for their blocks, and 2**31 and
above for what belongs to a replicate as a whole.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from lime_jax.typing import Array, Float, Index, Key, UInt32

UNIFORM_BITS = 23
"""Bits of a uniform: one fewer than float32's significand, for the half step."""

_WHOLE_REPLICATE = 2**31  # more than there are replicates


def block_index(block: Index, block_size: int) -> UInt32[Array, " {block_size}"]:
    """Where the points of a block stand in their replicate."""
    return jnp.uint32(block) * jnp.uint32(block_size) + jnp.arange(block_size, dtype=jnp.uint32)


def block_words(
    key: Key[Array, ""],
    replicate: Index,
    block: Index,
    block_size: int,
    num_columns: int,
    asked: UInt32[Any, ""] | None = None,
) -> UInt32[Array, "{block_size} {num_columns}"]:
    """Independent random words, one for each uniform of a block.

    Made column by column: those of the first columns do not depend on how many there are.

    Args:
        asked: points that the block has; those behind them are padding. None: `block_size`.
    """
    block_key = jax.random.fold_in(jax.random.fold_in(key, replicate), block)
    words = _words(block_key, (num_columns, block_size))
    if asked is None:
        return words.T
    # A word is a function of its number alone: a shorter block's columns lie closer together.
    column, point = jnp.arange(num_columns), jnp.arange(block_size)
    return words.reshape(-1)[column * asked.astype(int) + point[:, None]]


def replicate_words(
    key: Key[Array, ""], replicate: Index, shape: tuple[int, ...]
) -> UInt32[Array, "..."]:
    """Random words that all blocks of a replicate share, and no block has of its own."""
    number = jnp.uint32(_WHOLE_REPLICATE) + jnp.uint32(replicate)
    return _words(jax.random.fold_in(key, number), shape)


def uniform_from_bits(bits: UInt32[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Turn random words into uniforms that are never 0 and never 1.

    The centers of 2**23 equal intervals, by the words' upper 23 bits: exact in float32, so the
    same in float64.
    """
    return ((bits >> (32 - UNIFORM_BITS)).astype(float) + 0.5) * 2.0**-UNIFORM_BITS


def _words(key: Key[Array, ""], shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """The words of `jax.random.bits(key, shape)`, drawn in one dimension.

    XLA compiles a batch of these five times as fast as of the same words in two.
    """
    return jax.random.bits(key, (math.prod(shape),), jnp.uint32).reshape(shape)
