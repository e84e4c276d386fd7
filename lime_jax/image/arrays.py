"""The data half of `ImageExplanations`: images and their superpixels, without views."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from lime_jax.arguments import check_one_of
from lime_jax.image import image_size
from lime_jax.image.read import ChannelAxis
from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.kinds import per_row


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ImageArrays(ExplanationArrays):
    """What explanations of images hold; `ImageExplanations` says what each field is."""

    subject: ClassVar[str] = "image"
    heads: ClassVar[tuple[str, str]] = ("superpixel", "pixels")
    features_by_row: ClassVar[bool] = True

    segments: tuple[np.ndarray, ...] = per_row("grid", "superpixels")
    images: tuple[np.ndarray, ...] = per_row("array", "image")
    channel_axis: ChannelAxis = "last"

    def __post_init__(self) -> None:
        check_one_of("channel_axis", self.channel_axis, ("last", "first"))
        for name in ("images", "segments"):
            if len(getattr(self, name)) != len(self.coef):
                raise ValueError(
                    f"`{name}` should have one entry per image ({len(self.coef)}), got "
                    f"{len(getattr(self, name))}."
                )
        for row, (image, segments) in enumerate(zip(self.images, self.segments, strict=True)):
            size = image_size(image, self.channel_axis)
            if segments.shape != size:
                raise ValueError(
                    f"`segments`: image {row} has {size} pixels (channels {self.channel_axis}), "
                    f"but its segmentation has shape {segments.shape}."
                )

    @property
    def feature_mask(self) -> np.ndarray:
        """(rows, features) which superpixels each image has."""
        return self.values > 0

    @property
    def present(self) -> np.ndarray:
        """(rows, features) which superpixels each image has."""
        return self.feature_mask

    def value_texts(self, rows: np.ndarray, feature: int) -> list[str]:
        """The sizes of a superpixel in pixels, as text."""
        return [f"{int(size):,}" for size in self.values[rows, feature]]

    def check_comparable(self) -> None:
        """Refuse to compare superpixels over images that have superpixels of their own."""
        if any(not np.array_equal(self.segments[0], other) for other in self.segments[1:]):
            raise ValueError(
                "`importance` compares superpixels over images, but these images have superpixels "
                "of their own: look at one image, such as `explanations[0]`, or explain all with "
                "one segmentation (a grid, or one label array)."
            )
