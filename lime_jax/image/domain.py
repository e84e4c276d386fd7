"""Images: hidden superpixels show another picture."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lime_jax.stages.masks import MaskSamples, mask_coordinates, mask_view, masks_of
from lime_jax.typing import Bool, Coordinates, Float, Int, Pytree, View, pytree, static


@pytree
class ImageInstance:
    """One image as the device knows it.

    Attributes:
        image: height and width, with channels first, last or not at all, in its own dtype.
        hidden: what hidden superpixels show, of the same shape.
        segments: superpixel of each pixel, 0 to `superpixels - 1`.
        present: superpixels that there are; images of fewer ones are padded.
    """

    image: Any
    hidden: Any
    segments: Int[Any, "*batch height width"]
    present: Bool[Any, "*batch superpixels"]


@pytree
class ImageDomain:
    """Superpixels of an image, each of them shown or hidden; see `Domain`.

    Attributes:
        keep_probability: of each superpixel, where a method draws uniforms.
        channel_axis: "last", "first", or None: there are no channels.
    """

    keep_probability: Float[Any, ""] | float
    sample_size: int = static()
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
        """Every sample as a picture.

        Returns:
            (..., samples, *image), in the image's own dtype: what a model is called with.
        """
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
