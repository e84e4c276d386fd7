"""Numbers and names as text: sensible digits, true minus signs, nothing that HTML could read."""

from __future__ import annotations

import html
import math
import statistics
from collections.abc import Sequence
from typing import TypeAlias

Number: TypeAlias = float | int

MINUS, UNKNOWN = "\u2212", "\u2013"  # a true minus sign; an en dash
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plural(noun: str) -> str:
    """Several of what views speak of.

    Example:
        >>> plural("row"), plural("series")
        ('rows', 'series')
    """
    return noun if noun.endswith("s") else f"{noun}s"


def text(anything: str) -> str:
    """Escape a text for HTML, in elements and in quoted attributes.

    Characters that HTML forbids become U+FFFD.

    Example:
        >>> print(text("<b> & 'c'"))
        &lt;b&gt; &amp; &#x27;c&#x27;
    """
    return html.escape("".join(c if _is_allowed(ord(c)) else "\ufffd" for c in anything))


def _is_allowed(code: int) -> bool:
    control = (code < 32 and code not in (9, 10)) or 127 <= code < 160
    bidirectional = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069  # would reorder the page
    return not (control or bidirectional or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE)


def significant(value: Number, digits: int = 3) -> str:
    """A number with so many significant digits, or a power of ten where that is shorter.

    Example:
        >>> significant(-0.12345), significant(1234567.0), significant(1.5e-9), significant(0.0)
        ('−0.123', '1,234,567', '1.50 × 10⁻⁹', '0')
    """
    if not math.isfinite(value):
        return _special(value)
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if not -5 < exponent < 9:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        raised = str(int(power)).translate(_SUPERSCRIPTS)
        return f"{mantissa} \u00d7 10{raised}".replace("-", MINUS)
    return fixed(value, max(digits - 1 - exponent, 0))


def fixed(value: Number, decimals: int) -> str:
    """A number with so many decimals, for a column; `significant` for what does not fit one.

    Example:
        >>> fixed(-0.0523, 3), fixed(-0.0001, 3), fixed(float("nan"), 3)
        ('−0.052', '0.000', '–')
    """
    if not math.isfinite(value):
        return _special(value)
    shown = f"{value:,.{decimals}f}"
    if not any(digit in shown for digit in "123456789"):
        shown = shown.lstrip("-")
    return shown.replace("-", MINUS)


def r_squared(score: Number) -> str:
    """R² with two decimals, where 1.00 is kept for what rounds to it with three.

    Example:
        >>> r_squared(0.354), r_squared(0.9951), r_squared(1.0), r_squared(-0.2)
        ('0.35', '0.99', '1.00', '−0.20')
    """
    return fixed(min(score, 0.99) if 0.99 < score < 0.9995 else score, 2)


def _special(value: Number) -> str:
    return UNKNOWN if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")


def count(value: Number) -> str:
    """A number of things."""
    return fixed(value, 0)


def column_decimals(values: Sequence[Number], errors: Sequence[Number] = ()) -> int | None:
    """How many decimals a column of weights deserves; None where it is too small or large for any.

    Three significant digits of the largest, and one more where most errors are that small.

    Example:
        >>> column_decimals([0.130, -0.052]), column_decimals([0.130], [0.0004])
        (3, 4)
        >>> column_decimals([1e-9]) is None
        True
    """
    sizes = [abs(v) for v in (*values, *errors) if math.isfinite(v) and v]
    if not sizes:
        return 3
    exponent = math.floor(math.log10(max(sizes)))
    if not -5 < exponent < 9:
        return None
    known = [e for e in errors if math.isfinite(e) and e > 0]
    finest = 1 - math.floor(math.log10(statistics.median(known))) if known else 0
    coarse = max(2 - exponent, 0)
    return min(max(coarse, finest), coarse + 1)
