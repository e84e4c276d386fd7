"""Weights of many rows: swarms, bars of groups, weight against value, and lines that add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from lime_jax.views.plots import canvas
from lime_jax.views.plots.canvas import Axes, Figure

_COHORTS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Okabe and Ito's (2008), but yellow and black."""
_MOST_ROWS = 2000
_BINS = 60
_MISSING = "#8c959f"


def beeswarm(
    feature_names: Sequence[str],
    weights: Float[np.ndarray, "rows features"],
    std_errors: Float[np.ndarray, "rows features"],
    values: Float[np.ndarray, "rows features"],
    *,
    max_features: int = 10,
    title: str | None = None,
) -> Figure:
    """Draw a dot for each row and feature, colored by the row's value among those of the feature.

    Gray bands reach two median standard errors from 0. Of more than 2,000 rows every k-th is shown.

    Example:
        >>> weights = np.array([[0.1, -0.3], [0.2, 0.4]])
        >>> figure = beeswarm(["a", "b"], weights, 0 * weights, weights)
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['b', 'a']
    """
    canvas.check_lengths(feature_names, "feature_names", weights=weights, values=values)
    sizes = np.abs(weights).mean(0) if len(weights) else np.zeros(len(feature_names))
    order = canvas.strongest(sizes, max_features)
    names = [feature_names[k] for k in order]
    width, height = canvas.figure_size(names, plot_width=5.6)
    figure, axes = canvas.target_axes(None, width, height + 0.14 * len(names))
    if not names or not len(weights):
        canvas.say_nothing_to_show(axes, title, "no features" if not names else "no rows")
        return figure
    step = -(-len(weights) // _MOST_ROWS)
    span = float(np.ptp(weights[:, order])) or 1.0
    dots: Any = None
    for place, feature in enumerate(order):
        _noise_band(axes, place, 2 * float(np.median(std_errors[:, feature])))
        ranks = _ranks(values[:, feature])[::step]
        dots = _draw_swarm(axes, place, weights[::step, feature], ranks, span)
    _quiet(axes, "weight" + (f" (1 of {step:,} rows is shown)" if step > 1 else ""))
    canvas.label_ticks(axes, "y", list(range(len(names))), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    scale = figure.colorbar(dots, ax=axes, pad=0.02, aspect=30, ticks=[0, 1])
    scale.ax.set_yticklabels(["low", "high"], color=canvas.INK)
    scale.set_label("value of the feature, by rank", color=canvas.INK, labelpad=4)
    scale.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    scale.ax.tick_params(length=0)
    canvas.set_title(axes, title)
    return figure


def _noise_band(axes: Axes, place: int, noise: float) -> None:
    """Within it weights are about as large as their noise."""
    if noise > 0:
        y = place + 0.4 * np.array([-1, 1, 1, -1])
        x = noise * np.array([-1, -1, 1, 1])
        axes.fill(x, y, color=canvas.QUIET, alpha=0.6, linewidth=0, zorder=1)


def _draw_swarm(
    axes: Axes,
    place: int,
    x: Float[np.ndarray, " rows"],
    ranks: Float[np.ndarray, " rows"],
    span: float,
) -> Any:
    """The dots of one feature; those of missing values are gray."""
    y, known = place + _swarm(x, span), ~np.isnan(ranks)
    axes.scatter(x[~known], y[~known], s=9, color=_MISSING, linewidth=0, zorder=2)
    look = {"cmap": "cividis", "vmin": 0, "vmax": 1, "linewidth": 0, "zorder": 3}
    return axes.scatter(x[known], y[known], s=9, c=ranks[known], **look)


def _ranks(values: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """From 0 to 1; equal values are equal, NaN stays."""
    known = ~np.isnan(values)
    found, codes = np.unique(values[known], return_inverse=True)
    ranks = np.full(len(values), np.nan)
    ranks[known] = codes / max(len(found) - 1, 1)
    return ranks


def _swarm(x: Float[np.ndarray, " rows"], span: float) -> Float[np.ndarray, " rows"]:
    """How far from the middle dots lie, so that few lie on each other."""
    bins = np.floor(_BINS * (x - x.min(initial=0)) / span).astype(np.int64)
    order = np.argsort(bins, kind="stable")
    counts = np.bincount(bins)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    number = np.empty(len(x), np.int64)
    number[order] = np.arange(len(x)) - first
    side = np.where(number % 2, 1, -1) * ((number + 1) // 2)
    return side * 0.4 / max(int(np.abs(side).max(initial=0)), 8)


def cohort_bars(
    feature_names: Sequence[str],
    cohort_names: Sequence[str],
    weights: Float[np.ndarray, "cohorts features"],
    half_widths: Float[np.ndarray, "cohorts features"],
    *,
    max_features: int = 8,
    title: str | None = None,
) -> Figure:
    """Draw mean weights of groups beside each other, with 95 % intervals; of six groups at most.

    Example:
        >>> weights = np.array([[0.1, -0.3], [0.2, 0.4]])
        >>> figure = cohort_bars(["a", "b"], ["old", "young"], weights, 0 * weights)
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['b', 'a']
    """
    canvas.check_lengths(feature_names, "feature_names", weights=weights, half_widths=half_widths)
    count = min(len(cohort_names), len(_COHORTS))
    order = canvas.strongest(np.abs(np.nan_to_num(weights)).max(0, initial=0), max_features)
    names = [feature_names[k] for k in order]
    width, height = canvas.figure_size(names, plot_width=5.2)
    height += 0.16 * len(names) * max(count - 1, 0) + 0.22 * count
    figure, axes = canvas.target_axes(None, width, height)
    if not names or not count:
        canvas.say_nothing_to_show(axes, title)
        return figure
    thick = 0.8 / count
    for k in range(count):
        places = np.arange(len(names)) + (k - (count - 1) / 2) * thick
        known = np.nan_to_num(half_widths[k, order])
        axes.barh(
            places,
            weights[k, order],
            height=0.9 * thick,
            color=_COHORTS[k],
            label=canvas.wrap_name(cohort_names[k]),
            xerr=np.where(known > 0, known, np.nan),
            error_kw={"ecolor": canvas.INK, "elinewidth": 1.1, "capsize": 2, "zorder": 3},
            zorder=2,
        )
    more = len(cohort_names) - count
    _quiet(axes, "mean weight, with 95 % interval" + (f" ({more} more groups)" if more else ""))
    canvas.label_ticks(axes, "y", list(range(len(names))), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    canvas.add_legend(axes, (0.0, -0.9 / height), ncols=1)
    canvas.set_title(axes, title)
    return figure


def weight_by_value(
    name: str,
    values: Float[np.ndarray, " rows"],
    weights: Float[np.ndarray, " rows"],
    half_widths: Float[np.ndarray, " rows"],
    levels: Sequence[str] | None,
    *,
    title: str | None = None,
) -> Figure:
    """Draw the weight of a feature in each row against its value, with 95 % intervals.

    `levels` are names of the values, where these are codes; missing values are left out.

    Example:
        >>> values, weights = np.array([1.0, 2.0]), np.array([0.1, 0.3])
        >>> weight_by_value("a", values, weights, 0 * weights, None).axes[0].get_xlabel()
        'a'
    """
    figure, axes = canvas.target_axes(None, 6.4, 4.0)
    known = ~np.isnan(values)
    step = -(-max(int(known.sum()), 1) // _MOST_ROWS)
    x, y, half = values[known][::step], weights[known][::step], half_widths[known][::step]
    if not len(x):
        canvas.say_nothing_to_show(axes, title, "no rows")
        return figure
    if levels is not None:
        spread = np.random.default_rng(0).uniform(-0.25, 0.25, len(x))
        canvas.label_ticks(axes, "x", list(range(len(levels))), levels)
        if max(map(len, levels)) * len(levels) > 60:
            axes.tick_params(axis="x", labelrotation=90)
        x = x + spread
    axes.errorbar(
        x, y, np.where(half > 0, half, np.nan), fmt="none", ecolor=canvas.QUIET, elinewidth=0.8
    )
    axes.scatter(x, y, s=12, color=canvas.POSITIVE, linewidth=0, zorder=3)
    axes.axhline(0, color=canvas.INK, linewidth=0.9, zorder=2)
    axes.spines[:].set_visible(False)
    axes.grid(axis="y", color=canvas.QUIET, linewidth=0.6, zorder=0)
    axes.tick_params(length=0, labelcolor=canvas.INK)
    axes.set_xlabel(canvas.wrap_name(name), color=canvas.INK, parse_math=False, usetex=False)
    more = ", with 95 % interval" if (half > 0).any() else ""
    axes.set_ylabel(f"weight{more}", color=canvas.INK)
    canvas.set_title(axes, title)
    return figure


def decision_lines(
    feature_names: Sequence[str],
    weights: Float[np.ndarray, "rows features"],
    std_errors: Float[np.ndarray, "rows features"],
    intercepts: Float[np.ndarray, " rows"],
    *,
    max_features: int = 10,
    title: str | None = None,
) -> Figure:
    """Draw a line for each row that goes from the intercept, weight by weight, to the output.

    The weakest feature is at the bottom, and the rest of the features below it. Up to twelve rows
    have a band of the 95 % interval of the weights so far, as if these were independent.

    Example:
        >>> weights = np.array([[0.1, -0.3], [0.2, 0.4]])
        >>> figure = decision_lines(["a", "b"], weights, 0 * weights, np.zeros(2))
        >>> figure.axes[0].lines[0].get_xdata().round(1).tolist()
        [0.0, 0.0, 0.1, -0.2]
    """
    canvas.check_lengths(feature_names, "feature_names", weights=weights, std_errors=std_errors)
    sizes = np.abs(weights).mean(0) if len(weights) else np.zeros(len(feature_names))
    order = canvas.strongest(sizes, max_features)[::-1]
    names = [feature_names[k] for k in order]
    figure, axes = canvas.target_axes(None, *canvas.figure_size(names, plot_width=5.2))
    if not names or not len(weights):
        canvas.say_nothing_to_show(axes, title, "no features" if not names else "no rows")
        return figure
    step = -(-len(weights) // 200)
    rest = intercepts + weights.sum(1) - weights[:, order].sum(1)
    steps = np.column_stack([intercepts, rest, weights[:, order]])[::step]
    steps[:, 1] -= steps[:, 0]
    paths = steps.cumsum(1)
    others = np.setdiff1d(np.arange(len(feature_names)), order)
    variances = np.column_stack([(std_errors[:, others] ** 2).sum(1), std_errors[:, order] ** 2])
    bands = 1.96 * np.sqrt(variances[::step].cumsum(1))
    heights = np.arange(-1, len(names) + 1) - 0.5
    middle = float(np.median(paths[:, -1]))
    for path, band in zip(paths, bands, strict=True):
        color = canvas.POSITIVE if path[-1] >= middle else canvas.NEGATIVE
        alpha = max(0.25, 1 - len(paths) / 60)
        axes.plot(path, heights, color=color, linewidth=1.1, alpha=alpha, zorder=2)
        if len(paths) <= 12 and band.any():
            low, high = path[1:] - band, path[1:] + band
            axes.fill_betweenx(heights[1:], low, high, color=color, alpha=0.12, linewidth=0)
    more = f" (1 of {step} rows is shown)" if step > 1 else ""
    _quiet(axes, f"output of the surrogate{more}", zero=False)
    canvas.label_ticks(axes, "y", list(range(len(names))), names)
    axes.set_ylim(-1.5 if len(others) else -0.5, len(names) - 0.5)
    canvas.set_title(axes, title)
    return figure


def waterfall(
    conditions: Sequence[str],
    weights: Float[np.ndarray, " features"],
    half_widths: Float[np.ndarray, " features"],
    base: float,
    *,
    max_features: int = 10,
    title: str | None = None,
) -> Figure:
    """Draw how weights lead from a base to an output, the strongest on top, with 95 % intervals.

    Example:
        >>> figure = waterfall(["a > 1", "b"], np.array([0.1, -0.3]), np.zeros(2), 0.5)
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['b', 'a > 1']
    """
    canvas.check_lengths(conditions, "conditions", weights=weights, half_widths=half_widths)
    order = canvas.strongest(np.abs(weights), max_features)
    names, shown, halves = [conditions[k] for k in order], weights[order], half_widths[order]
    others = np.setdiff1d(np.arange(len(conditions)), order)
    if len(others):
        names = [*names, f"{len(others):,} others"]
        shown = np.append(shown, weights[others].sum())
        halves = np.append(halves, np.sqrt((half_widths[others] ** 2).sum()))
    figure, axes = canvas.target_axes(None, *canvas.figure_size(names, plot_width=5.2))
    if not names:
        canvas.say_nothing_to_show(axes, title)
        return figure
    ends = base + shown[::-1].cumsum()[::-1]
    starts, places = ends - shown, np.arange(len(names))
    colors = [canvas.POSITIVE if weight >= 0 else canvas.NEGATIVE for weight in shown]
    axes.barh(places, shown, left=starts, height=0.62, color=colors, zorder=2)
    some = halves > 0
    look = {"fmt": "none", "ecolor": canvas.INK, "elinewidth": 1.3, "capsize": 2.5, "zorder": 3}
    axes.errorbar(ends[some], places[some], xerr=halves[some], **look)
    for place, end in zip(places[1:], ends[1:], strict=True):
        axes.plot([end, end], [place - 0.7, place + 0.31], color=canvas.QUIET, zorder=1)
    axes.axvline(base, color=canvas.INK, linewidth=0.9, linestyle=":", zorder=1)
    for place, weight, end in zip(places, shown, ends, strict=True):
        side = {"xytext": (6 if weight >= 0 else -6, 0), "ha": "left" if weight >= 0 else "right"}
        text = f"{weight:+.3g}".replace("-", "\u2212")
        look = {"textcoords": "offset points", "va": "center", "color": canvas.INK, **side}
        reach = end + np.sign(weight) * halves[place]
        axes.annotate(text, (reach, place), fontsize="small", **look)
    more = ", with 95 % intervals" if some.any() else ""
    _quiet(axes, f"from {base:.3g} to {ends[0]:.3g}{more}", zero=False)
    reached = np.concatenate([starts, ends - halves, ends + halves])
    room = 0.16 * (float(np.ptp(reached)) or 1.0)
    axes.set_xlim(reached.min() - room, reached.max() + room)
    canvas.label_ticks(axes, "y", places.tolist(), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    canvas.set_title(axes, title)
    return figure


def _quiet(axes: Axes, label: str, *, zero: bool = True) -> None:
    """Axes without a frame, with a line at zero."""
    if zero:
        axes.axvline(0, color=canvas.INK, linewidth=0.9, zorder=1.5)
    axes.tick_params(axis="x", length=0, labelcolor=canvas.INK)
    axes.locator_params(axis="x", nbins=6)
    axes.grid(axis="x", color=canvas.QUIET, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(label, color=canvas.INK)
