"""Texts under masks as ids of tokens: those of their pieces, one after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lime_jax.text.documents import Document, Replace
from lime_jax.text.tokens import NO_TOKEN, TokenRows, Tokens
from lime_jax.typing import Bool, Int

_HIDDEN, _SHOWN, _ALWAYS = 0, 1, 2


@dataclasses.dataclass(frozen=True, eq=False)
class TokenText:
    """A text as all the tokens that can stand in it.

    Attributes:
        ids: in their order.
        players: of each; 0 where it always stands there.
        when: whether it stands there if its player is hidden, shown, or always.
    """

    ids: Int[np.ndarray, " tokens"]
    players: Int[np.ndarray, " tokens"]
    when: Int[np.ndarray, " tokens"]

    def masked(self, masks: Bool[np.ndarray, "masks players"], tokens: Tokens) -> TokenRows:
        """The text under masks, as the model reads it."""
        stands = (self.when == _ALWAYS) | (masks[:, self.players] == self.when)
        place = np.cumsum(stands, axis=1)
        if tokens.room is not None:
            stands &= place <= tokens.room
        before, behind = len(tokens.prefix), tokens.suffix
        inside = stands.sum(1)
        lengths = inside + before + len(behind)
        ids = np.full((len(masks), int(lengths.max(initial=0))), NO_TOKEN, np.int32)
        ids[:, :before] = tokens.prefix
        row, token = np.nonzero(stands)
        ids[row, before - 1 + place[row, token]] = self.ids[token]
        for number, suffix in enumerate(behind):
            ids[np.arange(len(ids)), before + inside + number] = suffix
        return TokenRows(ids, lengths)


@dataclasses.dataclass(frozen=True, eq=False)
class TokenTexts:
    """Texts under masks; see `masked.rows.MaskedRows`."""

    texts: Sequence[TokenText]
    tokens: Tokens

    def masked(self, row: int, masks: Bool[np.ndarray, "masks players"]) -> TokenRows:
        """A text under masks."""
        return self.texts[row].masked(masks, self.tokens)

    def is_said(self, row: int, masks: np.ndarray, texts: Sequence[str]) -> bool:
        """Whether that is what the tokenizer makes of the masked texts."""
        ours, theirs = self.masked(row, masks), self.tokens.rows(texts)
        return np.array_equal(ours.ids, theirs.ids)


def token_texts(
    documents: Sequence[Document], replace: Replace | None, tokens: Tokens
) -> TokenTexts:
    """Ask a tokenizer for every piece once, with what stands before it: it may read both as one."""
    chunks = [_chunks(document, replace) for document in documents]
    known: dict[str, int] = {}
    for text, _, _ in (part for of_text in chunks for part in of_text):
        known.setdefault(text, len(known))
    ids = [np.array(numbers, np.int32) for numbers in tokens.parts(list(known))]
    return TokenTexts([_token_text(of_text, known, ids) for of_text in chunks], tokens)


def _chunks(document: Document, replace: Replace | None) -> list[tuple[str, int, int]]:
    """Parts of a text, their players, and when they stand there."""
    text, end = document.seen, 0
    found: list[tuple[str, int, int]] = []
    for start, stop, player in document.spans.T.tolist():
        before, piece = text[end:start], text[start:stop]
        hidden = before if replace is None else before + replace(piece)
        found += [(before + piece, player, _SHOWN), (hidden, player, _HIDDEN)]
        end = stop
    return [*found, (text[end:], 0, _ALWAYS)]


def _token_text(
    chunks: list[tuple[str, int, int]], known: dict[str, int], ids: list[np.ndarray]
) -> TokenText:
    of_chunks = [ids[known[text]] for text, _, _ in chunks]
    counts = [len(part) for part in of_chunks]
    players, when = (np.repeat([chunk[k] for chunk in chunks], counts) for k in (1, 2))
    return TokenText(np.concatenate(of_chunks), players, when)
