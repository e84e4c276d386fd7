"""Boxes laid out for the device: chunks of one shape, buckets by length, tiles by column."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float64, Int, Int32

from lime_jax.tabular.exact.boxes import Boxes

ENTRIES_AT_ONCE = 8192
"""Entries of boxes in one chunk: with a block of rows about what a CPU's caches hold."""

LENGTHS = (2, 4, 8, 12, 16, 24, 32)
"""Boxes are padded to the next of these numbers of conditions, above them to a multiple of 32."""


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Boxes in chunks of one shape; within a chunk conditions have numbers of their own.

    Attributes:
        conditions: for each group, the number of each local condition among all; -1 is padding.
        buckets: conditions of boxes of similar length; the last local number means "always".
        source: tiles of entries of one column: where each is in the buckets.
        tile_value: of their boxes; 0 for padding.
        tile_column: what the entries of each tile are about.
    """

    conditions: tuple[Int32[np.ndarray, "chunks _"], ...]
    buckets: tuple[Int32[np.ndarray, "chunks _ _"], ...]
    bucket_values: tuple[Float64[np.ndarray, "chunks outputs _"], ...]
    source: Int32[np.ndarray, "chunks tiles entries"]
    tile_condition: Int32[np.ndarray, "chunks tiles entries"]
    tile_value: Float64[np.ndarray, "chunks tiles outputs entries"]
    tile_column: Int32[np.ndarray, "chunks tiles"]


def plan_of(
    boxes: Boxes,
    group: Int[np.ndarray, " conditions"],
    num_groups: int,
    entries_at_once: int | None = None,
) -> Plan:
    """Lay out boxes.

    Args:
        group: of each condition; the conditions of a group are evaluated together.
        entries_at_once: about the entries of a chunk; None: `ENTRIES_AT_ONCE` on a CPU.
    """
    length = np.diff(boxes.first)
    entries_at_once = ENTRIES_AT_ONCE if entries_at_once is None else entries_at_once
    chunks = max(1, -(-len(boxes.entry) // entries_at_once))
    chunk = (boxes.first[:-1] * chunks) // max(len(boxes.entry), 1)
    chunks = int(chunk.max(initial=0)) + 1
    box = np.repeat(np.arange(len(length)), length)
    local, conditions, total = _local_numbers(boxes.entry, chunk[box], group, num_groups, chunks)
    position = np.arange(len(box)) - boxes.first[box]
    width = _padded_length(length)

    outputs = boxes.value.shape[1]
    buckets, values = [], []
    where = np.zeros(len(box), np.int64)
    offset = 0
    for size in np.unique(width):
        chosen = np.flatnonzero(width == size)
        place, count = _ranks_within(chunk[chosen], chunks)
        index = np.full((chunks, size, count), total, np.int32)
        value = np.zeros((chunks, outputs, count))
        value[chunk[chosen], :, place] = boxes.value[chosen]
        at = np.zeros(len(length), np.int64)
        at[chosen] = place
        mine = np.flatnonzero(width[box] == size)
        index[chunk[box[mine]], position[mine], at[box[mine]]] = local[mine]
        where[mine] = offset + position[mine] * count + at[box[mine]]
        offset += size * count
        buckets.append(index)
        values.append(value)
    tiles = _tiles(boxes, chunk, box, local, where, chunks)
    return Plan(conditions, tuple(buckets), tuple(values), *tiles)


def _padded_length(length: np.ndarray) -> np.ndarray:
    known = np.array(LENGTHS)
    short = known[np.minimum(np.searchsorted(known, length), len(known) - 1)]
    return np.where(length > known[-1], -(-length // 32) * 32, short)


def _ranks_within(group: np.ndarray, groups: int) -> tuple[np.ndarray, int]:
    """The place of each item among those of its group, and the size of the largest."""
    order = np.argsort(group, kind="stable")
    count = np.bincount(group, minlength=groups)
    first = np.cumsum(count) - count
    place = np.empty(len(group), np.int64)
    place[order] = np.arange(len(group)) - first[group[order]]
    return place, int(count.max(initial=0))


def _local_numbers(
    entry: np.ndarray, chunk: np.ndarray, group: np.ndarray, num_groups: int, chunks: int
) -> tuple[np.ndarray, tuple[np.ndarray, ...], int]:
    """Numbers of the entries' conditions within their chunk, and the conditions behind them."""
    key, code = np.unique(chunk * len(group) + entry, return_inverse=True)
    of_chunk, condition = key // max(len(group), 1), key % max(len(group), 1)
    number = np.zeros(len(key), np.int64)
    total, conditions = 0, []
    for g in range(num_groups):
        mine = np.flatnonzero(group[condition] == g)
        place, count = _ranks_within(of_chunk[mine], chunks)
        known = np.full((chunks, count), -1, np.int32)
        known[of_chunk[mine], place] = condition[mine]
        conditions.append(known)
        number[mine] = total + place
        total += count
    return number[code], tuple(conditions), total


def _tiles(
    boxes: Boxes,
    chunk: np.ndarray,
    box: np.ndarray,
    local: np.ndarray,
    where: np.ndarray,
    chunks: int,
) -> tuple[Any, ...]:
    """Entries sorted by column, in tiles that each belong to one."""
    column = boxes.conditions.column[boxes.entry]
    features = int(boxes.conditions.column.max(initial=0)) + 1
    order = np.lexsort((local, column, chunk[box]))
    run = (chunk[box] * features + column)[order]
    count = np.bincount(run, minlength=chunks * features)
    used = count[count > 0]
    size = int(np.clip(2 ** np.ceil(np.log2(used.mean() / 2)), 4, 32)) if len(used) else 4
    per_run = -(-count // size)
    of_run = np.repeat(np.arange(len(count)), per_run)
    in_chunk, tiles = _ranks_within(of_run // features, chunks)
    first_tile = np.cumsum(per_run) - per_run
    place = np.arange(len(run)) - (np.cumsum(count) - count)[run]
    tile = in_chunk[first_tile[run] + place // size]
    at = (run // features, tile, place % size)

    source = np.zeros((chunks, tiles, size), np.int32)
    condition = np.zeros((chunks, tiles, size), np.int32)
    value = np.zeros((chunks, tiles, boxes.value.shape[1], size))
    # Padded tiles come last and add 0 to the last column: columns stay in order.
    tile_column = np.full((chunks, tiles), features - 1, np.int32)
    source[at], condition[at] = where[order], local[order]
    value[at[0], at[1], :, at[2]] = boxes.value[box[order]]
    tile_column[of_run // features, in_chunk] = of_run % features
    return source, condition, value, tile_column
