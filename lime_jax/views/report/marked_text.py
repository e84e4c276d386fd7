"""A text whose words are shaded by weight: the sign is in color and line, the number in a note."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lime_jax.views.report.numbers import count, significant, text


@dataclasses.dataclass(frozen=True)
class MarkedPiece:
    """A piece of a text and its weight.

    Attributes:
        start: of the piece in the text.
        end: of the piece in the text.
        half_width: of the weight's interval; 0: it is exact.
    """

    start: int
    end: int
    weight: float
    half_width: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval tells the weight from 0."""
        return abs(self.weight) > self.half_width


@dataclasses.dataclass(frozen=True)
class MarkedText:
    """A text of a page.

    Attributes:
        pieces: in the order of the text.
        label: of the output that the weights are of.
        fades: whether weaker pieces are paler.
    """

    text: str
    pieces: Sequence[MarkedPiece]
    label: str
    fades: bool = True


def marked_text(shown: MarkedText) -> str:
    """The text with its pieces shaded, the caption that says how to read it."""
    most = max((abs(piece.weight) for piece in shown.pieces), default=0.0) or 1.0
    parts, end = [], 0
    for piece in shown.pieces:
        parts += [text(shown.text[end : piece.start]), _marked(shown, piece, most)]
        end = piece.end
    parts.append(text(shown.text[end:]))
    return (
        f'<figure class="tx"><p dir="auto" tabindex="0">{"".join(parts)}</p>'
        f"<figcaption>{_caption(shown)}</figcaption></figure>"
    )


def _marked(shown: MarkedText, piece: MarkedPiece, most: float) -> str:
    inside = text(shown.text[piece.start : piece.end])
    if not piece.weight:
        return inside
    strength = round(100 * abs(piece.weight) / most) if shown.fades else 100
    kind = ("p" if piece.weight > 0 else "n") + ("" if piece.is_clear else " k0")
    sign = "+" if piece.weight > 0 else ""
    note = f"{sign}{significant(piece.weight)}"
    if piece.half_width > 0:
        note += f" ± {significant(piece.half_width, 2)}"
    return f'<mark class="{kind}" style="--s:{strength}%" title="{text(note)}">{inside}</mark>'


def _caption(shown: MarkedText) -> str:
    """How to read the shades; all numbers are in the table and, of each word, in its title."""
    if not shown.pieces:
        return "Nothing in this text can be hidden."
    clear = sum(piece.is_clear and piece.weight != 0 for piece in shown.pieces)
    name = text(shown.label)
    words = (
        f'<span class="i">underlined: raises {name}</span> &#160; '
        f'<span class="i o">dashed: lowers {name}</span>'
    )
    if any(piece.half_width > 0 for piece in shown.pieces):
        words += (
            f". Lines are under the {count(clear)} of {count(len(shown.pieces))} places whose "
            "weight is outside of its 95 % interval about 0"
        )
    return f"{words}. The darker, the stronger." if shown.fades else f"{words}."
