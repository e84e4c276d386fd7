"""Pictures as arrays: any image made displayable, superpixels outlined and painted on it.

NumPy only: what reports embed and what figures show are the same pixels.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from lime_jax.views.plots.canvas import NEGATIVE, POSITIVE

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue (Rec. 709)
_GREEN = np.array([0.0, 210.0, 90.0])


def displayed(image: np.ndarray, channel_axis: str) -> UInt8[np.ndarray, "H W 3"]:
    """An image of any numbers and layout as red, green and blue for a screen.

    One channel is shown gray, three as colors, four as colors with transparency (over white), any
    other number as the mean of the channels, in gray. 8-bit numbers, booleans and numbers between 0
    and 1 are shown as they are; all others from their smallest (black) to their largest (white).

    Example:
        >>> displayed(np.array([[0.0, 0.5, 1.0]]), "last")[0, :, 0].tolist()
        [0, 128, 255]
    """
    channels = image[..., None] if image.ndim == 2 else image
    if channel_axis == "first" and image.ndim == 3:
        channels = np.moveaxis(channels, 0, -1)
    count = channels.shape[-1]
    alpha = _unit(channels[..., 3:], stretch=False) if count == 4 else 1.0
    colors = _unit(channels[..., :3] if count == 4 else channels, stretch=True)
    if count not in (1, 3, 4):
        colors = colors.mean(-1, keepdims=True)
    shown = np.broadcast_to(colors * alpha + (1.0 - alpha), (*channels.shape[:2], 3))
    return np.floor(shown * 255 + 0.5).astype(np.uint8)


def _unit(numbers: np.ndarray, stretch: bool) -> Float[np.ndarray, "H W C"]:
    """Between 0 and 1."""
    kind, limit = numbers.dtype.kind, 255.0
    if kind == "u" and numbers.dtype.itemsize == 1:
        return numbers / limit
    finite = np.nan_to_num(np.asarray(numbers, np.float64), posinf=0.0, neginf=0.0)
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    if low >= 0 and high <= 1 and kind in "bf":
        return finite
    if not stretch:  # transparency: the largest number there is means opaque
        top = float(np.iinfo(numbers.dtype).max) if kind in "iu" else max(high, 1.0)
        return np.clip(finite / top, 0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    return (finite - low) / (high - low) if high > low else np.full_like(finite, 0.5)


def marked(
    image: np.ndarray,
    signs: Int[np.ndarray, "H W"],
    channel_axis: str,
    *,
    paint: bool,
    hide_rest: bool,
) -> np.ndarray:
    """An image with its chosen pixels marked, in its own numbers: `lime`'s view of an explanation.

    Pixels whose sign is 0 are not chosen, and set to 0 to `hide_rest`. To `paint`, the second
    channel (green) of those with 1 and the first (red) of those with -1 are set to the largest
    number of the image. A new array; gray images get three channels.

    Example:
        >>> marked(np.array([[3, 9]]), np.array([[1, 0]]), "last", paint=True, hide_rest=True)
        array([[[3, 9, 3],
                [0, 0, 0]]])
    """
    axis = -1 if channel_axis == "last" else 0
    channels = np.expand_dims(image, axis) if image.ndim == 2 else image
    copies = 3 if channels.shape[axis] == 1 else 1
    result = np.repeat(channels, copies, axis=axis)  # always a copy
    last = np.moveaxis(result, axis, -1)  # a view
    if hide_rest:
        last[signs == 0] = 0
    if paint:
        last[signs > 0, 1] = image.max()
        last[signs < 0, 0] = image.max()
    return result


def outline(inside: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "edges 2 2"]:
    """The border of a region: x and y of both ends of straight lines between pixels.

    In pixels from the upper left corner; neighboring pieces in one direction are one line.
    """
    padded = np.pad(inside, 1).astype(np.int8)
    x, top, bottom = _runs(np.diff(padded[1:-1], axis=1).T != 0)
    y, left, right = _runs(np.diff(padded[:, 1:-1], axis=0) != 0)
    upright = np.stack([np.stack([x, top], 1), np.stack([x, bottom], 1)], 1)
    level = np.stack([np.stack([left, y], 1), np.stack([right, y], 1)], 1)
    return np.concatenate([upright, level]).astype(np.float64)


def _runs(marks: Bool[np.ndarray, "lines places"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Line, start and end of every run of marked places."""
    change = np.diff(np.pad(marks, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    line, start = np.nonzero(change == 1)
    return line, start, np.nonzero(change == -1)[1]


def inner_point(inside: Bool[np.ndarray, "H W"]) -> tuple[float, float]:
    """A point of a region to write its name at: the pixel nearest to its center of mass.

    Its middle as x and y, in pixels from the upper left corner; the region has at least one pixel.

    Example:
        >>> inner_point(np.array([[True, True, True], [False, False, False]]))
        (1.5, 0.5)
    """
    y, x = np.nonzero(inside)
    nearest = np.argmin((x - x.mean()) ** 2 + (y - y.mean()) ** 2)
    return float(x[nearest]) + 0.5, float(y[nearest]) + 0.5


def overlaid(
    picture: UInt8[np.ndarray, "H W 3"], covered: Bool[np.ndarray, "H W"]
) -> UInt8[np.ndarray, "H W 3"]:
    """A picture with some pixels under green glass, the others pale and gray."""
    glass = 0.65 * picture + 0.35 * _GREEN
    pale = 0.6 * (picture @ _LUMINANCE)[..., None] + 0.4 * 255
    return np.where(covered[..., None], glass, pale).astype(np.uint8)


def painted(
    picture: UInt8[np.ndarray, "H W 3"], weights: Float[np.ndarray, "H W"], limit: float
) -> UInt8[np.ndarray, "H W 3"]:
    """Weights as colors over the pale gray picture: blue above 0, orange below; NaN counts as 0."""
    strength = np.clip(np.abs(np.nan_to_num(weights)) / limit, 0.0, 1.0)[..., None]
    color = np.where(weights[..., None] >= 0, _rgb(POSITIVE), _rgb(NEGATIVE))
    shade = 0.75 + 0.25 * (picture @ _LUMINANCE)[..., None] / 255
    return ((255 * (1 - strength) + color * strength) * shade).astype(np.uint8)


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)], np.float64)


def shrunk(
    picture: UInt8[np.ndarray, "H W 3"], segments: Int[np.ndarray, "H W"], longest: int
) -> tuple[UInt8[np.ndarray, "h w 3"], Int[np.ndarray, "h w"]]:
    """A picture and its segments in fewer pixels, where there are too many.

    Means of neighboring pixels, and the segment in the middle of them.
    """
    scale = longest / max(segments.shape)
    if scale >= 1:
        return picture, segments
    height, width = (max(round(side * scale), 1) for side in segments.shape)
    y, x = (
        np.arange(n + 1) * side // n
        for n, side in zip((height, width), segments.shape, strict=True)
    )
    sums = np.add.reduceat(picture.astype(np.float64), y[:-1], axis=0)
    sums = np.add.reduceat(sums, x[:-1], axis=1)
    counts = np.diff(y)[:, None, None] * np.diff(x)[:, None]
    middle = np.ix_((y[:-1] + y[1:]) // 2, (x[:-1] + x[1:]) // 2)
    return (sums / counts).astype(np.uint8), segments[middle]
