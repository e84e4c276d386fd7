"""A series as lines whose segments are shaded by weight, as inline SVG."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lime_jax.views.report.numbers import count, significant, text
from lime_jax.views.shaded import ShadedSeries

_MOST_CHANNELS = 12
_MOST_POINTS = 400
_MOST_SAID = 3  # segments in the text of a picture


def in_words(shown: ShadedSeries) -> str:
    """What the picture shows, for those who cannot see it."""
    order = np.argsort(-np.abs(shown.weights), kind="stable")
    strongest = [k for k in order.tolist() if shown.weights[k]][:_MOST_SAID]
    said = "; ".join(
        f"{shown.names[k]} {'raises' if shown.weights[k] > 0 else 'lowers'} it by "
        f"{significant(abs(float(shown.weights[k])))}"
        for k in strongest
    )
    steps, channels = shown.values.shape
    size = f"{count(steps)} steps" + (f", {count(channels)} channels" if channels > 1 else "")
    return f"{shown.title}, {size}, shaded by the weights for {shown.label}. " + (
        f"Strongest: {said}." if said else "No segment has a weight."
    )


def shaded_series(shown: ShadedSeries) -> str:
    """The series of each channel above its shades, and the caption that says how to read it."""
    channels = shown.channels_shown(_MOST_CHANNELS)
    most = float(np.abs(shown.weights).max(initial=0.0)) or 1.0
    parts = [_channel(shown, channel, most) for channel in channels]
    words = text(in_words(shown))
    return (
        f'<figure class="se"><div role="img" aria-label="{words}">{"".join(parts)}</div>'
        f"<figcaption>{_caption(shown, len(channels))}</figcaption></figure>"
    )


def _channel(shown: ShadedSeries, channel: int, most: float) -> str:
    name = text(shown.channels[channel]) if shown.channels else ""
    steps = len(shown.values)
    bands = []
    for start, stop, segment in shown.runs(channel):
        weight = shown.weights[segment]
        if not weight:
            continue
        strength = round(0.75 * abs(weight) / most, 3)
        kind = ("p" if weight > 0 else "n") + ("" if shown.clear[segment] else " k0")
        x, width = 100 * start / steps, 100 * (stop - start) / steps
        bands.append(
            f'<rect class="{kind}" x="{x:.4g}" y="0" width="{width:.4g}" height="40" '
            f'fill-opacity="{strength:g}"/>'
        )
    label = f'<span class="q">{name}</span>' if name else ""
    line = f'<path class="ln" d="{_line(shown.values[:, channel])}"/>'
    return (
        f'{label}<svg aria-hidden="true" viewBox="0 0 100 40" preserveAspectRatio="none">'
        f"{''.join(bands)}{line}</svg>"
    )


def _line(values: Float[np.ndarray, " time"]) -> str:
    """A polyline through the middle of the steps; of very many, the ends of each stretch."""
    steps = len(values)
    low, high = float(values.min()), float(values.max())
    places = np.arange(steps)
    if steps > _MOST_POINTS:
        parts = np.array_split(places, _MOST_POINTS // 2)
        ends = [{int(p[values[p].argmin()]), int(p[values[p].argmax()])} for p in parts]
        places = np.array(sorted(set().union(*ends)))
    x = 100 * (places + 0.5) / steps
    y = np.full(len(places), 20.0)
    if high > low:
        y = 37 - 34 * ((values[places] - low) / (high - low))
    points = "L".join(f"{a:.4g} {b:.3g}" for a, b in zip(x, y, strict=True))
    return f"M{points}" if steps > 1 else f"M0 {y[0]:.3g}H100"


def _caption(shown: ShadedSeries, channels: int) -> str:
    name = text(shown.label)
    words = (
        f'<span class="i">raises {name}</span> &#160; <span class="i o">lowers {name}</span>'
        ". The darker, the stronger"
    )
    if not shown.clear[shown.weights != 0].all():
        words += "; framed where the 95 % interval holds 0"
    left_out = shown.values.shape[1] - channels
    return words + (f". {count(left_out)} channels of less weight are not shown." * bool(left_out))
