"""Tables whose rows carry their own bar: the chart and its numbers are one thing."""

from __future__ import annotations

from collections.abc import Sequence

from lime_jax.views.report.numbers import MINUS, UNKNOWN, column_decimals, fixed, significant, text
from lime_jax.views.report.svg import Scale, bar, scale_for


def bar_table(
    caption: str,
    heads: tuple[str, str, str],
    names: Sequence[str],
    values: Sequence[str] | None,
    weights: Sequence[float],
    half_widths: Sequence[float],
    *,
    signed: bool = True,
) -> str:
    """One row per feature: name, own value, bar with interval, weight, half width.

    Heads, names and values are plain text. No column of half widths where all are 0. Bars are
    colored by sign where `signed`.
    """
    scale = scale_for(weights, half_widths)
    decimals = column_decimals(weights, half_widths)
    show_intervals = any(width > 0 for width in half_widths)
    rows = []
    for k, (name, weight, width) in enumerate(zip(names, weights, half_widths, strict=True)):
        shown = _number(weight, decimals)
        margin = f"±{_error(width, decimals)}" if width > 0 else UNKNOWN
        spoken = f"{shown} {margin}" if width > 0 else shown
        cells = f'<th scope="row">{text(name)}</th>'
        cells += "" if values is None else f'<td class="v q">{text(values[k])}</td>'
        picture = bar(scale, weight, width, spoken, signed=signed)
        cells += f'<td class="b">{picture}</td><td class="m r">{shown}</td>'
        cells += f'<td class="s r q">{text(margin)}</td>' if show_intervals else ""
        rows.append(f"<tr>{cells}</tr>")
    name_head, value_head, weight_head = map(text, heads)
    head = f'<th scope="col" class="x">{name_head}</th>'
    head += "" if values is None else f'<th scope="col" class="v">{value_head}</th>'
    head += f'<th scope="col" class="b">{_axis(scale)}</th>'
    head += f'<th scope="col" class="m r">{weight_head}</th>'
    head += '<th scope="col" class="s r">95 %</th>' if show_intervals else ""
    body = "\n".join(rows)
    return (
        f'<table class="t w"><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table>"
    )


def probability_table(outputs: Sequence[tuple[str, float]], label: str, as_bars: bool) -> str:
    """The model's outputs, one of them in bold; as bars on a scale of 0 to 1 if asked."""
    scale = Scale(0.0, 1.0, (0.0, 0.5, 1.0))
    decimals = 3 if as_bars else column_decimals([value for _, value in outputs])
    rows = []
    for name, value in outputs:
        shown = _number(value, decimals)
        emphasis = "<b>{}</b>" if name == label else "{}"
        picture = bar(scale, value, 0.0, shown, signed=False) if as_bars else ""
        rows.append(
            f'<tr><th scope="row">{emphasis.format(text(name))}</th>'
            f'<td class="b">{picture}</td><td class="r">{emphasis.format(shown)}</td></tr>'
        )
    columns = '<colgroup><col class="x"/><col/><col class="m"/></colgroup>'
    body = "\n".join(rows)
    return f'<table class="t c">{columns}<tbody>\n{body}\n</tbody></table>'


def _number(value: float, decimals: int | None) -> str:
    return significant(value) if decimals is None else fixed(value, decimals)


def _error(width: float, decimals: int | None) -> str:
    """A positive half width; what rounds to 0 says only how small it is."""
    shown = _number(width, decimals)
    if decimals is None or any(digit in shown for digit in "123456789"):
        return shown
    return f"<{10.0**-decimals:.{decimals}f}"


def _axis(scale: Scale) -> str:
    """The labels over the grid lines; every other one gives way on narrow screens, never zero."""
    zero = scale.ticks.index(0.0) if 0.0 in scale.ticks else 0
    marks = []
    for k, tick in enumerate(scale.ticks):
        hidden = ' class="h"' if (k - zero) % 2 else ""
        marks.append(f'<span{hidden} style="left:{scale.at(tick)}%">{_tick(tick)}</span>')
    return f'<span class="a">{"".join(marks)}</span>'


def _tick(value: float) -> str:
    if value and not 1e-4 <= abs(value) < 1e6:
        return significant(value, 1)
    return f"{value:,.6f}".rstrip("0").rstrip(".").replace("-", MINUS)


def text_table(heads: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    """Names and values, all plain text."""
    head = "".join(f'<th scope="col">{text(one)}</th>' for one in heads)
    body = "\n".join(
        f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>' for name, value in rows
    )
    return f'<table class="t c"><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>'
