"""A series with its segments shaded by weight, a panel for each channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from lime_jax.views.plots import canvas
from lime_jax.views.plots.canvas import Axes, Figure
from lime_jax.views.shaded import ShadedSeries

_MOST_CHANNELS = 8


def shaded_series(shown: ShadedSeries) -> Figure:
    """Draw a series above shades of blue, which raise the output, and of orange, which lower it.

    Segments whose 95 % interval holds 0 are hatched. Of many channels those with the largest
    weights are shown.

    Example:
        >>> values, segments = np.arange(4.0)[:, None], np.array([[0], [0], [1], [1]])
        >>> names, weights = ["steps 0 to 1", "steps 2 to 3"], np.array([0.5, -1.0])
        >>> facts = values, np.arange(4), [], segments, names, weights, 0 * weights, "y", "series 0"
        >>> shaded_series(ShadedSeries(*facts)).axes[0].get_title(loc="left")
        'series 0: y'
    """
    channels = shown.channels_shown(_MOST_CHANNELS)
    height = 1.1 + (2.2 if len(channels) == 1 else 1.35 * len(channels))
    figure, first = canvas.target_axes(None, 8.4, height)
    panels = [first]
    if len(channels) > 1:
        first.remove()
        panels = list(figure.subplots(len(channels), 1, sharex=True))
    limit = float(np.abs(shown.weights).max(initial=0.0)) or 1.0
    for panel, channel in zip(panels, channels, strict=True):
        _draw(panel, shown, channel, limit)
    left_out = shown.values.shape[1] - len(channels)
    more = f" ({left_out} channels of less weight are not shown)" if left_out else ""
    canvas.set_title(panels[0], f"{shown.title}: {shown.label}{more}")
    holds_zero = not shown.clear[shown.weights != 0].all()
    _say_scale(figure, panels, limit, ", hatched where the 95 % interval holds 0" * holds_zero)
    return figure


def _draw(axes: Axes, shown: ShadedSeries, channel: int, limit: float) -> None:
    """One channel: shades below, the line above."""
    edges = _edges(shown.times)
    for start, stop, segment in shown.runs(channel):
        weight = float(shown.weights[segment])
        if not weight:
            continue
        is_clear = bool(shown.clear[segment])
        axes.axvspan(
            edges[start],
            edges[stop],
            facecolor=canvas.POSITIVE if weight > 0 else canvas.NEGATIVE,
            alpha=0.75 * abs(weight) / limit,
            linewidth=0,
            zorder=1,
        )
        if not is_clear:
            axes.axvspan(
                edges[start],
                edges[stop],
                facecolor="none",
                edgecolor=canvas.QUIET,
                hatch="////",
                linewidth=0,
                zorder=1.5,
            )
    few = len(shown.times) < 40
    axes.plot(
        shown.times,
        shown.values[:, channel],
        color=canvas.INK,
        linewidth=1.2,
        marker="o" if few else None,
        markersize=2.5,
        zorder=3,
    )
    axes.set_xlim(edges[0], edges[-1])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelcolor=canvas.INK)
    axes.locator_params(axis="y", nbins=4)
    if shown.channels:
        name = canvas.wrap_name(shown.channels[channel], 18)
        axes.set_ylabel(name, color=canvas.INK, parse_math=False, usetex=False)


def _edges(times: np.ndarray) -> np.ndarray:
    """Where steps begin and end: half way to the next."""
    if len(times) == 1:
        return _around(times[0])
    half = (times[1:] - times[:-1]) / 2 if times.dtype.kind not in "mM" else np.diff(times) // 2
    inner = times[:-1] + half
    return np.concatenate([[times[0] - half[0]], inner, [times[-1] + half[-1]]])


def _around(time: Any) -> np.ndarray:
    """The edges of the only step."""
    unit = np.timedelta64(1, "D") if time.dtype.kind == "M" else 0.5
    return np.array([time - unit, time + unit])


def _say_scale(figure: Figure, panels: list[Axes], limit: float, more: str) -> None:
    """What the shades mean, beside the panels."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb

    def pale(color: str) -> tuple[float, ...]:
        return tuple(1 - 0.75 * (1 - part) for part in to_rgb(color))

    ends = [pale(canvas.NEGATIVE), (1.0, 1.0, 1.0), pale(canvas.POSITIVE)]
    colors = LinearSegmentedColormap.from_list("weights", ends)
    scale = ScalarMappable(Normalize(-limit, limit), colors)
    bar = figure.colorbar(scale, ax=panels, pad=0.02, aspect=30)
    bar.set_label(f"weight{more}", color=canvas.INK)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(length=0, labelcolor=canvas.INK)
