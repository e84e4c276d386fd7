"""Stages of Spark ML as they were fitted, in plain arrays, and the columns that they work on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from lime_jax.models.labels import is_missing
from lime_jax.typing import Scalar, Table

_T = TypeVar("_T", bound=Callable[..., Any])

HANDLE = "handleInvalid"


@dataclasses.dataclass(frozen=True, eq=False)
class FittedStage:
    """One stage, without Spark.

    Attributes:
        kind: the name of its class.
        inputs: columns that it reads, by name; and
        outputs: columns that it makes.
        facts: settings by Spark's names, and what was learned.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def keeps_invalid(self) -> bool:
        """Whether what it does not know is a value of its own."""
        return self.facts.get(HANDLE) == "keep"

    def refuse(self, what: str) -> ValueError:
        """What Spark would raise of a value; of a row that it would leave out, the same."""
        skips = self.facts.get(HANDLE) == "skip"
        does = "leaves rows out with" if skips else "refuses"
        return ValueError(
            f"`model`: its {self.kind} {does} {what} (handleInvalid={self.facts.get(HANDLE)!r}); "
            "leave such rows out, or set handleInvalid='keep' before fitting"
        )


ON_HOST: dict[str, Callable[[FittedStage, list[np.ndarray]], list[np.ndarray]]] = {}
"""By kind: columns to columns, (rows,) of numbers or objects, or (rows, width) of numbers."""


def on_host(*kinds: str) -> Callable[[_T], _T]:
    """A decorator for what stages of some kinds do with columns, in float64 by NumPy."""

    def register(function: _T) -> _T:
        ON_HOST.update(dict.fromkeys(kinds, function))
        return function

    return register


def setting(stage: Any, name: str) -> Any:
    """A setting of a stage of Spark; None where it has none."""
    if not stage.hasParam(name) or not stage.isDefined(name):
        return None
    return stage.getOrDefault(name)


def table_columns(batch: Table, names: Sequence[str]) -> dict[str, np.ndarray] | None:
    """Some columns of a frame by name; None: it is an array, which has no names."""
    if isinstance(batch, np.ndarray):
        return None
    if isinstance(batch, dict):
        return {name: np.asarray(batch[name]) for name in names if name in batch}
    import narwhals as nw

    frame = nw.from_native(batch, eager_only=True)
    there = [name for name in names if name in frame.columns]
    return {name: np.asarray(frame[name].to_numpy()) for name in there}


def as_numbers(values: np.ndarray) -> np.ndarray:
    """A column in float64; NaN where it is missing."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    return np.array([np.nan if is_missing(v) else v for v in values.tolist()], np.float64)


def as_text(value: Scalar) -> str | None:
    """A value as Spark's cast to text says it; None where it is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if is_missing(value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        plain = value == 0 or 1e-3 <= abs(value) < 1e7
        # Elsewhere Java writes an exponent.
        return repr(value) if plain else _with_exponent(value)
    return str(value)


def _with_exponent(value: float) -> str:
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    digits, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        digits, _, exponent = np.format_float_scientific(value, trim="0").partition("e")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"
