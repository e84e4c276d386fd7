"""An image cut into superpixels: by scikit-image, in a grid, by a function, or by given labels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Int32, Shaped

from lime_jax.image.colors import colors
from lime_jax.optional import require
from lime_jax.stages.grid import grid_segments

SegmentationName = Literal["slic", "quickshift", "felzenszwalb", "grid"]
ColorSpace = Literal["lab", "rgb"]

DEFAULT_SEGMENTS = 50
"""About how many superpixels an image has, if no `cell_size` is given."""

# Largest distances of colors: of black and white in Lab, and in a cube of side 1.
_LAB, _CUBE = 100.0, math.sqrt(3)


def segment(
    image: Shaped[np.ndarray, "height width C"],
    segmentation: str | Callable[..., object] | object = "slic",
    *,
    cell_size: int | float | None = None,
    compactness: int | float = 10.0,
    color_space: str = "lab",
    seed: int = 0,
) -> Int32[np.ndarray, "height width"]:
    """Cut one image into superpixels, numbered from 0 without gaps.

    Gray images are segmented as RGB with three equal channels; `lime_jax.image.colors` says how
    images of any range and any number of channels are scaled.

    Args:
        segmentation: how.
            "slic": k-means over color and place. The only one that reads `compactness` and
            `color_space`.
            "quickshift": modes of a density over color and place. The kernel size is that of
            `lime`, 4, less in images below 224 x 224 pixels; or `cell_size` / 8, if that is given.
            "felzenszwalb": a minimum spanning tree over neighboring pixels.
            "grid": near-square cells; needs no extra package.
            A function: of a copy of `image`, channels last, that returns labels.
            An array: labels of shape (height, width), non-negative integers.
        cell_size: side of a superpixel in pixels, roughly; None: as for 50 superpixels.
        compactness: what one `cell_size` of distance in the image weighs, in units of color: the
            higher, the squarer the superpixels.
        color_space: "lab": Lab, lightness 0..100, as scikit-image. "rgb": channels 0..255, where
            `cell_size=16, compactness=130` weighs color and place as SynapseML does by default.
            Images with other numbers of channels are not converted; their colors differ by at
            most as much as black and white do.

    Raises:
        ValueError: if an argument is not one of the above, or labels do not fit the image.

    Example:
        >>> segment(np.zeros((2, 4, 3)), "grid", cell_size=2)
        array([[0, 0, 1, 1],
               [0, 0, 1, 1]], dtype=int32)
        >>> segment(np.zeros((1, 3, 3)), np.array([[7, 7, 3]]))
        array([[1, 1, 0]], dtype=int32)

    The algorithms are `skimage.segmentation.slic`, `.quickshift` and `.felzenszwalb`.
    """
    _check_options(cell_size, compactness, color_space)
    height, width = image.shape[:2]
    if not isinstance(segmentation, str):
        made = callable(segmentation)
        labels = segmentation(image.copy()) if made else segmentation
        return relabeled(
            labels, (height, width), "the labels that it returns" if made else "labels"
        )
    if segmentation not in get_args(SegmentationName):
        raise ValueError(
            f"`segmentation` must be one of {', '.join(map(repr, get_args(SegmentationName)))}, a "
            f"function of an image, or an array of labels, got {segmentation!r}."
        )
    side = math.sqrt(height * width / DEFAULT_SEGMENTS) if cell_size is None else float(cell_size)
    if segmentation == "grid":
        return np.asarray(grid_segments(height, width, max(1, round(side))))
    number = max(1, round(height / side)) * max(1, round(width / side))
    if number == 1:
        return np.zeros((height, width), np.int32)
    if segmentation == "slic":
        number = DEFAULT_SEGMENTS if cell_size is None else number
        labels = _slic(image, min(number, height * width), float(compactness), color_space)
    elif segmentation == "quickshift":
        kernel_size = round(side) / 8 if cell_size is not None else min(round(side) / 8, 4.0)
        labels = _quickshift(image, kernel_size, seed)
    else:
        labels = _felzenszwalb(image, side)
    return relabeled(labels, (height, width), "labels")


def relabeled(
    labels: object, size: tuple[int, int], what: str = "labels"
) -> Int32[np.ndarray, "height width"]:
    """Check an image's labels, and renumber them 0, 1, ... in their order."""
    try:
        labels = np.asarray(labels)
    except Exception as error:
        raise ValueError(f"`segmentation`: {what} must be an array: {error}") from error
    came = f"got shape {labels.shape}, dtype {labels.dtype}"
    if labels.dtype.kind not in "biu":
        raise ValueError(f"`segmentation`: {what} must be integers, one per pixel, {came}.")
    if labels.shape != size:
        raise ValueError(
            f"`segmentation`: {what} must have the image's height and width, shape {size}, {came}."
        )
    if labels.min() < 0:
        raise ValueError(
            f"`segmentation`: {what} must not be negative, got {labels.min()}. "
            "Every pixel belongs to a superpixel; give those left over a label of their own."
        )
    _, inverse = np.unique(labels, return_inverse=True)
    return inverse.reshape(size).astype(np.int32)


def _check_options(cell_size: Any, compactness: Any, color_space: object) -> None:
    if cell_size is not None and not (_is_number(cell_size) and cell_size >= 1):
        raise ValueError(
            f"`cell_size` must be a number of pixels, at least 1, or None, got {cell_size!r}."
        )
    if not (_is_number(compactness) and compactness > 0):
        raise ValueError(f"`compactness` must be a positive number, got {compactness!r}.")
    if color_space not in get_args(ColorSpace):
        raise ValueError(f'`color_space` must be "lab" or "rgb", got {color_space!r}.')


def _is_number(value: object) -> bool:
    number = isinstance(value, int | float | np.integer | np.floating)
    return number and not isinstance(value, bool) and math.isfinite(value)


def _skimage() -> ModuleType:
    grid = '; `segmentation="grid"` needs no extra package'
    return require(
        "skimage.segmentation", extra="image", needed_by="`segmentation`", alternative=grid
    )


def _slic(image: np.ndarray, number: int, compactness: float, color_space: str) -> np.ndarray:
    """scikit-image stretches what it gets to 0..1; unless that is to become Lab, undo it."""
    values, is_rgb = colors(image, _LAB if color_space == "lab" else 255 * _CUBE)
    to_lab = is_rgb and color_space == "lab"
    if not to_lab:
        values = values * 255 if is_rgb else values
        compactness /= float(np.ptp(values)) or 1.0
    return _skimage().slic(
        values, n_segments=number, compactness=compactness, convert2lab=to_lab, channel_axis=-1
    )


def _quickshift(image: np.ndarray, kernel_size: float, seed: int) -> np.ndarray:
    values, is_rgb = colors(image, _LAB)
    return _skimage().quickshift(
        values,
        kernel_size=max(1.0, kernel_size),
        max_dist=200,
        ratio=0.2,
        convert2lab=is_rgb,
        rng=seed % 2**31,  # what a C long holds everywhere
    )


def _felzenszwalb(image: np.ndarray, side: float) -> np.ndarray:
    """The two constants bring photographs to about as many superpixels as the other ways do."""
    values, _ = colors(image, _CUBE)
    with warnings.catch_warnings():  # of more than three channels, which are meant
        warnings.filterwarnings("ignore", "Got image with third dimension", RuntimeWarning)
        return _skimage().felzenszwalb(
            values, scale=side**2 / 10, sigma=0.8, min_size=max(1, round(side**2 / 5))
        )
