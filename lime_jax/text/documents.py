"""Texts as they come, and what of each can be hidden."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import compress
from typing import Any, TypeAlias

import numpy as np

from lime_jax.models.labels import is_missing
from lime_jax.text.frame import RowText
from lime_jax.text.pieces import Split, checked_spans, pieces_of
from lime_jax.text.tokens import Tokens
from lime_jax.text.words import Span
from lime_jax.typing import Bool, Int, Scalar, Table

PLAYERS = ("distinct", "positions", "sentences", "refined")

REFINED = 3
"""Sentences whose words are looked at, where players are refined."""

MOST_PLAYERS = 3000
"""That a linear model can be fitted to; also of Shapley values."""

Replace: TypeAlias = Callable[[str], str]
"""What stands in place of a hidden piece."""


@dataclasses.dataclass(frozen=True, eq=False)
class Document:
    """A text and the pieces of it that are hidden.

    Attributes:
        spans: start, end and player of each piece, in the order of the text; pieces of one player
            are hidden together.
        problem: why there is no explanation; "" where there is one.
        is_long: whether that is the size of the text alone.
        read: how many characters the model reads; None: all.
    """

    text: str
    spans: Int[np.ndarray, "3 pieces"]
    problem: str = ""
    is_long: bool = False
    read: int | None = None

    @property
    def seen(self) -> str:
        """What the model reads of the text."""
        return self.text[: self.read]

    @property
    def is_lost(self) -> bool:
        """Whether a text that is there cannot be cut."""
        return bool(self.problem and self.text) and not self.is_long

    @cached_property
    def num_players(self) -> int:
        """How many there are, numbered from 0."""
        return int(self.spans[2].max(initial=-1)) + 1

    @cached_property
    def times(self) -> Int[np.ndarray, " players"]:
        """How many pieces each player has."""
        return np.bincount(self.spans[2], minlength=self.num_players)

    def masked(
        self, masks: Bool[np.ndarray, "masks columns"], replace: Replace | None
    ) -> Iterator[str]:
        """The text under each mask; what is between pieces always stays.

        Args:
            masks: whether each player is there; columns beyond the players are not looked at.
            replace: what stands in place of hidden pieces; None: nothing.
        """
        strings = self._strings(masks, replace)
        if not isinstance(self.text, RowText):
            return strings
        row = self.text.row
        return (RowText(string, row) for string in strings)

    def _strings(
        self, masks: Bool[np.ndarray, "masks columns"], replace: Replace | None
    ) -> Iterator[str]:
        parts, players, hidden = self.parts(replace)
        shown = np.ones((len(masks), len(parts)), np.uint8)
        chosen = masks[:, players[players >= 0]]
        shown[:, players >= 0] = chosen ^ hidden[players >= 0]
        flags, width = shown.tobytes(), len(parts)
        for start in range(0, len(flags), width) if width else ():
            yield "".join(compress(parts, flags[start : start + width]))
        if not width:
            yield from [""] * len(masks)

    def parts(self, replace: Replace | None) -> tuple[list[str], np.ndarray, np.ndarray]:
        """All that can stand in a masked text, its player (-1: none), and what shows if hidden.

        Args:
            replace: as in `masked`.
        """
        text, parts, players, hidden, end = self.seen, [], [], [], 0

        def add(part: str, player: int, if_hidden: bool = False) -> None:
            if part:
                parts.append(part)
                players.append(player)
                hidden.append(if_hidden)

        for start, stop, player in zip(*self.spans.tolist(), strict=True):
            add(text[end:start], -1)
            add(text[start:stop], player)
            if replace is not None:
                add(replace(text[start:stop]), player, True)
            end = stop
        add(text[end:], -1)
        return parts, np.array(players, np.int64), np.array(hidden, bool)


def read_texts(texts: Table) -> list[Any]:
    """The cells of a column of texts, or one text; a series or an array of any library."""
    if isinstance(texts, str):
        return [texts]
    for convert in ("to_pylist", "to_list", "tolist"):
        if hasattr(texts, convert):
            cells = getattr(texts, convert)()
            return cells if isinstance(cells, list) else [cells]
    if hasattr(texts, "columns") or isinstance(texts, dict | bytes) or not _is_iterable(texts):
        raise ValueError(
            f"`texts`: expected texts, such as a list or one column of a frame, got "
            f"{type(texts).__name__}; `column` of `explain` names the column of texts of a frame"
        )
    return list(texts)


def read_document(cell: Scalar, split: Split, players: Any) -> Document:
    """A cell as a document; what is no text has a problem, and so has one that cannot be cut."""
    nothing = np.zeros((3, 0), np.int32)
    problem = _why_no_text(cell)
    if problem:
        return Document("", nothing, problem)
    cell = cell if isinstance(cell, RowText) else str(cell)
    try:
        spans = _player_spans(cell, split, players)
    except ValueError as error:
        return Document(cell, nothing, str(error))
    document = Document(cell, spans)
    if document.num_players > MOST_PLAYERS:
        problem = (
            f"`players`: the text has {document.num_players:,}, and an explanation is of "
            f"{MOST_PLAYERS:,} at most; take players='sentences', or larger pieces"
        )
        return Document(cell, nothing, problem, is_long=True)
    return document


def _why_no_text(cell: Scalar) -> str:
    """Why a cell is no text; "" if it is one."""
    if isinstance(cell, str):
        try:
            cell.encode("utf-8")
        except UnicodeEncodeError:
            return "`texts`: the text holds half of a surrogate pair, which is no character"
        return ""
    if np.ndim(cell) == 0 and is_missing(cell):
        return f"`texts`: the text is missing ({cell!r})"
    return f"`texts`: expected a text, got {type(cell).__name__}"


def _player_spans(text: str, split: Split, players: Any) -> np.ndarray:
    """Start, end and player of each piece."""
    if players in ("sentences", "refined"):
        pieces = pieces_of(text, "sentence")
    elif isinstance(players, str):
        pieces = pieces_of(text, split)
    else:
        pieces = _spans_given(text, players)
    if isinstance(players, str) and players == "distinct":
        return _numbered(pieces, [text[a:b] for a, b in pieces])
    return _numbered(pieces, pieces)


def _numbered(pieces: Sequence[Span], names: Sequence[Any]) -> np.ndarray:
    """Pieces and their players: those of one name are one."""
    known: dict[Any, int] = {}
    numbers = [known.setdefault(name, len(known)) for name in names]
    columns = [(*piece, number) for piece, number in zip(pieces, numbers, strict=True)]
    return np.array(columns, np.int32).reshape(-1, 3).T.copy()


def refined(document: Document, split: Split, strongest: Sequence[int]) -> Document:
    """Some sentences as their distinct words, and the others as they are.

    Args:
        document: whose players are sentences.
        strongest: numbers of sentences; one without any piece stays a sentence.

    Example:
        >>> document = read_document("It is. Is it? No.", "word", "refined")
        >>> [document.text[a:b] for a, b, _ in refined(document, "word", [1]).spans.T.tolist()]
        ['It is.', 'Is', 'it', 'No.']
    """
    pieces: list[Span] = []
    names: list[Any] = []
    for start, end, number in document.spans.T.tolist():
        sentence = document.text[start:end]
        inside = pieces_of(sentence, split) if number in strongest else []
        pieces += [(start + a, start + b) for a, b in inside] or [(start, end)]
        names += [sentence[a:b] for a, b in inside] or [(start, end)]
    found = dataclasses.replace(document, spans=_numbered(pieces, names))
    return found if found.num_players <= MOST_PLAYERS else document


def read_by(document: Document, tokens: Tokens) -> Document:
    """A text without the pieces that a model of tokens does not read, not even in part."""
    last = tokens.read(document.text)
    if last is None or document.problem:
        return document
    starts, ends, _ = document.spans
    read = int(ends[starts < last[1]].max(initial=last[1]))
    spans = document.spans[:, starts < last[1]]
    names = spans[2].tolist()
    pieces = list(zip(*spans[:2].tolist(), strict=True))
    return dataclasses.replace(document, spans=_numbered(pieces, names), read=read)


def _spans_given(text: str, players: Any) -> list[Span]:
    spans: Any = players(text) if callable(players) else players
    return checked_spans(text, spans, "`players`")


def _is_iterable(texts: Table) -> bool:
    return hasattr(texts, "__iter__")
