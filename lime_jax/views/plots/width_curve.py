"""What a kernel width does to an explanation: weights, fit and sample size along the widths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from lime_jax.fits.intervals import interval_factor
from lime_jax.views.plots import canvas
from lime_jax.views.plots.canvas import Axes, Figure

# Okabe and Ito (2008): distinct to all color vision.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_MARK: dict[str, Any] = {"color": canvas.INK, "linewidth": 1, "linestyle": (0, (4, 3)), "zorder": 1}


def width_curve(
    widths: Sequence[float] | Float[np.ndarray, " widths"],
    weights: Float[np.ndarray, "widths features"],
    std_errors: Float[np.ndarray, "_ features"] | None,
    names: Sequence[str],
    scores: Float[np.ndarray, " _"],
    effective_samples: Float[np.ndarray, " _"],
    *,
    held_out_scores: Float[np.ndarray, " _"] | None = None,
    chosen: float | None = None,
    degrees_of_freedom: int | None = None,
    max_features: int = 5,
    title: str | None = None,
) -> Figure:
    """Draw one explanation along the kernel widths that were tried.

    Args:
        widths: positive, in any order.
        weights: in units of the output.
        std_errors: in the same units; None, 0 or NaN: no band.
        scores: R² of the surrogates.
        effective_samples: of the neighborhoods.
        held_out_scores: R² on samples that the surrogates were not fitted to.
        chosen: a width to mark.
        degrees_of_freedom: of Student's t for the bands (replicates - 1); None: 1.96 errors.
        max_features: how many to show, those of the largest |weight| at any width; at most 6.

    Example:
        >>> figure = width_curve(
        ...     [0.5, 1.0, 2.0],
        ...     np.array([[0.1, 0.4], [0.2, 0.3], [0.2, 0.2]]),
        ...     None,
        ...     ["a", "b"],
        ...     np.array([0.9, 0.8, 0.6]),
        ...     np.array([20.0, 200.0, 900.0]),
        ... )
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['weight', 'R²', 'effective samples']
    """
    widths = np.asarray(widths, np.float64)
    _check(widths, weights, std_errors, names, scores, effective_samples, held_out_scores)
    if not 1 <= max_features <= len(_COLORS):
        raise ValueError(
            f"`max_features` should be from 1 to {len(_COLORS)}, the colors that are told apart, "
            f"got {max_features}."
        )
    shown = canvas.strongest(np.abs(weights).max(axis=0, initial=0), max_features)
    width, _ = canvas.figure_size([names[k] for k in shown], plot_width=5.6)
    figure, first = canvas.target_axes(None, width, 7.0)
    if not names or not len(widths):
        canvas.say_nothing_to_show(first, title, "no features" if not names else "no widths")
        return figure
    first.remove()
    panels = figure.subplots(3, 1, sharex=True, height_ratios=(2.2, 1, 1))
    order = np.argsort(widths)
    half = np.zeros_like(weights) if std_errors is None else std_errors
    half = np.where(np.isfinite(half), half, 0) * interval_factor(degrees_of_freedom)
    x = widths[order]
    _draw_weights(panels[0], x, weights[order], half[order], names, shown)

    both = (("fitted", canvas.INK, scores), ("held out", _COLORS[1], held_out_scores))
    for label, color, values in both:
        if values is not None:
            line = dict(color=color, marker="o", markersize=3.5, label=label)
            panels[1].plot(x, values[order], **line)
    if chosen is not None:
        for axes in panels:
            axes.axvline(chosen, **_MARK, label="chosen")
    canvas.add_legend(panels[1], (1.0, 1.0))
    panels[1].set_ylabel("R²", color=canvas.INK)
    panels[2].plot(x, effective_samples[order], color=canvas.INK, marker="o", markersize=3.5)
    panels[2].set_ylim(bottom=0)
    panels[2].yaxis.set_major_formatter("{x:,.0f}")
    panels[2].set_ylabel("effective samples", color=canvas.INK)
    panels[2].set_xlabel("kernel width", color=canvas.INK)
    for axes in panels:
        _quiet(axes)
    panels[0].set_xscale("log")
    _label_widths(panels[2], x)
    canvas.set_title(panels[0], title)
    figure.align_ylabels(panels)
    return figure


def _draw_weights(
    axes: Axes,
    x: Float[np.ndarray, " widths"],
    weights: Float[np.ndarray, "widths features"],
    half: Float[np.ndarray, "widths features"],
    names: Sequence[str],
    shown: Sequence[int],
) -> None:
    for color, k in zip(_COLORS, shown, strict=False):
        middle = weights[:, k]
        axes.fill_between(
            x, middle - half[:, k], middle + half[:, k], color=color, alpha=0.18, lw=0
        )
        axes.plot(
            x, middle, color=color, marker="o", markersize=3.5, label=canvas.wrap_name(names[k])
        )
    axes.axhline(0, color=canvas.INK, linewidth=0.9, zorder=1)
    bands = ", with 95 % interval" if half[:, shown].any() else ""
    axes.set_ylabel(f"weight{bands}", color=canvas.INK)
    canvas.add_legend(axes, (1.0, 1.0))


def _quiet(axes: Axes) -> None:
    axes.grid(axis="y", color=canvas.QUIET, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="both", which="both", length=0, labelcolor=canvas.INK)


def _label_widths(axes: Axes, x: Float[np.ndarray, " widths"]) -> None:
    """Ticks at the widths themselves, as many as there is room for."""
    every = -(-len(x) // 8)
    axes.set_xticks(x[::every], [f"{width:.3g}" for width in x[::every]])
    axes.set_xticks([], minor=True)


def _check(
    widths: np.ndarray,
    weights: np.ndarray,
    std_errors: np.ndarray | None,
    names: Sequence[str],
    scores: np.ndarray,
    effective_samples: np.ndarray,
    held_out_scores: np.ndarray | None,
) -> None:
    canvas.check_lengths(names, "names", weights=weights, std_errors=std_errors)
    for argument, values in (
        ("weights", weights),
        ("std_errors", std_errors),
        ("scores", scores),
        ("effective_samples", effective_samples),
        ("held_out_scores", held_out_scores),
    ):
        if values is not None and len(values) != len(widths):
            raise ValueError(
                f"`{argument}` should have one entry per width in `widths` ({len(widths)}), "
                f"got shape {values.shape}."
            )
    if not (widths > 0).all():
        raise ValueError(f"`widths` should be positive, got {widths.min():g}.")
