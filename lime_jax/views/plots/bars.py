"""One row's explanation as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lime_jax.fits.intervals import interval_half_widths
from lime_jax.views.plots import canvas
from lime_jax.views.plots.canvas import Axes, Figure


def explanation_bars(
    conditions: Sequence[str],
    weights: Float[np.ndarray, " features"],
    std_errors: Float[np.ndarray, " features"] | None,
    *,
    title: str | None = None,
    degrees_of_freedom: int | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw the weights of one explanation, the strongest on top, with 95 % intervals.

    `conditions` are texts such as "worst area > 1160.50". No interval where an error is None, 0 or
    NaN; `degrees_of_freedom` are of Student's t (replicates - 1), None: 1.96 standard errors.

    Example:
        >>> figure = explanation_bars(["a > 1", "b <= 2"], np.array([0.1, -0.3]), None)
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['b <= 2', 'a > 1']
    """
    canvas.check_lengths(conditions, "conditions", weights=weights, std_errors=std_errors)
    order = canvas.strongest(np.abs(weights), max(len(weights), 1))
    errors = np.zeros_like(weights) if std_errors is None else std_errors
    half_widths = interval_half_widths(errors, degrees_of_freedom)[order]
    names = [conditions[k] for k in order]
    return canvas.ranked_bars(names, weights[order], half_widths, "weight", title, ax)
