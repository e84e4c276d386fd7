"""What a `LimeTabularExplainer` is made of, for those who sample and explain for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from lime_jax.compat.explanation import Explanation
from lime_jax.compat.packed import Samples
from lime_jax.compat.tables import Asked


@runtime_checkable
class TableExplainer(Protocol):
    """What is read of a `LimeTabularExplainer`."""

    mode: str
    base: Any
    discretizer: Any
    scaler: Any
    class_names: Any
    random_state: Any
    feature_names: list[Any]
    categorical_features: list[Any]
    categorical_names: Mapping[int, Any]
    feature_selection: str
    feature_values: dict[int, list[Any]]
    feature_frequencies: dict[int, np.ndarray]
    numbers: dict[int, tuple[float, float, float, float]]
    sample_around_instance: bool
    exact: bool
    has_width: bool

    @property
    def draws_otherwise(self) -> bool:
        """Whether somebody has other samples drawn."""
        ...

    def checked_outputs(self, raw: object, count: int) -> np.ndarray:
        """What a model returned, as (rows, outputs)."""
        ...

    def started(
        self, row: object, outputs: np.ndarray, scaled_row: object, bins: np.ndarray | None = None
    ) -> Explanation:
        """An explanation without weights."""
        ...

    def fill(
        self,
        found: Explanation,
        samples: Samples,
        asked: Asked,
        pack: Callable[[Explanation, Samples], object],
    ) -> None:
        """Explain the labels that are asked for, through `base`."""
        ...
