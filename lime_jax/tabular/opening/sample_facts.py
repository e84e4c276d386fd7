"""What is known of the samples of a table before a model sees them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float64

from lime_jax.models.convert.inputs import Spikes
from lime_jax.tabular.domain import host_inputs
from lime_jax.tabular.stats import TabularStats

_STEPS = 2.0**10
"""A column's standard deviation has at least so many steps of the device's precision."""
_TYPICAL_ROWS = 64

TypicalRows = Callable[[], Float64[np.ndarray, "samples features"]]


@dataclasses.dataclass(frozen=True, eq=False)
class SampleFacts:
    """What is known of the samples that a model will see.

    Attributes:
        may_miss: where they may be missing numbers.
        spikes: of each column, numbers that many of them are equal to; empty: there are none.
        blurred: columns whose spread the device's precision does not hold, by number.
        typical_rows: makes a few rows like them, encoded; None: there are none.
    """

    may_miss: Bool[np.ndarray, " features"]
    spikes: tuple[Spikes | None, ...] = ()
    blurred: tuple[int, ...] = ()
    typical_rows: TypicalRows | None = None


def sample_facts(stats: TabularStats) -> SampleFacts:
    """What the samples of training bins are.

    Example:
        >>> from lime_jax import fit_tabular
        >>> facts = sample_facts(fit_tabular(np.array([[0.1]] * 9 + [[0.5]])))
        >>> facts.spikes[0].values.tolist(), facts.blurred
        ([0.1, 0.5], ())
    """
    precision = jnp.finfo(jnp.result_type(float))
    numeric = ~stats.categorical
    coarse = np.abs(stats.center) * float(precision.eps) * _STEPS > stats.scale
    return SampleFacts(
        may_miss=(stats.missing_bin >= 0) & numeric,
        spikes=tuple(
            _spikes(stats, k, precision.dtype) if is_number else None
            for k, is_number in enumerate(numeric)
        ),
        blurred=tuple(np.flatnonzero(coarse & numeric).tolist()),
        typical_rows=partial(_typical_rows, stats),
    )


def _spikes(stats: TabularStats, column: int, dtype: np.dtype) -> Spikes | None:
    """The values of bins without width, there and as `TabularDomain.inputs` makes them."""
    bins = slice(*stats.offsets[column : column + 2])
    alone = (stats.bin_std[bins] == 0) & (stats.probability[bins] > 0)
    centered = stats.bin_mean[bins][alone]
    centered = np.unique(centered[~np.isnan(centered)])
    if not len(centered):
        return None
    center = stats.center[column]
    return Spikes(centered + center, centered.astype(dtype) + np.asarray(center, dtype))


def _typical_rows(stats: TabularStats) -> Float64[np.ndarray, "samples features"]:
    """A few rows like the samples, encoded; missing numbers left out."""
    random = np.random.default_rng(0)
    chance = np.where(np.isnan(stats.bin_value), 0, stats.probability)
    bins = np.zeros((_TYPICAL_ROWS, stats.num_features), np.int64)
    for k, first in enumerate(stats.offsets[:-1]):
        total = np.cumsum(chance[first : stats.offsets[k + 1]])
        places = np.searchsorted(total, random.random(_TYPICAL_ROWS) * total[-1], side="right")
        bins[:, k] = first + np.minimum(places, len(total) - 1)
    values = stats.bin_mean[bins] + stats.bin_std[bins] * random.normal(size=bins.shape)
    return host_inputs(stats, SimpleNamespace(bins=bins, values=values), "bins")
