"""The image at the door: read it, cut it into superpixels, and say what a hidden one shows.

Host only: NumPy, and scikit-image, SciPy and Pillow where they are used.
"""

from lime_jax.image.fills import hidden_image
from lime_jax.image.read import (
    channels_last,
    image_ids,
    image_size,
    in_layout_of,
    layout_hint,
    read_images,
)
from lime_jax.image.segmentation import segment

__all__ = [
    "channels_last",
    "hidden_image",
    "image_ids",
    "image_size",
    "in_layout_of",
    "layout_hint",
    "read_images",
    "segment",
]
