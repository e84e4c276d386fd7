"""scikit-learn's models, one file per family; importing them registers their converters."""

from lime_jax.models.sklearn import (
    adaboost,
    boosting,
    calibration,
    encoders,
    ensembles,
    histograms,
    linear,
    naive_bayes,
    neural_network,
    on_the_host,
    pipeline,
    preprocessing,
    svm,
    trees,
)

__all__ = [
    "adaboost",
    "boosting",
    "calibration",
    "encoders",
    "ensembles",
    "histograms",
    "linear",
    "naive_bayes",
    "neural_network",
    "on_the_host",
    "pipeline",
    "preprocessing",
    "svm",
    "trees",
]
