"""Sums of trees on the device.

Two ways to find leaves: bit masks for small trees (`masks`), level by level for others
(`traversal`). Both work on blocks of rows that fit the caches, on columns made such that every
test is `value <= threshold` (`columns`).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int64

from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.columns import Columns, columns_of
from lime_jax.models.trees.layout import TREES_TOGETHER
from lime_jax.models.trees.masks import WORD, Masks, as_masks
from lime_jax.models.trees.traversal import Traversal, as_traversal
from lime_jax.placing import placed
from lime_jax.typing import AnyArray, Array, Float, pytree

_LARGEST_MASK = 2 * WORD
"""Leaves up to which masks were as fast as traversal, or faster."""

_ROWS_AT_ONCE, _NUMBERS_AT_ONCE = 2048, 2**22
"""On a CPU: what its caches hold, and a limit for wide tables."""

_ROWS_ELSEWHERE, _NUMBERS_ELSEWHERE = 2**16, 2**26


@pytree
class SumOfTrees:
    """The outputs of a `TreeSum`."""

    columns: Columns
    parts: tuple[Masks | Traversal, ...]  # some of the trees each
    base: Array  # constant part of every output

    def __call__(self, inputs: AnyArray) -> Float[Array, "rows outputs"]:
        """Outputs of (rows, raw columns): numbers, NaN where missing, and level codes."""
        inputs = jnp.asarray(inputs, self.base.dtype)
        rows = inputs.shape[0]
        if not self.parts or not rows:
            return jnp.broadcast_to(self.base, (rows, len(self.base)))
        blocks = -(-rows // self._rows_in_block())
        if blocks == 1:
            return self._block(inputs)
        size = -(-rows // (blocks * 8)) * 8
        padded = jnp.pad(inputs, ((0, blocks * size - rows), (0, 0)))
        outputs = jax.lax.map(self._block, padded.reshape(blocks, size, -1))
        return outputs.reshape(blocks * size, -1)[:rows]

    def _rows_in_block(self) -> int:
        most, numbers = _ROWS_ELSEWHERE, _NUMBERS_ELSEWHERE
        if jax.default_backend() == "cpu":
            most, numbers = _ROWS_AT_ONCE, _NUMBERS_AT_ONCE
        leaf_values = max(part.value.shape[-1] for part in self.parts) * TREES_TOGETHER
        return max(1, min(most, numbers // max(len(self.columns), leaf_values)))

    def _block(self, inputs: Array) -> Array:
        columns = self.columns(inputs)
        total = self.base
        for part in self.parts:
            total = total + part(columns)
        return total


def tree_predict(trees: TreeSum, *, largest_mask: int = _LARGEST_MASK) -> SumOfTrees:
    """A sum of trees on the device: every number of its precision reaches the leaf of `trees`."""
    column_block, column, threshold = columns_of(trees)
    small, large = _split(trees, largest_mask)
    parts: list[Masks | Traversal] = [as_masks(trees, some, column, threshold) for some in small]
    if large.size:
        parts.append(as_traversal(trees, large, column, threshold, len(column_block)))
    base = placed(trees.base, jnp.result_type(float))
    return SumOfTrees(column_block, tuple(parts), base)


def _split(
    trees: TreeSum, largest_mask: int
) -> tuple[list[Int64[np.ndarray, " _"]], Int64[np.ndarray, " _"]]:
    """Trees for masks by number of words, and trees for traversal."""
    which = np.arange(len(trees.roots))
    order = np.argsort(trees.roots)
    leaves = np.zeros(len(which), np.int64)
    leaves[order] = np.add.reduceat(trees.column < 0, trees.roots[order], dtype=np.int64)
    small = leaves <= largest_mask
    words = -(-leaves // WORD)
    return [which[small & (words == w)] for w in np.unique(words[small])], which[~small]
