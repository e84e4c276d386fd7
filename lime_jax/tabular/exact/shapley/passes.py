"""Exact Shapley values for a few rows of a sum of trees: one pass down the trees, in NumPy.

x and a background row are in a leaf together if each of its conditions is met by one of the two at
least; to the values only those pairs count that some coalition brings there. A pass takes x down
both sides of every split, with the background rows that can make good what x misses, as bits of one
word: where none is left, it ends. What the background rows miss in each leaf is known before any
row is; so a pair costs one look-up, and large trees have few pairs. It is the sum over boxes
(`trees`) in another order, and needs no boxes, no tables of them, and no compilation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Float64, Int, Shaped, UInt64
from scipy.special import gammaln

from lime_jax.models.structure import TreeSum
from lime_jax.tabular.exact.route import one_by_one
from lime_jax.tabular.exact.shapley.fit import fit_on_host
from lime_jax.tabular.exact.splits import Marks, Splits, splits_of
from lime_jax.typing import LinearFit

_MOST_PLAYERS, _MOST_BYTES = 64, 2**28
"""Of what the background rows miss in the leaves."""

_TOGETHER = 64
"""Background rows that are the bits of one word."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Seen:
    """Some rows, as bits of a word; or one, by flags.

    Attributes:
        below: those up to each mark.
        missing: those with a missing number in each column.
    """

    below: Shaped[np.ndarray, " marks"]
    missing: Shaped[np.ndarray, " features"]

    @property
    def alone(self) -> _Seen:
        """The only row, by flags."""
        return _Seen(self.below != 0, self.missing != 0)


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """Some background rows.

    Attributes:
        sides: of each split, which of them come and go left, and which go right.
        missed: players that each of them misses in each leaf, as bits.
    """

    weights: Float64[np.ndarray, " rows"]
    sides: UInt64[np.ndarray, "splits 2"]
    missed: Shaped[np.ndarray, "leaves rows"]


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Leaves that some coalition brings x to, each with one background row.

    Attributes:
        row: of the background, among those of the part.
        theirs: players that the background row misses there, as bits.
        missed: those that x misses; the two have none in common.
        weights: of all rows of the part.
    """

    leaf: Int[np.ndarray, " pairs"]
    row: Int[np.ndarray, " pairs"]
    theirs: Shaped[np.ndarray, " pairs"]
    missed: Shaped[np.ndarray, " pairs"]
    weights: Float64[np.ndarray, " rows"]


@dataclasses.dataclass(frozen=True, eq=False)
class ShapleyPasses:
    """A sum of trees and a background.

    Attributes:
        player: bit of each column's player; 0 for a column that always keeps x's own value.
        facts: of each split its marks `lower`, `test`, `upper`, its column, its left child and its
            right one: looked up together. A child is the number of a split, or of a leaf, as bits
            turned around.
        roots: of all trees, likewise.
        value: of each leaf, by output within its tree.
        output: first of the outputs that each leaf's tree adds to.
        expected: means of the outputs over the background.
    """

    splits: Splits
    parts: tuple[_Part, ...]
    player: UInt64[np.ndarray, " features"]
    num_players: int
    facts: Int[np.ndarray, "splits 6"]
    roots: Int[np.ndarray, " trees"]
    value: Float64[np.ndarray, "width leaves"]
    output: Int[np.ndarray, " leaves"]
    expected: Float64[np.ndarray, " outputs"]

    def values(
        self,
        x: Float64[np.ndarray, " features"],
        labels: Int[np.ndarray, " labels"],
        is_alone: bool = False,
    ) -> tuple[Float64[np.ndarray, " labels"], Float64[np.ndarray, "labels players"]]:
        """Expected outputs and Shapley values of one row.

        Args:
            x: numbers, NaN where missing, and level codes.
            is_alone: whether all cores are there for this row.
        """
        seen, sums = _see(self.splits.marks, x[None]).alone, _Sums(self, labels)

        def of_part(part: _Part) -> tuple[np.ndarray, Pairs]:
            leaf, alive, missed = self._reached(seen, part)
            return leaf[missed == 0], _pairs(leaf, alive, missed, part)

        reached = np.zeros((0,), np.int64)
        for there, pairs in (one_by_one if is_alone else map)(of_part, self.parts):
            reached = there
            sums.add(pairs)
        if self.player.all():
            return self.expected[labels], sums.by_player()
        found = sums.by_player()
        return self._outputs(reached)[labels] - found.sum(1), found

    def pairs(self, x: Float64[np.ndarray, " features"]) -> Iterator[Pairs]:
        """Leaves and background rows, part by part of these."""
        seen = _see(self.splits.marks, x[None]).alone
        for part in self.parts:
            yield _pairs(*self._reached(seen, part), part)

    def _outputs(self, leaf: np.ndarray) -> np.ndarray:
        """The outputs of a row that is in some leaves."""
        total = self.splits.base.copy()
        for number, value in enumerate(self.value):
            total += np.bincount(self.output[leaf] + number, value[leaf], len(total))
        return total

    def _reached(self, seen: _Seen, part: _Part) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Leaves that x reaches with some background rows: which, and what players x misses."""
        all_, held = np.uint64(2 ** len(part.weights) - 1), not self.player.all()
        none = np.zeros(len(self.roots), np.uint64)
        found, ahead = [], [(self.roots, none | all_, none)]
        while sum(len(code) for code, _, _ in ahead):
            code, alive, missed = (np.concatenate(some) for some in zip(*ahead, strict=True))
            leaf, inner = np.flatnonzero(code < 0), np.flatnonzero(code >= 0)
            found.append((~code[leaf], alive[leaf], missed[leaf]))
            split, alive, missed = code[inner], alive[inner], missed[inner]
            facts, ahead = self.facts[split], []
            player = self.player[facts[:, 3]]
            saved = np.where(player > 0, alive, np.uint64(0)) if held else alive
            goes = _sides(self.splits, split, seen, *facts.T[:4])
            for child, side, x_goes in zip(facts.T[4:], part.sides[split].T, goes, strict=True):
                there = np.where(x_goes, alive, saved & side)
                some = np.flatnonzero(there != 0)
                misses = np.where(x_goes, missed, missed | player)
                ahead.append((child[some], there[some], misses[some]))
        leaf, alive, missed = (np.concatenate(some) for some in zip(*found, strict=True))
        return leaf, alive, missed

    def explain(
        self, rows: Float64[np.ndarray, "rows features"], labels: Int[np.ndarray, "rows labels"]
    ) -> LinearFit:
        """Explanations of some rows, each by itself, with players for features."""
        each = one_by_one(partial(self.values, is_alone=len(rows) == 1), rows, labels)
        expected, coef = map(np.stack, zip(*each, strict=True))
        return fit_on_host(expected, coef, sum(len(part.weights) for part in self.parts))


class _Sums:
    """Sums over leaves and background rows, by output and sets of players."""

    def __init__(self, passes: ShapleyPasses, labels: np.ndarray) -> None:
        self.passes, self.labels = passes, labels
        outputs = len(passes.splits.base)
        self.one_of_each = len(passes.value) == outputs
        self.value = passes.value[labels] if self.one_of_each else passes.value
        self.outputs = len(labels) if self.one_of_each else outputs
        self.bytes = -(-passes.num_players // 8)
        self.total = np.zeros((self.bytes, self.outputs, 256))
        self.gain, self.loss = _shares(passes.num_players)

    def add(self, pairs: Pairs) -> None:
        """Add what x has and misses in some leaves, with the background rows that are there too."""
        leaf, theirs, missed = pairs.leaf, pairs.theirs, pairs.missed
        sizes = np.bitwise_count(theirs), np.bitwise_count(missed)
        weight = pairs.weights[pairs.row]
        for sets, share in ((theirs, self.gain[sizes]), (missed, -self.loss[sizes])):
            share *= weight
            for byte in range(self.bytes):
                some = (sets >> np.asarray(8 * byte, sets.dtype)).astype(np.uint8).astype(np.int64)
                for number, value in enumerate(self.value):
                    self._add(byte, number, some, share * value[leaf], leaf)

    def _add(
        self, byte: int, number: int, some: np.ndarray, share: np.ndarray, leaf: np.ndarray
    ) -> None:
        if self.one_of_each:
            self.total[byte, number] += np.bincount(some, share, 256)
            return
        place = some + 256 * (self.passes.output[leaf] + number)
        self.total[byte] += np.bincount(place, share, 256 * self.outputs).reshape(-1, 256)

    def by_player(self) -> np.ndarray:
        """(labels, players) the sums over all sets that a player is in."""
        bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
        by_bit = self.total @ bits.astype(np.float64)
        found = np.moveaxis(by_bit, 0, 1).reshape(self.outputs, -1)[:, : self.passes.num_players]
        return found if self.one_of_each else found[self.labels]


def _pairs(leaf: np.ndarray, alive: np.ndarray, missed: np.ndarray, part: _Part) -> Pairs:
    """Leaves and the background rows that are alive there, as bits, one by one."""
    pair = np.flatnonzero(np.unpackbits(alive.view(np.uint8), bitorder="little"))
    place, row = pair >> 6, pair & 63
    leaf, missed = leaf[place], missed[place].astype(part.missed.dtype)
    theirs = part.missed[leaf, row]
    apart = np.flatnonzero((theirs & missed) == 0)  # players of several columns may be in both
    if len(apart) < len(leaf):
        leaf, row, theirs, missed = leaf[apart], row[apart], theirs[apart], missed[apart]
    return Pairs(leaf, row, theirs, missed, part.weights)


def shapley_passes(
    trees: TreeSum,
    background: Float64[np.ndarray, "background features"],
    weights: Float64[np.ndarray, " background"],
    groups: Int[np.ndarray, " features"],
    num_players: int,
) -> ShapleyPasses:
    """What does not depend on the rows to explain; see `shapley.shapley_tables`."""
    splits = splits_of(trees, np.ones(trees.num_features, bool))
    held = groups < 0
    player = np.where(held, np.uint64(0), np.uint64(1) << np.maximum(groups, 0).astype(np.uint64))
    split, left, right = _children(splits)
    is_leaf = split < 0
    code = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), split).astype(np.int32)
    marks = splits.lower, splits.test, splits.upper, splits.column
    facts = np.stack([*marks, code[left], code[right]], axis=1).astype(np.int32)
    output = _outputs_of_nodes(splits, split, left, right)[is_leaf]
    passes = ShapleyPasses(
        splits,
        (),
        player,
        num_players,
        facts,
        code[: splits.nodes[1]],
        np.ascontiguousarray(splits.value[:, is_leaf]),
        output,
        splits.base,
    )

    def part_from(start: int) -> tuple[_Part, np.ndarray]:
        some, expected = slice(start, start + _TOGETHER), np.zeros(len(splits.base))
        seen = _see(splits.marks, background[some])
        sides = np.stack(_sides(splits, slice(None), seen, *facts.T[:4]), axis=1)
        missed = _missed(splits, sides, player, num_players, len(background[some]))
        if not held.any():
            place, row = np.nonzero(missed == 0)
            for number, value in enumerate(passes.value):
                share = value[place] * weights[some][row]
                expected += np.bincount(output[place] + number, share, len(expected))
        return _Part(weights[some], sides, missed), expected

    parts, expected = zip(*one_by_one(part_from, range(0, len(background), _TOGETHER)), strict=True)
    return dataclasses.replace(passes, parts=parts, expected=splits.base + sum(expected))


def are_few(leaves: int, num_background: int, num_players: int) -> bool:
    """Whether what the background rows miss in the leaves is small enough to keep."""
    if num_players > _MOST_PLAYERS:
        return False
    return leaves * num_background * _kind(num_players).itemsize <= _MOST_BYTES


def _kind(num_players: int) -> np.dtype:
    """Of a set of players as bits."""
    return next(np.dtype(f"u{size}") for size in (1, 2, 4, 8) if num_players <= 8 * size)


def _children(splits: Splits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The split of each node, -1 for leaves; the children of each split."""
    split = np.full(splits.nodes[-1], -1)
    left, right = np.zeros((2, len(splits)), np.int64)
    for level, (part, inner) in enumerate(splits.levels()):
        split[splits.nodes[level] + inner] = np.arange(part.start, part.stop)
        left[part] = splits.nodes[level + 1] + np.arange(len(inner))
        right[part] = left[part] + len(inner)
    return split, left, right


def _outputs_of_nodes(
    splits: Splits, split: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """First of the outputs that each node's tree adds to."""
    output = np.zeros(len(split), np.int64)
    output[: splits.nodes[1]] = splits.output[len(splits) :]
    output[left] = output[right] = splits.output[: len(splits)]
    return output


def _see(marks: Marks, rows: Float64[np.ndarray, "rows features"]) -> _Seen:
    """Some rows as bits."""
    below = np.zeros(len(marks), np.uint64)
    bits = np.uint64(1) << np.arange(len(rows), dtype=np.uint64)
    behind = int(marks.first[-1])
    for k in np.flatnonzero(np.diff(marks.first)).tolist():
        # A number is above its column's first mark, even if it is minus infinity.
        places = np.maximum(np.searchsorted(marks.thresholds[k], rows[:, k]), 1)
        block = below[marks.of_column(k)]
        for place, bit in zip(places, bits, strict=True):
            block[place:] |= bit
    for k in np.unique(marks.set_column[1:]).tolist():
        sets, last = marks.sets_of(k), 8 * marks.sets.shape[1] - 1
        codes = np.nan_to_num(rows[:, k], nan=-1)
        codes = np.where((codes >= 0) & (codes < last), codes, last).astype(np.int64)
        for code, bit in zip(codes, bits, strict=True):
            has = marks.sets[sets, code >> 3] >> (7 - (code & 7)) & 1
            below[behind:][sets] |= np.where(has > 0, bit, np.uint64(0))
    missing = np.where(np.isnan(rows), bits[:, None], np.uint64(0))
    return _Seen(below, np.bitwise_or.reduce(missing, axis=0))


def _sides(
    splits: Splits,
    some: np.ndarray | slice,
    seen: _Seen,
    lower: np.ndarray,
    test: np.ndarray,
    upper: np.ndarray,
    column: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are on the left of some splits, among those that earlier tests leave; right."""
    below = seen.below[test]
    left = below & ~seen.below[lower]
    right = seen.below[upper] & ~below
    if seen.missing.any():
        come, goes = seen.missing[column], splits.missing[some]
        left |= come * (goes == 1)
        right |= come * (goes == 0)
    return left, right


def _missed(
    splits: Splits, sides: np.ndarray, player: np.ndarray, num_players: int, count: int
) -> Shaped[np.ndarray, "leaves rows"]:
    """Players that rows miss in each leaf, as bits."""
    kind = _kind(num_players)
    bit = player.astype(kind)
    at, leaves = np.zeros((splits.nodes[1], count), kind), []
    for part, inner in splits.levels():
        is_leaf = np.ones(len(at), bool)
        is_leaf[inner] = False
        leaves.append(at[is_leaf])
        above, below = at[inner], []
        for side in sides[part].T:
            packed = side.astype("<u8").view(np.uint8).reshape(-1, 8)
            fails = 1 - np.unpackbits(packed, axis=1, count=count, bitorder="little").astype(kind)
            fails *= bit[splits.column[part], None]
            fails |= above
            below.append(fails)
        at = np.concatenate(below)
    return np.concatenate([*leaves, at])


def _shares(players: int) -> tuple[np.ndarray, np.ndarray]:
    """What each of n positions gets that x has alone, and what each of m loses that x misses."""
    n, m = np.indices((players + 1, players + 1))
    log = gammaln(n + m + 1)
    gain = np.exp(gammaln(np.maximum(n, 1)) + gammaln(m + 1) - log)
    loss = np.exp(gammaln(n + 1) + gammaln(np.maximum(m, 1)) - log)
    return np.where(n > 0, gain, 0), np.where(m > 0, loss, 0)
