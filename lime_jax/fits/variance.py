"""How much a model's outputs vary in a neighborhood: what an exact explanation's R² is measured by.

The only part of an exact explanation that has to be sampled, and one pass serves a whole data set
wherever all rows can share their samples.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lime_jax.fits.linear import LinearMethod
from lime_jax.stages.moments import Moments, merge, weighted_moments
from lime_jax.typing import Array, Coordinates, Domain, Float, Int, Key, View, pytree, static


@pytree
class OutputVariance:
    """The weighted variance of the outputs; a `Method` and a `SharedMethod`.

    Attributes:
        linear: whose draws and weights these are.
    """

    linear: LinearMethod

    @property
    def design(self) -> Any:
        """Of the draws."""
        return self.linear.design

    @property
    def rows_at_once(self) -> int:
        """As for the linear fit."""
        return self.linear.rows_at_once

    def draws(self, key: Key[Array, ""], replicate: Any, block: Any) -> Array:
        """Uniforms of one block; see `Method`."""
        return self.linear.draws(key, replicate, block)

    def summarize(self, view: View, y: Float[Array, "samples outputs"]) -> Moments:
        """Weighted moments of the outputs; see `Method`."""
        weights = self.linear.weights(view).astype(y.dtype)
        return weighted_moments(jnp.zeros((y.shape[0], 1), y.dtype), y, weights)

    def merge(self, first: Moments, second: Moments) -> Moments:
        """Moments of both sets of samples; see `Method`."""
        return merge(first, second)

    def solve(
        self, summaries: Moments, coordinates: Coordinates, labels: Any = None
    ) -> Float[Array, " outputs"]:
        """The variance of every output, whatever `labels` says; see `Method`."""
        del coordinates, labels
        first = jax.tree.map(lambda leaf: leaf[0], summaries)
        rest = jax.tree.map(lambda leaf: leaf[1:], summaries)
        whole = jax.lax.scan(lambda a, b: (merge(a, b), None), first, rest)[0]
        return whole.yy / jnp.maximum(whole.weight, jnp.finfo(whole.yy.dtype).tiny)

    def retain(self, samples: Any) -> Any:
        """All of the samples; see `SharedMethod`."""
        return self.linear.retain(samples)

    def lay_out(self, samples: Any) -> Any:
        """Samples of each replicate in one row; see `SharedMethod`."""
        return self.linear.lay_out(samples)

    def adjust(self, layout: Any, y: Float[Array, "replicates blocks samples outputs"]) -> Any:
        """Samples and outputs; see `SharedMethod`."""
        return self.linear.adjust(layout, y)

    def explain_row(
        self, domain: Domain, instance: Any, adjusted: Any, labels: Any
    ) -> Float[Array, " outputs"]:
        """One row's variances; see `SharedMethod`."""

        def one(samples: Any, y: Array) -> Moments:
            return self.summarize(domain.view(instance, samples), y)

        return self.solve(jax.vmap(one)(*adjusted), domain.coordinates(instance), labels)


_COLUMNS_AT_ONCE = 64
"""Columns that are compared in one loop: more take the compiler too long."""


@pytree
class MatchedVariance:
    """The same where a sample's weight is a function of how many of x's bins it shares.

    Attributes:
        linear: whose draws and kernel width these are.
        offsets: first flat bin of every column.
        max_bins: of the widest column.
    """

    linear: LinearMethod
    offsets: Int[Any, " features_plus_1"]
    max_bins: int = static()

    @property
    def design(self) -> Any:
        """Of the draws."""
        return self.linear.design

    @property
    def rows_at_once(self) -> int:
        """Rows whose weights fit a CPU's cache, or that fill another device."""
        return 32 if jax.default_backend() == "cpu" else 4096

    def draws(self, key: Key[Array, ""], replicate: Any, block: Any) -> Array:
        """Uniforms of one block; see `Sampler`."""
        return self.linear.draws(key, replicate, block)

    def retain(self, samples: Any) -> Array:
        """The samples' bins, counted within each column; see `SharedMethod`."""
        return self._codes(samples.bins)

    def lay_out(self, samples: Int[Array, "replicates blocks samples features"]) -> Array:
        """(features, samples): what one comparison reads lies side by side; see `SharedMethod`."""
        return samples.reshape(-1, samples.shape[-1]).T

    def adjust(
        self, layout: Any, y: Float[Array, "replicates blocks samples outputs"]
    ) -> tuple[Any, Array]:
        """Codes; 1, the centered outputs and their squares; see `SharedMethod`."""
        y = y.reshape(-1, y.shape[-1])
        y = y - y.mean(0)
        return layout, jnp.concatenate([jnp.ones((y.shape[0], 1), y.dtype), y, y**2], axis=1)

    def explain_row(
        self, domain: Domain, instance: Any, adjusted: Any, labels: Any
    ) -> Float[Array, " outputs"]:
        """One row's variances; see `SharedMethod`."""
        del domain, labels
        codes, totals = adjusted
        own = self._codes(instance.bins)
        features = codes.shape[0]
        matches = jnp.zeros(codes.shape[1], jnp.result_type(float))
        for first in range(0, features, _COLUMNS_AT_ONCE):
            several = range(first, min(first + _COLUMNS_AT_ONCE, features))
            # One comparison per column in one chain of sums: a byte each, no products.
            same = sum((codes[k] == own[k]).astype(jnp.int8) for k in several)
            matches = matches + jnp.asarray(same, matches.dtype)
        miss = -0.5 / jnp.square(jnp.asarray(self.linear.kernel_width, matches.dtype))
        weights = jnp.exp((features - matches) * miss)
        sums = jnp.matmul(weights, totals, precision="highest")
        weight = jnp.maximum(sums[0], jnp.finfo(sums.dtype).tiny)
        mean, square = jnp.split(sums[1:] / weight, 2)
        return jnp.maximum(square - mean**2, 0)

    def _codes(self, bins: Array) -> Array:
        small = self.max_bins < 127
        codes = jnp.where(bins < 0, -1, bins - jnp.asarray(self.offsets)[:-1])
        return codes.astype(jnp.int8 if small else jnp.int32)
