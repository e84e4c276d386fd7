"""Figures of one row, from what a page says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lime_jax.fits.intervals import interval_half_widths
from lime_jax.views.described import waterfall_words
from lime_jax.views.report import RowReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def waterfall_of(report: RowReport, num_features: int) -> Figure:
    """The values of a report from the expected value to the output."""
    if report.algorithm == "lime":
        raise ValueError(
            "`waterfall_figure`: expected Shapley values, which add up to the output, got weights "
            "of LIME; see `as_pyplot_figure`, or explain with algorithm='kernel_shap'"
        )
    from lime_jax.views.plots import waterfall

    weights, base = np.array(report.weights, np.float64), float(report.intercept)
    errors = np.array(report.std_errors, np.float64)
    half = interval_half_widths(errors, report.degrees_of_freedom)
    title = f"{report.title}: {report.label}"
    names = list(report.conditions)
    figure = waterfall(names, weights, half, base, max_features=num_features, title=title)
    figure.set_label(waterfall_words(names, weights, half, base))
    return figure
