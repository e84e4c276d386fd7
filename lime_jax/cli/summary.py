"""What the command line says of how rows were explained."""

from __future__ import annotations

import numpy as np


def how_explained(
    samples_used: np.ndarray, num_samples: int, algorithm: str, model_path: str
) -> str:
    """The method and the way the model ran, in words.

    Example:
        >>> how_explained(np.array([0, 64]), 64, "lime", "jax: a fitted tree")
        '1 exact, 1 sampled (64 samples); model: jax: a fitted tree'
        >>> how_explained(np.zeros(3), 4096, "lime", "jax: a fitted tree")
        'exact; model: jax: a fitted tree'
    """
    sampled = int((samples_used > 0).sum())
    drawn = "coalitions" if algorithm == "kernel_shap" else "samples"
    words = f"sampled ({num_samples:,} {drawn})"
    if not sampled:
        words = "exact"
    elif sampled < len(samples_used):
        words = f"{len(samples_used) - sampled:,} exact, {sampled:,} {words}"
    return f"{words}; model: {model_path}"
