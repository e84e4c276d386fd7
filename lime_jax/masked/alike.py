"""LIME of instances that have as many players: they share masks, and all that is made of these."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.engine.one_row import predict
from lime_jax.masked.domain import Players
from lime_jax.masked.lime import RemovalLime, mean_of
from lime_jax.models.predict import DevicePredict
from lime_jax.stages.masks import MaskSamples, mask_coordinates, mask_view
from lime_jax.stages.moments import Moments
from lime_jax.typing import (
    Array,
    Bool,
    Domain,
    Float,
    Int,
    LinearFit,
    Pytree,
    pytree,
    replaced,
)


@pytree
class SharedMasks:
    """Masks as instances of as many players see them.

    Attributes:
        moments: of masks without outputs.
        factors: that all of them, and all but one replicate, are solved by.
    """

    masks: Bool[Array, "replicates samples players"]
    weights: Float[Array, "replicates samples"]
    moments: Moments
    factors: Pytree


@pytree
class AlikeLime(RemovalLime):
    """`RemovalLime` where masks are shared and inputs are not; see `SharedMethod`.

    Attributes:
        present: the players that all instances have.
    """

    present: Bool[Any, " players"] | None = None

    @property
    def rows_at_once(self) -> int:
        """Instances that are solved together; see `SharedMethod`."""
        return 1  # XLA solves for many right sides at once at a tenth of the speed

    def lay_out(self, samples: Pytree) -> SharedMasks:
        """Masks of each replicate, their weights and moments; see `SharedMethod`."""
        shape = samples.masks.shape

        def of_part(masks: Array) -> tuple[Array, Moments]:
            view = mask_view(MaskSamples(masks), self.present)
            weights = self.weights(view).astype(view.z.dtype)
            return weights, self.summarize(view, jnp.zeros((len(masks), 0), view.z.dtype))

        masks = samples.masks.reshape(shape[0], -1, shape[-1])
        weights, moments = jax.vmap(of_part)(masks)
        factors = self.factors_of(moments, mask_coordinates(self.present))
        return SharedMasks(masks, weights, moments, factors)

    def sum_row(
        self,
        domain: Domain,
        instance: Players,
        adjusted: tuple[SharedMasks, DevicePredict],
        labels: Int[Array, " labels"] | None,
    ) -> Pytree:
        """Moments of one instance's outputs in every replicate; see `SharedMethod`."""
        shared, model = adjusted
        y = predict(model, domain, instance, MaskSamples(shared.masks), labels)
        return jax.vmap(_moments_of_outputs)(shared.masks, shared.weights, shared.moments.mean_z, y)

    def solve_row(
        self,
        domain: Domain,
        instance: Pytree,
        adjusted: tuple[SharedMasks, DevicePredict],
        sums: Pytree,
        labels: Int[Array, " labels"] | None,
    ) -> LinearFit:
        """One instance's explanation; see `SharedMethod`."""
        del domain, instance, labels
        shared = adjusted[0]
        mean_y, zy, yy = sums
        moments = replaced(shared.moments, mean_y=mean_y, zy=zy, yy=yy)
        return self.solve(moments, mask_coordinates(self.present), shared.factors)


def alike_lime(method: RemovalLime, present: Bool[np.ndarray, " players"]) -> AlikeLime:
    """The method, where all instances have these players."""
    fields = dataclasses.fields(RemovalLime)
    return AlikeLime(
        **{field.name: getattr(method, field.name) for field in fields}, present=present
    )


def _moments_of_outputs(
    masks: Bool[Array, "samples players"],
    weights: Float[Array, " samples"],
    mean_z: Float[Array, " players"],
    y: Float[Array, "samples outputs"],
) -> tuple[Array, Array, Array]:
    """Means of outputs, and their products with masks and with themselves, of one replicate."""
    mean_y = mean_of(weights, y)
    mean_y = mean_y + mean_of(weights, y - mean_y)
    away = y - mean_y
    weighted = weights[:, None] * away
    zy = jnp.matmul(masks.T.astype(y.dtype), weighted, precision="highest")
    return mean_y, zy - jnp.outer(mean_z, weighted.sum(0)), (weighted * away).sum(0)
