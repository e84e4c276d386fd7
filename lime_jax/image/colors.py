"""The numbers that the superpixel algorithms compare: pixels on one scale, whatever they were."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Shaped

_ROBUST_RANGE = (1.0, 99.0)  # percentiles that become 0 and 1 in a band of a multispectral image


def unit_scale(
    image: Shaped[np.ndarray, "height width C"],
) -> Float64[np.ndarray, "height width C"]:
    """Bring the values of an image to 0..1.

    Booleans and floats within 0..1 stay as they are, integers within 0..255 are divided by 255.
    All else (16-bit images, standardized floats...) is stretched linearly from the smallest to the
    largest value of the image, over all channels alike, so colors keep their proportions.

    Example:
        >>> unit_scale(np.array([[[0], [51]]], np.uint8)).ravel()
        array([0. , 0.2])
        >>> unit_scale(np.array([[[-2.0], [0.0], [2.0]]])).ravel()
        array([0. , 0.5, 1. ])
    """
    values = image.astype(np.float64)
    low, high = values.min(), values.max()
    top = 255.0 if image.dtype.kind in "iu" else 1.0
    if low >= 0 and high <= top:
        return values / top
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def colors(
    image: Shaped[np.ndarray, "height width C"], extent: float
) -> tuple[Float64[np.ndarray, "height width bands"], bool]:
    """Colors whose distances are alike for any number of channels.

    Args:
        extent: the largest distance of two colors in an image that is neither RGB nor gray.

    Returns:
        Three channels within 0..1 and True, if the image is RGB or gray (three equal channels).
        Otherwise its bands, each stretched from its 1st to its 99th percentile to
        0..`extent` / sqrt(C), and False. A band that is the same everywhere, such as the alpha of
        an opaque picture, is 0.
    """
    bands = image.shape[-1]
    if bands in (1, 3):
        return np.repeat(unit_scale(image), 3 // bands, axis=-1), True
    values = image.astype(np.float64)
    low, high = np.percentile(values, _ROBUST_RANGE, axis=(0, 1))
    ends = values.min(axis=(0, 1)), values.max(axis=(0, 1))
    low, high = np.where(high > low, (low, high), ends)  # a few pixels stand out: keep them
    width = np.where(high > low, high - low, 1.0)
    return np.clip((values - low) / width, 0.0, 1.0) * (extent / np.sqrt(bands)), False
