"""Tables: a sample is a bin and a value per column, x sees it through its own bins or in units."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64, Int32

from lime_jax.stages.bins import one_hot_bins, ragged_search
from lime_jax.stages.encode import same_bin, standardize
from lime_jax.stages.marginals import categorical, normal, truncated_normal
from lime_jax.tabular.stats import TabularStats, multiples
from lime_jax.typing import (
    Array,
    Bool,
    Coordinates,
    Float,
    Int,
    Pytree,
    Support,
    View,
    pytree,
    static,
)

SAMPLINGS = ("bins", "normal", "around")
ENCODINGS = ("same_bin", "one_hot", "standardized")
DISTANCE_SPACES = ("encoded", "standardized")

_ROWS_AT_ONCE = 2**10
"""Whose bins are found together, so that copies of them stay small."""


@pytree
class TabularInstance:
    """One row as the device knows it.

    Attributes:
        bins: x's flat bin in every column, -1 where it has no training mass.
        values: relative to the columns' `center`.
    """

    bins: Int[Any, "*batch features"]
    values: Float[Any, "*batch features"]


@pytree
class TabularSamples:
    """Samples of a table.

    Attributes:
        bins: flat bin in every column.
        values: relative to the columns' `center`.
    """

    bins: Int[Array, "*batch samples features"]
    values: Float[Array, "*batch samples features"]


@pytree
class TabularDomain:
    """The tabular domain; see `Domain`.

    Attributes:
        perturbed: which columns vary; the others keep x's values.
        sampling: "bins" (training bins), "normal" (around the column means) or "around" (x).
        encoding: "same_bin", "one_hot" or "standardized": what the surrogate is linear in.
        distance_space: "encoded" or "standardized": where distances are measured.
        all_perturbed: whether `perturbed` is all True.
        has_levels: whether any column is categorical.
    """

    stats: TabularStats
    perturbed: Bool[Array, " features"]
    sampling: str = static()
    encoding: str = static()
    distance_space: str = static()
    all_perturbed: bool = static(default=True)
    has_levels: bool = static(default=True)

    @property
    def shared(self) -> bool:
        """Whether the samples are the same for every row."""
        return self.sampling != "around" and self.all_perturbed

    @property
    def sample_size(self) -> int:
        """Numbers that one sample consists of."""
        return self.stats.num_features

    @property
    def background_weights(self) -> None:
        """A sample has one input."""
        return None

    def encode(self, x: Float[Array, " features"]) -> TabularInstance:
        """The row as bins and centered values; on the device, in its precision.

        Args:
            x: in the columns' own units; NaN is a missing value.

        Returns:
            The instance. `encode_rows` does the same in float64 on the host.
        """
        stats = self.stats
        values = x - jnp.asarray(stats.center, x.dtype)
        bins = self._digitize(values)
        missing = jnp.isnan(values)
        is_level = values == jnp.asarray(stats.bin_mean, values.dtype)[bins]
        known = is_level | missing | ~jnp.asarray(stats.categorical)
        bins = jnp.where(missing, jnp.asarray(stats.missing_bin), bins)
        known &= (bins >= 0) & (jnp.asarray(stats.probability)[bins] > 0)
        return TabularInstance(jnp.where(known, bins, -1), values)

    def realize(
        self, instance: TabularInstance | None, draws: Float[Array, "samples features"]
    ) -> TabularSamples:
        """Samples from uniforms.

        Returns:
            Bins and values; columns that are not perturbed hold x's own.
        """
        stats = self.stats
        if self.sampling == "bins":
            bins, rest = self._draw_bins(draws)
            mean, std, low, high = (
                jnp.asarray(part)[bins]
                for part in (stats.bin_mean, stats.bin_std, stats.cdf_lower, stats.cdf_upper)
            )
            values = self._rounded(truncated_normal(rest, mean, std, low, high))
            values = jnp.clip(
                values, jnp.asarray(stats.bin_lower)[bins], jnp.asarray(stats.bin_upper)[bins]
            )
        else:
            middle = jnp.asarray(stats.mean)
            if self.sampling == "around":
                assert instance is not None
                middle = instance.values
            values = self._rounded(middle + jnp.asarray(stats.scale) * normal(draws))
            if stats.whole_columns:
                values = jnp.clip(values, jnp.asarray(stats.lowest), jnp.asarray(stats.highest))
            bins = self._digitize(values)
            if self.has_levels or stats.valued_columns:
                by_frequency = jnp.asarray(stats.drawn_by_frequency)
                levels, _ = self._draw_bins(draws)
                values = jnp.where(by_frequency, jnp.asarray(stats.bin_mean)[levels], values)
                bins = jnp.where(by_frequency, levels, bins)
        if not self.all_perturbed:
            assert instance is not None
            bins = jnp.where(self.perturbed, bins, instance.bins)
            values = jnp.where(self.perturbed, values, instance.values)
        return TabularSamples(bins, values)

    def inputs(
        self, instance: TabularInstance | None, samples: TabularSamples
    ) -> Float[Array, "*batch samples features"]:
        """Values in the columns' own units, in the device's precision."""
        return samples.values + jnp.asarray(self.stats.center, samples.values.dtype)

    def view(self, instance: TabularInstance, samples: TabularSamples) -> View:
        """The samples as x sees them.

        Returns:
            Interpretable variables, and the points between which distances are measured.
        """
        z = self._variables(samples, instance, self.encoding)
        if self.distance_space == "encoded" or self.encoding == "standardized":
            return View(z, z, self._variables(instance, instance, self.encoding))
        points = (self._variables(seen, instance, "standardized") for seen in (samples, instance))
        return View(z, *points)

    def coordinates(self, instance: TabularInstance) -> Coordinates:
        """X's own interpretable variables, and the variable that is each feature's weight.

        Returns:
            Under "one_hot" a feature's weight is the coefficient of x's own bin.
        """
        z = self._variables(instance, instance, self.encoding)
        numbers = jnp.arange(self.stats.num_features)
        variable, feature = numbers, numbers
        if self.encoding == "one_hot":
            variable, feature = jnp.maximum(instance.bins, 0), jnp.asarray(self.stats.bin_feature)
        met = instance.bins >= 0
        if self.encoding == "standardized":
            met |= ~jnp.asarray(self.stats.categorical)
        support = jnp.where(met | ~self.perturbed, Support.FULL, Support.NONE).astype(jnp.int32)
        return Coordinates(z, variable, feature, jnp.asarray(self.perturbed) & met, support)

    def _rounded(self, values: Array) -> Array:
        """Numbers of columns with a step as multiples of it; `center` is one too."""
        if not self.stats.whole_columns:
            return values
        step = jnp.asarray(self.stats.step, values.dtype)
        safe = jnp.where(step > 0, step, 1)
        return jnp.where(step > 0, jnp.round(values / safe) * safe, values)

    def _draw_bins(self, draws: Array) -> tuple[Array, Array]:
        stats = self.stats
        probability, offsets = jnp.asarray(stats.probability), jnp.asarray(stats.offsets)
        return categorical(
            draws, jnp.asarray(stats.cumulative), probability, offsets, stats.max_bins
        )

    def _digitize(self, values: Float[Array, "*batch features"]) -> Int[Array, "*batch features"]:
        stats = self.stats
        edges = jnp.asarray(stats.upper_edge, values.dtype)
        return ragged_search(values, edges, jnp.asarray(stats.offsets), stats.max_bins)

    def _variables(
        self, seen: TabularSamples | TabularInstance, instance: TabularInstance, encoding: str
    ) -> Array:
        """Samples, or x itself, as the variables of `encoding`."""
        values = seen.values
        if encoding == "one_hot":
            return one_hot_bins(seen.bins, jnp.asarray(self.stats.bin_feature))
        # X is in its own bin also where that has no number.
        if seen is instance:
            same = jnp.ones(values.shape, values.dtype)
        else:
            same = same_bin(seen.bins, instance.bins)
        if encoding == "same_bin":
            return same.astype(values.dtype)
        units = standardize(values, jnp.asarray(self.stats.mean), jnp.asarray(self.stats.scale))
        if not self.has_levels:
            return units.astype(values.dtype)
        return jnp.where(jnp.asarray(self.stats.categorical), same, units).astype(values.dtype)


def encode_rows(
    stats: TabularStats, X: Float64[np.ndarray, "rows features"]
) -> tuple[Int32[np.ndarray, "rows features"], Float64[np.ndarray, "rows features"]]:
    """Rows as flat bins and centered values, in float64 on the host.

    Ten epoch timestamps 20 s apart are ten values here; in float32 they would be two.

    Args:
        X: in the columns' own units; NaN is a missing value.

    Returns:
        Flat bins, -1 where x's bin or level has no training mass; and values minus `center`.
    """
    values, bins = X - stats.center, np.empty(X.shape, np.int32)
    for start in range(0, len(X), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        bins[some] = _bins_of(stats, values[some])
    return bins, values


def _bins_of(stats: TabularStats, values: np.ndarray) -> np.ndarray:
    """Flat bins of some centered values."""
    found = np.empty(values.shape, np.int64)
    ends = stats.offsets.tolist()
    for k, (first, last) in enumerate(pairwise(ends)):
        found[:, k] = np.searchsorted(stats.upper_edge[first:last], values[:, k], side="left")
    found = np.minimum(found + stats.offsets[:-1], stats.offsets[1:] - 1)
    known = stats.probability[found] > 0
    known &= ~stats.categorical | (values == stats.bin_mean[found])
    missing, missing_bin = np.isnan(values), stats.missing_bin
    found = np.where(missing, missing_bin, found)
    return np.where(np.where(missing, missing_bin >= 0, known), found, -1)


def host_inputs(
    stats: TabularStats, samples: Pytree, sampling: str
) -> Float64[np.ndarray, "*batch features"]:
    """Values in the columns' own units, in float64: what a host model is called with.

    Values without width (levels, spiked and missing bins) are exact, and a sample of a bin lies
    in that bin also where float32 would have rounded it across the edge.
    """
    bins, values = np.asarray(samples.bins), np.asarray(samples.values, np.float64)
    if stats.whole_columns:
        values = _on_steps(stats, values.copy())
        if sampling != "bins":
            values = np.clip(values, stats.lowest, stats.highest)
    if sampling == "bins":
        values = np.clip(values, _open_lower(stats)[bins], stats.bin_upper[bins]) + stats.center
        values = _on_steps(stats, values)
        # Of a value far from `center` the sum is not the value again.
        moved = stats.bin_lower + stats.center[stats.bin_feature] != stats.bin_value
        moved &= ~np.isnan(stats.bin_value)
        return np.where(moved[bins], stats.bin_value[bins], values) if moved.any() else values
    values = _on_steps(stats, values + stats.center)
    by_frequency = stats.drawn_by_frequency
    if not by_frequency.any():
        return values
    return np.where(by_frequency & (bins >= 0), stats.bin_value[bins], values)


def _on_steps(
    stats: TabularStats, values: Float64[np.ndarray, "*batch features"]
) -> Float64[np.ndarray, "*batch features"]:
    """The same array, numbers of columns with a step rounded to multiples of it."""
    if stats.whole_columns:
        whole = list(stats.whole_columns)
        step = stats.step[whole]
        values[..., whole] = multiples(np.rint(values[..., whole] / step), step)
    return values


def _open_lower(stats: TabularStats) -> Float64[np.ndarray, " bins"]:
    """Smallest value of every bin: bins do not contain their lower edge."""
    before = np.concatenate([[-np.inf], stats.upper_edge[:-1]])
    before[stats.offsets[:-1]] = -np.inf
    # One step in the column's own units, where the sum with `center` is rounded.
    center = stats.center[stats.bin_feature]
    edge = np.nextafter(before + center, np.inf) - center
    edge = np.maximum(edge, np.nextafter(before, np.inf))  # near 0 that step is lost in `center`
    return np.where(stats.bin_std > 0, np.maximum(stats.bin_lower, edge), stats.bin_lower)
