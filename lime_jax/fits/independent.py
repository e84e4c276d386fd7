"""LIME with the Gram matrix in closed form, for one neighborhood that all rows share.

Under a product kernel the same-bin variables of training-bin samples stay independent, so the
Gram matrix is diagonal and known, and a coefficient is a difference of two weighted means. Bare,
that loses what regression gains on additive models; so an additive function of the bins is fitted
once per data set, explained exactly, and only what it leaves over is averaged. The additive
function that a replicate's samples are compared with comes from the *other* replicates: whatever
it is, the answer is then unbiased, and the replicates give honest standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from lime_jax.fits.additive import centered, fit_values, inverse_root, tilted_moments
from lime_jax.fits.differences import (
    Sums,
    estimate,
    held_out_excess,
    output_variance,
    unexplained_variance,
)
from lime_jax.stages.bins import tilt
from lime_jax.stages.designs import Design, uniforms
from lime_jax.stages.select import select_independent
from lime_jax.typing import (
    Array,
    Bool,
    Domain,
    Float,
    Index,
    Int,
    Key,
    LinearFit,
    Pytree,
    Support,
    pytree,
    static,
)

STORED_ONE_HOTS = 32 * 2**20
"""Bytes of one-hot columns that are kept; more are made anew for every block of rows."""

_Tile = tuple[Array, Array, Array | None, Array]
_TileSums = tuple[tuple[Array, Array], Array, Array]


@pytree
class Layout:
    """The samples of a neighborhood, as the fit reads them; nothing here depends on the model.

    Samples are in `replicates` times `tiles` of them. Columns with few bins are "narrow". Without
    `one_hot` bins, which would be too large to keep, they are made anew; without the `root` of each
    replicate's inverse Gram matrix there are too few samples for an additive function.
    """

    narrow: Int[Array, "replicates tiles samples narrow_columns"]
    wide: Int[Array, "replicates tiles samples wide_columns"]
    one_hot: Float[Array, "replicates tiles samples narrow_bins"] | None
    root: Float[Array, "replicates narrow_bins narrow_bins"] | None


@pytree
class Adjusted:
    """A neighborhood with the model's outputs, less what the additive functions explain.

    Attributes:
        terms: of which each row needs the weighted sums: of every output the residual, its square,
            and the residual times the additive function.
        value: of the additive functions, less their columns' means, for x in each narrow bin.
        spread: variance of each narrow column's function over its bins.
        mean: of the additive functions and the outputs.
        size: of the outputs, which is what they are rounded by.
    """

    layout: Layout
    terms: Float[Array, "replicates tiles outputs 3 samples"]
    value: Float[Array, "replicates outputs narrow_bins"] | None
    spread: Float[Array, "replicates outputs narrow_columns"] | None
    mean: Float[Array, "replicates outputs"]
    size: Float[Array, " outputs"]


@pytree
class IndependentMethod:
    """LIME by the closed-form Gram matrix, for neighborhoods shared by all rows.

    By the exponential kernel on the euclidean distance. `probability` is the training frequency of
    every flat bin; `num_features` None keeps all.
    """

    design: Design
    kernel_width: Float[Array, "*batch"] | float
    alpha: Float[Array, "*batch"] | float
    probability: Float[Array, " bins"]
    bin_feature: Int[Array, " bins"]
    narrow_columns: Int[Array, " narrow_columns"]
    wide_columns: Int[Array, " wide_columns"]
    narrow_bins: Int[Array, " narrow_bins"]
    feature_selection: str = static(default="auto")
    num_features: int | None = static(default=None)
    held_out: bool = static(default=True)

    def draws(
        self, key: Key[Array, ""], replicate: Index, block: Index
    ) -> Float[Array, "samples columns"]:
        """Uniforms of one block; see `Method`."""
        return uniforms(self.design, key, replicate, block)

    def lay_out(self, bins: Int[Array, "replicates tiles samples features"]) -> Layout:
        """Arrange a neighborhood; needed once, whatever the model and the rows."""
        narrow = jnp.take(bins, self.narrow_columns, axis=-1)
        wide = jnp.take(bins, self.wide_columns, axis=-1)
        num_samples, num_bins = math.prod(bins.shape[:3]), self.narrow_bins.shape[0]
        stored = num_samples * num_bins * 4 <= STORED_ONE_HOTS
        one_hot = self._one_hot(narrow) if stored else None
        if not 0 < num_bins <= num_samples // 4:
            return Layout(narrow, wide, one_hot, None)

        def gram(replicate: Array) -> Array:
            def add(total: Array, tile: Array) -> tuple[Array, None]:
                hot = self._one_hot(tile)
                return total + jnp.matmul(hot.T, hot, precision="highest"), None

            zero = jnp.zeros((num_bins, num_bins), jnp.result_type(float))
            return jax.lax.scan(add, zero, replicate)[0]

        grams = jax.lax.map(gram, narrow)
        root = inverse_root(grams, self.bin_feature[self.narrow_bins], num_samples)
        return Layout(narrow, wide, one_hot, root)

    def adjust(
        self, layout: Layout, y: Float[Array, "replicates tiles samples outputs"]
    ) -> Adjusted:
        """Fit the additive functions and subtract them; needed once per model."""
        middle = y.mean((0, 1, 2))
        residual, part = y - middle, jnp.zeros_like(y)
        value = spread = None
        mean = jnp.broadcast_to(middle, (y.shape[0], y.shape[3]))
        if layout.root is not None:
            constant, value, spread, residual = self._additive(layout, residual)
            part = y - middle - residual - constant[:, None, None]
            mean = mean + constant
        # A row's outputs are lines of memory, so that it can take some of them.
        terms = jnp.stack([residual, residual**2, residual * part], -1)
        terms = jnp.moveaxis(terms, 2, -1)
        return Adjusted(layout, terms, value, spread, mean, jnp.abs(middle))

    @property
    def rows_at_once(self) -> int:
        """Rows whose weights fit a CPU's cache, or that fill another device."""
        bins = max(self.narrow_bins.shape[0], 1)
        if jax.default_backend() != "cpu":
            return 256
        # One-hot columns that are not kept are made once for every block: larger ones pay.
        if self.design.num_samples * bins * 4 > STORED_ONE_HOTS:
            return 64
        return max(4, min(16, 4096 // bins))

    def retain(self, samples: Pytree) -> Pytree:
        """What shared fits need of the samples: their bins; see `SharedMethod`."""
        small = self.bin_feature.shape[0] < 2**15
        return samples.bins.astype(jnp.int16 if small else jnp.int32)

    def sum_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: Adjusted,
        labels: Int[Array, " labels"] | None,
    ) -> Sums:
        """Weighted sums over the samples; see `SharedMethod`."""
        del domain
        return self._weighted_sums(adjusted, instance.bins, labels)

    def solve_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: Adjusted,
        sums: Sums,
        labels: Int[Array, " labels"] | None,
    ) -> LinearFit:
        """One row's explanation; see `SharedMethod`.

        The jackknife standard errors are conditional on the selected features.
        """
        del domain
        own_bins = instance.bins
        size = adjusted.size if labels is None else adjusted.size[labels]
        met = own_bins >= 0
        slope, means, variances = self._exact_part(adjusted, own_bins, labels)
        beta, error, rare, left_out = estimate(sums, slope)
        weight = jnp.maximum(sums.weight.sum(), jnp.finfo(beta.dtype).tiny)
        mean = means.mean(0) + sums.residual.sum(0) / weight
        q = tilt(jnp.where(met, self.probability[own_bins], 0), self.kernel_width)
        v = q * (1 - q)
        chosen = self._choose(beta, met, v)
        shrink = self._shrinkage(v, weight)
        coef = jnp.where(chosen, beta * shrink, 0)
        total = output_variance(sums, means, variances)
        selected = jnp.where(chosen, beta, 0)
        sure = jnp.where(chosen, slope.mean(0), 0)
        rest = unexplained_variance(sums, total, sure, selected - sure, v)
        variance = (selected**2 * v).sum(-1) + rest
        constant = variance <= (4 * jnp.finfo(v.dtype).eps * size) ** 2
        variance = jnp.where(constant, 1, variance)
        explained = ((2 * selected - coef) * coef * v).sum(-1)
        held_out = jnp.full_like(mean, jnp.nan)
        if self.held_out:
            others = jnp.maximum(weight - sums.weight, jnp.finfo(beta.dtype).tiny)[:, None, None]
            shrunk = jnp.where(chosen, self._shrinkage(v, others), 0)
            drawn = shrunk * (left_out - (slope.sum(0) - slope) / (slope.shape[0] - 1))
            excess = held_out_excess(sums, slope, means, shrunk * left_out, drawn, q)
            held_out = jnp.where(constant, 1.0, 1 - jnp.maximum(total - excess, 0) / variance)
        intercept = mean - coef @ q
        support = jnp.where(met, jnp.where(rare, Support.RARE, Support.FULL), Support.NONE)
        return LinearFit(
            coef=coef,
            std_error=jnp.where(chosen, error * shrink, jnp.nan),
            selected=chosen,
            intercept=intercept,
            score=jnp.where(constant, 1.0, explained / variance),
            local_pred=intercept + coef.sum(-1),
            effective_samples=weight**2 / jnp.maximum(sums.squares, jnp.finfo(beta.dtype).tiny),
            support=support.astype(jnp.int32),
            held_out_score=held_out,
        )

    def _choose(
        self,
        beta: Float[Array, "outputs features"],
        met: Bool[Array, " features"],
        v: Float[Array, " features"],
    ) -> Bool[Array, "outputs features"]:
        """The features that each output's surrogate keeps."""
        varies = jnp.broadcast_to(met & (v > 0), beta.shape)
        gram, alike = v[None], jnp.ones_like(v)[None]
        beta = jnp.where(varies, beta, 0)
        chosen = select_independent(beta, gram, alike, self.num_features, self.feature_selection)
        return varies & chosen

    def _shrinkage(
        self, v: Float[Array, " features"], weight: Float[Array, "..."]
    ) -> Float[Array, "... features"]:
        """What ridge's penalty does to a diagonal Gram matrix."""
        return jnp.where(v > 0, v / jnp.maximum(v + self.alpha / weight, 1e-30), 0)

    def _one_hot(self, narrow: Int[Array, "*batch columns"]) -> Float[Array, "*batch bins"]:
        """0/1 columns of the narrow bins."""
        column = jnp.searchsorted(self.narrow_columns, self.bin_feature[self.narrow_bins])
        of_column = jnp.take(narrow, column, axis=-1)
        return (of_column == self.narrow_bins).astype(jnp.result_type(float))

    def _additive(
        self, layout: Layout, y: Float[Array, "replicates tiles samples outputs"]
    ) -> tuple[Array, Array, Array, Array]:
        """Constants, values and spreads of the additive functions, and what they leave."""
        assert layout.root is not None
        if layout.one_hot is None:
            values = fit_values(layout.root, self._sides_by_tile(layout.narrow, y))
            residual = self._rest_by_tile(layout.narrow, y, values)
        else:
            # All tiles together: a compiler that makes no effort copies what loops look at.
            hot = layout.one_hot.reshape(y.shape[0], -1, layout.one_hot.shape[-1])
            flat = y.reshape(y.shape[0], -1, y.shape[-1])
            sides = jnp.matmul(jnp.swapaxes(hot, 1, 2), flat, precision="highest")
            values = fit_values(layout.root, sides)
            residual = y - jnp.matmul(hot, values, precision="highest").reshape(y.shape)
        column = jnp.searchsorted(self.narrow_columns, self.bin_feature[self.narrow_bins])
        probability, columns = self.probability[self.narrow_bins], self.narrow_columns.shape[0]
        constant, value, spread = centered(values, probability, column, columns)
        return constant, jnp.swapaxes(value, 1, 2), jnp.swapaxes(spread, 1, 2), residual

    def _sides_by_tile(self, narrow: Array, y: Array) -> Float[Array, "replicates bins outputs"]:
        """Sums of the outputs in every narrow bin."""

        def of_replicate(replicate: tuple[Array, Array]) -> Array:
            def add(total: Array, tile: tuple[Array, Array]) -> tuple[Array, None]:
                hot = self._one_hot(tile[0])
                return total + jnp.matmul(hot.T, tile[1], precision="highest"), None

            zero = jnp.zeros((self.narrow_bins.shape[0], y.shape[-1]), y.dtype)
            return jax.lax.scan(add, zero, replicate)[0]

        return jax.lax.map(of_replicate, (narrow, y))

    def _rest_by_tile(self, narrow: Array, y: Array, values: Array) -> Array:
        """The outputs less the functions that are `values` in every bin."""

        def of_replicate(replicate: tuple[Array, Array, Array]) -> Array:
            def one(tile: tuple[Array, Array]) -> Array:
                hot = self._one_hot(tile[0])
                return tile[1] - jnp.matmul(hot, replicate[2], precision="highest")

            return jax.lax.map(one, replicate[:2])

        return jax.lax.map(of_replicate, (narrow, y, values))

    def _weighted_sums(
        self, adjusted: Adjusted, own_bins: Int[Array, " features"], labels: Array | None
    ) -> Sums:
        """One pass over the shared samples, weighted by their proximity to x."""
        layout = adjusted.layout
        tiles = (layout.narrow, layout.wide, layout.one_hot, adjusted.terms)
        tile_sums = self._sums_of_tiles(own_bins, labels)
        by_bin, totals, weights = jax.lax.map(lambda tiles: _add_up(tile_sums, tiles), tiles)
        order = jnp.argsort(jnp.concatenate([self.narrow_columns, self.wide_columns]))
        by_bin = jnp.concatenate(by_bin, -1)[..., order]
        return Sums(
            hits=by_bin[:, 0],
            products=by_bin[:, 1:],
            weight=weights[:, 0],
            residual=totals[..., 0],
            squares=weights[:, 1].sum(),
            residual_squared=totals[..., 1],
            products_of_parts=totals[..., 2],
        )

    def _sums_of_tiles(
        self, own_bins: Int[Array, " features"], labels: Array | None
    ) -> Callable[[_Tile], _TileSums]:
        """For x: sums of a tile in x's narrow and wide bins, over all of it, and of squares."""
        features = own_bins.shape[0]
        own_narrow, own_wide = own_bins[self.narrow_columns], own_bins[self.wide_columns]
        own_hot = self._one_hot(own_narrow)
        position = jnp.searchsorted(self.narrow_bins, own_narrow)
        position = jnp.where(own_narrow < 0, self.narrow_bins.shape[0], position)
        miss = -0.5 / jnp.square(jnp.asarray(self.kernel_width, own_hot.dtype))

        def tile_sums(tile: _Tile) -> _TileSums:
            narrow, wide, one_hot, terms = tile
            terms = terms if labels is None else terms[labels]
            hot = self._one_hot(narrow) if one_hot is None else one_hot
            same = (wide == own_wide).astype(hot.dtype)
            matches = jnp.matmul(hot, own_hot, precision="highest") + same.sum(-1)
            w = jnp.exp((features - matches) * miss)
            weighted = jnp.concatenate([w[None], w * terms[:, 0]])
            by_bin = jnp.matmul(weighted, hot, precision="highest")
            of_narrow = by_bin.at[:, position].get(mode="fill", fill_value=0)
            of_wide = jnp.matmul(weighted, same, precision="highest")
            totals = jnp.matmul(terms, w, precision="highest")
            return (of_narrow, of_wide), totals, jnp.stack([w.sum(), (w**2).sum()])

        return tile_sums

    def _exact_part(
        self, adjusted: Adjusted, own_bins: Int[Array, " features"], labels: Array | None
    ) -> tuple[
        Float[Array, "replicates outputs features"],
        Float[Array, "replicates outputs"],
        Float[Array, "replicates outputs"],
    ]:
        """Coefficients of the additive functions, and means and variances under the kernel."""
        mean = adjusted.mean if labels is None else adjusted.mean[:, labels]
        slope = jnp.zeros((*mean.shape, own_bins.shape[0]), mean.dtype)
        if adjusted.value is None or adjusted.spread is None:
            return slope, mean, jnp.zeros_like(mean)
        value, spread = adjusted.value, adjusted.spread
        if labels is not None:
            value, spread = value[:, labels], spread[:, labels]
        bins = own_bins[self.narrow_columns]
        met = bins >= 0
        position = jnp.searchsorted(self.narrow_bins, bins)
        value = jnp.where(met, jnp.take(value, position, axis=-1), 0)
        p = jnp.where(met, self.probability[bins], 0)
        moved, variance = tilted_moments(value, spread, p, tilt(p, self.kernel_width))
        # The mean of a column's function is 0, so that over the other bins it is -p / (1 - p).
        own_slope = jnp.where(p < 1, value / jnp.where(p < 1, 1 - p, 1), 0)
        slope = slope.at[..., self.narrow_columns].set(own_slope)
        return slope, mean + moved.sum(-1), variance.sum(-1)


def _add_up(tile_sums: Callable[[_Tile], _TileSums], tiles: _Tile) -> _TileSums:
    """Sums over all tiles of a replicate."""
    first = tile_sums(jax.tree.map(lambda leaf: leaf[0], tiles))
    if tiles[0].shape[0] == 1:
        return first

    def add(total: _TileSums, tile: _Tile) -> tuple[_TileSums, None]:
        return jax.tree.map(jnp.add, total, tile_sums(tile)), None

    return jax.lax.scan(add, first, jax.tree.map(lambda leaf: leaf[1:], tiles))[0]
