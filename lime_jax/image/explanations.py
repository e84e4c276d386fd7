"""`ImageExplanations`: the explanations of a batch of images, with the images themselves."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from lime_jax.image.arrays import ImageArrays
from lime_jax.image.explanation import ImageExplanation
from lime_jax.results.explanation import Explanation
from lime_jax.results.explanations import Explanations
from lime_jax.results.names import counts_of_rows


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ImageExplanations(ImageArrays, Explanations):
    """The explanations of a batch of images; the features are superpixels.

    As `Explanations`, where `values` are the pixels of each superpixel, and `std_error` is NaN for
    a superpixel that an image does not have.

    Attributes:
        images: one array per image, as they came: (H, W), (H, W, C) or (C, H, W).
        segments: for each image an Int32 (H, W) map of the superpixels, numbered from 0.
        channel_axis: "last" or "first".

    Raises:
        ValueError: if the number of images or the shape of a segmentation does not fit.

    Example:
        >>> import numpy as np
        >>> import lime_jax
        >>> images = np.linspace(0, 1, 2 * 32 * 32).reshape(2, 32, 32)
        >>> explainer = lime_jax.ImageExplainer(segmentation="grid", cell_size=16)
        >>> explanations = explainer.explain(list(images), lambda batch: batch[:, :16].mean((1, 2)))
        >>> explanations.coef.shape
        (2, 1, 4)
    """

    kind: ClassVar[str] = "image"
    row_class: ClassVar[type[Explanation]] = ImageExplanation

    def _how_many_features(self) -> str:
        return counts_of_rows(self.present, "superpixels")

    def to_dict(self) -> dict[str, np.ndarray]:
        """The weights as the columns of a tidy table, with no library but NumPy.

        Returns:
            The columns of `Explanations.to_dict`, and the numbers `superpixel` and `pixels`; one
            entry per image, label and selected superpixel.

        Example:
            >>> image_explanations.to_dict()["superpixel"][:4].tolist()
            [0, 1, 2, 3]
        """
        rows, _, superpixel = np.nonzero(self.listed)
        pixels = self.values[rows, superpixel].astype(np.int64)
        return {**super().to_dict(), "superpixel": superpixel, "pixels": pixels}
