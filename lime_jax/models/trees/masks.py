"""Small trees: every node is tested, and clears the leaves that cannot be reached.

One bit per leaf, from left to right, in words of 32. A node that sends a row right clears the bits
of its left subtree. What nodes off the path clear does not matter: the leaf that the row reaches
keeps its bit and has none below it. (QuickScorer; Lucchese et al., SIGIR 2015.)
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int64

from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.layout import Layout, group, lay_out
from lime_jax.placing import placed
from lime_jax.typing import AnyArray, Array, pytree, static

WORD = 32
_ALL = np.uint32(0xFFFFFFFF)
_NODES_TOGETHER = 8
"""Nodes in one pass over the rows of a block."""


@pytree
class Masks:
    """Trees of up to a few words of leaves."""

    column: Array  # (groups, trees, passes, nodes)
    threshold: Array
    # Bits that stay if the row goes right
    keep: Array  # (groups, trees, passes, nodes, words)
    value: Array  # (groups, trees, leaves, width)
    output: Array  # first output that a group of trees adds to
    counts: Array  # of groups, trees in each, passes over each: arrays have room for more
    num_outputs: int = static()

    def __call__(self, columns: AnyArray) -> Array:
        """Outputs (rows, outputs) of (columns, rows)."""
        columns = jnp.asarray(columns)
        rows, width = columns.shape[1], self.value.shape[-1]
        num_groups, num_trees, passes = self.counts

        def trees(i: Array, total: Array) -> Array:
            def tree(k: Array, part: Array) -> Array:
                nodes = self.column[i, k], self.threshold[i, k], self.keep[i, k]
                leaf = _leaf(columns, *nodes, passes)
                return part + self.value[i, k].at[leaf].get(mode="promise_in_bounds")

            part = jnp.zeros((rows, width), self.value.dtype)
            part = jax.lax.fori_loop(0, num_trees, tree, part)
            return add_outputs(total, part, self.output[i])

        total = jnp.zeros((rows, self.num_outputs), self.value.dtype)
        return jax.lax.fori_loop(0, num_groups, trees, total)


def _leaf(columns: Array, column: Array, threshold: Array, keep: Array, passes: Array) -> Array:
    """The leaf of one tree that each row reaches."""
    num_words = keep.shape[-1]
    nodes = column, threshold, keep

    def some_nodes(i: Array, words: tuple[Array, ...]) -> tuple[Array, ...]:
        column, threshold, keep = (leaf[i] for leaf in nodes)
        for k in range(column.shape[0]):
            value = jax.lax.dynamic_index_in_dim(columns, column[k], keepdims=False)
            left = value <= threshold[k]
            words = tuple(w & jnp.where(left, _ALL, keep[k, j]) for j, w in enumerate(words))
        return words

    full = (jnp.full(columns.shape[1], _ALL),) * num_words
    words = jax.lax.fori_loop(0, passes, some_nodes, full)
    leaf = _lowest_bit(words[-1]) + np.uint32(WORD * (num_words - 1))
    for i in reversed(range(num_words - 1)):
        leaf = jnp.where(words[i] != 0, _lowest_bit(words[i]) + np.uint32(WORD * i), leaf)
    return leaf


def _lowest_bit(word: Array) -> Array:
    return np.uint32(31) - jax.lax.clz(word & (~word + np.uint32(1)))


def add_outputs(total: Array, part: Array, output: Array) -> Array:
    """Add to some neighboring outputs."""
    if part.shape == total.shape:
        return total + part
    old = jax.lax.dynamic_slice_in_dim(total, output, part.shape[1], axis=1)
    return jax.lax.dynamic_update_slice_in_dim(total, old + part, output, axis=1)


def as_masks(
    trees: TreeSum,
    which: Int64[np.ndarray, " some"],
    column: Int64[np.ndarray, " nodes"],
    threshold: Float[np.ndarray, " nodes"],
) -> Masks:
    """Put small trees on the device."""
    layout = lay_out(trees, which)
    groups = group(trees.output[which], layout.depth)
    start, size = _leaf_ranges(layout)
    words = -(-int(layout.leaves.max()) // WORD)
    passes = max(1, -(-(int(layout.leaves.max()) - 1) // _NODES_TOGETHER))
    counts = (*groups.member.shape, passes)
    groups, passes = groups.padded(for_all=False), words * WORD // _NODES_TOGETHER
    slot = np.empty(len(which), np.int64)
    present = groups.member >= 0
    slot[groups.member[present]] = np.flatnonzero(present)

    leaf = layout.is_leaf
    inner = np.flatnonzero(~leaf)
    tree = layout.tree[inner]
    within = np.cumsum(~leaf)[inner] - 1
    within -= np.searchsorted(tree, np.arange(len(which)))[tree]
    at = (slot[tree], within)
    shape = (groups.member.size, passes * _NODES_TOGETHER)
    device_column = np.zeros(shape, np.int32)
    device_threshold = np.zeros(shape, threshold.dtype)
    keep = np.full((*shape, words), _ALL)
    device_column[at] = column[layout.node[inner]]
    device_threshold[at] = threshold[layout.node[inner]]
    left = layout.left[inner]
    keep[at] = ~_bits(start[left], start[left] + size[left], words)
    value = np.zeros((groups.member.size, words * WORD, trees.value.shape[1]), threshold.dtype)
    value[slot[layout.tree[leaf]], start[leaf]] = trees.value[layout.node[leaf]]

    lead = groups.member.shape
    nodes = (*lead, passes, _NODES_TOGETHER)
    return Masks(
        column=placed(device_column.reshape(nodes)),
        threshold=placed(device_threshold.reshape(nodes)),
        keep=placed(keep.reshape(*nodes, words)),
        value=placed(value.reshape(*lead, *value.shape[1:])),
        output=placed(groups.output),
        counts=placed(counts, np.int32),
        num_outputs=trees.num_outputs,
    )


def _leaf_ranges(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """First leaf below every node, counted from left to right in its tree, and how many."""
    size = layout.is_leaf.astype(np.int64)
    start = np.zeros_like(size)
    levels = np.split(layout.by_level, layout.levels[:-1])
    levels = [level[~layout.is_leaf[level]] for level in levels]
    for level in reversed(levels):
        left = layout.left[level]
        size[level] = size[left] + size[left + 1]
    for level in levels:
        left = layout.left[level]
        start[left] = start[level]
        start[left + 1] = start[level] + size[left]
    return start, size


def _bits(start: np.ndarray, stop: np.ndarray, words: int) -> np.ndarray:
    """Words with the bits from `start` to `stop` set."""
    first = np.arange(words) * WORD
    low, high = (
        np.clip(edge[:, None] - first, 0, WORD).astype(np.uint64) for edge in (start, stop)
    )
    one = np.uint64(1)
    return (((one << high) - one) ^ ((one << low) - one)).astype(np.uint32)
