"""One image or many, of any source, as NumPy arrays that keep their dtype and layout."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Shaped, UInt32

ChannelAxis = Literal["last", "first"]

Image = Shaped[np.ndarray, "..."]
"""`(height, width)`, or with channels `(height, width, C)` or `(C, height, width)`."""


def read_images(images: Any, channel_axis: ChannelAxis = "last") -> tuple[Image, ...]:
    """Read what a user hands over as images: one or several, of one or of several sizes.

    A 2-D array is one gray image, a 3-D array is *one* image with channels, a 4-D array is a batch.
    Several gray images of shape (n, height, width) look like one image with channels: give them
    as a list, or with a channel axis of length 1.

    Args:
        images: an array (NumPy, JAX, PyTorch...) or a Pillow image; or a list or tuple of 2-D and
            3-D arrays and Pillow images. Any number of channels; booleans, integers or floats.
        channel_axis: where the channels of arrays are, "last" or "first". Pillow images are
            brought into this layout.

    Returns:
        One array per image, 2-D or 3-D, with the dtype and layout that it came with. Views, not
        copies, where there is nothing to convert.

    Raises:
        ValueError: if there is no image, or one has no pixels, another number of axes, values
            that are no real numbers, or pixels that are NaN or infinite.

    Example:
        >>> batch = np.zeros((2, 32, 48, 3), np.uint8)
        >>> [image.shape for image in read_images(batch)]
        [(32, 48, 3), (32, 48, 3)]
        >>> len(read_images([batch[0], np.zeros((10, 10))]))
        2
    """
    if channel_axis not in get_args(ChannelAxis):
        raise ValueError(f'`channel_axis` must be "last" or "first", got {channel_axis!r}.')
    several = isinstance(images, list | tuple)
    if not several:
        images = as_array(images, channel_axis, "`images`")
        if images.ndim not in (2, 3, 4):
            raise ValueError(
                "`images` must be one image (2-D, or 3-D with channels), a 4-D batch, or a list "
                f"of images, got an array of shape {images.shape}, dtype {images.dtype}."
            )
        several = images.ndim == 4
    found = tuple(images) if several else (images,)
    if not found:
        raise ValueError(f"`images` must hold at least one image, got {_came(images)}.")
    return tuple(
        _checked(image, channel_axis, f"`images`: image {i}" if several else "`images`")
        for i, image in enumerate(found)
    )


def _checked(image: object, channel_axis: ChannelAxis, what: str) -> Image:
    """One image as an array, or an error that says what is wrong with it."""
    image = as_array(image, channel_axis, what)
    came = f"got shape {image.shape}, dtype {image.dtype}"
    if image.dtype.kind not in "biuf":
        raise ValueError(
            f"{what} must hold booleans, integers or floats, {came}. "
            "Convert it, for example with `.astype(np.float32)`."
        )
    if image.ndim not in (2, 3):
        raise ValueError(f"{what} must be 2-D, or 3-D with channels, {came}.")
    if image.size == 0:
        raise ValueError(f"{what} must have at least one pixel and one channel, {came}.")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        nan, infinite = int(np.isnan(image).sum()), int(np.isinf(image).sum())
        raise ValueError(
            f"{what} must be finite, got {nan} NaN and {infinite} infinite values of {image.size}. "
            "Fill them in first, for example with `np.nan_to_num`."
        )
    if _looks_like_the_other_layout(image, channel_axis):
        other = "first" if channel_axis == "last" else "last"
        raise ValueError(
            f'{what} looks as if its channels came {other}, {came}: pass `channel_axis="{other}"`, '
            "or move the channels."
        )
    return image


def _looks_like_the_other_layout(image: Image, channel_axis: ChannelAxis) -> bool:
    """Whether there are 1, 3 or 4 of what are said to be rows or columns, but no such channels."""
    if image.ndim == 2:
        return False
    first, last = image.shape[0], image.shape[2]
    few, stated = (first, last) if channel_axis == "last" else (last, first)
    usual, side = (1, 3, 4), 8  # images that are smaller are somebody's test
    return few in usual and stated not in usual and min(stated, image.shape[1]) >= side


def as_array(image: Any, channel_axis: ChannelAxis, what: str) -> Image:
    """An array in this machine's byte order, or a Pillow image as one; values are not checked."""
    if isinstance(image, str | bytes | os.PathLike):
        raise ValueError(
            f"{what} must be an array of pixels or a Pillow image, got {image!r}. "
            "Read a file first, for example with `PIL.Image.open`."
        )
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(image, pillow.Image):
        if image.mode in ("P", "PA"):  # a palette: its numbers are no intensities
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        pixels = np.asarray(image)
        return (
            np.moveaxis(pixels, -1, 0) if channel_axis == "first" and pixels.ndim == 3 else pixels
        )
    try:
        array = np.asarray(image)
    except Exception as error:  # a ragged list, a tensor on another device, ...
        raise ValueError(
            f"{what} must be an array of pixels, got {_came(image)}: {error}"
        ) from error
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _came(images: Any) -> str:
    """What a user handed over, in a few words."""
    if hasattr(images, "shape"):
        return f"an array of shape {tuple(images.shape)}"
    return f"an empty {type(images).__name__}" if images in ([], ()) else type(images).__name__


def channels_last(image: Image, channel_axis: ChannelAxis) -> Shaped[np.ndarray, "height width C"]:
    """A view of an image with its channels in the last axis; a gray image gets one of length 1."""
    if image.ndim == 2:
        return image[:, :, None]
    return np.moveaxis(image, 0, -1) if channel_axis == "first" else image


def in_layout_of(
    image: Image, pixels: Shaped[np.ndarray, "height width C"], channel_axis: ChannelAxis
) -> Image:
    """The way back from `channels_last`: pixels with the axes of an image."""
    if image.ndim == 2:
        return pixels[:, :, 0]
    return np.moveaxis(pixels, -1, 0) if channel_axis == "first" else pixels


def image_size(image: Image, channel_axis: ChannelAxis) -> tuple[int, int]:
    """Height and width of an image, in pixels."""
    height, width, _ = channels_last(image, channel_axis).shape
    return height, width


def layout_hint(image: Image, channel_axis: ChannelAxis) -> str:
    """A sentence for an error, if an image has more channels than pixels in its shorter side."""
    height, width, channels = channels_last(image, channel_axis).shape
    if channels <= min(height, width):
        return ""
    other = "first" if channel_axis == "last" else "last"
    return (
        f" The image of shape {image.shape} is read as {height} x {width} pixels with {channels} "
        f'channels, since `channel_axis="{channel_axis}"`; pass "{other}" if its channels come '
        f"{other}, or a list of 2-D arrays if these are several gray images."
    )


def image_ids(
    images: Sequence[Image], channel_axis: ChannelAxis = "last"
) -> UInt32[np.ndarray, " images"]:
    """Hash dtype, size and pixels of each image: 32 bits, the same for both layouts, everywhere.

    Example:
        >>> image = np.arange(6, dtype=np.uint8).reshape(2, 3)
        >>> image_ids([image, image.astype(np.float32)])
        array([ 439214943, 1702039950], dtype=uint32)
    """
    return np.array([_hash(channels_last(image, channel_axis)) for image in images], np.uint32)


def _hash(pixels: np.ndarray) -> int:
    if pixels.dtype.kind == "f":
        pixels = pixels + pixels.dtype.type(0)  # -0.0 + 0.0 is 0.0
    pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    state = hashlib.blake2b(f"{pixels.dtype.str} {pixels.shape}".encode(), digest_size=4)
    state.update(pixels.tobytes())
    return int.from_bytes(state.digest(), "little")
