"""Models that stay on the host, each for a reason of its own."""

from __future__ import annotations

from lime_jax.models.registry import keep_on_host

keep_on_host(
    *("sklearn.KNeighborsClassifier", "sklearn.KNeighborsRegressor"),
    why="which neighbors are the nearest is decided by the last digits of its own distances",
)
keep_on_host(
    *("sklearn.RadiusNeighborsClassifier", "sklearn.RadiusNeighborsRegressor"),
    why="which neighbors are near enough is decided by the last digits of its own distances",
)
keep_on_host("sklearn.OutputCodeClassifier", why="it predicts classes")
keep_on_host(
    "sklearn.KNNImputer",
    why="which rows are the nearest is decided by the last digits of its own distances",
    steps=True,
)
keep_on_host(
    "sklearn.IterativeImputer",
    why="it fills in what models of the other columns predict, round after round",
    steps=True,
)
