"""Word n-grams under masks: words that are left stand side by side, whatever was between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from lime_jax.masked.linear_heads import LinearHead
from lime_jax.masked.rows import Csr, like
from lime_jax.text.documents import Document, Replace
from lime_jax.typing import Bool, Float


@dataclasses.dataclass(frozen=True, eq=False)
class GramCounting:
    """How a vectorizer counts n-grams of words.

    Attributes:
        words: of a text, without those that it stops.
        sizes: of the n-grams, the least and the most words.
        places: n-grams to (n-grams, 2) columns and signs; column -1: it has none.
    """

    words: Callable[[str], list[str]]
    sizes: tuple[int, int]
    places: Callable[[list[str]], np.ndarray]


class GramTable:
    """Columns and signs of the n-grams of one text, each looked up when it first stands there.

    Words are numbers, and an n-gram is the number of its first n - 1 words among all such, times
    the count of words, and its last one's.
    """

    def __init__(self, counting: GramCounting, words: Sequence[str]) -> None:
        self.counting, self.words = counting, list(words)
        sizes = range(counting.sizes[1] + 1)
        self.names: list[list[str]] = [[] for _ in sizes]
        self.known = [np.full(0, -1, np.int32) for _ in sizes]
        self.columns = [np.zeros((0, 2), np.int64) for _ in sizes]

    def numbers(self, size: int, keys: np.ndarray) -> np.ndarray:
        """The number of each n-gram of a size among those that were met."""
        before, names, known = self.names[size - 1], self.names[size], self.known[size]
        room = max(len(before), 1) * len(self.words)
        if len(known) < room:
            more = np.full(room - len(known), -1, np.int32)
            known = self.known[size] = np.concatenate([known, more])
        for key in np.unique(keys[known[keys] < 0]).tolist():
            known[key] = len(names)
            first, last = divmod(key, len(self.words))
            names.append(f"{before[first]} {self.words[last]}" if size > 1 else self.words[last])
        return known[keys]

    def places(self, size: int) -> np.ndarray:
        """(n-grams that were met, 2) the column and the sign of each."""
        done, names = self.columns[size], self.names[size]
        if len(done) < len(names):
            more = self.counting.places(names[len(done) :])
            self.columns[size] = np.concatenate([done, more])
        return self.columns[size]


@dataclasses.dataclass(frozen=True, eq=False)
class GramText:
    """A text as words one after the other, also those that show in place of hidden ones.

    Attributes:
        number: (places,) of the word that stands at a place.
        player: (places,) whose it is; -1: it always stands there.
        if_hidden: (places,) whether it stands there where the player is hidden.
    """

    table: GramTable
    number: np.ndarray
    player: np.ndarray
    if_hidden: np.ndarray

    @classmethod
    def of(cls, document: Document, counting: GramCounting, replace: Replace | None) -> GramText:
        """The words of a document."""
        parts, players, hidden = document.parts(replace)
        known: dict[str, int] = {}
        words = [[known.setdefault(w, len(known)) for w in counting.words(part)] for part in parts]
        counts = list(map(len, words))
        return cls(
            GramTable(counting, list(known)),
            np.array([number for some in words for number in some], np.int64),
            np.repeat(players, counts),
            np.repeat(hidden, counts),
        )

    def entries(self, masks: Bool[np.ndarray, "masks players"]) -> Iterator[tuple[Any, ...]]:
        """Mask, column and sign of every n-gram that is counted, by size."""
        for size, row, numbers in self.grams(masks):
            places = self.table.places(size)[numbers].reshape(-1, 2)
            there = places[:, 0] >= 0
            yield row[there], places[there, 0], places[there, 1]

    def scores(
        self, masks: Bool[np.ndarray, "masks players"], head: LinearHead
    ) -> Float[np.ndarray, "masks scores"]:
        """What all n-grams add up to, each with the coefficients of its column."""
        total = np.zeros((len(masks), head.coef.shape[1]))
        for size, row, numbers in self.grams(masks):
            columns, signs = self.table.places(size).T
            signs = np.where(columns < 0, 0, signs * head.factors[columns])
            lines = head.coef[columns] * signs[:, None]
            ends = np.cumsum([0, *np.bincount(row, minlength=len(masks))])
            shape = len(masks), len(lines)
            total += sparse.csr_array((np.ones(len(numbers)), numbers, ends), shape) @ lines
        return total

    def grams(self, masks: Bool[np.ndarray, "masks players"]) -> Iterator[tuple[Any, ...]]:
        """The sizes that are counted, and the mask and number of every n-gram, mask after mask."""
        shown = np.ones((len(masks), len(self.number)), bool)
        by_player = self.player >= 0
        shown[:, by_player] = masks[:, self.player[by_player]] ^ self.if_hidden[by_player]
        row, place = np.nonzero(shown)
        words, least = self.number[place], self.table.counting.sizes[0]
        grams = np.zeros(len(words), np.int64)
        for size in range(1, self.table.counting.sizes[1] + 1):
            count = max(len(words) - size + 1, 0)
            keys = grams[:count] * len(self.table.words) + words[size - 1 :]
            together = row[:count] == row[size - 1 :]
            numbers = np.full(count, -1)
            numbers[together] = self.table.numbers(size, keys[together])
            grams = np.maximum(numbers, 0)
            if size >= least:
                yield size, row[:count][together], numbers[together]


@dataclasses.dataclass(frozen=True, eq=False)
class GramScores:
    """Texts under masks as scores that n-grams add up to; see `masked.rows.RowsUnderMasks`."""

    texts: Sequence[GramText]
    head: LinearHead

    def masked(
        self, row: int, masks: Bool[np.ndarray, "masks players"]
    ) -> Float[np.ndarray, "masks scores"]:
        """The scores of a text under masks."""
        return self.texts[row].scores(masks, self.head)

    def under(
        self, rows: np.ndarray, masks: Sequence[np.ndarray]
    ) -> Float[np.ndarray, "masks scores"]:
        """The scores of some texts under some masks of each, text after text."""
        return np.concatenate(
            [self.masked(k, m) for k, m in zip(rows.tolist(), masks, strict=True)]
        )


@dataclasses.dataclass(frozen=True, eq=False)
class GramRows:
    """Texts whose n-grams of words are counted; see `masked.rows.MaskedRows`."""

    texts: Sequence[GramText]
    whole: Csr

    @cached_property
    def players(self) -> list[int]:
        """Of each text, how many there are."""
        return [int(text.player.max(initial=-1)) + 1 for text in self.texts]

    def local(self) -> np.ndarray:
        """(texts,) whether the words of the pieces are those of the text."""
        all_there = [np.ones((1, players), bool) for players in self.players]
        found = self.under(np.arange(len(self.texts)), all_there)
        return np.asarray(abs(found - self.whole).sum(axis=1)).reshape(-1) == 0

    def masked(self, row: int, masks: Bool[np.ndarray, "masks players"]) -> Csr:
        """The counts of a text under masks."""
        return self.under(np.array([row]), [masks])

    def under(self, rows: np.ndarray, masks: Sequence[np.ndarray]) -> Csr:
        """The counts of some texts under some masks of each, text after text."""
        lines, columns, signs = ([np.zeros(0, np.int64)] for _ in range(3))
        start = 0
        for row, some in zip(rows.tolist(), masks, strict=True):
            for line, column, sign in self.texts[row].entries(some):
                lines.append(line + start)
                columns.append(column)
                signs.append(sign)
            start += len(some)
        entries = (np.concatenate(lines), np.concatenate(columns))
        data = np.concatenate(signs).astype(self.whole.dtype)
        found = sparse.coo_array((data, entries), shape=(start, self.whole.shape[1])).tocsr()
        found.sum_duplicates()
        found.eliminate_zeros()
        return like(self.whole, found)
