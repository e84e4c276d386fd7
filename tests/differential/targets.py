"""What models are fitted to: a random function of a table's columns, as numbers or classes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.differential.columns import Generator
from tests.differential.tables import Table

SCALES = {"unit": (0.0, 1.0), "price": (5e5, 1e5), "far": (1.7e9, 100.0), "tiny": (0.0, 1e-20)}


@dataclasses.dataclass(frozen=True)
class Target:
    """One number or class for every row of a table.

    Attributes:
        kind: "regression", "binary" or "multiclass", and of what scale or naming.
        values: (rows,), or (rows, targets).
    """

    kind: str
    values: np.ndarray

    @property
    def is_classes(self) -> bool:
        """Whether the values are classes."""
        return not self.kind.startswith("regression")


def codes(table: Table) -> np.ndarray:
    """(rows, features) the columns as standardized numbers, missing as 0; levels in order."""
    parts = []
    for column in table.columns:
        if column.values.dtype == object:
            names = sorted({v for v in column.values if v is not None})
            numbers = np.array(
                [names.index(v) if v is not None else -1 for v in column.values], float
            )
        else:
            numbers = np.nan_to_num(column.values - np.nanmean(column.values))
        spread = numbers.std()
        parts.append(numbers / spread if spread > 0 else numbers * 0)
    return np.stack(parts, axis=1)


def make_target(rng: Generator, table: Table) -> Target:
    """A random target.

    Args:
        rng: to draw from.
        table: that it is a function of, up to some noise.

    Returns:
        The target.
    """
    z = codes(table)
    weights = rng.normal(size=z.shape[1])
    signal = z @ weights + np.sin(2 * z[:, 0]) * z[:, -1] + 0.3 * rng.normal(size=len(z))
    kind = str(rng.choice(["regression", "binary", "multiclass"], p=[0.45, 0.3, 0.25]))
    if kind == "regression":
        scale = str(rng.choice([*SCALES], p=[0.72, 0.14, 0.09, 0.05]))
        middle, spread = SCALES[scale]
        return Target(f"regression:{scale}", middle + spread * signal / max(signal.std(), 1e-9))
    cuts = [0.0] if kind == "binary" else [-0.5, 0.6]
    classes = np.digitize(signal / max(signal.std(), 1e-9), cuts)
    classes[: len(cuts) + 1] = np.arange(len(cuts) + 1)  # each of them in the training rows
    names: list[Any] = [[0, 1, 2], [10, 500, 20], ["no", "yes", "maybe"]]
    chosen = int(rng.choice(3, p=[0.6, 0.2, 0.2]))
    return Target(
        f"{kind}:{['plain', 'renamed', 'text'][chosen]}", np.array(names[chosen])[classes]
    )
