"""What defines an explanation of images: the settings of each algorithm, and what they ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from lime_jax import engine
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.shapley import LINKS, ShapleyMethod, make_shapley_method
from lime_jax.front.checks import check_choices
from lime_jax.front.explainer import ExplainerLike
from lime_jax.front.options import ExplainOptions
from lime_jax.front.ragged import padded_width
from lime_jax.front.settings import read_settings
from lime_jax.image.read import ChannelAxis
from lime_jax.stages.designs import make_design
from lime_jax.stages.kernels import METRICS, exponential_kernel
from lime_jax.stages.select import resolve_selection


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """The settings of `ImageExplainer` that both algorithms have; attributes are as there."""

    segmentation: Any
    hide: Any
    cell_size: float | int | None
    compactness: float | int
    color_space: str
    channel_axis: ChannelAxis
    seed: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageLimeSettings(ImageSettings):
    """The settings of LIME; attributes are as in `ImageExplainer`."""

    kernel_width: float | int
    alpha: float | int
    distance: str
    kernel: Callable[..., Any] | None
    feature_selection: str
    keep_probability: float | int

    def check(self, options: ExplainOptions) -> None:
        """Refuse options that do not go with LIME."""
        if options.num_samples == "auto":
            raise ValueError(
                "`num_samples`: 'auto' is for algorithm='kernel_shap'; LIME takes a whole number"
            )
        resolve_selection(self.feature_selection, options.num_features)

    def method(self, players: int, options: ExplainOptions) -> LinearMethod:
        """Which masks there are, padded, and the fit: images of other numbers run the same."""
        return LinearMethod(
            design=make_design("iid", options.first_size(0), padded_width(players)),
            kernel_width=float(self.kernel_width),
            alpha=float(self.alpha),
            distance=self.distance,
            kernel=self.kernel or exponential_kernel,
            feature_selection=self.feature_selection,
            num_features=options.num_features,
        )

    def program_of(self, players: int) -> int:
        """Images of one such number are explained together."""
        return padded_width(players)

    def enough(self, players: np.ndarray) -> np.ndarray:
        """Effective samples that images of so many superpixels need."""
        return players + 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageShapSettings(ImageSettings):
    """The settings of KernelSHAP; attributes are as in `ImageExplainer`."""

    link: str

    kernel_width = float("nan")
    keep_probability = 0.5

    def check(self, options: ExplainOptions) -> None:
        """Refuse options that do not go with KernelSHAP."""
        if options.num_features is not None:
            raise ValueError(
                "`num_features`: belongs to LIME; Shapley values are of all superpixels (views "
                "show as many as you ask for)"
            )

    def method(self, players: int, options: ExplainOptions) -> ShapleyMethod:
        """Which coalitions there are, padded, and the fit: images of other numbers run the same."""
        key, _ = engine.keys_of(self.seed)
        wanted = options.num_samples or "auto"
        return make_shapley_method(key, players, wanted, self.link, padded_width(players))

    def program_of(self, players: int) -> int:
        """Images of one such number are explained together."""
        return players

    def enough(self, players: np.ndarray) -> np.ndarray:
        """Any number of coalitions will do."""
        return np.zeros_like(players)


_SETTINGS = {"lime": ImageLimeSettings, "kernel_shap": ImageShapSettings}


def image_settings(explainer: ExplainerLike) -> ImageLimeSettings | ImageShapSettings:
    """What an `ImageExplainer` is set to, checked."""
    known = {"channel_axis": ("last", "first"), "distance": METRICS, "link": LINKS}
    check_choices(explainer, known)
    for name, high in (("kernel_width", np.inf), ("alpha", np.inf), ("keep_probability", 1)):
        value = getattr(explainer, name)
        is_number = isinstance(value, int | float | np.number)
        if not is_number or not (0 < value < high or (name == "alpha" and value == 0)):
            raise ValueError(f"`{name}`: expected a number between 0 and {high}, got {value!r}")
    if explainer.kernel is not None and not callable(explainer.kernel):
        raise ValueError(
            "`kernel`: expected a function (distances, kernel_width) -> weights, or None, "
            f"got {explainer.kernel!r}"
        )
    return read_settings(explainer, _SETTINGS)
