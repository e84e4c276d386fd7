"""Images: hidden superpixels show another picture."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lime_jax.stages.masks import MaskSamples, mask_coordinates, mask_view, masks_of
from lime_jax.typing import Bool, Coordinates, Float, Int, Pytree, View, pytree, static


@pytree
class ImageInstance:
    """One image as the device knows it."""

    image: Any  # height and width, with channels first, last or not at all, in its own dtype
    hidden: Any  # what hidden superpixels show, of the same shape
    segments: Int[Any, "*batch height width"]  # superpixel of each pixel, 0 to `superpixels - 1`
    # Superpixels that there are; images of fewer ones are padded
    present: Bool[Any, "*batch superpixels"]


@pytree
class ImageDomain:
    """Superpixels of an image, each of them shown or hidden; see `Domain`."""

    keep_probability: Float[Any, ""] | float  # of each superpixel, where a method draws uniforms
    sample_size: int = static()
    # "last", "first", or None: there are no channels
    channel_axis: str | None = static(default=None)

    @property
    def shared(self) -> bool:
        """No: a sample is a picture of x."""
        return False

    @property
    def background_weights(self) -> None:
        """A hidden superpixel shows one picture only."""
        return None

    def realize(self, instance: ImageInstance, draws: Pytree) -> MaskSamples:
        """Masks from draws: masks, or uniforms."""
        return MaskSamples(masks_of(draws, instance.present, self.keep_probability))

    def inputs(self, instance: ImageInstance, samples: MaskSamples) -> Pytree:
        """Every sample as a picture in the image's own dtype, (..., samples, *image)."""
        shown = samples.masks[..., instance.segments]
        if self.channel_axis == "last":
            shown = shown[..., None]
        elif self.channel_axis == "first":
            shown = shown[..., None, :, :]
        return jnp.where(shown, jnp.asarray(instance.image), jnp.asarray(instance.hidden))

    def view(self, instance: ImageInstance, samples: MaskSamples) -> View:
        """Masks as numbers; see `Domain`."""
        return mask_view(samples, instance.present)

    def coordinates(self, instance: ImageInstance) -> Coordinates:
        """X shows everything; see `Domain`."""
        return mask_coordinates(instance.present)
