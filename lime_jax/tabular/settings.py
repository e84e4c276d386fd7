"""What defines an explanation of a table: the settings of each algorithm."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lime_jax.arguments import as_list, check_whole
from lime_jax.tabular import frames
from lime_jax.typing import Table


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableSettings:
    """The settings of `TabularExplainer` that all algorithms have; attributes are as there."""

    categorical_features: Sequence[Any] | np.ndarray | None
    feature_names: Sequence[str] | np.ndarray | None
    categorical_names: Mapping[Any, Any] | None
    features: Sequence[Any] | np.ndarray | None
    seed: int

    def learn_schema(self, X: Table) -> frames.Schema:
        """The schema of a table, with the names and levels that are set."""
        categorical, names = self.categorical_features, self.feature_names
        return frames.learn_schema(
            X,
            None if categorical is None else as_list(categorical),
            None if names is None else as_list(names),
            self.categorical_names,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LimeSettings(TableSettings):
    """The settings of LIME; attributes are as in `TabularExplainer`."""

    discretizer: str | Sequence[Any] | Mapping[Any, Any] | None
    sample_around_instance: bool
    encoding: str | None
    distance_space: str | None
    distance: str
    kernel: Callable[..., Any] | None
    kernel_width: float | int | None
    alpha: float | int
    feature_selection: str
    design: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PathSettings(TableSettings):
    """The settings of path-dependent values; attributes are as in `TabularExplainer`."""

    groups: Mapping[str, Sequence[Any]] | Sequence[Sequence[Any]] | None
    value: str
    interactions: bool

    def check_value(self) -> None:
        """Refuse an unknown kind of value."""
        if self.value not in ("shapley", "banzhaf"):
            raise ValueError(f"`value`: expected 'shapley' or 'banzhaf', got {self.value!r}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShapSettings(PathSettings):
    """The settings of KernelSHAP; attributes are as in `TabularExplainer`."""

    link: str
    summarize: int | None
    max_pairs: int | None

    def check_value(self) -> None:
        """Refuse settings of values that do not go together."""
        super().check_value()
        if self.max_pairs is not None:
            check_whole("max_pairs", self.max_pairs)
            if not self.interactions:
                raise ValueError("`max_pairs`: belongs to `interactions`, which are not asked for")
