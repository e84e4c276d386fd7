"""Boxes of a game laid out for the device, in chunks of one shape.

Two ways to the Shapley values of a box. Short boxes have a table with an entry for every set of
positions that x can miss, so the background costs nothing any more. Long ones compare that set
with the patterns of the background (`shapley_trees`).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.trees.thresholds import round_down
from lime_jax.placing import placed
from lime_jax.tabular.exact.shapley.chunks import LevelColumns, Long, Short, Tests, Tiles
from lime_jax.tabular.exact.shapley.lines import shapley_lines
from lime_jax.tabular.exact.shapley.tables import WORD, Game, Patterns, level_flags, open_ended
from lime_jax.typing import Array, Int, Pytree

LONGEST_TABLE = 12
"""Positions; a table doubles with each."""

_SLOTS_AT_ONCE = 8192
_PAIRS_AT_ONCE = 2048
"""Positions of players, or patterns of the background, in one chunk: what fits a CPU's caches."""

_TESTS, _PATTERNS = (3, 5, 8, 12, 24), (32, 64, 96, 128)
"""Boxes are padded to the next of these numbers of tests or of patterns of the background."""


class Layout:
    """Makes the device arrays of a game."""

    def __init__(self, game: Game, patterns: Patterns, table_bytes: int) -> None:
        self.game, self.patterns = game, patterns
        self.kind = np.dtype(jnp.result_type(float))
        conditions = game.boxes.conditions
        self.by_level = np.flatnonzero(conditions.level_set >= 0)
        low, high = open_ended(conditions.low, conditions.high)
        self.low, self.high = round_down(low, self.kind), round_down(high, self.kind)
        self.column = conditions.column.astype(np.int32)
        self.slot_first = np.searchsorted(game.slot_box, np.arange(len(game.size) + 1))
        self.held = (game.size - np.diff(self.slot_first)).astype(np.int32)
        self.longest = self._longest_table(table_bytes)
        self.on_cpu = jax.default_backend() == "cpu"

    def _longest_table(self, table_bytes: int) -> int:
        size = np.bincount(self.game.size, minlength=LONGEST_TABLE + 1)[: LONGEST_TABLE + 1]
        positions = np.arange(len(size))
        total = np.cumsum(size * positions * 2.0**positions) * self.kind.itemsize
        return int(np.searchsorted(total, table_bytes, side="right")) - 1

    def level_columns(self, num_features: int) -> LevelColumns:
        """Columns for the conditions on levels, which the boxes' tests then are about."""
        conditions, mine = self.game.boxes.conditions, self.by_level
        column = self.column[mine]
        self.column[mine] = num_features + np.arange(len(mine))
        self.low[mine], self.high[mine] = 0.5, np.inf
        return LevelColumns(placed(column), placed(level_flags(conditions, mine)))

    def short(self) -> tuple[Short, ...]:
        """Boxes with tables, if there are any."""
        size, count = self.game.size, np.diff(self.game.boxes.first)
        mine = np.flatnonzero(size <= self.longest)
        if not len(mine):
            return ()
        chunks = -(-int(size[mine].sum()) // (_SLOTS_AT_ONCE if self.on_cpu else 2**18))
        padded = _padded(count[mine], _TESTS)
        rows = [_deal(mine[padded == n], chunks) for n in np.unique(padded)]
        boxes = np.concatenate(rows, 1)
        cells = _at(size << size, boxes, 0)
        first = np.cumsum(cells, 1) - cells
        chunk, place, slot = self._slots(boxes)
        tiling = _Tiling(chunk, self.game.slot_player[slot], chunks)
        line = first[chunk, place] + (
            self.game.slot_position[slot] << size[self.game.slot_box[slot]]
        )
        short = Short(
            tests=tuple(self.tests(r) for r in rows),
            value=tuple(self.values(r) for r in rows),
            lines=self._lines(boxes, first, int(cells.sum(1).max())),
            tiles=self._tiles(tiling, place, slot),
            first=tiling.fill(line.astype(np.int32)),
        )
        return (self._on_device(short),)

    def _lines(self, boxes: np.ndarray, first: np.ndarray, cells: int) -> np.ndarray:
        """Tables of boxes, each from its `first` cell on."""
        lines = np.zeros((len(boxes), cells), self.kind)
        count, held = np.diff(self.patterns.first), self.held > 0
        size = _at(self.game.size, boxes, 0)
        for length in np.unique(size[size > 0]):
            chunk, place = np.nonzero(size == length)
            box = boxes[chunk, place]
            number = np.repeat(np.arange(len(box)), count[box])
            pattern = _ranges(self.patterns.first[box], count[box])
            mass = np.zeros((len(box), 2**length))
            mass[number, self.patterns.missed[pattern, 0]] = self.patterns.weight[pattern]
            of_chunk = shapley_lines(mass, held[box]).reshape(len(box), -1)
            begin = first[chunk, place][:, None]
            lines[chunk[:, None], begin + np.arange(of_chunk.shape[1])] = of_chunk
        return lines

    def long(self) -> tuple[Long, ...]:
        """Boxes without tables, by number of patterns."""
        boxes = np.flatnonzero(self.game.size > self.longest)
        padded = _padded(np.diff(self.patterns.first)[boxes], _PATTERNS)
        return tuple(self._long(boxes[padded == n], int(n)) for n in np.unique(padded))

    def _long(self, chosen: np.ndarray, patterns: int) -> Long:
        together = max(1, (_PAIRS_AT_ONCE if self.on_cpu else 2**18) // patterns)
        boxes = _deal(chosen, -(-len(chosen) // together))
        first = _at(self.patterns.first, boxes, 0)
        k = np.arange(patterns)
        there = k < _at(np.diff(self.patterns.first), boxes, 0)[..., None]
        pattern = np.where(there, first[..., None] + k, 0)
        longest = int(self.game.size[chosen].max())
        missed = self.patterns.missed[pattern, : _words(longest)]
        chunk, place, slot = self._slots(boxes)
        place = place * longest + self.game.slot_position[slot]
        tiling = _Tiling(chunk, self.game.slot_player[slot], len(boxes))
        long = Long(
            tests=self.tests(boxes),
            value=self.values(boxes),
            missed=np.moveaxis(missed * there[..., None], -1, 1),
            weight=np.where(there, self.patterns.weight[pattern], 0),
            held=_at(self.held, boxes, 0),
            tiles=self._tiles(tiling, place, slot),
            positions=longest,
        )
        return self._on_device(long)

    def _slots(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Chunk, place of the box in its chunk, and number of every position of these boxes."""
        chunk, place = np.nonzero(boxes >= 0)
        box = boxes[chunk, place]
        count = np.diff(self.slot_first)[box]
        slot = _ranges(self.slot_first[box], count)
        return np.repeat(chunk, count), np.repeat(place, count), slot

    def tests(self, boxes: Int[np.ndarray, "chunks boxes"]) -> Tests:
        """The tests of boxes by number; -1 for padding."""
        first = self.game.boxes.first
        count = _at(np.diff(first), boxes, 0)[:, None]
        k = np.arange(int(count.max()))[:, None]
        there = k < count
        entry = np.where(there, _at(first[:-1], boxes, 0)[:, None] + k, 0)
        condition, position = self.game.entry[entry], self.game.position[entry]
        words = _words(int(self.game.size[boxes[boxes >= 0]].max(initial=1)))
        flag = [there & (position // WORD == word) for word in range(words)]
        bit = np.uint32(1) << (position % WORD).astype(np.uint32)
        return Tests(
            column=self.column[condition],
            low=self.low[condition],
            high=self.high[condition],
            missing=self.game.boxes.conditions.missing[condition],
            flag=np.where(np.stack(flag, 2), bit[:, :, None], np.uint32(0)),
        )

    def values(self, boxes: Int[np.ndarray, "chunks boxes"]) -> np.ndarray:
        """The values of boxes by number, (chunks, outputs, boxes); 0 for padding."""
        return np.swapaxes(_at(self.game.boxes.value, boxes, 0.0), 1, 2)

    def _tiles(self, tiling: _Tiling, source: np.ndarray, slot: np.ndarray) -> Tiles:
        value = tiling.fill(self.game.boxes.value[self.game.slot_box[slot]])
        source = tiling.fill(source.astype(np.int32))
        return Tiles(source, np.swapaxes(value, 2, 3), tiling.player)

    def _on_device(self, arrays: Pytree) -> Pytree:
        def put(array: np.ndarray) -> Array:
            return placed(array, self.kind if array.dtype.kind == "f" else array.dtype)

        return jax.tree.map(put, arrays)


class _Tiling:
    """Where positions of players go in tiles."""

    def __init__(self, chunk: np.ndarray, player: np.ndarray, chunks: int) -> None:
        players = int(player.max(initial=0)) + 1
        self.order = np.lexsort((player, chunk))
        run = (chunk * players + player)[self.order]
        count = np.bincount(run, minlength=chunks * players)
        used = count[count > 0]
        size = int(np.clip(2 ** np.ceil(np.log2(used.mean() / 2)), 4, 32)) if len(used) else 4
        per_run = -(-count // size)
        per_chunk = per_run.reshape(chunks, players).sum(1)
        skipped = np.repeat(np.cumsum(per_chunk) - per_chunk, players)
        first = np.cumsum(per_run) - per_run - skipped
        place = np.arange(len(run)) - (np.cumsum(count) - count)[run]
        self.at = (run // players, first[run] + place // size, place % size)
        self.shape = (chunks, int(per_chunk.max(initial=0)), size)
        # Padded tiles come last and add 0 to the last player: players stay in order.
        self.player = np.full(self.shape[:2], players - 1, np.int32)
        of_run = np.repeat(np.arange(len(count)), per_run)
        tile = np.arange(len(of_run)) - skipped[of_run]
        self.player[of_run // players, tile] = of_run % players

    def fill(self, values: np.ndarray) -> np.ndarray:
        """Values by position in tiles; 0 for padding."""
        filled = np.zeros((*self.shape, *values.shape[1:]), values.dtype)
        filled[self.at] = values[self.order]
        return filled


def _words(positions: int) -> int:
    return -(-positions // WORD)


def _deal(boxes: np.ndarray, chunks: int) -> Int[np.ndarray, "chunks boxes"]:
    """Boxes in chunks of one size, with -1 for padding."""
    each = -(-len(boxes) // chunks)
    dealt = np.full(chunks * each, -1)
    dealt[: len(boxes)] = boxes
    return dealt.reshape(each, chunks).T


def _ranges(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The numbers from each first one on, `count` of them, one range after the other."""
    skipped = np.cumsum(count) - count
    return np.repeat(first - skipped, count) + np.arange(int(count.sum()))


def _padded(count: np.ndarray, known: tuple[int, ...]) -> np.ndarray:
    """The next of the known numbers, above them one that is half as large again: few programs."""
    step = list(known)
    while step[-1] < count.max(initial=0):
        step.append(-(-step[-1] * 3 // 2))
    return np.array(step)[np.searchsorted(step, count)]


def _at(values: np.ndarray, number: np.ndarray, padding: float | int) -> np.ndarray:
    """Values by number; -1 gets the padding."""
    rest = np.full((1, *values.shape[1:]), padding, values.dtype)
    return np.concatenate([values, rest])[number]
