"""`score` and `local_pred`, which `lime` has as numbers in one version and by label in another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Score(float):
    """R² of the label that was fitted last, and by `[label]` of each.

    Example:
        >>> score = Score.of({0: 0.25, 1: 0.5})
        >>> round(score, 1), score[0], list(score.keys())
        (0.5, 0.25, [0, 1])
    """

    by_label: dict[Any, float]

    @classmethod
    def of(cls, by_label: Mapping[object, float]) -> Score:
        """The last of some numbers, which it keeps."""
        score = cls(list(by_label.values())[-1] if by_label else float("nan"))
        score.by_label = dict(by_label)
        return score

    def __getitem__(self, label: object) -> float:
        """Of one label."""
        return self.by_label[label]

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle."""
        return type(self).of, (self.by_label,)

    def keys(self) -> Any:
        """The labels."""
        return self.by_label.keys()

    def items(self) -> Any:
        """Labels and scores."""
        return self.by_label.items()

    def values(self) -> Any:
        """The scores."""
        return self.by_label.values()

    def get(self, label: object, default: object = None) -> Any:
        """Of one label, or something else."""
        return self.by_label.get(label, default)


class LocalPrediction(np.ndarray):
    """(1,) the surrogate's value for the label that was fitted last, and by `[label]` of each.

    `[0]` is that of label 0 where it was explained, else that of the last.

    Example:
        >>> prediction = LocalPrediction.of({1: 0.25, 2: 0.5})
        >>> float(prediction[0]), float(prediction[1]), prediction.shape
        (0.5, 0.25, (1,))
    """

    by_label: dict[Any, float]

    @classmethod
    def of(cls, by_label: Mapping[object, float]) -> LocalPrediction:
        """The last of some numbers, which it keeps."""
        last = list(by_label.values())[-1] if by_label else np.nan
        prediction = np.array([last], np.float64).view(cls)
        prediction.by_label = dict(by_label)
        return prediction

    def __array_finalize__(self, obj: object) -> None:
        """What is computed from it is as any other array."""
        self.by_label = {}

    def __getitem__(self, label: Any) -> Any:
        """Of one label, or a place of the array."""
        if isinstance(label, int | np.integer | str) and label in self.by_label:
            return np.float64(self.by_label[label])
        return np.asarray(self)[label]

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle."""
        if not self.by_label:
            return np.array, (np.asarray(self).tolist(),)
        return type(self).of, (self.by_label,)

    def keys(self) -> Any:
        """The labels."""
        return self.by_label.keys()

    def items(self) -> Any:
        """Labels and values."""
        return self.by_label.items()
