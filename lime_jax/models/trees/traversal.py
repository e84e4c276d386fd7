"""Large trees: all rows go down one level at a time.

What limits this is the number of random reads per visit of a node, so a node is one word of 32
bits where that can be: its column, its left child (the right one is next to it), and its threshold
as a rank among all thresholds of the column. Values become ranks once for all trees.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int64

from lime_jax.models.structure import TreeSum, stable_order
from lime_jax.models.trees.layout import group, lay_out
from lime_jax.models.trees.masks import add_outputs
from lime_jax.placing import placed
from lime_jax.sizes import size_for
from lime_jax.typing import AnyArray, Array, pytree, static

_WORD = 32


@pytree
class Ranks:
    """Numbers become the count of a column's thresholds that are below."""

    thresholds: Array  # of each column in a row, ascending, inf where it has no more
    bits: int = static()  # 2**bits - 1 thresholds in each row, and one place

    def __call__(self, columns: AnyArray) -> Array:
        """Ranks of (columns, rows), by bisection; the largest one for NaN."""
        first = jnp.arange(len(columns), dtype=jnp.uint32)[:, None] << self.bits

        def halve(k: Array, rank: Array) -> Array:
            step = np.uint32(1 << (self.bits - 1)) >> k.astype(jnp.uint32)
            at_step = _take(self.thresholds, first + (rank + step - 1))
            return jnp.where(columns <= at_step, rank, rank + step)

        rank = jnp.zeros(columns.shape, jnp.uint32)
        rank = jax.lax.fori_loop(0, self.bits, halve, rank)
        return rank.astype(jnp.uint16 if self.bits <= 16 else jnp.uint32)


@pytree
class Traversal:
    """Trees of any size.

    Nodes are numbered from 1 within each tree. A leaf sends rows right, to itself.
    """

    words: Array  # child, column and rank of each node; without ranks child and column
    child: Array | None  # of each node, where the words have no room for it
    thresholds: Array | None  # of each node, if not by rank
    value: Array  # of each node, 0 where it is no leaf
    # Of each tree: place of its node 0
    first: Array  # (groups, trees)
    output: Array  # first output that a group of trees adds to
    depth: Array
    count: Array  # of groups: arrays have room for more
    ranks: Ranks | None  # of the columns, if by rank
    column_bits: int = static()
    num_outputs: int = static()

    def __call__(self, columns: AnyArray) -> Array:
        """Outputs (rows, outputs) of (columns, rows)."""
        columns = jnp.asarray(columns)
        rows = columns.shape[1]
        values = columns if self.ranks is None else self.ranks(columns)

        def trees(i: Array, total: Array) -> Array:
            first, output, depth = self.first[i], self.output[i], self.depth[i]
            node = jnp.ones((len(first), rows), jnp.uint32)
            node = jax.lax.fori_loop(
                0, depth, lambda _, node: self._step(node, first[:, None], values), node
            )
            part = _take(self.value, first[:, None] + node).sum(0)
            return add_outputs(total, part, output)

        total = jnp.zeros((rows, self.num_outputs), self.value.dtype)
        return jax.lax.fori_loop(0, self.count, trees, total)

    def _step(self, node: Array, first: Array, values: Array) -> Array:
        """From each node to its child."""
        place = first + node
        word = _take(self.words, place)
        rank_bits = 0 if self.ranks is None else self.ranks.bits
        column = (word >> rank_bits) & np.uint32((1 << self.column_bits) - 1)
        rows = values.shape[1]
        row = jnp.arange(rows, dtype=jnp.uint32)
        value = _take(values.reshape(-1), column * np.uint32(rows) + row)
        if self.thresholds is None:
            rank = word & np.uint32((1 << rank_bits) - 1)
            right = value.astype(jnp.uint32) >= rank
        else:
            right = ~(value <= _take(self.thresholds, place))
        if self.child is None:
            child = word >> (rank_bits + self.column_bits)
        else:
            child = _take(self.child, place)
        return child + right.astype(jnp.uint32)


def _take(table: Array, index: Array) -> Array:
    return table.at[index].get(mode="promise_in_bounds")


def as_traversal(
    trees: TreeSum,
    which: Int64[np.ndarray, " some"],
    column: Int64[np.ndarray, " nodes"],
    threshold: Float[np.ndarray, " nodes"],
    num_columns: int,
) -> Traversal:
    """Put trees on the device."""
    layout = lay_out(trees, which)
    inner = ~layout.is_leaf
    column = np.where(inner, column[layout.node], 0)
    threshold = np.where(inner, threshold[layout.node], np.array(np.nan, threshold.dtype))
    number = np.arange(len(inner)) - layout.first[layout.tree] + 1  # within its tree
    child = number - 1
    child[inner] = number[layout.left[inner]]
    column_bits = max(0, num_columns - 1).bit_length()
    child_bits = int(child.max()).bit_length()
    rank, ranks = _ranks(column, threshold, inner, num_columns)
    enough_room = ranks.bits + column_bits + child_bits <= _WORD
    # Each bit of a rank is a read, for all values; each visit of a node by rank saves one.
    if enough_room and num_columns * ranks.bits < layout.depth.sum():
        words = rank | (column << ranks.bits) | (child << (ranks.bits + column_bits))
        child_apart = thresholds = None
    else:
        ranks, thresholds = None, _with_empty_tree(threshold, np.nan)
        roomy = column_bits + child_bits <= _WORD
        words = column | (child << column_bits) if roomy else column
        child_apart = None if roomy else _with_empty_tree(child.astype(np.uint32))
    groups = group(trees.output[which], layout.depth)
    count, groups = len(groups.member), groups.padded(for_all=True)
    present = groups.member >= 0
    depth = np.where(present, layout.depth[groups.member], 0).max(1)
    return Traversal(
        words=_with_empty_tree(words.astype(np.uint32)),
        child=child_apart,
        thresholds=thresholds,
        value=_with_empty_tree(trees.value[layout.node].astype(threshold.dtype)),
        first=placed(np.where(present, layout.first[groups.member] + 1, 0), jnp.uint32),
        output=placed(groups.output),
        depth=placed(depth, jnp.int32),
        count=placed(count, jnp.int32),
        ranks=ranks,
        column_bits=column_bits,
        num_outputs=trees.num_outputs,
    )


def _with_empty_tree(nodes: np.ndarray, leaf: float = 0) -> Array:
    """On the device, behind nodes 0 and 1 of a tree that is one leaf of value 0.

    And before room for more, which no tree leads to.
    """
    count = len(nodes) + 2
    pad = [(2, size_for(count, least=1024) - count)] + [(0, 0)] * (nodes.ndim - 1)
    return placed(np.pad(nodes, pad, constant_values=leaf))


def _ranks(
    column: np.ndarray, threshold: np.ndarray, inner: np.ndarray, num_columns: int
) -> tuple[np.ndarray, Ranks]:
    """How many of its column's thresholds are not above each node's one; 0 at leaves."""
    nodes = np.flatnonzero(inner)
    nodes = nodes[stable_order(column[nodes], num_columns)]
    ends = np.searchsorted(column[nodes], np.arange(1, num_columns))
    rank, known = np.zeros(len(column), np.int64), []
    for tests in np.split(nodes, ends):
        values, number = np.unique(threshold[tests], return_inverse=True, equal_nan=False)
        rank[tests] = number + 1
        known.append(values)
    bits = int(rank.max(initial=0)).bit_length()
    table = np.full((num_columns, 2**bits), np.inf, threshold.dtype)
    for row, values in zip(table, known, strict=True):
        row[: len(values)] = values
    return rank, Ranks(placed(table.reshape(-1)), bits)
