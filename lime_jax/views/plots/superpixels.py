"""The superpixels of one image as figures: overlays, contours, heat maps and a grid of labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from lime_jax.views.plots import canvas
from lime_jax.views.plots.canvas import Axes, Figure
from lime_jax.views.plots.picture_axes import (
    TITLE,
    draw_edges,
    inches_of,
    legend_characters,
    picture_axes,
    show_pixels,
)
from lime_jax.views.plots.pictures import inner_point, outline, overlaid, painted

_GREEN = "#007a3d"


def superpixel_overlay(
    picture: UInt8[np.ndarray, "H W 3"],
    covered: Bool[np.ndarray, "H W"],
    *,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Show some superpixels of a picture under green glass, the rest pale and gray.

    Example:
        >>> picture = np.zeros((4, 4, 3), np.uint8)
        >>> figure = superpixel_overlay(picture, np.eye(4) > 0, title="cat")
        >>> figure.axes[0].get_title(loc="left")
        'cat'
    """
    figure, axes = picture_axes(ax, covered.shape, title)
    show_pixels(axes, overlaid(picture, covered))
    draw_edges(axes, outline(covered), _GREEN)
    return figure


def superpixel_contours(
    picture: UInt8[np.ndarray, "H W 3"],
    segments: Int[np.ndarray, "H W"],
    positive: Sequence[int],
    negative: Sequence[int],
    *,
    names: tuple[str, str] = ("positive", "negative"),
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Outline superpixels on a picture, numbered: blue what raises the output, orange what lowers.

    `names` are of the two kinds, in the legend.

    Example:
        >>> segments = np.repeat([[0, 1, 2]], 3, axis=0)
        >>> figure = superpixel_contours(np.zeros((3, 3, 3), np.uint8), segments, [0], [2])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['0', '2']
    """
    figure, axes = picture_axes(ax, segments.shape, title, below=names)
    show_pixels(axes, picture)
    characters = legend_characters(segments.shape)
    handles = []
    for color, name, group in (
        (canvas.POSITIVE, names[0], positive),
        (canvas.NEGATIVE, names[1], negative),
    ):
        edges = [outline(segments == k) for k in group]
        if edges:
            handles.append(
                draw_edges(axes, np.concatenate(edges), color, canvas.wrap_name(name, characters))
            )
        for k in group:
            _write_number(axes, k, inner_point(segments == k), color)
    if handles:
        columns = 2 if sum(map(len, names)) + 12 < characters else 1
        look = dict(ncols=columns, borderpad=0.2, borderaxespad=0.2)
        canvas.add_legend(axes, (0.0, 0.0), handles=handles, **look)
    return figure


def superpixel_heat_map(
    picture: UInt8[np.ndarray, "H W 3"],
    weights: Float[np.ndarray, "H W"],
    *,
    unit: str = "weight, in units of the output",
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Color every superpixel by its weight: blue above 0, orange below, the same scale for both.

    The picture is in pale gray beneath; `unit` stands beside the scale.

    Example:
        >>> weights = np.array([[0.5, -0.25]])
        >>> figure = superpixel_heat_map(np.zeros((1, 2, 3), np.uint8), weights)
        >>> [float(end) for end in figure.axes[1].get_ylim()]
        [-0.5, 0.5]
    """
    figure, axes = picture_axes(ax, weights.shape, title, beside=1.1)
    limit = float(np.abs(np.nan_to_num(weights)).max(initial=0.0)) or 1.0
    show_pixels(axes, painted(picture, weights, limit))
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colors = LinearSegmentedColormap.from_list(
        "weights", [canvas.NEGATIVE, "white", canvas.POSITIVE]
    )
    scale = ScalarMappable(Normalize(-limit, limit), colors)
    canvas.color_scale(axes, scale, unit)
    return figure


def picture_grid(
    pictures: Sequence[UInt8[np.ndarray, "H W 3"]],
    outlined: Sequence[Bool[np.ndarray, "H W"] | None],
    titles: Sequence[str],
    *,
    title: str | None = None,
) -> Figure:
    """Show pictures of one size side by side, three in a line, some pixels outlined in green.

    Example:
        >>> figure = picture_grid([np.zeros((2, 2, 3), np.uint8)] * 4, [None] * 4, list("abcd"))
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['a', 'b', 'c', 'd']
    """
    if not len(pictures) == len(outlined) == len(titles) or not pictures:
        raise ValueError(
            f"`titles` and `outlined` should have one entry per picture, and at least one, got "
            f"{len(pictures)} pictures, {len(outlined)} in `outlined`, {len(titles)} `titles`."
        )
    columns = min(len(pictures), 3)
    lines = -(-len(pictures) // columns)
    width, height = inches_of(pictures[0].shape[:2], 3.4)
    width = max(width, 2.0)
    characters = int(width * TITLE)
    most = max(canvas.wrap_name(name, characters).count("\n") for name in titles)
    head = 0.4 * (title is not None)
    figure, first = canvas.target_axes(
        None, columns * (width + 0.25), lines * (height + 0.5 + 0.25 * most) + head
    )
    first.remove()
    for k, (picture, inside, name) in enumerate(zip(pictures, outlined, titles, strict=True)):
        axes = figure.add_subplot(lines, columns, k + 1)
        show_pixels(axes, picture)
        if inside is not None:
            draw_edges(axes, outline(inside), _GREEN)
        axes.set_anchor("SW")
        canvas.set_title(axes, name, characters)
    if title is not None:
        text = canvas.wrap_name(title)
        look = dict(x=0.01, ha="left", color=canvas.INK, fontweight="bold")
        figure.suptitle(text, **look, parse_math=False, usetex=False)
    return figure


def _write_number(axes: Axes, number: int, place: tuple[float, float], color: str) -> None:
    box = {"boxstyle": "round,pad=0.18", "facecolor": "white", "edgecolor": color, "alpha": 0.9}
    x, y = place
    axes.text(
        x - 0.5, y - 0.5, str(number), ha="center", va="center", fontsize=7, color=canvas.INK,
        bbox=box,
    )  # fmt: skip
