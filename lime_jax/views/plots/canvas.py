"""What every plot shares: where to draw, quiet axes, names as labels, two safe colors."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from lime_jax.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Axes = Figure = Any

POSITIVE, NEGATIVE = "#0072B2", "#D55E00"  # Okabe and Ito (2008): distinct to all color vision
INK, QUIET = "#24292f", "#d0d7de"
_LINE = 52  # characters of a name on one line
_LITERAL: dict[str, Any] = {"parse_math": False, "usetex": False}  # `$`, `_`, `\` as they are


def target_axes(ax: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """The axes to draw on: the given ones, or new ones on a figure unknown to pyplot."""
    if ax is not None:
        return ax.figure.figure, ax  # pyright: ignore[reportReturnType]  # of a subfigure: its root
    require("matplotlib.figure", extra="plots", needed_by="a plot")
    from lime_jax.views.plots.notebook_figure import NotebookFigure

    figure = NotebookFigure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)  # pyright: ignore[reportOptionalMemberAccess, reportCallIssue]
    return figure, figure.add_subplot()


def wrap_name(name: str, characters: int = _LINE) -> str:
    """Break a long name into lines; no character but control characters is lost."""
    printable = "".join(c if c.isprintable() else " " for c in name)
    lines = textwrap.wrap(printable, characters, drop_whitespace=False, replace_whitespace=False)
    return "\n".join(lines)


def check_lengths(names: Sequence[str], name: str, **arrays: np.ndarray | None) -> None:
    """Raise where an array does not have one entry per name, on the last axis; None is skipped."""
    for argument, values in arrays.items():
        if values is not None and values.shape[-1] != len(names):
            raise ValueError(
                f"`{argument}` should have one entry per name in `{name}` ({len(names)}), "
                f"got shape {values.shape}; pass both in the same order."
            )


def strongest(importance: Float[np.ndarray, " features"], max_features: int) -> list[int]:
    """Positions of the most important features, most important first."""
    if max_features < 1:
        raise ValueError(f"`max_features` should be at least 1, got {max_features}.")
    return np.argsort(-importance, kind="stable")[:max_features].tolist()


def set_title(ax: Axes, title: str | None, characters: int = _LINE) -> None:
    """Put a title at the left, taken literally."""
    if title is not None:
        lines = wrap_name(title, characters)
        ax.set_title(lines, loc="left", color=INK, fontweight="bold", pad=10, **_LITERAL)


def label_ticks(ax: Axes, axis: str, positions: Sequence[int], names: Sequence[str]) -> None:
    """Name the ticks of one axis, every name taken literally."""
    setter = ax.set_xticks if axis == "x" else ax.set_yticks
    setter(positions, [wrap_name(name) for name in names], **_LITERAL)
    ax.tick_params(axis=axis, length=0, labelcolor=INK)  # pyright: ignore[reportArgumentType]


def say_nothing_to_show(ax: Axes, title: str | None, message: str = "no features") -> None:
    """Write a message on empty axes."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, message, ha="center", va="center", color=INK, transform=ax.transAxes)
    set_title(ax, title)


def figure_size(names: Sequence[str], plot_width: float) -> tuple[float, float]:
    """Inches with `plot_width` for the data beside the names, and a line for each of theirs."""
    lines = [wrap_name(name).split("\n") for name in names]
    widest = max((len(line) for name in lines for line in name), default=0)
    rows = sum(max(1.0, 0.62 * len(name)) for name in lines)
    return plot_width + 0.35 + 0.085 * widest, 1.05 + 0.3 * max(rows, 2)


def horizontal_bars(
    ax: Axes,
    names: Sequence[str],
    lengths: Float[np.ndarray, " features"],
    half_widths: Float[np.ndarray, " features"],
    axis_label: str,
) -> None:
    """Bars from the top down, with a line at zero and intervals where their half width is not 0."""
    places = np.arange(len(names))
    colors = [POSITIVE if length >= 0 else NEGATIVE for length in lengths]
    ax.barh(places, lengths, height=0.68, color=colors, zorder=2)
    shown = half_widths > 0
    if shown.any():
        ax.errorbar(
            lengths[shown],
            places[shown],
            xerr=half_widths[shown],
            fmt="none",
            ecolor=INK,
            elinewidth=1.3,
            capsize=2.5,
            zorder=3,
        )
        axis_label += ", with 95 % interval"
    ax.axvline(0, color=INK, linewidth=0.9, zorder=4)
    label_ticks(ax, "y", places.tolist(), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    if not np.nan_to_num(lengths).any() and not shown.any():
        ax.set_xlim(-1, 1)
    ax.locator_params(axis="x", nbins=6)
    ax.ticklabel_format(axis="x", style="sci", scilimits=(-4, 6), useMathText=True)
    ax.tick_params(axis="x", length=0, labelcolor=INK)
    ax.grid(axis="x", color=QUIET, linewidth=0.6, zorder=0)
    ax.set_axisbelow(True)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(axis_label, color=INK)


def ranked_bars(
    names: Sequence[str],
    lengths: Float[np.ndarray, " features"],
    half_widths: Float[np.ndarray, " features"],
    axis_label: str,
    title: str | None,
    ax: Axes | None,
) -> Figure:
    """A figure of `horizontal_bars` with its title."""
    figure, axes = target_axes(ax, *figure_size(names, plot_width=4.6))
    if not names:
        say_nothing_to_show(axes, title)
        return figure
    horizontal_bars(axes, names, lengths, half_widths, axis_label)
    set_title(axes, title)
    return figure


def color_scale(ax: Axes, colors: Any, label: str, extend: str | None = None) -> None:
    """What the colors of a picture mean, beside it."""
    bar = ax.figure.figure.colorbar(colors, ax=ax, extend=extend, pad=0.02, aspect=30)
    bar.set_label(label, color=INK, **_LITERAL)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(length=0, labelcolor=INK)


def add_legend(ax: Axes, place: tuple[float, float], **look: object) -> None:
    """A legend whose upper left corner is at a place of the axes, every name taken literally."""
    legend = ax.legend(
        frameon=False,
        labelcolor=INK,
        fontsize="small",
        loc="upper left",
        bbox_to_anchor=place,
        **look,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
        text.set_usetex(False)
