"""What defines an explanation of series: the settings of each algorithm, and what they ask for."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from lime_jax.fits.shapley import LINKS
from lime_jax.front.checks import check_choices
from lime_jax.front.explainer import ExplainerLike
from lime_jax.front.settings import read_settings
from lime_jax.masked.settings import (
    LimeOfRemovals,
    MaskSettings,
    ShapleyOfRemovals,
    check_numbers,
)
from lime_jax.series.fills import check_hide
from lime_jax.series.segmentation import check_segments
from lime_jax.stages.kernels import METRICS


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeriesSettings(MaskSettings):
    """The settings of `SeriesExplainer` that both algorithms have; attributes are as there."""

    subject = "segments"

    segments: Any
    hide: Any

    @property
    def how(self) -> str:
        """What stands in place of hidden numbers, as far as it depends on others that are shown."""
        is_moving = isinstance(self.hide, str) and self.hide in ("last", "interpolate")
        return self.hide if is_moving else ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeriesLimeSettings(SeriesSettings, LimeOfRemovals):
    """The settings of LIME; attributes are as in `SeriesExplainer`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeriesShapSettings(SeriesSettings, ShapleyOfRemovals):
    """The settings of KernelSHAP; attributes are as in `SeriesExplainer`."""


_SETTINGS = {"lime": SeriesLimeSettings, "kernel_shap": SeriesShapSettings}


def series_settings(explainer: ExplainerLike) -> SeriesLimeSettings | SeriesShapSettings:
    """What a `SeriesExplainer` is set to, checked."""
    check_choices(explainer, {"distance": METRICS, "link": LINKS})
    check_numbers(explainer, {"kernel_width": math.inf, "alpha": math.inf})
    check_segments(explainer.segments)
    check_hide(explainer.hide)
    for name in ("time_column", "series_column"):
        value = getattr(explainer, name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"`{name}`: expected the name of a column, or None, got {value!r}")
    return read_settings(explainer, _SETTINGS)
