"""Texts as `lime` cuts them: pieces, and which of them are words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np


class _Indexed:
    """A text in pieces, some of which can be hidden."""

    raw: str
    as_list: list[str]
    bow: bool
    mask_string: str
    inverse_vocab: list[str]
    positions: Any

    def _index(self, is_word: Callable[[str], bool]) -> None:
        """Number the words: each once if `bow`, else each of their places."""
        known: dict[str, bool] = {}
        numbers: dict[str, int] = {}
        self.inverse_vocab, positions = [], []
        for place, piece in enumerate(self.as_list):
            if piece not in known:
                known[piece] = is_word(piece)
            if not known[piece]:
                continue
            if self.bow and piece in numbers:
                positions[numbers[piece]].append(place)
                continue
            numbers[piece] = len(positions)
            self.inverse_vocab.append(piece)
            positions.append([place] if self.bow else place)
        self.positions = positions if self.bow else np.array(positions, np.int64)

    @property
    def as_np(self) -> np.ndarray:
        """The pieces as an array."""
        return np.array(self.as_list)

    @cached_property
    def string_start(self) -> np.ndarray:
        """Where each piece starts in the text that the pieces make."""
        sizes = [len(piece) for piece in self.as_list[:-1]]
        return np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))])

    def raw_string(self) -> str:
        """The text.

        Returns:
            As it came.
        """
        return self.raw

    def num_words(self) -> int:
        """How many words can be hidden.

        Returns:
            Distinct ones if `bow`, else places.
        """
        return len(self.inverse_vocab)

    def word(self, id_: int) -> str:
        """A word.

        Args:
            id_: its number.

        Returns:
            As it stands in the text.
        """
        return self.inverse_vocab[id_]

    def string_position(self, id_: int) -> np.ndarray:
        """Where a word is.

        Args:
            id_: its number.

        Returns:
            (places,) numbers of characters.
        """
        return self.string_start[np.atleast_1d(self.positions[id_])]

    def inverse_removing(self, words_to_remove: Any) -> str:
        """The text without some words, or with others in their place.

        Args:
            words_to_remove: their numbers.

        Returns:
            Where `bow`, words are gone; else `mask_string` stands in their place.
        """
        hidden: set[int] = set()
        for word in words_to_remove:
            hidden.update(np.atleast_1d(self.positions[word]).tolist())
        instead = "" if self.bow else self.mask_string
        pieces = enumerate(self.as_list)
        return "".join(instead if place in hidden else piece for place, piece in pieces)

    def spans(self) -> list[tuple[int, int]] | None:
        """Start and end of every word's places; None where pieces are not what the text is of."""
        if "".join(self.as_list) != self.raw:
            return None
        places = np.sort(
            np.concatenate([np.atleast_1d(of_word) for of_word in self.positions] or [[]])
        )
        starts = self.string_start.tolist()
        found = [
            (starts[place], starts[place] + len(self.as_list[place]))
            for place in places.astype(int).tolist()
        ]
        return found if all(start < end for start, end in found) else None


class IndexedString(_Indexed):
    r"""A text cut into words.

    Args:
        raw_string: the text.
        split_expression: a regular expression of what is between words, or a function of a text
            that returns its words, which stand in it in their order.
        bow: whether all places of a word are one.
        mask_string: stands in place of a hidden word where not `bow`; None: "UNKWORDZ".

    Raises:
        ValueError: if a word of a function does not stand in the text.

    Example:
        >>> text = IndexedString("good, very good")
        >>> text.inverse_vocab, text.string_position(0).tolist(), text.inverse_removing([0])
        (['good', 'very'], [0, 11], ', very ')
    """

    def __init__(
        self,
        raw_string: str,
        split_expression: object = r"\W+",
        bow: bool = True,
        mask_string: str | None = None,
    ) -> None:
        self.raw = raw_string
        self.bow = bow
        self.mask_string = "UNKWORDZ" if mask_string is None else mask_string
        if callable(split_expression):
            split: Any = split_expression
            tokens = list(split(raw_string))
            self.as_list = _around(raw_string, tokens)
            self._index(set(tokens).__contains__)
        else:
            separator = re.compile(f"({split_expression})|$")
            self.as_list = [piece for piece in separator.split(raw_string) if piece]
            self._index(lambda piece: separator.match(piece) is None)


class IndexedCharacters(_Indexed):
    """A text as characters, spaces among them.

    Args:
        raw_string: the text.
        bow: whether all places of a character are one.
        mask_string: stands in place of a hidden character where not `bow`; None: chr(0).

    Example:
        >>> IndexedCharacters("so so").inverse_removing([1])
        's s'
    """

    def __init__(self, raw_string: str, bow: bool = True, mask_string: str | None = None) -> None:
        self.raw = raw_string
        self.bow = bow
        self.mask_string = chr(0) if mask_string is None else mask_string
        self.as_list = list(raw_string)
        self._index(lambda piece: True)


def _around(text: str, tokens: Sequence[str]) -> list[str]:
    """Tokens, and what is between them."""
    pieces, end = [], 0
    for token in tokens:
        start = text.find(token, end)
        if start < 0:
            raise ValueError(
                "`split_expression`: expected words that stand in the text in their order, but "
                f"{token!r} is not found after character {end}"
            )
        if start > end:
            pieces.append(text[end:start])
        pieces.append(token)
        end = start + len(token)
    return [*pieces, text[end:]] if end < len(text) else pieces
