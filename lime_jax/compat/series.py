"""Series (rows, steps, features) as rows of a table, as `lime` lays them: feature after feature."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np


def as_series(data: object, name: str, shape: tuple[int, int] | None = None) -> np.ndarray:
    """(rows, steps, features) numbers, of so many steps and features."""
    try:
        series = np.asarray(data, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}`: expected series of one length, (rows, steps, features) numbers ({error})"
        ) from error
    if series.ndim != 3 or (shape is not None and series.shape[1:] != shape):
        wanted = "(rows, steps, features)" if shape is None else f"{shape[0]} steps of {shape[1]}"
        raise ValueError(f"`{name}`: expected {wanted}, got shape {series.shape}")
    return series


def flat(series: np.ndarray) -> np.ndarray:
    """(rows, features x steps): the steps of the first feature, then of the next.

    Example:
        >>> flat(np.array([[[1, 10], [2, 20]]])).tolist()
        [[1, 2, 10, 20]]
    """
    return series.transpose(0, 2, 1).reshape(len(series), -1)


def step_names(names: Iterable[object], steps: int) -> list[str]:
    """What the steps of each feature are called, counted from the last one.

    Example:
        >>> step_names(["a"], 2)
        ['a_t-1', 'a_t-0']
    """
    return [f"{name}_t-{steps - 1 - step}" for name in names for step in range(steps)]


def steps_of(features: Sequence[int] | None, count: int, steps: int) -> list[int] | None:
    """The columns of all steps of some features.

    Example:
        >>> steps_of([1], 2, 3)
        [3, 4, 5]
    """
    if features is None:
        return None
    numbers = [int(feature) for feature in features]
    if any(not 0 <= feature < count for feature in numbers):
        raise ValueError(
            f"`categorical_features`: expected numbers of features, 0 to {count - 1}, each for all "
            f"of its steps, got {numbers}"
        )
    return [feature * steps + step for feature in numbers for step in range(steps)]


def names_of_steps(names: Mapping[int, object] | None, count: int, steps: int) -> Any:
    """Names of levels by column."""
    if not names:
        return names
    return {
        feature * steps + step: levels for feature, levels in names.items() for step in range(steps)
    }


@dataclasses.dataclass(frozen=True)
class OfSeries:
    """A model of series, called with rows of a table."""

    model: Any
    steps: int
    features: int

    by_column: ClassVar[bool] = True
    """Whether rows that lie column after column will do."""

    def __call__(self, rows: np.ndarray) -> Any:
        """What the model says of the series."""
        columns = np.asarray(rows).T.reshape(self.features, self.steps, len(rows))
        series = np.ascontiguousarray(columns.transpose(2, 1, 0))
        return getattr(self.model, "predict", self.model)(series)
