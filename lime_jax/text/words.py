"""Words of any script: after UAX #29, with the marks that belong to a letter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""Where something begins in a text, and where it ends."""

_MIDDLE = {"\u00b7": "Q", "\u0387": "Q", "\u05f4": "Q", "\u2027": "Q"}  # between letters
_MIDDLE |= dict.fromkeys(",;\u037e\u060c\u066c\ufe10\uff0c", "M")  # between digits
_MIDDLE |= dict.fromkeys("'\u2019.\u2024\ufe52\uff07\uff0e", "B")  # between either
_RANGES = (
    ("H", 0x3040, 0x309F),  # hiragana and ideographs: each is a word
    *(("H", low, high) for low, high in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))),
    ("H", 0x20000, 0x3FFFF),
    *(("K", low, high) for low, high in ((0x30A0, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9D))),
    ("R", 0x1F1E6, 0x1F1FF),  # halves of flags
    ("E", 0x1F3FB, 0x1F3FF),  # tones of skin
)
_MARKS = "[EJ]*"
_EMOJI = rf"R{_MARKS}R{_MARKS}|S{_MARKS}(?:(?<=J)S{_MARKS})*"
_WORD = re.compile(
    rf"(?:A{_MARKS}(?:[QB]{_MARKS}(?=A))?|N{_MARKS}(?:[MB]{_MARKS}(?=N))?|U{_MARKS})+"
    rf"|(?:K{_MARKS})+|H{_MARKS}|{_EMOJI}|R{_MARKS}"
)
_CHARACTER = re.compile(rf"{_EMOJI}|.{_MARKS}", re.DOTALL)


class _Classes:
    """What each character is, as a table of `str.translate`."""

    def __getitem__(self, code: int) -> str:
        return _class_of(code)


def word_spans(text: str) -> list[Span]:
    """The words of a text, by the rules of UAX #29 for letters, digits, marks and emoji.

    Marks and vowel signs stay with their letter; "don't" and "3.14" are words, and so is an emoji.
    An ideograph is a word. Scripts that need a dictionary (Thai, Lao, Khmer, Burmese) are words
    from space to space.

    Example:
        >>> [text[a:b] for text in ["Don't pay 3.50, हिन्दी!"] for a, b in word_spans(text)]
        ["Don't", 'pay', '3.50', 'हिन्दी']
    """
    return list(_spans(_WORD, text))


def character_spans(text: str) -> list[Span]:
    """The characters of a text as readers see them: with their marks, and spaces among them."""
    return list(_spans(_CHARACTER, text))


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(text.translate(_Classes())))


@lru_cache(maxsize=2**16)
def _class_of(code: int) -> str:
    """(A)letter, (N)umber, (U)nderscore, (E)xtends, (J)oins, ideograp(H), (K)atakana, (S)ymbol."""
    character = chr(code)
    if character in _MIDDLE:
        return _MIDDLE[character]
    for name, low, high in _RANGES:
        if low <= code <= high:
            return name
    if code == 0x200D:
        return "J"
    category = unicodedata.category(character)
    if category[0] == "M" or category == "Cf":
        return "E"
    if category in ("Nd", "No"):
        return "N"
    if category[0] == "L" or category == "Nl":
        return "A"
    return {"Pc": "U", "So": "S"}.get(category, " ")
