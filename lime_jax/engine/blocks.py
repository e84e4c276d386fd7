"""A function of rows, over as many blocks of them as are asked for, in one program."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from lime_jax.typing import Array, Pytree

_T = TypeVar("_T")


def on_one(fn: Callable[[Pytree], _T]) -> Callable[[Pytree], _T]:
    """`vmap` over one row without `vmap`, under which XLA pools images at half the speed."""

    def call(rows: Pytree) -> _T:
        return jax.tree.map(lambda leaf: leaf[None], fn(jax.tree.map(lambda leaf: leaf[0], rows)))

    return call


def map_blocks(batched: Callable[[Pytree], _T], rows: Pytree, count: Array, block: int) -> _T:
    """A function (a `part`) of blocks of rows, as many blocks as hold the first `count` rows.

    It is traced once, for the shapes and for the loop. The number of blocks is not part of the
    program: one row and a thousand run the same one.
    """
    length = jax.tree.leaves(rows)[0].shape[0]
    block = min(block, length)

    def take(start: Array | int) -> Pytree:
        return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, block), rows)

    shapes = jax.eval_shape(batched, take(0))
    empty = jax.tree.map(lambda s: jnp.zeros((length, *s.shape[1:]), s.dtype), shapes)

    def body(i: Array, results: Pytree) -> Pytree:
        # The last block is moved back inside, where it repeats rows.
        start = jnp.minimum(i * block, length - block)
        return jax.tree.map(
            lambda all_, new: jax.lax.dynamic_update_slice_in_dim(all_, new, start, 0),
            results,
            batched(take(start)),
        )

    return jax.lax.fori_loop(0, (count + block - 1) // block, body, empty)
