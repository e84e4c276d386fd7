"""A text cut into pieces that can be hidden: words, sentences, characters, tokens."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from lime_jax.text.words import Span, character_spans, word_spans

Split: TypeAlias = Any
"""A name, a pattern of what stands between pieces, a function of a text, or a tokenizer."""

NAMES = ("word", "sentence", "char")

_CLOSING = "\"'\u201d\u2019\u00bb)\\]\uff09\u300d\u300f"
_FULL = "\u3002\uff01\uff1f\u0964\u0965\u061f"  # stops that no space follows
_END = re.compile(
    rf"(?P<dot>\.)(?=\s|$)|[.!?\u2026]+[{_CLOSING}]*(?=\s|$)|[{_FULL}]+[{_CLOSING}]*|\n"
)


def pieces_of(text: str, split: Split) -> list[Span]:
    r"""The pieces of a text, in order and apart from each other.

    Args:
        split: "word", "sentence" or "char"; a regular expression (text or compiled) of what
            separates pieces, with groups of its own or without; a function of a text that returns
            its tokens, or their (start, end); or a tokenizer that knows offsets.

    Example:
        >>> pieces_of("good, bad", r"(\s|,)+")
        [(0, 4), (6, 9)]
        >>> pieces_of("It is. Is it?", "sentence")
        [(0, 6), (7, 13)]
    """
    if isinstance(split, str) and split in NAMES:
        ways = {"word": word_spans, "sentence": sentence_spans, "char": character_spans}
        return ways[split](text)
    if isinstance(split, str | re.Pattern):
        return _between(re.compile(split), text)
    offsets = _offsets(split, text)
    if offsets is not None:
        return _apart(offsets)
    return _of_function(split, text)


def check_split(split: Split) -> None:
    """Refuse what does not cut texts."""
    if isinstance(split, str) and split not in NAMES:
        try:
            re.compile(split)
        except re.error as error:
            raise ValueError(
                f"`split`: expected one of {', '.join(NAMES)} or a regular expression, got "
                f"{split!r} ({error})"
            ) from error
        if split.isalnum():  # a name with a typing error would find nothing
            raise ValueError(
                f"`split`: expected one of {', '.join(NAMES)} or a regular expression of what is "
                f"between words, got {split!r}"
            )
    elif not isinstance(split, str | re.Pattern) and not callable(split) and not _encodes(split):
        raise ValueError(
            "`split`: expected 'word', 'sentence', 'char', a regular expression, a function of a "
            f"text or a tokenizer, got {split!r}"
        )


def sentence_spans(text: str) -> list[Span]:
    """Sentences: up to a full stop or a mark like it before a space, or the end of a line.

    A full stop before a small letter ends none; one after an abbreviation does.
    """
    found, start = [], 0
    for match in _END.finditer(text):
        following = text[match.end() :][:8].lstrip()
        if match["dot"] and following[:1].islower():
            continue
        found.append((start, match.end()))
        start = match.end()
    return _stripped(text, [*found, (start, len(text))])


def mask_of(split: Split) -> str | None:
    """The mask token of a tokenizer; None: it has none, or it is no tokenizer."""
    return _special(split, "mask_token", ("[MASK]", "<mask>"))


def pad_of(split: Split) -> str | None:
    """The padding token of a tokenizer; None: it has none, or it is no tokenizer."""
    padding = getattr(split, "padding", None)
    if isinstance(padding, dict) and isinstance(padding.get("pad_token"), str):
        return padding["pad_token"]
    return _special(split, "pad_token", ("[PAD]", "<pad>"))


def _special(split: Split, attribute: str, usual: Sequence[str]) -> str | None:
    """A special token of a tokenizer: what it calls so, else a usual one that it knows."""
    token = getattr(split, attribute, None)
    if isinstance(token, str):
        return token
    number_of = getattr(split, "token_to_id", None)
    names = usual if callable(number_of) else ()
    return next((name for name in names if number_of(name) is not None), None)  # pyright: ignore


def _stripped(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans without the space at their ends; those of space only are left out."""
    found = []
    for start, end in spans:
        inside = text[start:end]
        start += len(inside) - len(inside.lstrip())
        end = start + len(inside.strip())
        if start < end:
            found.append((start, end))
    return found


def _between(separator: re.Pattern[str], text: str) -> list[Span]:
    """What is left between the matches of a separator."""
    found, start = [], 0
    for match in separator.finditer(text):
        found.append((start, match.start()))
        start = match.end()
    return [(a, b) for a, b in [*found, (start, len(text))] if a < b]


def _encodes(split: Split) -> bool:
    """Whether it is a tokenizer of `tokenizers`."""
    return hasattr(split, "encode") and hasattr(split, "token_to_id")


def _offsets(split: Split, text: str) -> Sequence[Span] | None:
    """Where a tokenizer's own tokens are, but for those that it adds; None: it is none."""
    if hasattr(split, "is_fast"):
        if not split.is_fast:
            raise ValueError("`split`: the tokenizer knows no offsets; load its fast version")
        options = {"add_special_tokens": False, "return_offsets_mapping": True}
        return [tuple(pair) for pair in split(text, **options)["offset_mapping"]]
    if _encodes(split):
        return list(split.encode(text, add_special_tokens=False).offsets)
    return None


def _apart(offsets: Sequence[Span]) -> list[Span]:
    """Offsets without empty ones; tokens of one character's bytes are one piece."""
    found: list[Span] = []
    for start, end in sorted(offsets):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif start < end:
            found.append((int(start), int(end)))
    return found


def _of_function(split: Callable[[str], Iterable[Any]], text: str) -> list[Span]:
    tokens = list(split(text))
    if tokens and not isinstance(tokens[0], str):
        return checked_spans(text, tokens, "`split`")
    found, start = [], 0
    for token in tokens:
        if not token:
            continue
        place = text.find(token, start)
        if place < 0:
            raise ValueError(
                f"`split`: expected tokens that stand in the text in their order, but {token!r} "
                f"is not found after character {start}; return (start, end) of tokens that differ"
            )
        start = place + len(token)
        found.append((place, start))
    return found


def checked_spans(text: str, spans: Iterable[Any], what: str) -> list[Span]:
    """Places in a text that somebody gave: inside it, in order, none in another."""
    found: list[Span] = []
    for span in spans:
        try:
            start, end = (int(place) for place in span)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{what}: expected pairs (start, end), got {span!r}") from error
        if not 0 <= start < end <= len(text):
            raise ValueError(
                f"{what}: expected 0 <= start < end <= {len(text)}, the length of the text, got "
                f"{(start, end)}"
            )
        found.append((start, end))
    found.sort()
    for one, other in itertools.pairwise(found):
        if other[0] < one[1]:
            raise ValueError(f"{what}: expected places that do not overlap, got {one} and {other}")
    return found
