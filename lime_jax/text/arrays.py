"""The data half of `TextExplanations`: texts and their words, without views."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import ClassVar

import numpy as np

from lime_jax.masked.arrays import MaskedArrays
from lime_jax.results.kinds import per_row


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TextArrays(MaskedArrays):
    """What explanations of texts hold; `TextExplanations` says what each field is."""

    subject: ClassVar[str] = "text"
    heads: ClassVar[tuple[str, str]] = ("word", "times")

    documents: tuple[str, ...] = per_row("text", "text")
    spans: tuple[np.ndarray, ...] = per_row("grid", "spans")
    problems: tuple[str, ...] = per_row("text", "problem")
    read: np.ndarray = per_row("", "read", is_whole=True)

    def __post_init__(self) -> None:
        for name in ("documents", "spans", "problems"):
            if len(getattr(self, name)) != len(self.coef):
                raise ValueError(
                    f"`{name}` should have one entry per text ({len(self.coef)}), got "
                    f"{len(getattr(self, name))}."
                )

    @property
    def present(self) -> np.ndarray:
        """(rows, features) which words each text has."""
        return self.values > 0

    @cached_property
    def words(self) -> list[list[str]]:
        """For each text its words, or other players, in the order of their first places.

        Of positions, those that read the same are numbered from the second on.
        """
        return [_words(text, spans) for text, spans in zip(self.documents, self.spans, strict=True)]

    def first_places(self, row: int) -> np.ndarray:
        """(words, 2) start and end of the first piece of each word.

        Args:
            row: number of a text.

        Returns:
            In the order of the words.

        Example:
            >>> text_explanations.first_places(0).tolist()
            [[0, 4], [5, 8], [9, 12]]
        """
        return self.spans[row][:2, _first(self.spans[row])].T

    def _condition(self, row: int, feature: int) -> str:
        words = self.words[row]
        return words[feature] if feature < len(words) else ""

    def value_texts(self, rows: np.ndarray, feature: int) -> list[str]:
        """How often a word is in some texts, as text."""
        return [f"{int(times):,}" for times in self.values[rows, feature]]

    def texts(self, feature: int) -> tuple[np.ndarray, list[str], list[str]]:
        """The word that a feature is in each row, and how often.

        Args:
            feature: its number.

        Returns:
            (rows,) codes, and the word and its number of places for each code.

        Example:
            >>> text_explanations.texts(1)[1]
            ['and', 'day']
        """
        rows = np.arange(len(self))
        conditions = [self._condition(row, feature) for row in rows.tolist()]
        return rows, conditions, self.value_texts(rows, feature)

    def keys(self, by: str) -> tuple[np.ndarray, list[str]]:
        """The words of each text, by which texts can be compared.

        Args:
            by: not looked at: the features of texts are words.

        Returns:
            (rows, features) codes, and the word of each code.

        Example:
            >>> codes, words = text_explanations.keys("condition")
            >>> [words[code] for code in codes[1].tolist()[:2]]
            ['bad', 'day']
        """
        del by
        known: dict[str, int] = {}
        codes = np.zeros(self.values.shape, np.int64)
        for row, words in enumerate(self.words):
            codes[row, : len(words)] = [known.setdefault(word, len(known)) for word in words]
        return codes, list(known) or [""]


def _first(spans: np.ndarray) -> np.ndarray:
    """The first piece of each player."""
    return np.unique(spans[2], return_index=True)[1]


def _words(text: str, spans: np.ndarray) -> list[str]:
    seen: dict[str, int] = {}
    words = []
    for start, end in spans[:2, _first(spans)].T.tolist():
        word = text[start:end]
        seen[word] = seen.get(word, 0) + 1
        words.append(word if seen[word] == 1 else f"{word} ({seen[word]})")
    return words
