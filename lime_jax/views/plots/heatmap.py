"""The weights of many rows at once, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lime_jax.views.plots import canvas
from lime_jax.views.plots.canvas import Axes, Figure

_MOST_COLUMNS = 600  # about the pixels there are; of more rows, evenly spaced ones are shown
_MOST_ROW_NAMES = 40


def heat_map(
    feature_names: Sequence[str],
    weights: Float[np.ndarray, "rows features"],
    *,
    row_names: Sequence[str] | None = None,
    max_features: int = 10,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Picture the weights of many rows: features from the top down, rows from left to right.

    Of the features those of the largest mean |weight| are shown. The colors run from negative
    through white at 0 to positive, and saturate at the 99th percentile of |weight|, so that one
    extreme row does not wash out the others. Of more than 600 rows every k-th is shown (means of
    neighbors would cancel), which the axis says; up to 40 rows have their names, or numbers.

    Example:
        >>> figure = heat_map(["a", "b"], np.array([[0.1, -0.3], [0.2, 0.4]]))
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['b', 'a']
    """
    canvas.check_lengths(feature_names, "feature_names", weights=weights)
    if row_names is not None and len(row_names) != len(weights):
        raise ValueError(
            f"`row_names` should have one name per row of `weights` ({len(weights)}), "
            f"got {len(row_names)}."
        )
    importance = np.abs(weights).mean(axis=0) if len(weights) else np.zeros(len(feature_names))
    order = canvas.strongest(importance, max_features)
    names = [feature_names[k] for k in order]
    figure, axes = canvas.target_axes(ax, *canvas.figure_size(names, plot_width=6.4))
    if not names or not len(weights):
        canvas.say_nothing_to_show(axes, title, "no features" if not names else "no rows")
        return figure
    step = -(-len(weights) // _MOST_COLUMNS)
    shown = weights[::step, order].T
    largest = float(np.abs(shown).max())
    limit = float(np.quantile(np.abs(shown), 0.99, method="higher")) or largest or 1.0
    image = axes.imshow(
        shown,
        cmap="RdBu",
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
        extent=(-step / 2, (shown.shape[1] - 0.5) * step, len(names) - 0.5, -0.5),
    )
    extend = "both" if largest > limit else "neither"
    canvas.color_scale(axes, image, "weight, in units of the output", extend)
    canvas.label_ticks(axes, "y", list(range(len(names))), names)
    _label_rows(axes, len(weights), row_names, step)
    axes.spines[:].set_visible(False)
    canvas.set_title(axes, title)
    return figure


def _label_rows(axes: Axes, rows: int, row_names: Sequence[str] | None, step: int) -> None:
    if row_names is not None and rows <= _MOST_ROW_NAMES:
        canvas.label_ticks(axes, "x", list(range(rows)), row_names)
        if max(map(len, row_names)) * rows > 60:  # too wide side by side
            axes.tick_params(axis="x", labelrotation=90)
    else:
        axes.locator_params(axis="x", integer=True, nbins=8)
        axes.tick_params(axis="x", length=3, color=canvas.QUIET, labelcolor=canvas.INK)
        axes.xaxis.set_major_formatter("{x:,.0f}")
    note = "" if step == 1 else f" (1 of {step:,} is shown)"
    axes.set_xlabel(f"row{note}", color=canvas.INK)
