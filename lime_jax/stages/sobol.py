"""Scrambled Sobol points: the most even of the designs."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.stages.random_words import block_index, replicate_words, uniform_from_bits
from lime_jax.typing import Array, Float, Index, Key, UInt32

_MAX_COLUMNS = 21_201  # the Joe-Kuo table that SciPy carries
_BITS = 30  # SciPy's default; more than any replicate needs


@functools.lru_cache(maxsize=8)
def sobol_direction_numbers(num_columns: int, num_bits: int) -> np.ndarray:
    """Direction numbers of the Sobol sequence (Joe and Kuo 2008), from SciPy (on the host).

    Read-only, the first binary digit in the highest bit; `num_bits`, up to 30, make 2**num_bits
    points.
    """
    if num_columns > _MAX_COLUMNS:
        raise ValueError(
            f'`design`="sobol" serves at most {_MAX_COLUMNS:,} columns, got '
            f'{num_columns:,}. Use design="iid".'
        )
    from scipy.stats import qmc  # half a second to import, and only this design needs it

    sequence = qmc.Sobol(num_columns, scramble=False, bits=_BITS)
    numbers = np.empty((num_columns, num_bits), np.uint32)
    for bit in range(num_bits):
        # Points come in Gray-code order, where the only bit set in point 2**(j+1) - 1 is j.
        # Walking there costs less than the samples will: they are eight times as many.
        sequence.fast_forward(2 ** (bit + 1) - 1 - sequence.num_generated)
        numbers[:, bit] = sequence.random(1)[0] * 2.0**32
    numbers.flags.writeable = False
    return numbers


def sobol(
    key: Key[Array, ""],
    replicate: Index,
    block: Index,
    direction_numbers: UInt32[Array, "columns bits"],
    block_size: int,
) -> Float[Array, "{block_size} columns"]:
    """Scrambled Sobol points: a (t, m, s)-net of 2**bits points in each replicate.

    Scrambled by a random lower triangular binary matrix and a digital shift for each column
    (Matousek 1998), which keeps the net and makes every point uniform; in plain binary order.
    """
    num_columns, num_bits = direction_numbers.shape
    # One call for both: XLA compiles every call of the random generator once more.
    words = replicate_words(key, replicate, (num_columns, num_bits + 1))
    shift, numbers = words[:, 0], _scramble(direction_numbers, words[:, 1:])

    # One exclusive or for each bit of the index: XLA fuses them into a single pass, while
    # doubling the points by concatenation writes them twice (0.7 against 2.3 ns per uniform).
    index = block_index(block, block_size)
    points = jnp.broadcast_to(shift, (block_size, num_columns))
    for bit in range(num_bits):
        chosen = -((index >> bit) & 1)  # all ones, or zero
        points = points ^ (chosen[:, None] & numbers[:, bit])
    return uniform_from_bits(points)


def _scramble(
    direction_numbers: UInt32[Array, "columns bits"], words: UInt32[Array, "columns bits"]
) -> UInt32[Array, "columns bits"]:
    """Multiply binary digits by a lower triangular matrix with a unit diagonal, random below it.

    Column d of the matrix is a word whose first set digit is d. A direction number has no digit
    beyond `bits`, so those columns suffice, and the product is the exclusive or of the columns
    that its digits choose.
    """
    digit = jnp.arange(direction_numbers.shape[1], dtype=jnp.uint32)
    matrix = ((words >> 1) | jnp.uint32(2**31)) >> digit
    has_digit = ((direction_numbers[:, :, None] >> (31 - digit)) & 1) == 1
    chosen = jnp.where(has_digit, matrix[:, None, :], jnp.uint32(0))
    return jax.lax.reduce(chosen, jnp.uint32(0), jax.lax.bitwise_xor, dimensions=(2,))
