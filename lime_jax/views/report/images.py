"""The pictures of an explained image: PNG files inside the page, outlines as lines above them."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from lime_jax.views.plots.pictures import inner_point, outline, overlaid, painted, shrunk
from lime_jax.views.plots.png import png_bytes
from lime_jax.views.report.numbers import significant, text

_LARGE, _BESIDE = 480, 320  # pixels of the longer side of the first picture and of the others
_FIGURE_DOTS = 144  # of an inch of a figure
_SMALL = 128  # below it, pixels are meant to be seen


@dataclasses.dataclass(frozen=True)
class Outline:
    """A superpixel drawn on a picture.

    Attributes:
        edges: (edges, 2, 2) x and y of both ends of every line, in pixels.
        place: x and y of its name, in pixels.
        positive: whether it raises the output.
    """

    edges: Float[np.ndarray, "edges 2 2"]
    place: tuple[float, float]
    name: str
    positive: bool


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture of a page.

    Attributes:
        pixels: (H, W, 3) red, green, blue.
        description: for those who cannot see it, plain text.
    """

    pixels: UInt8[np.ndarray, "H W 3"]
    caption: str
    description: str
    outlines: Sequence[Outline] = ()


def superpixel_pictures(
    picture: UInt8[np.ndarray, "H W 3"],
    segments: Int[np.ndarray, "H W"],
    weights: Float[np.ndarray, " superpixels"],
    strongest: Sequence[int],
    covered: Bool[np.ndarray, "H W"],
    *,
    title: str,
    label: str,
    percentile: float | int,
) -> list[Picture]:
    """The three pictures of an explained image: numbered outlines, overlay, heat map.

    `covered` are the pixels of the superpixels above the percentile of the weights.
    """
    above = np.unique(segments[covered]).tolist()
    large, places = shrunk(picture, segments, _LARGE)
    small, segments = shrunk(picture, segments, _BESIDE)
    outlines = []
    for k in strongest:
        inside = places == k
        if inside.any():  # a superpixel of a few pixels may be lost where the picture is shrunk
            place = inner_point(inside)
            outlines.append(Outline(outline(inside), place, str(k), bool(weights[k] > 0)))
    raising = [k for k in strongest if weights[k] > 0]
    lowering = [k for k in strongest if weights[k] < 0]
    limit = float(np.abs(weights).max(initial=0.0)) or 1.0
    ends = f"full blue is +{significant(limit)}, white 0, full orange {significant(-limit)}"
    return [
        Picture(
            large,
            "The strongest superpixels, numbered as in the table: blue raises, orange lowers.",
            f"{title} with outlines: superpixels {_listed(raising)} raise {label}, "
            f"{_listed(lowering)} lower it",
            outlines,
        ),
        Picture(
            overlaid(small, np.isin(segments, above)),
            f"Green: the superpixels above percentile {percentile:g} of the weights.",
            f"{title}, green where the weights for {label} are largest: superpixels "
            f"{_listed(above)}",
        ),
        Picture(
            painted(small, weights[segments], limit),
            f"All weights: {ends}.",
            f"{title}, every superpixel in the color of its weight for {label}",
        ),
    ]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def gallery(pictures: Sequence[Picture]) -> str:
    """Pictures side by side, each with its caption; nothing is loaded from elsewhere."""
    return f'<div class="f">{"".join(map(_figure, pictures))}</div>'


def stacked(pictures: Sequence[Picture]) -> str:
    """Pictures one below the other, each with its caption."""
    return f'<div class="st">{"".join(map(_figure, pictures))}</div>'


def figure_picture(figure: Any) -> Picture:
    """A figure of matplotlib as a picture, described by its label."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    dots = figure.get_dpi()
    figure.set_dpi(_FIGURE_DOTS)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    figure.set_dpi(dots)
    titles = [axes.get_title(loc=side) for axes in figure.axes for side in ("left", "center")]
    title = next(filter(None, titles), "")
    words = str(figure.get_label())
    return Picture(pixels, title, words or title or "a figure")


def _figure(picture: Picture) -> str:
    height, width = picture.pixels.shape[:2]
    small = ' class="w"' if max(height, width) < _SMALL else ""
    data = base64.b64encode(png_bytes(picture.pixels)).decode("ascii")
    image = (
        f'<img{small} width="{width}" height="{height}" alt="{text(picture.description)}" '
        f'src="data:image/png;base64,{data}"/>'
    )
    lines = _lines(picture.outlines, width, height) if picture.outlines else ""
    caption = f"<figcaption>{text(picture.caption)}</figcaption>" if picture.caption else ""
    return f'<figure><div class="y">{image}{lines}</div>{caption}</figure>'


def _lines(outlines: Sequence[Outline], width: int, height: int) -> str:
    """Outlines with a white rim, positive ones on top; names in their middle."""
    ordered = sorted(outlines, key=lambda one: one.positive)
    paths = [(_path(one.edges), "jp" if one.positive else "jn") for one in ordered]
    drawn = "".join(f'<path class="j" d="{d}"/><path class="{kind}" d="{d}"/>' for d, kind in paths)
    names = "".join(
        f'<span style="left:{100 * one.place[0] / width:.1f}%;'
        f'top:{100 * one.place[1] / height:.1f}%">{text(one.name)}</span>'
        for one in ordered
    )
    box = f'viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
    return f'<svg aria-hidden="true" {box}>{drawn}</svg><div aria-hidden="true">{names}</div>'


def _path(edges: Float[np.ndarray, "edges 2 2"]) -> str:
    """Level and upright lines, in SVG's letters."""
    return "".join(
        f"M{x0:g} {y0:g}{f'V{y1:g}' if x0 == x1 else f'H{x1:g}'}" for (x0, y0), (x1, y1) in edges
    )
