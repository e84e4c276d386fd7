"""Texts as counts on the device: scores of a linear model from masks, by a few thin products.

A column that one word alone adds to has one value where the word is there. So its part of the
scores, and of the row's norm, is linear in the mask. The few columns that several words share
("The" and "the", or a mask that is in the vocabulary) are counted.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import jax.numpy as jnp

from lime_jax.masked.domain import MaskedDomain, Players
from lime_jax.stages.masks import MaskSamples
from lime_jax.typing import Array, Float, Pytree, pytree, static


@pytree
class CountedInstance(Players):
    """One text as sums over its words; see `Players`.

    Attributes:
        lines: what a word's own columns add to the scores, before the norm.
        sizes: what they add to the norm: squares, or absolute values.
        shared: what a word adds to the counts of shared columns.
        base: counts of shared columns that are always there.
        factors: of shared columns, their idf.
        shared_lines: of shared columns, their coefficients.
    """

    lines: Float[Any, "*batch players scores"]
    sizes: Float[Any, "*batch players"]
    shared: Float[Any, "*batch players columns"]
    base: Float[Any, "*batch columns"]
    factors: Float[Any, "*batch columns"]
    shared_lines: Float[Any, "*batch columns scores"]


@pytree
class CountedDomain(MaskedDomain):
    """Words of a text whose masks become scores of a linear model; see `Domain`."""

    binary: bool = static(default=False)
    sublinear: bool = static(default=False)
    norm: str | None = static(default=None)

    def inputs(self, instance: Players, samples: MaskSamples) -> Array:
        """Scores of every sample, less the intercept, (samples, scores)."""
        assert isinstance(instance, CountedInstance)
        masks = samples.masks.astype(instance.lines.dtype)
        counts = _product(masks, instance.shared) + instance.base
        shared = weighed(counts, self.binary, self.sublinear, jnp) * instance.factors
        scores = _product(masks, instance.lines) + _product(shared, instance.shared_lines)
        if self.norm is None:
            return scores
        size = shared**2 if self.norm == "l2" else jnp.abs(shared)
        size = _product(masks, instance.sizes) + size.sum(-1)
        there = size > 0
        size = jnp.where(there, size, 1)
        scale = jnp.where(there, 1 / (jnp.sqrt(size) if self.norm == "l2" else size), 0)
        return scores * scale[:, None]


def weighed(counts: Any, binary: bool, sublinear: bool, xp: ModuleType) -> Any:
    """What counts become before their idf; `xp` is NumPy or its like."""
    if binary:
        counts = (counts != 0).astype(counts.dtype)
    if sublinear:
        there = counts > 0
        counts = xp.where(there, 1 + xp.log(xp.where(there, counts, 1)), 0)
    return counts


def _product(left: Pytree, right: Pytree) -> Array:
    return jnp.matmul(left, right, precision="highest")
