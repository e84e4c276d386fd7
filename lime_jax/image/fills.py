"""What a hidden superpixel shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64, Int, Shaped

from lime_jax.image.read import (
    ChannelAxis,
    Image,
    as_array,
    channels_last,
    in_layout_of,
    layout_hint,
)

FillName = Literal["mean", "blur", "noise"]


def hidden_image(
    image: Image,
    segments: Int[np.ndarray, "height width"],
    hide: str | Callable[..., object] | object = "mean",
    *,
    channel_axis: ChannelAxis = "last",
    seed: int = 0,
    image_id: int | np.integer = 0,
) -> Image:
    """The image with every superpixel hidden; a perturbed image takes the hidden pixels from it.

    Args:
        hide: what a hidden superpixel shows.
            "mean": the mean of each channel over the superpixel.
            "blur": the image through a Gaussian filter whose standard deviation is half the side
            of an average superpixel, sqrt(height * width / S) / 2 pixels.
            "noise": uniform noise between each channel's smallest and largest value in the image.
            A number, or one per channel: a color, in the units of the image.
            An array of the shape of `image`, or a Pillow image of its size: another image.
            A function: of copies of `image` and `segments`, that returns a color or an image.
        image_id: of the noise: images of other ids get other noise.

    Returns:
        An image of the same shape, dtype and layout; numbers that do not fit an integer dtype are
        rounded to the nearest.

    Raises:
        ValueError: if `hide` is none of these, or does not fit the image.

    Example:
        >>> image = np.array([[1, 2, 10], [1, 3, 20]], np.uint8)
        >>> segments = np.array([[0, 0, 1], [0, 0, 1]], np.int32)
        >>> hidden_image(image, segments, "mean")
        array([[ 2,  2, 15],
               [ 2,  2, 15]], dtype=uint8)
        >>> hidden_image(image, segments, 7)
        array([[7, 7, 7],
               [7, 7, 7]], dtype=uint8)
    """
    pixels = channels_last(image, channel_axis)
    if segments.shape != pixels.shape[:2]:
        raise ValueError(
            f"`segments` must have the image's height and width {pixels.shape[:2]}, "
            f"got shape {segments.shape}.{layout_hint(image, channel_axis)}"
        )
    if not isinstance(hide, str):
        return _given(image, segments, hide, channel_axis)
    if hide not in get_args(FillName):
        raise ValueError(
            f"`hide` must be one of {', '.join(map(repr, get_args(FillName)))}, a color, an image, "
            f"or a function of an image and its segments, got {hide!r}."
        )
    if hide == "mean":
        hidden = _cast(_means(pixels, segments), image.dtype)
    elif hide == "blur":
        hidden = _cast(_blurred(pixels, int(segments.max()) + 1), image.dtype)
    else:
        hidden = _noise(pixels, np.random.default_rng([seed % 2**64, int(image_id)]))
    return np.ascontiguousarray(in_layout_of(image, hidden, channel_axis))


def _means(
    pixels: Shaped[np.ndarray, "height width C"], segments: Int[np.ndarray, "height width"]
) -> Float64[np.ndarray, "height width C"]:
    """Each pixel's mean over its superpixel."""
    flat = segments.ravel()
    counts = np.maximum(np.bincount(flat), 1)
    sums = [np.bincount(flat, pixels[:, :, c].ravel()) for c in range(pixels.shape[-1])]
    return (np.stack(sums, axis=-1) / counts[:, None])[segments]


def _blurred(
    pixels: Shaped[np.ndarray, "height width C"], num_segments: int
) -> Float64[np.ndarray, "height width C"]:
    from scipy.ndimage import gaussian_filter

    sigma = np.sqrt(pixels.shape[0] * pixels.shape[1] / num_segments) / 2
    return gaussian_filter(pixels.astype(np.float64), (sigma, sigma, 0), mode="nearest")


def _noise(
    pixels: Shaped[np.ndarray, "height width C"], rng: np.random.Generator
) -> Shaped[np.ndarray, "height width C"]:
    """Uniform in each channel's own range, ends included."""
    low, high = pixels.min(axis=(0, 1)), pixels.max(axis=(0, 1))
    if pixels.dtype.kind != "f":
        return rng.integers(low, high, pixels.shape, pixels.dtype, endpoint=True)
    share = rng.random(pixels.shape)
    noise = (1 - share) * low.astype(np.float64) + share * high.astype(np.float64)
    return np.clip(noise.astype(pixels.dtype), low, high)


def _cast(values: Float64[np.ndarray, "..."], dtype: np.dtype) -> Shaped[np.ndarray, "..."]:
    """To a dtype whose range the values are in, rounded to the nearest."""
    return values.astype(dtype) if dtype.kind == "f" else np.rint(values).astype(dtype)


def _given(
    image: Image, segments: Int[np.ndarray, "height width"], hide: object, channel_axis: ChannelAxis
) -> Image:
    """A color or an image, checked; or what a function makes of the image."""
    what = "`hide`"
    if callable(hide):
        hide, what = hide(image.copy(), segments.copy()), "`hide`: what the function returns"
    fill = as_array(hide, channel_axis, what)
    channels = channels_last(image, channel_axis).shape[-1]
    if fill.shape not in ((), (channels,), image.shape):
        raise ValueError(
            f"{what} must be one number, {channels} numbers (one per channel), or an image of "
            f"shape {image.shape}, got shape {fill.shape}.{layout_hint(image, channel_axis)}"
        )
    _check_values(fill, image, what)
    if fill.shape != image.shape:
        color = np.broadcast_to(fill, (*channels_last(image, channel_axis).shape[:2], channels))
        fill = in_layout_of(image, color, channel_axis)
    return np.array(fill, image.dtype, order="C")


def _check_values(fill: Shaped[np.ndarray, "..."], image: Image, what: str) -> None:
    """Values that the image's dtype holds, and that are in its units."""
    if fill.dtype.kind not in "biuf" or not np.isfinite(fill).all():
        raise ValueError(f"{what} must hold finite numbers, got {_shown(fill)}.")
    low, high = fill.min(), fill.max()
    if image.dtype.kind == "f":
        least, most = image.min(), image.max()
        with np.errstate(over="ignore"):
            too_large = np.isinf(fill.astype(image.dtype)).any()
        if (least >= 0 and most <= 1 and (low < 0 or high > 1)) or too_large:
            raise ValueError(
                f"{what} must be in the units of the image, whose values go from {least:.3g} to "
                f"{most:.3g}, got values from {low:.3g} to {high:.3g}."
            )
        return
    info = None if image.dtype.kind == "b" else np.iinfo(image.dtype)
    least, most = (0, 1) if info is None else (info.min, info.max)
    if low < least or high > most or (fill.dtype.kind == "f" and (fill != np.rint(fill)).any()):
        raise ValueError(
            f"{what} must hold whole numbers from {least} to {most}, as the image is of dtype "
            f"{image.dtype}, got {_shown(fill)}."
        )


def _shown(fill: Shaped[np.ndarray, "..."]) -> str:
    if fill.ndim < 2:
        return repr(fill.tolist())
    values = f"values from {fill.min()} to {fill.max()}" if fill.dtype.kind in "biuf" else "values"
    return f"{values}, dtype {fill.dtype}"
