"""What the command line says of how rows were explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lime_jax import Explanations


def how_explained(samples_used: np.ndarray, explanations: Explanations) -> str:
    """The method and the way the model ran, in words; `explanations` may be some of the rows."""
    sampled = int((samples_used > 0).sum())
    drawn = "coalitions" if explanations.algorithm == "kernel_shap" else "samples"
    words = f"sampled ({explanations.num_samples:,} {drawn})"
    if not sampled:
        words = "exact"
    elif sampled < len(samples_used):
        words = f"{len(samples_used) - sampled:,} exact, {sampled:,} {words}"
    return f"{words}; model: {explanations.model_path}"
