"""Axes that hold a picture: their size, their title, the pixels and the lines above them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from lime_jax.views.plots import canvas
from lime_jax.views.plots.canvas import Axes, Figure

TITLE, _LEGEND = 9.4, 13.0  # characters in an inch of a title and of a legend
_LONGEST, _NARROWEST = 5.2, 3.2  # inches of a picture's longer side, and of a figure
_SMALL = 128  # pixels; below it they are meant to be seen


def inches_of(shape: tuple[int, ...], longest: float = _LONGEST) -> tuple[float, float]:
    """How large to draw a picture."""
    height, width = shape
    scale = longest / max(height, width)
    return max(width * scale, 0.6), max(height * scale, 0.6)


def legend_characters(shape: tuple[int, ...]) -> int:
    """How many characters of a legend fit below a picture."""
    return int((max(inches_of(shape)[0], _NARROWEST) - 0.5) * _LEGEND)


def picture_axes(
    ax: Axes | None,
    shape: tuple[int, ...],
    title: str | None,
    *,
    beside: float = 0.0,
    below: Sequence[str] = (),
) -> tuple[Figure, Axes]:
    """Axes for a picture with its title, with room for a scale beside or for names below it."""
    width, height = inches_of(shape)
    width = max(width, 1.5) + beside if beside else max(width, _NARROWEST)
    characters = int((width - 0.3 * beside) * TITLE)
    lines = 0 if title is None else 1 + canvas.wrap_name(title, characters).count("\n")
    height += 0.3 + 0.24 * lines
    names = [canvas.wrap_name(name, legend_characters(shape)) for name in below]
    height += 0.18 * sum(name.count("\n") + 1 for name in names)
    figure, axes = canvas.target_axes(ax, width + 0.3, height)
    if ax is None and not beside:
        axes.set_anchor("SW")  # a narrow picture stands below the start of its title
    canvas.set_title(axes, title, characters)
    return figure, axes


def show_pixels(axes: Axes, picture: UInt8[np.ndarray, "H W 3"]) -> None:
    """Draw a picture, the pixels of a small one as sharp squares."""
    small = max(picture.shape[:2]) < _SMALL
    axes.imshow(picture, interpolation="nearest" if small else "antialiased")
    axes.set_axis_off()


def draw_edges(
    axes: Axes, edges: Float[np.ndarray, "edges 2 2"], color: str, label: str | None = None
) -> Any:
    """Draw lines with a white rim, so that they show on every picture.

    `edges` are x and y of both ends, in pixels from the upper left corner.
    """
    from matplotlib.collections import LineCollection

    lines = list(edges - 0.5)  # to matplotlib the middle of the first pixel is 0
    rim = LineCollection(lines, colors="white", linewidths=3.4, capstyle="round")
    drawn = LineCollection(lines, colors=color, linewidths=1.7, capstyle="round", label=label)
    axes.add_collection(rim, autolim=False)
    axes.add_collection(drawn, autolim=False)
    return drawn
