"""R² of surrogates that are known: of each row's own samples, weighted as a fit would weigh them.

What a surrogate explains and what it leaves are both of these samples. So R² is at most 1, and 1
where the surrogate is the model.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lime_jax.fits.linear import LinearMethod, sum_replicates
from lime_jax.stages.moments import Moments, merge, rounding, weighted_moments
from lime_jax.stages.ridge import explained_share
from lime_jax.typing import (
    Array,
    Coordinates,
    Domain,
    Float,
    Index,
    Int,
    Key,
    Pytree,
    SampleDesign,
    View,
    pytree,
)


@pytree
class Surrogates:
    """A row, as the domain knows it, and surrogates for it that were found without samples."""

    row: Any
    coef: Float[Any, "*rows widths labels features"]
    intercept: Float[Any, "*rows widths labels"]


@pytree
class SurrogateView(View):
    """The samples as x and its surrogates see them, and what the latter say of them."""

    predicted: Float[Array, "widths samples labels"]


@pytree
class SurrogateDomain:
    """A domain whose instances are `Surrogates`; see `Domain`."""

    domain: Any

    @property
    def shared(self) -> bool:
        """As of the rows."""
        return self.domain.shared

    @property
    def sample_size(self) -> int:
        """As of the rows."""
        return self.domain.sample_size

    @property
    def background_weights(self) -> Pytree:
        """As of the rows."""
        return self.domain.background_weights

    def realize(self, instance: Surrogates | None, draws: Pytree) -> Pytree:
        """Samples from draws."""
        return self.domain.realize(None if instance is None else instance.row, draws)

    def inputs(self, instance: Surrogates | None, samples: Pytree) -> Array:
        """What a JAX model is called with."""
        return self.domain.inputs(None if instance is None else instance.row, samples)

    def view(self, instance: Surrogates, samples: Pytree) -> SurrogateView:
        """The samples, and what the surrogates say of them."""
        view = self.domain.view(instance.row, samples)
        z = view.z[:, self.domain.coordinates(instance.row).variable]
        linear = jnp.einsum("wlf,sf->wsl", instance.coef, z, precision="highest")
        predicted = linear + instance.intercept[:, None]
        return SurrogateView(view.z, view.points, view.origin, predicted)

    def coordinates(self, instance: Surrogates) -> Coordinates:
        """X's own interpretable variables."""
        return self.domain.coordinates(instance.row)


@pytree
class SurrogateScore:
    """R² of the surrogates of one kernel width; a `Method` and a `SharedMethod`."""

    linear: LinearMethod
    number: Int[Any, "*batch"] | int

    @property
    def design(self) -> SampleDesign:
        """Of the draws."""
        return self.linear.design

    @property
    def rows_at_once(self) -> int:
        """As for the linear fit."""
        return self.linear.rows_at_once

    def draws(self, key: Key[Array, ""], replicate: Index, block: Index) -> Array:
        """Uniforms of one block; see `Method`."""
        return self.linear.draws(key, replicate, block)

    def summarize(self, view: SurrogateView, y: Float[Array, "samples labels"]) -> Moments:
        """Weighted moments of the outputs, and of what the surrogates miss; see `Method`."""
        weights = self.linear.weights(view).astype(y.dtype)
        missed = y - view.predicted[self.number]
        both = jnp.concatenate([y, missed], 1)
        return weighted_moments(jnp.zeros((y.shape[0], 1), y.dtype), both, weights)

    def merge(self, first: Moments, second: Moments) -> Moments:
        """Moments of both sets of samples; see `Method`."""
        return merge(first, second)

    def solve(self, summaries: Moments, coordinates: Coordinates) -> Float[Array, " labels"]:
        """R² of every label; see `Method`."""
        del coordinates
        first = jax.tree.map(lambda leaf: leaf[0], summaries)
        rest = jax.tree.map(lambda leaf: leaf[1:], summaries)
        whole = jax.lax.scan(lambda a, b: (merge(a, b), None), first, rest)[0]
        total, missed = jnp.split(whole.yy, 2)
        mean, off = jnp.split(whole.mean_y, 2)
        missed = missed + whole.weight * off**2
        return explained_share(missed, total, rounding(mean, whole.weight))

    def retain(self, samples: Pytree) -> Pytree:
        """All of the samples; see `SharedMethod`."""
        return self.linear.retain(samples)

    def lay_out(self, samples: Pytree) -> Pytree:
        """Samples of each replicate in one row; see `SharedMethod`."""
        return self.linear.lay_out(samples)

    def adjust(
        self, layout: Pytree, y: Float[Array, "replicates blocks samples outputs"]
    ) -> Pytree:
        """Samples and outputs; see `SharedMethod`."""
        return self.linear.adjust(layout, y)

    def sum_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: Pytree,
        labels: Int[Array, " labels"] | None,
    ) -> Moments:
        """Moments of every replicate; see `SharedMethod`."""
        return sum_replicates(self.summarize, domain, instance, adjusted, labels)

    def solve_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: Pytree,
        sums: Moments,
        labels: Int[Array, " labels"] | None,
    ) -> Float[Array, " labels"]:
        """One row's scores; see `SharedMethod`."""
        del adjusted, labels
        return self.solve(sums, domain.coordinates(instance))
