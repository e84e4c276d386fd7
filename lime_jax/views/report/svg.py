"""Bars as inline SVG: one small picture per table row, all on one scale."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from lime_jax.views.report.numbers import text


@dataclasses.dataclass(frozen=True)
class Scale:
    """A linear axis from 0 to 100 percent of the picture's width: values at the edges and ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """The place of a value, in percent from the left edge."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)


def scale_for(values: Sequence[float], half_widths: Sequence[float] = ()) -> Scale:
    """A scale that holds zero and every bar that is finite, with its interval."""
    widths = half_widths or [0.0] * len(values)
    ends = [v + s * h for v, h in zip(values, widths, strict=True) for s in (-1, 1)]
    ends = [end for end in ends if math.isfinite(end)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    if high - low < 1e-300:
        low, high = -1.0, 1.0
    margin = 0.02 * (high - low)
    low, high = low - margin * (low < 0), high + margin * (high > 0)
    return Scale(low, high, _round_ticks(low, high))


def _round_ticks(low: float, high: float) -> tuple[float, ...]:
    power = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(m * power for m in (1, 2, 5, 10) if (high - low) / (m * power) <= 7)
    first, last = math.ceil(low / step), math.floor(high / step)
    return tuple(float(f"{k * step:.6g}") for k in range(first, last + 1))


def bar(
    scale: Scale, value: float, half_width: float, description: str, *, signed: bool = True
) -> str:
    """One bar from zero, with its interval, grid lines and the line at zero.

    The picture stretches to its cell (line widths do not), so one page serves every screen. No
    interval is drawn if its half width is 0 or not finite; the description is for screen readers
    and a tooltip.
    """
    grid = "".join(f"M{_short(scale.at(tick))} 0v10" for tick in scale.ticks if tick)
    zero = _short(scale.at(0.0))
    parts = [f'<path class="g" d="{grid}"/>'] if grid else []
    if math.isfinite(value) and value:
        kind = ("p" if value > 0 else "n") if signed else "u"
        parts.append(f'<path class="{kind}" d="M{zero} 2H{_short(scale.at(value))}V8H{zero}z"/>')
    parts.append(f'<path class="z" d="M{zero} 0v10"/>')
    if math.isfinite(value) and math.isfinite(half_width) and half_width > 0:
        left, right = (_short(scale.at(value + s * half_width)) for s in (-1, 1))
        parts.append(f'<path class="e" d="M{left} 5H{right}M{left} 3.4v3.2M{right} 3.4v3.2"/>')
    return (
        '<svg role="img" viewBox="0 0 100 10" preserveAspectRatio="none">'
        f"<title>{text(description)}</title>{''.join(parts)}</svg>"
    )


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
