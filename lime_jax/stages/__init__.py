"""The stages of LIME as pure functions of one instance: arrays in, arrays out."""

from lime_jax.stages.bins import digitize, entropy_edges, one_hot, percentile_edges
from lime_jax.stages.designs import Design, make_design, uniforms
from lime_jax.stages.encode import same_bin, standardize
from lime_jax.stages.kernels import distance, effective_sample_size, exponential_kernel
from lime_jax.stages.marginals import categorical, normal, truncated_normal
from lime_jax.stages.moments import Moments, merge, pool, weighted_moments
from lime_jax.stages.ridge import local_prediction, r_squared, ridge
from lime_jax.stages.select import select

__all__ = [
    "Design",
    "Moments",
    "categorical",
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
    "standardize",
    "truncated_normal",
    "uniforms",
    "weighted_moments",
]
