"""Columns as people have them: what is in them, and the type they are stored in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

Generator = np.random.Generator


@dataclasses.dataclass(frozen=True)
class Column:
    """Values of all rows.

    Attributes:
        kind: the recipe it was made by.
        values: numbers in float64 with NaN where missing, or text with None.
        dtype: "float64", "float32", "int64", "uint8", "bool", "text", "category",
            "nullable_int", "nullable_float" or "datetime".
    """

    kind: str
    values: np.ndarray
    dtype: str

    @property
    def is_level(self) -> bool:
        """Whether the explainer takes it as categorical by itself."""
        return self.dtype in ("text", "category", "bool")


def _normal(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return rng.normal(size=n)


def _decimals(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return np.round(rng.normal(size=n), int(kin.integers(0, 3)))


def _float32(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return rng.normal(size=n).astype(np.float32).astype(np.float64)


def _positive(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return rng.lognormal(0, 1, n)


def _ties(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return rng.choice([-1.5, 0.1, 0.3, 2.0], n)


def _constant(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return np.full(n, float(kin.choice([0.0, 1.0, 0.1, 1e9])))


def _spike(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    values = rng.uniform(0, 100, n)
    place = kin.choice([0.0, 100.0, 50.0])
    return np.where(rng.random(n) < 0.75, place, values)


def _flag(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return (rng.random(n) < kin.choice([0.1, 0.5, 0.9])).astype(float)


def _rating(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return rng.choice([1.0, 2.0, 3.0, 4.0, 5.0], n, p=[0.05, 0.05, 0.05, 0.1, 0.75])


def _day(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return rng.integers(0, 7, n).astype(float)


def _count(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return rng.integers(0, 256, n).astype(float)


def _whole(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return rng.integers(-1000, 1000, n).astype(float)


def _huge(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return 1e12 * rng.normal(size=n)


def _tiny(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return 1e-12 * rng.normal(size=n)


def _epoch(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return 1.7e9 + rng.integers(0, 5000, n)


def _close(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    """Numbers that float32 takes for one another."""
    return 1e6 + np.round(rng.normal(size=n), 2) / 100


def _missing(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return np.where(rng.random(n) < 0.15, np.nan, np.round(rng.normal(size=n), 1))


def _missing_whole(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return np.where(rng.random(n) < 0.15, np.nan, rng.integers(0, 9, n))


def _text(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    return rng.choice(np.array(["red", "green", "blue", "01"], object), n)


def _rare(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    names = np.array(["a", "b", "c", "d", "e"], object)
    return rng.choice(names, n, p=[0.6, 0.3, 0.06, 0.02, 0.02])


def _text_missing(rng: Generator, n: int, kin: Generator) -> np.ndarray:
    names = rng.choice(np.array(["x", "y", "z"], object), n)
    names[rng.random(n) < 0.15] = None
    return names


Recipe = tuple[Callable[[Generator, int, Generator], np.ndarray], tuple[str, ...], float]

RECIPES: dict[str, Recipe] = {
    "normal": (_normal, ("float64",), 3),
    "decimals": (_decimals, ("float64",), 3),
    "float32": (_float32, ("float32", "float64"), 1),
    "positive": (_positive, ("float64",), 2),
    "ties": (_ties, ("float64",), 1),
    "constant": (_constant, ("float64",), 0.5),
    "spike": (_spike, ("float64",), 1),
    "flag": (_flag, ("int64", "float64", "bool", "uint8"), 1.5),
    "rating": (_rating, ("int64", "float64", "uint8"), 1),
    "day": (_day, ("int64", "uint8", "float64"), 1.5),
    "count": (_count, ("uint8", "int64"), 1),
    "whole": (_whole, ("int64", "float64"), 1),
    "huge": (_huge, ("float64",), 0.7),
    "tiny": (_tiny, ("float64",), 0.7),
    "epoch": (_epoch, ("int64", "float64", "datetime"), 0.7),
    "close": (_close, ("float64",), 0.7),
    "missing": (_missing, ("float64", "nullable_float"), 1),
    "missing_whole": (_missing_whole, ("nullable_int", "float64"), 1),
    "text": (_text, ("text", "category"), 1.5),
    "rare": (_rare, ("text", "category"), 1),
    "text_missing": (_text_missing, ("text", "category"), 0.7),
}


def choose_recipe(kin: Generator, allowed: tuple[str, ...]) -> tuple[str, str]:
    """A random recipe and a type to store it in.

    Args:
        kin: to draw from.
        allowed: types.

    Returns:
        The recipe's name and the type.
    """
    fitting = [name for name, (_, dtypes, _) in RECIPES.items() if set(dtypes) & set(allowed)]
    weight = np.array([RECIPES[name][2] for name in fitting])
    kind = str(kin.choice(fitting, p=weight / weight.sum()))
    return kind, str(kin.choice([dtype for dtype in RECIPES[kind][1] if dtype in allowed]))


def native_values(column: Column) -> list[Any]:
    """The values as Python's own, None where missing."""
    if column.values.dtype == object:
        return column.values.tolist()
    return [None if np.isnan(value) else value for value in column.values.tolist()]
