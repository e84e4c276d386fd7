"""What defines an explanation of images: the settings of each algorithm, and what they ask for."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.shapley import LINKS
from lime_jax.front.checks import check_choices
from lime_jax.front.explainer import ExplainerLike
from lime_jax.front.options import ExplainOptions
from lime_jax.front.ragged import padded_width
from lime_jax.front.settings import read_settings
from lime_jax.image.read import ChannelAxis
from lime_jax.masked.settings import LimeOfMasks, MaskSettings, ShapleyOfMasks, check_numbers
from lime_jax.stages.designs import make_design
from lime_jax.stages.kernels import METRICS


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSettings(MaskSettings):
    """The settings of `ImageExplainer` that both algorithms have; attributes are as there."""

    subject = "superpixels"

    segmentation: Any
    hide: Any
    cell_size: float | int | None
    compactness: float | int
    color_space: str
    channel_axis: ChannelAxis


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageLimeSettings(ImageSettings, LimeOfMasks):
    """The settings of LIME; attributes are as in `ImageExplainer`."""

    keep_probability: float | int

    def method(self, players: int, options: ExplainOptions) -> LinearMethod:
        """Which masks there are, padded, and the fit: images of other numbers run the same."""
        design = make_design("iid", options.first_size(0), padded_width(players))
        return LinearMethod(design=design, **self.fit_settings(options))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageShapSettings(ImageSettings, ShapleyOfMasks):
    """The settings of KernelSHAP; attributes are as in `ImageExplainer`."""

    keep_probability = 0.5


_SETTINGS = {"lime": ImageLimeSettings, "kernel_shap": ImageShapSettings}


def image_settings(explainer: ExplainerLike) -> ImageLimeSettings | ImageShapSettings:
    """What an `ImageExplainer` is set to, checked."""
    known = {"channel_axis": ("last", "first"), "distance": METRICS, "link": LINKS}
    check_choices(explainer, known)
    limits = {"kernel_width": math.inf, "alpha": math.inf, "keep_probability": 1}
    check_numbers(explainer, limits)
    return read_settings(explainer, _SETTINGS)
