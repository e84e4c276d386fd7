"""Models that Spark ML fitted: read once, then plain arrays; one file per family."""

import importlib

for _family in ("pipeline", "steps", "predictors", "tree_models", "xgboost_models", "unread"):
    importlib.import_module(f"lime_jax.models.spark.{_family}")
