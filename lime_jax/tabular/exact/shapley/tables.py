"""A sum of boxes as a cooperative game, and what its background rows miss: built once, in NumPy.

In a box every player is one position: the and of its conditions. A row is known to the box by the
set of positions it misses, a bit mask, and so is a background row. Many background rows miss the
same, so each box keeps the sets that occur with their total weight.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt32

from lime_jax.tabular.exact.boxes import Boxes, Conditions

WORD = 32
_CELLS_AT_ONCE = 2**22
"""Entries times background rows that are in memory together."""


@dataclasses.dataclass(frozen=True, eq=False)
class Game:
    """Boxes with the players' positions in them.

    Conditions of players come in the order of their positions; those on held columns share a
    position behind them, which belongs to nobody.

    Attributes:
        entry: conditions; box b has `boxes.first[b]:boxes.first[b + 1]`.
        position: of each entry within its box.
        held: of each entry, whether its column is held.
        size: positions of each box, a held one among them.
        slot_box: of every position of a player, box after box.
    """

    boxes: Boxes
    entry: Int[np.ndarray, " entries"]
    position: Int[np.ndarray, " entries"]
    held: Bool[np.ndarray, " entries"]
    size: Int[np.ndarray, " boxes"]
    slot_box: Int[np.ndarray, " slots"]
    slot_position: Int[np.ndarray, " slots"]
    slot_player: Int[np.ndarray, " slots"]


def game_of(boxes: Boxes, groups: Int[np.ndarray, " features"], num_players: int) -> Game:
    """Find the positions.

    Args:
        groups: player of each column; -1 where it is held.
    """
    player = groups[boxes.conditions.column[boxes.entry]]
    player = np.where(player < 0, num_players, player)
    box = np.repeat(np.arange(len(boxes.value)), np.diff(boxes.first))
    order = np.lexsort((player, box))
    player, box = player[order], box[order]
    starts = np.ones(len(order), bool)
    starts[1:] = (np.diff(player) != 0) | (np.diff(box) != 0)
    slot = np.cumsum(starts) - 1
    size = np.bincount(box[starts], minlength=len(boxes.value))
    position = slot - (np.cumsum(size) - size)[box]
    mine = starts & (player < num_players)
    return Game(
        boxes=boxes,
        entry=boxes.entry[order],
        position=position,
        held=player == num_players,
        size=size,
        slot_box=box[mine],
        slot_position=position[mine],
        slot_player=player[mine],
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Patterns:
    """Which sets of positions the background rows miss; those of box b are `first[b]:first[b + 1]`.

    Attributes:
        missed: bits by position, in words of 32; a held position counts as missed.
        weight: of the background rows that miss just these.
    """

    first: Int[np.ndarray, " boxes_plus_1"]
    missed: UInt32[np.ndarray, "patterns words"]
    weight: Float64[np.ndarray, " patterns"]

    def met_by_all(self) -> Float64[np.ndarray, " boxes"]:
        """Weight of the background rows that are in each box."""
        inside = np.where(self.missed.any(1), 0, self.weight)
        return np.add.reduceat(inside, self.first[:-1]) if len(inside) else np.zeros(0)


def patterns_of(
    game: Game,
    background: Float64[np.ndarray, "background features"],
    weights: Float64[np.ndarray, " background"],
) -> Patterns:
    """Compare the background with all boxes."""
    first, rows = game.boxes.first, len(background)
    words = -(-int(game.size.max(initial=1)) // WORD)
    at_once = max(1, _CELLS_AT_ONCE // max(rows, 1))
    none = np.zeros((0, words), np.uint32), np.zeros(0), np.zeros(0, np.int64)
    parts = [none]
    start = 0
    while start < len(game.size):
        stop = int(np.searchsorted(first, first[start] + at_once, side="right")) - 1
        stop = min(max(stop, start + 1), len(game.size))
        missed = _missed(game, start, stop, words, background)
        parts.append(_distinct(missed, weights))
        start = stop
    missed, weight, count = map(np.concatenate, zip(*parts, strict=True))
    return Patterns(np.append(0, np.cumsum(count)), missed, weight)


def _missed(
    game: Game, start: int, stop: int, words: int, background: np.ndarray
) -> UInt32[np.ndarray, "boxes rows words"]:
    first = game.boxes.first
    entries = slice(first[start], first[stop])
    fails = ~meets(game.boxes, game.entry[entries], background) | game.held[entries, None]
    position = game.position[entries]
    bit = np.uint32(1) << (position % WORD).astype(np.uint32)
    missed = np.empty((stop - start, len(background), words), np.uint32)
    for word in range(words):
        flag = np.where(position // WORD == word, bit, np.uint32(0))
        flags = np.where(fails, flag[:, None], np.uint32(0))
        missed[:, :, word] = np.bitwise_or.reduceat(flags, first[start:stop] - first[start], axis=0)
    return missed


def meets(
    boxes: Boxes, entry: Int[np.ndarray, " entries"], rows: Float64[np.ndarray, "rows features"]
) -> Bool[np.ndarray, "entries rows"]:
    """Whether rows meet conditions."""
    conditions = boxes.conditions
    number, place = np.unique(entry, return_inverse=True)
    value = rows.T[conditions.column[number]]
    low, high = open_ended(conditions.low, conditions.high)
    inside = ~(value <= low[number, None]) & (value <= high[number, None])
    inside |= np.isnan(value) & conditions.missing[number, None]
    by_level = np.flatnonzero(conditions.level_set[number] >= 0)
    if len(by_level):
        flags = level_flags(conditions, number[by_level])
        code = np.nan_to_num(value[by_level], nan=-1)
        last = flags.shape[1] - 1  # a level that no set knows
        code = np.where((code >= 0) & (code < last), code, last).astype(np.int64)
        inside[by_level] = np.take_along_axis(flags, code, 1)
    return inside[place]


def open_ended(
    low: Float64[np.ndarray, " conditions"], high: Float64[np.ndarray, " conditions"]
) -> tuple[Float64[np.ndarray, " conditions"], Float64[np.ndarray, " conditions"]]:
    """Ends for `not value <= low and value <= high`, which lets -inf in where there is no `low`."""
    return np.where(np.isneginf(low) & (high > low), np.nan, low), high


def level_flags(
    conditions: Conditions, number: Int[np.ndarray, " some"]
) -> Bool[np.ndarray, "some codes"]:
    """Which codes meet conditions on levels; the last flag is for unknown ones."""
    return np.unpackbits(conditions.sets[conditions.level_set[number]], axis=1).astype(bool)


def _distinct(
    missed: UInt32[np.ndarray, "boxes rows words"], weights: Float64[np.ndarray, " rows"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct patterns of each box one after the other, their weights, and how many."""
    boxes, rows, words = missed.shape
    if words == 1:
        known, code = None, missed[:, :, 0].astype(np.uint64)
    else:
        known, code = np.unique(missed.reshape(-1, words), axis=0, return_inverse=True)
        code = code.reshape(boxes, rows).astype(np.uint64)
    # Pattern and row in one number: sorting it is faster than sorting rows by their patterns.
    order = np.sort(code * np.uint64(rows) + np.arange(rows, dtype=np.uint64), axis=1)
    code, row = np.divmod(order, np.uint64(rows))
    starts = np.ones(code.shape, bool)
    starts[:, 1:] = code[:, 1:] != code[:, :-1]
    weight = np.add.reduceat(weights[row.astype(np.int64)].ravel(), np.flatnonzero(starts))
    code = code[starts]
    pattern = code.astype(np.uint32)[:, None] if known is None else known[code.astype(np.int64)]
    return pattern, weight, starts.sum(1)
