"""What pairs of features change together: squares, a network, and dependence by a partner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from lime_jax.views.plots import canvas
from lime_jax.views.plots.canvas import Axes, Figure


def interaction_squares(
    feature_names: Sequence[str],
    sizes: Float[np.ndarray, "features features"],
    *,
    max_features: int = 10,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Picture mean |values| of pairs of features, and of main effects on the diagonal.

    Shown are the features of the largest sums over their rows.

    Example:
        >>> figure = interaction_squares(["a", "b"], np.array([[0.1, 0.2], [0.2, 0.4]]))
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['b', 'a']
    """
    order = _strongest(feature_names, sizes, max_features)
    names = [feature_names[k] for k in order]
    width, height = canvas.figure_size(names, plot_width=1.6 + 0.4 * len(names))
    figure, axes = canvas.target_axes(ax, width, max(height, 1.6 + 0.4 * len(names)))
    if not names:
        canvas.say_nothing_to_show(axes, title)
        return figure
    shown = sizes[np.ix_(order, order)]
    image = axes.imshow(shown, cmap="Blues", vmin=0, vmax=float(shown.max()) or 1.0)
    canvas.color_scale(axes, image, "mean |value|, main effects on the diagonal")
    canvas.label_ticks(axes, "y", list(range(len(names))), names)
    canvas.label_ticks(axes, "x", list(range(len(names))), names)
    axes.tick_params(axis="x", labelrotation=90)
    axes.spines[:].set_visible(False)
    canvas.set_title(axes, title)
    return figure


def interaction_network(
    feature_names: Sequence[str],
    sizes: Float[np.ndarray, "features features"],
    *,
    max_features: int = 10,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Picture features as points on a circle, and their pairs as lines.

    Points are as large as main effects, lines as wide and dark as what pairs change together.

    Example:
        >>> figure = interaction_network(["a", "b"], np.array([[0.1, 0.2], [0.2, 0.4]]))
        >>> len(figure.axes[0].lines)
        1
    """
    order = _strongest(feature_names, sizes, max_features)
    figure, axes = canvas.target_axes(ax, 6.4, 5.4)
    axes.set_axis_off()
    if not order:
        canvas.say_nothing_to_show(axes, title)
        return figure
    shown = sizes[np.ix_(order, order)]
    main, together = np.diag(shown).copy(), np.triu(shown, 1)
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(order)) / len(order)
    x, y = np.cos(angle), np.sin(angle)
    largest = float(together.max()) or 1.0
    for first, second in np.argwhere(together > 0).tolist():
        share = float(together[first, second]) / largest
        look: dict[str, Any] = dict(
            color=canvas.POSITIVE, linewidth=0.3 + 5 * share, alpha=0.15 + 0.75 * share
        )
        axes.plot(x[[first, second]], y[[first, second]], zorder=1, **look)
    area = 40 + 500 * main / (float(main.max()) or 1.0)
    axes.scatter(x, y, s=area, color=canvas.NEGATIVE, zorder=2)
    for place, feature in enumerate(order):
        side = "left" if x[place] > 0.1 else "right" if x[place] < -0.1 else "center"
        name = canvas.wrap_name(feature_names[feature], 24)
        where = (1.14 * x[place], 1.14 * y[place])
        axes.text(*where, name, ha=side, va="center", color=canvas.INK, parse_math=False)
    axes.set_xlim(-1.9, 1.9)
    axes.set_ylim(-1.35, 1.35)
    canvas.set_title(axes, title)
    return figure


def dependence_by_partner(
    names: tuple[str, str],
    values: Float[np.ndarray, "rows 2"],
    weights: Float[np.ndarray, " rows"],
    shared: Float[np.ndarray, " rows"],
    *,
    title: str | None = None,
) -> Figure:
    """Picture a feature's weights over its values, and what of them it shares with a partner.

    Colors are the partner's values; where these are missing, points are gray.

    Example:
        >>> values, weights = np.array([[1.0, 0], [2, 1]]), np.array([0.1, 0.2])
        >>> figure = dependence_by_partner(("a", "b"), values, weights, weights / 2)
        >>> figure.axes[0].get_xlabel()
        'a'
    """
    figure, whole = canvas.target_axes(None, 9.6, 3.6)
    whole.remove()
    left, right = figure.subplots(1, 2, sharex=True)
    missing = np.isnan(values[:, 1])
    for axes, heights, label in (
        (left, weights, "weight"),
        (right, shared, f"share of {names[1]} in it"),
    ):
        axes.scatter(values[missing, 0], heights[missing], s=12, color=canvas.QUIET)
        numbers, colors = values[~missing, 0], values[~missing, 1]
        points = axes.scatter(numbers, heights[~missing], s=12, c=colors, cmap="viridis")
        axes.axhline(0, color=canvas.INK, linewidth=0.9, zorder=0)
        axes.set_xlabel(names[0], color=canvas.INK, parse_math=False)
        axes.set_ylabel(label, color=canvas.INK, parse_math=False)
        axes.spines[["top", "right"]].set_visible(False)
    canvas.color_scale(right, points, names[1])
    canvas.set_title(left, title)
    return figure


def _strongest(
    feature_names: Sequence[str], sizes: Float[np.ndarray, "features features"], max_features: int
) -> list[int]:
    canvas.check_lengths(feature_names, "feature_names", sizes=sizes)
    return canvas.strongest(sizes.sum(1), max_features)
