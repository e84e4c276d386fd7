"""scikit-learn's models, one file per family; importing them registers their converters."""

import importlib

for _family in (
    *("adaboost", "boosting", "calibration", "curves", "encoders", "ensembles"),
    *("gaussian_process", "linear", "naive_bayes", "neural_network", "on_the_host"),
    *("pipeline", "preprocessing", "several", "svm", "trees"),
):
    importlib.import_module(f"lime_jax.models.sklearn.{_family}")
