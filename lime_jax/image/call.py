"""One call of `ImageExplainer.explain`: images, their superpixels, and what hidden ones show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lime_jax.front import call
from lime_jax.image import channels_last, hidden_image, image_ids, layout_hint, read_images, segment
from lime_jax.image.explanations import ImageExplanations
from lime_jax.image.fits import ImageTask, image_fits
from lime_jax.image.model import ImageModel
from lime_jax.image.settings import ImageLimeSettings, ImageSettings, ImageShapSettings
from lime_jax.models.opening import as_predict_fn
from lime_jax.typing import LinearFit, ModelLike, Table
from lime_jax.warn import warn


class ImageCall(call.Call[ImageModel, ImageExplanations]):
    """Images to be explained."""

    def __init__(
        self,
        explainer: call.CommonSettings,
        settings: ImageLimeSettings | ImageShapSettings,
        images: Table,
    ) -> None:
        self.explainer, self.settings, self.X = explainer, settings, images
        self.images = read_images(images, settings.channel_axis)
        self.segments = _segmented(settings, self.images)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def content_ids(self) -> np.ndarray:
        """A hash of each image's content."""
        return image_ids(self.images, self.settings.channel_axis)

    def open_model(self, model: ModelLike) -> ImageModel:
        """See what a model is, and what images it expects."""
        opened = as_predict_fn(model, self.explainer.output)
        return ImageModel(opened, self.settings.channel_axis, model)

    def predict(self, model: ImageModel, batch_size: int | None) -> np.ndarray:
        """The model's outputs for whole images."""
        return model.predict_images(self.images, batch_size)

    def fit(self, model: ImageModel, request: call.Request) -> list[call.Outcome]:
        """Explain the images: one outcome."""
        hidden = _hidden(self.settings, self.images, self.segments, request.ids)
        return [
            image_fits(ImageTask(self.settings, self.images, hidden, self.segments, request), model)
        ]

    def pack(self, fit: LinearFit, **fields: object) -> ImageExplanations:
        """The explanations, with the images."""
        return ImageExplanations.of_fit(
            fit,
            **fields,
            images=tuple(self.images),
            segments=tuple(self.segments),
            channel_axis=self.settings.channel_axis,
        )


def _segmented(settings: ImageSettings, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The superpixels of every image."""
    ways = settings.segmentation
    several = isinstance(ways, list | tuple) and all(np.ndim(way) == 2 for way in ways)
    several = several or (isinstance(ways, np.ndarray) and ways.ndim == 3)
    if several and len(ways) != len(images):
        raise ValueError(
            f"`segmentation`: expected labels for each of {len(images)} images, got {len(ways)}"
        )
    return [
        _superpixels(settings, ways[number] if several else ways, image, number, len(images))
        for number, image in enumerate(images)
    ]


def _superpixels(
    settings: ImageSettings, way: object, image: np.ndarray, number: int, count: int
) -> np.ndarray:
    axis = settings.channel_axis
    try:
        labels = segment(
            channels_last(image, axis),
            way,
            cell_size=settings.cell_size,
            compactness=settings.compactness,
            color_space=settings.color_space,
            seed=settings.seed,
        )
    except ValueError as error:
        error.add_note(f"Image {number} of {count}.{layout_hint(image, axis)}")
        raise
    size = settings.cell_size
    cell = labels.size / 50 if size is None else float(size) ** 2
    if isinstance(way, str) and not labels.any() and labels.size > 2 * cell:
        warn(
            f"image {number} is one superpixel, so there is nothing to tell apart; choose a "
            f"smaller `cell_size`, or another `segmentation` than {way!r}"
        )
    return labels


def _hidden(
    settings: ImageSettings,
    images: Sequence[np.ndarray],
    segments: Sequence[np.ndarray],
    ids: np.ndarray,
) -> list[np.ndarray]:
    """What the hidden superpixels of every image show."""
    shown = []
    for number, (image, labels) in enumerate(zip(images, segments, strict=True)):
        try:
            shown.append(
                hidden_image(
                    image,
                    labels,
                    settings.hide,
                    channel_axis=settings.channel_axis,
                    seed=settings.seed,
                    image_id=int(ids[number]),
                )
            )
        except ValueError as error:
            error.add_note(f"Image {number} of {len(images)}.")
            raise
    return shown
