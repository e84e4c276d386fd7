"""How much a model's outputs vary in a neighborhood: what an exact explanation's R² is measured by.

The only part of an exact explanation that has to be sampled, and one pass serves a whole data set,
because all rows share their samples. What an additive function of the bins explains is not: its
variance is known, so that of an additive model has no error, and R² is 1 where it should be.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lime_jax.fits.additive import centered, root_of, tilted_moments
from lime_jax.fits.linear import LinearMethod
from lime_jax.stages.bins import tilt
from lime_jax.typing import (
    Array,
    Domain,
    Float,
    Index,
    Int,
    Key,
    Pytree,
    SampleDesign,
    pytree,
    static,
)

_COLUMNS_AT_ONCE = 64
"""Columns that are compared in one loop: more take the compiler too long."""


@pytree
class BinLayout:
    """The samples of a neighborhood, their bins counted within each column.

    The root is of the inverse Gram matrix of the additive function; None: too few samples for one.
    """

    codes: Int[Array, "features samples"]
    root: Float[Array, "bins bins"] | None


@pytree
class BinOutputs:
    """The samples with the model's outputs.

    Attributes:
        codes: their bins, counted within each column.
        terms: of every output the residual that the additive function leaves, and what it adds to
            the output's square.
        values: of the additive function, for every flat bin; the mean of each column is 0.
        spread: variance of the function of every column, of training bins.
    """

    codes: Int[Array, "features samples"]
    terms: Float[Array, "outputs 2 samples"]
    values: Float[Array, "bins outputs"]
    spread: Float[Array, "features outputs"]


@pytree
class MatchedVariance:
    """The variance of the outputs where weights are functions of how many of x's bins are shared.

    Attributes:
        linear: whose draws and kernel width these are.
        offsets: first flat bin of every column.
        probability: training frequency of every flat bin.
        fitted: flat bins of the columns with few bins, which the additive function has.
    """

    linear: LinearMethod
    offsets: Int[Any, " features_plus_1"]
    probability: Float[Any, " bins"]
    bin_feature: Int[Any, " bins"]
    fitted: Int[Any, " fitted_bins"]
    max_bins: int = static()

    @property
    def design(self) -> SampleDesign:
        """Of the draws."""
        return self.linear.design

    @property
    def rows_at_once(self) -> int:
        """Rows whose weights fit a CPU's cache, or that fill another device."""
        return 32 if jax.default_backend() == "cpu" else 4096

    def draws(self, key: Key[Array, ""], replicate: Index, block: Index) -> Array:
        """Uniforms of one block; see `Sampler`."""
        return self.linear.draws(key, replicate, block)

    def retain(self, samples: Pytree) -> Array:
        """The samples' bins, counted within each column; see `SharedMethod`."""
        return self._codes(samples.bins)

    def lay_out(self, samples: Int[Array, "replicates blocks samples features"]) -> BinLayout:
        """The samples by column, and what fits an additive function to them; see `SharedMethod`."""
        codes = samples.reshape(-1, samples.shape[-1]).T
        if not 0 < self.fitted.shape[0] <= codes.shape[1] // 4:
            return BinLayout(codes, None)
        hot = self._one_hot(codes)
        gram = jnp.matmul(hot, hot.T, precision="highest")
        root = root_of(gram, jnp.asarray(self.bin_feature)[self.fitted], codes.shape[1])
        return BinLayout(codes, root)

    def adjust(
        self, layout: BinLayout, y: Float[Array, "replicates blocks samples outputs"]
    ) -> BinOutputs:
        """Fit the additive function, once for all rows; see `SharedMethod`."""
        y = y.reshape(-1, y.shape[-1])
        residual = y = y - y.mean(0)
        part = jnp.zeros_like(y)
        values = jnp.zeros((self.bin_feature.shape[0], y.shape[1]), y.dtype)
        spread = jnp.zeros((layout.codes.shape[0], y.shape[1]), y.dtype)
        if layout.root is not None:
            hot, root = self._one_hot(layout.codes), layout.root
            side = jnp.matmul(hot, y, precision="highest")
            half = jnp.matmul(root, side, precision="highest")
            fitted = jnp.matmul(root.T, half, precision="highest")
            residual = y - jnp.matmul(hot.T, fitted, precision="highest")
            values = values.at[self.fitted].set(fitted)
            feature = jnp.asarray(self.bin_feature)
            p = jnp.asarray(self.probability, y.dtype)
            constant, values, spread = centered(values, p, feature, layout.codes.shape[0])
            part = y - residual - constant
        terms = jnp.stack([residual.T, (residual * (residual + 2 * part)).T], axis=1)
        return BinOutputs(layout.codes, terms, values, spread)

    def sum_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: BinOutputs,
        labels: Int[Array, " labels"] | None,
    ) -> tuple[Array, Array]:
        """Sum of the weights, and weighted sums over the samples; see `SharedMethod`."""
        del domain
        codes, terms = adjusted.codes, adjusted.terms
        terms = terms if labels is None else terms[labels]
        row_codes = self._codes(instance.bins)
        features = codes.shape[0]
        matches = jnp.zeros(codes.shape[1], jnp.result_type(float))
        for first in range(0, features, _COLUMNS_AT_ONCE):
            several = range(first, min(first + _COLUMNS_AT_ONCE, features))
            # One comparison per column in one chain of sums: a byte each, no products.
            same = sum((codes[k] == row_codes[k]).astype(jnp.int8) for k in several)
            matches = matches + jnp.asarray(same, matches.dtype)
        miss = -0.5 / jnp.square(jnp.asarray(self.linear.kernel_width, matches.dtype))
        weights = jnp.exp((features - matches) * miss)
        return weights.sum(), jnp.matmul(terms, weights, precision="highest")

    def solve_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: BinOutputs,
        sums: tuple[Array, Array],
        labels: Int[Array, " labels"] | None,
    ) -> Float[Array, " labels"]:
        """One row's variances; see `SharedMethod`."""
        del domain
        weight = jnp.maximum(sums[0], jnp.finfo(sums[0].dtype).tiny)
        residual, square = (sums[1] / weight).T
        features = adjusted.codes.shape[0]
        without = adjusted.values.shape[0] + jnp.arange(features)
        places = jnp.where(instance.bins >= 0, instance.bins, without)
        moments = self._moments_by_bin(adjusted)
        if labels is None:
            mean, variance = moments[:, places].sum(1)
        else:
            mean, variance = moments[:, places[:, None], labels].sum(1)
        return jnp.maximum(variance + square - residual * (residual + 2 * mean), 0)

    def _moments_by_bin(self, adjusted: BinOutputs) -> Float[Array, "2 bins_and_columns outputs"]:
        """Mean and variance of each column's function, for x in each bin, and in none of them.

        It is the same for all rows, so it is made once for a block of them.
        """
        p, feature = jnp.asarray(self.probability, adjusted.values.dtype), self.bin_feature
        value, spread = adjusted.values.T, adjusted.spread[jnp.asarray(feature)].T
        moments = tilted_moments(value, spread, p, tilt(p, self.linear.kernel_width))
        without = jnp.zeros_like(adjusted.spread), adjusted.spread
        return jnp.stack([jnp.concatenate([a.T, b]) for a, b in zip(moments, without, strict=True)])

    def _one_hot(self, codes: Int[Array, "features samples"]) -> Float[Array, "bins samples"]:
        """0/1 rows of the bins that the additive function has."""
        feature = jnp.asarray(self.bin_feature)[self.fitted]
        code = self.fitted - jnp.asarray(self.offsets)[feature]
        return (codes[feature] == code[:, None]).astype(jnp.result_type(float))

    def _codes(self, bins: Array) -> Array:
        small = self.max_bins <= 128
        codes = jnp.where(bins < 0, -1, bins - jnp.asarray(self.offsets)[:-1])
        return codes.astype(jnp.int8 if small else jnp.int32)
