"""Series: hidden numbers show others."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lime_jax.masked.domain import MaskedDomain, Players
from lime_jax.series.fills import filled
from lime_jax.stages.masks import MaskSamples
from lime_jax.typing import Array, pytree, static


@pytree
class SeriesInstance(Players):
    """One series as the device knows it; see `Players`."""

    series: Any  # (time,) or (time, channels)
    fill: Any  # of the same shape; None: of a background
    segments: Any  # player of each number; (time, 1) where those of all channels are alike


@pytree
class SeriesDomain(MaskedDomain):
    """Numbers of a series, each of them shown or hidden; see `Domain`.

    Attributes:
        background: (rows, time, ...) series that hidden numbers are taken from; None: of the fill.
        weights: of these; they add up to 1. None: there is no background.
        how: as in `fills.filled`.
    """

    background: Any
    weights: Any
    how: str = static(default="")

    @property
    def background_weights(self) -> Any:
        """Of each series of the background."""
        return self.weights

    def inputs(self, instance: Players, samples: MaskSamples) -> Array:
        """Every sample as a series, (samples, [background,] time, ...)."""
        assert isinstance(instance, SeriesInstance)
        fill = instance.fill if self.weights is None else self.background
        series, shown = jnp.asarray(instance.series), samples.masks[:, instance.segments]
        if self.weights is not None:
            shown = shown[:, None]
        return filled(series, jnp.asarray(fill), shown, self.how, jnp)
