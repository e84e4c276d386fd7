"""A tokenizer as numbers: what it makes of texts and of their parts, and what it adds to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lime_jax.text.pieces import pad_of
from lime_jax.text.words import Span
from lime_jax.typing import Int

NO_TOKEN = -1
"""What fills up the ids of a shorter text."""


@dataclasses.dataclass(frozen=True, eq=False)
class TokenRows:
    """Texts as ids of tokens.

    Attributes:
        ids: filled up with `NO_TOKEN`.
    """

    ids: Int[np.ndarray, "texts tokens"]
    lengths: Int[np.ndarray, " texts"]

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.ids)


@dataclasses.dataclass(frozen=True, eq=False)
class Tokens:
    """A tokenizer without what it adds, cuts and fills up: that is done here.

    Attributes:
        tokenizer: of `tokenizers`.
        prefix: ids before each text.
        suffix: ids behind it.
        pad: id of the padding token, which models do not look at; `NO_TOKEN`: there is none.
        longest: tokens that the model reads, with those that are added; None: any number.
    """

    tokenizer: Any
    prefix: list[int]
    suffix: list[int]
    pad: int
    longest: int | None

    @property
    def room(self) -> int | None:
        """Tokens of a text itself that the model reads; None: all."""
        added = len(self.prefix) + len(self.suffix)
        return None if self.longest is None else max(0, self.longest - added)

    def parts(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of texts or parts of them, nothing added and nothing cut."""
        return [found.ids for found in self.tokenizer.encode_batch(texts, add_special_tokens=False)]

    def rows(self, texts: Sequence[str]) -> TokenRows:
        """Whole texts as the model reads them."""
        found = [[*self.prefix, *ids[: self.room], *self.suffix] for ids in self.parts(texts)]
        lengths = np.array([len(ids) for ids in found], np.int64)
        ids = np.full((len(found), int(lengths.max(initial=0))), NO_TOKEN, np.int32)
        for row, numbers in zip(ids, found, strict=True):
            row[: len(numbers)] = numbers
        return TokenRows(ids, lengths)

    def read(self, text: str) -> Span | None:
        """Where the last token is that the model reads; None: it reads them all."""
        found = self.tokenizer.encode(text, add_special_tokens=False)
        if self.room is None or len(found.ids) <= self.room:
            return None
        return found.offsets[self.room - 1] if self.room else (0, 0)


def read_tokenizer(tokenizer: Any, max_length: int | None) -> Tokens:
    """See what a tokenizer of `tokenizers` or `transformers` adds, and where it cuts."""
    fast = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not (hasattr(fast, "to_str") and hasattr(fast, "encode_batch")):
        raise ValueError(
            "`tokenizer`: expected one of `tokenizers`, or a fast one of `transformers`, got "
            f"{type(tokenizer).__name__}"
        )
    plain = type(fast).from_str(fast.to_str())
    plain.no_padding()
    plain.no_truncation()
    added = plain.encode("a", add_special_tokens=True)
    special = np.array(added.special_tokens_mask, bool)
    first = int(np.argmin(special))
    last = len(special) - int(np.argmin(special[::-1]))
    pad = pad_of(tokenizer)
    number = None if pad is None else plain.token_to_id(pad)
    return Tokens(
        plain,
        added.ids[:first],
        added.ids[last:],
        NO_TOKEN if number is None else number,
        _longest(tokenizer, fast, max_length),
    )


def _longest(tokenizer: Any, fast: Any, max_length: int | None) -> int | None:
    """Tokens that the model reads, as it was told or as the tokenizer knows."""
    if max_length is not None:
        return max_length
    if fast.truncation is not None:
        return fast.truncation["max_length"]
    known = getattr(tokenizer, "model_max_length", None)
    return known if isinstance(known, int) and known < 10**6 else None  # else "very large"
