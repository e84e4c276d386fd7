"""The algorithms for tables, and the settings of each, by name."""

from __future__ import annotations

from lime_jax.tabular.kernel_shap import TabularShap
from lime_jax.tabular.lime import TabularLime
from lime_jax.tabular.settings import LimeSettings, PathSettings, ShapSettings
from lime_jax.tabular.tree_path import TabularTreePath

ALGORITHMS = {"lime": TabularLime, "kernel_shap": TabularShap, "tree_path": TabularTreePath}
SETTINGS = {"lime": LimeSettings, "kernel_shap": ShapSettings, "tree_path": PathSettings}
