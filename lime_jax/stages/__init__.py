"""The stages of LIME as pure functions of one instance: arrays in, arrays out."""

from lime_jax.stages.bins import digitize, entropy_edges, one_hot, percentile_edges
from lime_jax.stages.coalitions import ShapleyCoalitions, shapley_coalitions
from lime_jax.stages.designs import Design, make_design, uniforms
from lime_jax.stages.encode import same_bin, standardize
from lime_jax.stages.kernels import (
    distance,
    effective_sample_size,
    exponential_kernel,
    shapley_kernel,
)
from lime_jax.stages.marginals import categorical, normal, truncated_normal
from lime_jax.stages.masks import all_subsets, bernoulli_masks, complementary_pairs
from lime_jax.stages.moments import Moments, merge, pool, weighted_moments
from lime_jax.stages.ridge import local_prediction, r_squared, ridge
from lime_jax.stages.select import select

__all__ = [
    "Design",
    "Moments",
    "ShapleyCoalitions",
    "all_subsets",
    "bernoulli_masks",
    "categorical",
    "complementary_pairs",
    "digitize",
    "distance",
    "effective_sample_size",
    "entropy_edges",
    "exponential_kernel",
    "local_prediction",
    "make_design",
    "merge",
    "normal",
    "one_hot",
    "percentile_edges",
    "pool",
    "r_squared",
    "ridge",
    "same_bin",
    "select",
    "shapley_coalitions",
    "shapley_kernel",
    "standardize",
    "truncated_normal",
    "uniforms",
    "weighted_moments",
]
