"""What defines an explanation of a table: the settings of each algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lime_jax.tabular import frames
from lime_jax.tabular.frames.asked import as_list


def learn_table(settings: Mapping[str, Any], X: Any) -> frames.Schema:
    """The schema of a table, with the names and levels that the settings give it."""
    categorical, names = settings["categorical_features"], settings["feature_names"]
    return frames.learn_schema(
        X,
        None if categorical is None else as_list(categorical),
        None if names is None else as_list(names),
        settings["categorical_names"],
    )
