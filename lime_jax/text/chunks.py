"""N-grams of characters inside words: each run without space is counted in all its variants."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from lime_jax.masked.rows import Csr, like
from lime_jax.text.documents import Document, Replace
from lime_jax.typing import Bool

MOST_TOGETHER = 8
"""Players of one chunk whose variants are counted: 256."""


@dataclasses.dataclass(frozen=True, eq=False)
class ChunkText:
    """A text as chunks, apart by space that always stands there.

    Attributes:
        players: (chunks, most) of each chunk; filled up with 0.
        bits: (chunks, most) what each adds to the number of the variant; 0 where there is none.
        first: (chunks,) number of the variant where all are hidden, among those of all texts.
    """

    players: np.ndarray
    bits: np.ndarray
    first: np.ndarray

    def variants(self, masks: Bool[np.ndarray, "masks players"]) -> np.ndarray:
        """(masks, chunks) numbers of the variants that stand there."""
        found = np.broadcast_to(self.first, (len(masks), len(self.first))).copy()
        for players, bits in zip(self.players.T, self.bits.T, strict=True):
            if bits.any():
                found += masks[:, players] * bits
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class ChunkRows:
    """Texts that are counted chunk by chunk; see `masked.rows.MaskedRows`.

    Attributes:
        texts: None where so many players are in a chunk that its variants are not counted.
        counts: (variants, columns).
    """

    texts: Sequence[ChunkText | None]
    counts: Csr
    whole: Csr

    def local(self) -> np.ndarray:
        """(texts,) whether they are counted chunk by chunk."""
        known = np.array([text is not None for text in self.texts])
        rows = np.flatnonzero(known)
        most = max((int(t.players.max(initial=0)) for t in self.texts if t is not None), default=0)
        found = self.under(rows, [np.ones((1, most + 1), bool)] * len(rows))
        away = np.asarray(abs(found - self.whole[rows]).sum(axis=1)).reshape(-1)
        known[rows[away != 0]] = False
        return known

    def masked(self, row: int, masks: Bool[np.ndarray, "masks players"]) -> Csr:
        """The counts of a text under masks."""
        return self.under(np.array([row]), [masks])

    def under(self, rows: np.ndarray, masks: Sequence[np.ndarray]) -> Csr:
        """The counts of some texts under some masks of each, text after text."""
        variants, lengths = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for row, some in zip(rows.tolist(), masks, strict=True):
            text = self.texts[row]
            assert text is not None
            variants.append(text.variants(some).reshape(-1))
            lengths.append(np.full(len(some), len(text.first)))
        indices, ends = np.concatenate(variants), np.cumsum([0, *np.concatenate(lengths)])
        ones = np.ones(len(indices), self.counts.dtype)
        chosen = sparse.csr_array(
            (ones, indices, ends), shape=(len(ends) - 1, self.counts.shape[0])
        )
        found = sparse.csr_array(chosen @ self.counts)
        found.eliminate_zeros()
        found.sort_indices()
        return like(self.whole, found)


def chunk_rows(
    count: Callable[[Sequence[str]], Csr], documents: Sequence[Document], replace: Replace | None
) -> ChunkRows:
    """Count every variant of every chunk of some texts once."""
    known: dict[str, int] = {}
    numbers: list[int] = []  # of the text of each variant
    texts = [_chunk_text(document, replace, known, numbers) for document in documents]
    counted = sparse.csr_array(count([*known, ""]))
    whole = count([document.text for document in documents])
    return ChunkRows(texts, counted[numbers] if numbers else counted[:0], whole)


def _chunk_text(
    document: Document, replace: Replace | None, known: dict[str, int], numbers: list[int]
) -> ChunkText | None:
    chunks = list(_chunks(*document.parts(replace)))
    together = [sorted({player for _, player, _ in chunk if player >= 0}) for chunk in chunks]
    most = max(map(len, together), default=0)
    if most > MOST_TOGETHER:
        return None
    players, bits = np.zeros((2, len(chunks), max(most, 1)), np.int64)
    first = np.zeros(len(chunks), np.int64)
    for k, (chunk, of_chunk) in enumerate(zip(chunks, together, strict=True)):
        first[k] = len(numbers)
        players[k, : len(of_chunk)], bits[k, : len(of_chunk)] = (
            of_chunk,
            1 << np.arange(len(of_chunk)),
        )
        for variant in range(1 << len(of_chunk)):
            shown = {player: bool(variant >> bit & 1) for bit, player in enumerate(of_chunk)}
            text = "".join(part for part, p, hidden in chunk if p < 0 or shown[p] != hidden)
            numbers.append(known.setdefault(text, len(known)))
    return ChunkText(players, bits, first)


def _chunks(parts: Sequence[str], players: np.ndarray, hidden: np.ndarray) -> list[list[tuple]]:
    """Parts of each chunk, their players, and whether they show where these are hidden."""
    chunks: list[list[tuple[str, int, bool]]] = [[]]
    for part, player, if_hidden in zip(parts, players.tolist(), hidden.tolist(), strict=True):
        if player >= 0:
            chunks[-1].append((part, player, if_hidden))
            continue
        inside = part.split()
        starts_new = [bool(part[:1].isspace()), *[True] * (len(inside) - 1)]
        for word, is_new in zip(inside, starts_new, strict=False):
            if is_new:
                chunks.append([])
            chunks[-1].append((word, -1, False))
        if part[-1:].isspace():
            chunks.append([])
    return [chunk for chunk in chunks if chunk]
