"""A data set's explanations as one ranking of features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lime_jax.fits.intervals import interval_half_widths
from lime_jax.views.plots import canvas
from lime_jax.views.plots.canvas import Axes, Figure


def summary_bars(
    feature_names: Sequence[str],
    mean_absolute_weights: Float[np.ndarray, " features"],
    std_errors: Float[np.ndarray, " features"] | None,
    *,
    max_features: int = 10,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Rank the features by their mean absolute weight over the rows, with 95 % intervals.

    No interval where an error is None, 0 or NaN.

    Example:
        >>> figure = summary_bars(["a", "b"], np.array([0.1, 0.3]), None, max_features=1)
        >>> figure.axes[0].get_xlabel()
        'mean |weight| (strongest 1 of 2)'
    """
    canvas.check_lengths(
        feature_names,
        "feature_names",
        mean_absolute_weights=mean_absolute_weights,
        std_errors=std_errors,
    )
    order = canvas.strongest(mean_absolute_weights, max_features)
    names = [feature_names[k] for k in order]
    errors = np.zeros_like(mean_absolute_weights) if std_errors is None else std_errors
    left_out = len(names) < len(feature_names)
    shown = f" (strongest {len(names)} of {len(feature_names):,})" if left_out else ""
    half_widths = interval_half_widths(errors, None)[order]
    lengths = mean_absolute_weights[order]
    return canvas.ranked_bars(names, lengths, half_widths, f"mean |weight|{shown}", title, ax)
