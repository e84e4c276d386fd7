"""LIME's fit: weighted moments, a choice of features, ridge; errors from left-out replicates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lime_jax.fits.jackknife import jackknife_standard_error, leave_one_out
from lime_jax.stages.designs import Design, group_count, uniforms
from lime_jax.stages.kernels import distance, exponential_kernel
from lime_jax.stages.moments import Moments, merge, pool, weighted_moments
from lime_jax.stages.ridge import (
    Factor,
    local_prediction,
    pooled_r_squared,
    r_squared,
    ridge,
    ridge_factor,
)
from lime_jax.stages.select import select
from lime_jax.typing import (
    Array,
    Bool,
    Coordinates,
    Domain,
    Float,
    Index,
    Int,
    Key,
    LinearFit,
    Pytree,
    View,
    pytree,
    static,
)

Kernel = Callable[[Array, Any], Array]


@pytree
class LinearMethod:
    """LIME by the sampled Gram matrix; see `Method`. It serves every domain and every kernel."""

    design: Design
    kernel_width: Float[Array, "*batch"] | float | int
    alpha: Float[Array, "*batch"] | float | int
    distance: str = static(default="euclidean")
    kernel: Kernel = static(default=exponential_kernel)
    feature_selection: str = static(default="auto")
    num_features: int | None = static(default=None)
    held_out: bool = static(default=True)

    def draws(
        self, key: Key[Array, ""], replicate: Index, block: Index
    ) -> Float[Array, "samples columns"]:
        """Uniforms of one block."""
        return uniforms(self.design, key, replicate, block)

    def weights(self, view: View) -> Float[Array, " samples"]:
        """Proximity of each sample to x."""
        return self.kernel(distance(view.points, view.origin, self.distance), self.kernel_width)

    def summarize(self, view: View, y: Float[Array, "samples outputs"]) -> Moments:
        """Weighted moments of some samples."""
        weights = self.design.counted(self.weights(view))
        return weighted_moments(view.z, y, weights.astype(view.z.dtype))

    def merge(self, first: Moments, second: Moments) -> Moments:
        """Moments of both sets of samples."""
        return merge(first, second)

    def solve(
        self, summaries: Moments, coordinates: Coordinates, factors: Factor | None = None
    ) -> LinearFit:
        """The explanation: jackknife errors are conditional on the selected features.

        Args:
            factors: of `factors_of`, where rows share them; None: they are made here.
        """
        summaries = _grouped(summaries)
        include = leave_one_out(summaries.weight.shape[0])
        everything = pool(summaries, include[0])
        chosen, mask = self._select(everything, coordinates)
        factors = factors if mask.ndim == 1 else None
        few = self._few_columns(mask, coordinates)

        def fit(included: Array, factor: Factor | None) -> tuple[Array, Array]:
            return ridge(pool(summaries, included), mask, self.alpha, factor, few)

        # One batch of factorizations: two that XLA's CPU client runs side by side, each waiting
        # for threads that the other one holds, can wait for ever.
        coefs, intercepts = jax.vmap(fit)(include, factors)
        coef, intercept, left_out = coefs[0], intercepts[0], coefs[1:]
        variable = coordinates.variable
        error = jackknife_standard_error(coef[:, variable], left_out[:, :, variable])
        held_out = jnp.full_like(intercept, jnp.nan)
        if self.held_out:
            held_out = pooled_r_squared(summaries, left_out, intercepts[1:], everything)
        squared = jnp.maximum(everything.weight_squared, jnp.finfo(coef.dtype).tiny)
        return LinearFit(
            coef=jnp.where(chosen, coef[:, variable], 0),
            std_error=jnp.where(chosen, error, jnp.nan),
            selected=chosen,
            intercept=intercept,
            score=r_squared(everything, coef),
            local_pred=local_prediction(coef, intercept, coordinates.z),
            effective_samples=everything.weight**2 / squared,
            support=coordinates.support,
            held_out_score=held_out,
        )

    def factors_of(self, parts: Moments, coordinates: Coordinates) -> Factor:
        """What the fits of rows that see the same samples, and keep all features, are solved by."""
        variables = coordinates.varies[coordinates.feature]
        include = leave_one_out(parts.weight.shape[0])
        return jax.vmap(lambda one: ridge_factor(pool(parts, one), variables, self.alpha))(include)

    @property
    def rows_at_once(self) -> int:
        """Rows whose weighted samples fit a CPU's cache, or that fill another device."""
        return max(
            1, (8192 if jax.default_backend() == "cpu" else 2**20) // self.design.num_samples
        )

    def retain(self, samples: Pytree) -> Pytree:
        """What shared fits need of the samples: all of them; see `SharedMethod`."""
        return samples

    def lay_out(self, samples: Pytree) -> Pytree:
        """Samples of each replicate in one row; see `SharedMethod`."""
        return jax.tree.map(_join_blocks, samples)

    def adjust(
        self, layout: Pytree, y: Float[Array, "replicates blocks samples outputs"]
    ) -> tuple[Pytree, Array]:
        """Samples and outputs; see `SharedMethod`."""
        return layout, _join_blocks(y)

    def sum_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: Pytree,
        labels: Int[Array, " labels"] | None,
    ) -> Moments:
        """Moments of every replicate as one row sees them; see `SharedMethod`."""
        return sum_replicates(self.summarize, domain, instance, adjusted, labels)

    def solve_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: Pytree,
        sums: Moments,
        labels: Int[Array, " labels"] | None,
    ) -> LinearFit:
        """One row's explanation; see `SharedMethod`."""
        del adjusted, labels
        return self.solve(sums, domain.coordinates(instance))

    def _select(
        self, moments: Moments, coordinates: Coordinates
    ) -> tuple[Bool[Array, "outputs features"], Bool[Array, "..."]]:
        """The chosen features of every output, and their variables (one mask if all are kept)."""
        outputs, varies = moments.mean_y.shape[0], coordinates.varies
        if self.num_features is None or self.feature_selection == "none":
            return (
                jnp.broadcast_to(varies, (outputs, varies.shape[0])),
                varies[coordinates.feature],
            )
        variables = varies[coordinates.feature]
        z_x = jnp.where(variables, coordinates.z, 0)
        mask = select(moments, z_x, self.num_features, self.feature_selection)
        chosen = mask[:, coordinates.variable] & varies
        return chosen, chosen[:, coordinates.feature]

    def _few_columns(
        self, mask: Bool[Array, "..."], coordinates: Coordinates
    ) -> Int[Array, "outputs few"] | None:
        """Among which variables are those that each output keeps, where these are few of many."""
        is_each = coordinates.z.shape == coordinates.varies.shape
        if mask.ndim == 1 or self.num_features is None or not is_each:
            return None
        if 2 * self.num_features > mask.shape[1]:
            return None
        return jax.lax.top_k(mask.astype(jnp.int32), self.num_features)[1]


def sum_replicates(
    summarize: Callable[[Any, Array], Moments],
    domain: Domain,
    instance: Pytree,
    adjusted: Pytree,
    labels: Int[Array, " labels"] | None,
) -> Moments:
    """Moments of every replicate as one row sees them, of the outputs that are asked for."""

    def one(samples: Pytree, y: Array) -> Moments:
        asked = y if labels is None else jnp.take(y, labels, axis=-1)
        return summarize(domain.view(instance, samples), asked)

    return jax.vmap(one)(*adjusted)


def _join_blocks(leaf: Array) -> Array:
    replicates, blocks, size, *rest = leaf.shape
    return leaf.reshape(replicates, blocks * size, *rest)


def _grouped(moments: Moments) -> Moments:
    """Neighboring replicates together, where there are very many."""
    replicates = moments.weight.shape[0]
    groups = group_count(replicates)
    if groups == replicates:
        return moments
    parts = jax.tree.map(
        lambda leaf: leaf.reshape(groups, replicates // groups, *leaf.shape[1:]), moments
    )
    return jax.vmap(pool, in_axes=(0, None))(parts, jnp.ones(replicates // groups))
