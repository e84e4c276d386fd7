"""Matplotlib figures from names and numbers. Importing this does not import matplotlib.

All names and titles are shown literally. Where `ax` is None, a new figure is made, unknown to
pyplot, that notebooks display. ValueError if lengths differ, ImportError without matplotlib.
"""

from __future__ import annotations

from lime_jax.views.plots.bars import explanation_bars as explanation_bars
from lime_jax.views.plots.heatmap import heat_map as heat_map
from lime_jax.views.plots.interactions import dependence_by_partner as dependence_by_partner
from lime_jax.views.plots.interactions import interaction_network as interaction_network
from lime_jax.views.plots.interactions import interaction_squares as interaction_squares
from lime_jax.views.plots.many_rows import beeswarm as beeswarm
from lime_jax.views.plots.many_rows import cohort_bars as cohort_bars
from lime_jax.views.plots.many_rows import decision_lines as decision_lines
from lime_jax.views.plots.many_rows import waterfall as waterfall
from lime_jax.views.plots.many_rows import weight_by_value as weight_by_value
from lime_jax.views.plots.series import shaded_series as shaded_series
from lime_jax.views.plots.summary import summary_bars as summary_bars
from lime_jax.views.plots.superpixels import picture_grid as picture_grid
from lime_jax.views.plots.superpixels import superpixel_contours as superpixel_contours
from lime_jax.views.plots.superpixels import superpixel_heat_map as superpixel_heat_map
from lime_jax.views.plots.superpixels import superpixel_overlay as superpixel_overlay
from lime_jax.views.plots.width_curve import width_curve as width_curve
