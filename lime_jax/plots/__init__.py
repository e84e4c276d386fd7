"""Matplotlib figures from names and numbers. Importing this does not import matplotlib."""

from __future__ import annotations

from lime_jax.plots.bars import explanation_bars as explanation_bars
from lime_jax.plots.heatmap import heat_map as heat_map
from lime_jax.plots.summary import summary_bars as summary_bars
from lime_jax.plots.width_curve import width_curve as width_curve

__all__ = ["explanation_bars", "heat_map", "summary_bars", "width_curve"]
