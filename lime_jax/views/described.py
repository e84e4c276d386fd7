"""What figures of many rows show, in words, for those who cannot see them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lime_jax.views.report.numbers import count, significant

_MOST = 4


def beeswarm_words(names: Sequence[str], weights: Float[np.ndarray, "rows features"]) -> str:
    """The strongest features and between what their weights are."""
    if not weights.size:
        return "No weights."
    said = "; ".join(
        f"{names[k]} from {significant(float(weights[:, k].min()))} to "
        f"{significant(float(weights[:, k].max()))}"
        for k in _strongest(np.abs(weights).mean(0))
    )
    return f"Weights in {count(len(weights))} rows, each a dot. Strongest: {said}."


def cohort_words(
    names: Sequence[str],
    cohorts: Sequence[str],
    weights: Float[np.ndarray, "cohorts features"],
    half_widths: Float[np.ndarray, "cohorts features"],
) -> str:
    """The mean weights of the strongest features in every group."""
    said = []
    for name, mean, half in zip(cohorts, np.nan_to_num(weights), half_widths, strict=True):
        parts = ", ".join(
            f"{names[k]} {significant(float(mean[k]))}{_more(float(half[k]))}"
            for k in _strongest(np.abs(mean))
        )
        said.append(f"{name}: {parts}")
    return f"Mean weights by group. {'; '.join(said)}."


def dependence_words(
    name: str, values: Float[np.ndarray, " rows"], weights: Float[np.ndarray, " rows"]
) -> str:
    """Mean weights where values are low, and where they are high."""
    known = ~np.isnan(values)
    values, weights = values[known], weights[known]
    if not len(values):
        return f"Weights of {name}: no rows."
    low = values <= np.median(values)
    said = f"The lower half weighs {significant(float(weights[low].mean()))} on average"
    if not low.all():
        said += f", the upper {significant(float(weights[~low].mean()))}"
    return f"Weights of {name} against its value in {count(len(values))} rows. {said}."


def decision_words(
    names: Sequence[str],
    weights: Float[np.ndarray, "rows features"],
    intercepts: Float[np.ndarray, " rows"],
) -> str:
    """Where lines start and end, and what parts them most."""
    if not weights.size:
        return "No weights."
    ends = intercepts + weights.sum(1)
    widest = int(weights.std(0).argmax())
    return (
        f"A line for each of {count(len(weights))} rows, weight by weight, from "
        f"{significant(float(intercepts.mean()))} on average to between "
        f"{significant(float(ends.min()))} and {significant(float(ends.max()))}; "
        f"{names[widest]} parts them most."
    )


def waterfall_words(
    conditions: Sequence[str],
    weights: Float[np.ndarray, " features"],
    half_widths: Float[np.ndarray, " features"],
    base: float,
) -> str:
    """What the strongest add, from the base to the output."""
    said = ", ".join(
        f"{conditions[k]} {significant(float(weights[k]))}{_more(float(half_widths[k]))}"
        for k in _strongest(np.abs(weights))
    )
    end = significant(base + float(weights.sum()))
    return f"From {significant(base)} to {end}. Strongest: {said or 'none'}."


def _more(half_width: float) -> str:
    return f" ± {significant(half_width, 2)}" if np.isfinite(half_width) and half_width > 0 else ""


def _strongest(sizes: Float[np.ndarray, " features"]) -> list[int]:
    return np.argsort(-sizes, kind="stable")[:_MOST].tolist()
