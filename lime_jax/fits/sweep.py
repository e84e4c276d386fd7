"""Several methods that differ in numbers only, such as the kernel width, on the same samples."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from lime_jax.typing import (
    Array,
    Coordinates,
    Float,
    Index,
    Key,
    Method,
    Pytree,
    SampleDesign,
    View,
    pytree,
)


@pytree
class SweepMethod:
    """Methods as one, stacked leaf by leaf; summaries and fits have one more axis, the methods'.

    The methods take turns (`lax.map`): memory is that of one of them, and no two factorizations run
    side by side. The first one's draws serve all.
    """

    first: Method
    methods: Method

    @property
    def design(self) -> SampleDesign:
        """Of the draws."""
        return self.first.design

    def draws(self, key: Key[Array, ""], replicate: Index, block: Index) -> Pytree:
        """Draws of one block; see `Sampler`."""
        return self.first.draws(key, replicate, block)

    def summarize(self, view: View, y: Float[Array, "samples outputs"]) -> Pytree:
        """Summaries of all methods; see `Method`."""
        return jax.lax.map(lambda method: method.summarize(view, y), self.methods)

    def merge(self, first: Pytree, second: Pytree) -> Pytree:
        """Summaries of both sets of samples; see `Method`."""
        return jax.vmap(self.first.merge)(first, second)

    def solve(self, summaries: Pytree, coordinates: Coordinates) -> Pytree:
        """What all methods make of their summaries; see `Method`."""

        def one(part: tuple[Method, Pytree]) -> Pytree:
            method, summaries = part
            return method.solve(summaries, coordinates)

        by_method = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), summaries)
        return jax.lax.map(one, (self.methods, by_method))


def make_sweep_method(methods: Sequence[Method]) -> SweepMethod:
    """Methods as one, of one design, that differ in the numbers of their leaves only."""
    structures = {jax.tree.structure(method) for method in methods}
    if len(structures) != 1:
        raise ValueError(
            "`methods`: expected at least one, all of one kind that differ in numbers only, "
            f"got {len(methods)} of {len(structures)} kinds"
        )
    stacked = jax.tree.map(lambda *leaves: jnp.stack([*map(jnp.asarray, leaves)]), *methods)
    return SweepMethod(methods[0], stacked)
