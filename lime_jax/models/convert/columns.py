"""One column of a model's inputs, as a function of one raw column of the table.

Steps are the library's own arithmetic in float64, so that rounding is the same to the last digit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float64

from lime_jax.models.convert.curves import CURVES, UP_AND_DOWN
from lime_jax.typing import AnyArray


class NotConvertibleError(Exception):
    """A model, or a part of it, that has no JAX form here; the message says which and why."""


INCREASING = frozenset(
    ("arcsinh", "arctan", "cbrt", "ceil", "deg2rad", "degrees", "exp", "exp2", "expm1", "floor")
)
INCREASING |= {"positive", "rad2deg", "radians", "rint", "sinh", "tanh", "trunc"}
"""NumPy's functions of one number that never decrease, and are a number for each."""

INCREASING_ABOVE = frozenset(["arccosh", "log", "log10", "log1p", "log2", "sqrt"])
"""Those that are NaN below some number and never decrease above it."""

StepPart: TypeAlias = Any
"""The name of a step, one of its numbers, or the name of one of NumPy's functions."""


@dataclasses.dataclass(frozen=True)
class NumberColumn:
    """A function of a raw numeric column."""

    raw: int  # number of the raw column
    # In order: ("subtract" | "add" | "multiply" | "divide" | "constant", number), ("clip", low,
    # high), ("function", name of NumPy's of one number), ("fill", number for NaN), ("missing", low,
    # high: numbers that become NaN), ("above", number: 1 above it, 0 elsewhere), ("float32",), or
    # the name of one of `CURVES`, and tuples of its numbers.
    steps: tuple[tuple[Any, ...], ...] = ()
    missing: float = np.nan  # this column's value where the raw one is missing; NaN: missing too
    single: bool = False  # whether the raw column is float32, and stays so from step to step

    def then(self, *step: StepPart) -> NumberColumn:
        """The column after one more step, whose scale must be positive, and its numbers finite."""
        _check(step)
        missing = float(_apply(np.float64(self.missing), (step,), self.single))
        return dataclasses.replace(self, steps=(*self.steps, step), missing=missing)

    def values(self, raw: np.ndarray) -> np.ndarray:
        """The column, for values of the raw one that are not missing, in float64."""
        return _apply(np.asarray(raw, np.float64), self.steps, self.single)

    def is_raw(self, number: int) -> bool:
        """Whether it is a raw column as it is."""
        return self.raw == number and not self.steps and bool(np.isnan(self.missing))

    @property
    def is_line(self) -> bool:
        """Whether it is a line, at most cut off at two heights."""
        return all(name in _LINES for name, *_ in self.steps)

    @property
    def is_total(self) -> bool:
        """Whether it is a number for each number."""
        partial = {("function", name) for name in INCREASING_ABOVE}
        some = ("missing", "box_cox")
        return not any(step[:2] in partial or step[0] in some for step in self.steps)

    @property
    def goes_down(self) -> bool:
        """Whether it may decrease somewhere, so that a threshold on it is none on the raw one."""
        return any(name in UP_AND_DOWN for name, *_ in self.steps)

    @property
    def is_stepwise(self) -> bool:
        """Whether it is a function of the bins of a raw number."""
        return any(name == "bins" for name, *_ in self.steps)

    def guard(self) -> NumberColumn:
        """The raw column, missing where this one is: thresholds on it test this one.

        It refuses a step that decreases, or that makes NaN of numbers in the middle.
        """
        guard = NumberColumn(self.raw)
        for number, (name, *numbers) in enumerate(self.steps):
            if name == "missing":
                if number:
                    raise NotConvertibleError(f"{numbers} are missing values of a changed column")
                guard = guard.then("missing", *numbers)
            elif name == "box_cox" or (name == "function" and numbers[0] in INCREASING_ABOVE):
                if ("fill",) in {step[:1] for step in self.steps[:number]}:
                    function = name if name == "box_cox" else numbers[0]
                    raise NotConvertibleError(f"{function} of a column that was filled")
                lowest = dataclasses.replace(self, steps=self.steps[: number + 1])._lowest()
                guard = guard.then("missing", -np.inf, np.nextafter(lowest, -np.inf))
            elif name == "function" and numbers[0] not in INCREASING:
                raise NotConvertibleError(f"the function {numbers[0]} does not only increase")
        return guard

    def _lowest(self) -> float:
        """The smallest raw number at which the column is one; NaN below, none above."""
        low, high = -np.finfo(np.float64).max, np.finfo(np.float64).max
        return float(_first(lambda raw: ~np.isnan(self.values(raw)), np.array([low]), high)[0])

    def line(self) -> tuple[float, float, float, float, float]:
        """`shift, scale, offset, low, high`: `clip((raw - shift) * scale + offset, low, high)`."""
        shift, scale, offset, low, high = 0.0, 1.0, 0.0, -np.inf, np.inf
        for name, *numbers in self.steps:
            a = float(numbers[0])
            if name == "constant":
                shift, scale, offset, low, high = 0.0, 0.0, a, -np.inf, np.inf
            elif name == "clip":
                low, high = np.clip([low, high], numbers[0], numbers[1])
            elif name in ("multiply", "divide"):
                factor = a if name == "multiply" else 1 / a
                scale, offset, low, high = (v * factor for v in (scale, offset, low, high))
            else:
                step = a if name == "add" else -a
                low, high = low + step, high + step
                if scale and np.isfinite(step / scale):
                    shift -= step / scale  # subtracted first, before float32 has to hold the sum
                else:
                    offset += step
        return shift, scale, offset, float(low), float(high)

    def pull_back(self, threshold: Float64[np.ndarray, " tests"]) -> Float64[np.ndarray, " tests"]:
        """Thresholds `<=` on the raw column that test the same, where this one is a number.

        They are the largest raw values that pass, by bisection of all float64 numbers: -inf where
        none does, inf where all do.
        """
        # Without the steps that make numbers missing, or fill them in.
        steps = tuple(step for step in self.steps if step[0] not in ("fill", "missing"))
        column = dataclasses.replace(self, steps=steps)
        if not column.steps:
            return threshold
        top = np.finfo(np.float64).max
        low = np.full(threshold.shape, -top if column.is_total else column._lowest())
        some = column.values(low) <= threshold
        every = column.values(np.full(threshold.shape, top)) <= threshold
        fails = _first(lambda raw: ~(column.values(raw) <= threshold), low, top)
        last = _number(_order(fails) - 1)
        return np.where(every, np.inf, np.where(some, last, -np.inf))


@dataclasses.dataclass(frozen=True)
class LevelColumn:
    """A table over the levels of a raw categorical column."""

    raw: int  # number of the raw column
    values: np.ndarray  # by code: numbers (NaN: missing), or objects such as text

    def then(self, *step: StepPart) -> LevelColumn:
        """The column after one more step."""
        _check(step)
        return LevelColumn(self.raw, _apply(self.numbers(), (step,)))

    def numbers(self) -> Float64[np.ndarray, " levels"]:
        """The values as numbers."""
        if self.values.dtype.kind in "fiub":
            return self.values.astype(np.float64)
        try:
            return np.array([np.nan if v is None else v for v in self.values], np.float64)
        except (TypeError, ValueError) as error:
            raise NotConvertibleError(
                f"column {self.raw} reaches the model as {self.values[0]!r}, not as a number"
            ) from error


@dataclasses.dataclass(frozen=True)
class PointColumn:
    """A raw numeric column that an encoder takes for levels: values at some points."""

    raw: int  # number of the raw column
    points: np.ndarray  # where it has values; NaN is missing
    values: np.ndarray
    other: float

    def then(self, *step: StepPart) -> PointColumn:
        """The column after one more step."""
        _check(step)
        values = _apply(np.asarray(self.values, np.float64), (step,))
        other = float(_apply(np.float64(self.other), (step,)))
        return PointColumn(self.raw, self.points, values, other)


Column = NumberColumn | LevelColumn | PointColumn


_LINES = ("subtract", "add", "multiply", "divide", "clip", "constant")


def _check(step: Sequence[object]) -> None:
    name, *numbers = step
    if name not in _LINES:
        return
    with np.errstate(all="ignore"):
        inverse = 1 / np.asarray(numbers, np.float64)
    if name in ("multiply", "divide") and not 0 < inverse[0] < np.inf:
        raise NotConvertibleError(f"a column is scaled by {numbers[0]}, not by a positive number")
    if name != "constant" and not np.isfinite(np.asarray(numbers, np.float64)).all():
        raise NotConvertibleError(f"a column is scaled with {numbers}, not with finite numbers")


def _apply(
    values: np.ndarray | np.floating, steps: Sequence[tuple[Any, ...]], single: bool = False
) -> Any:
    with np.errstate(all="ignore"):
        for name, *numbers in steps:
            # A float32 array stays one: each step is rounded to it, NumPy's functions are its own.
            values = np.asarray(values, np.float32 if single else np.float64)
            values = after_step(np, values, name, *numbers)
        return np.asarray(values, np.float32 if single and steps else None).astype(np.float64)


def after_step(xp: ModuleType, values: AnyArray, name: str, *numbers: StepPart) -> Any:
    """Values after one step, by NumPy or `jax.numpy`; see `NumberColumn.steps`."""
    if name == "function":
        return getattr(xp, numbers[0])(values)
    if name == "float32":
        return values.astype(np.float32).astype(values.dtype)
    if name == "clip":
        return xp.clip(values, *numbers)
    if name == "missing":
        return xp.where((values >= numbers[0]) & (values <= numbers[1]), xp.nan, values)
    if name == "above":
        return xp.where(xp.isnan(values), values, values > numbers[0])
    if name in CURVES:
        return CURVES[name](xp, values, *map(xp.asarray, numbers))
    number = np.float64(numbers[0]) if xp is np else numbers[0]
    if name in ("fill", "constant"):
        return xp.where(xp.isnan(values) == (name == "fill"), number, values)
    return getattr(xp, name)(values, number)


def _first(
    holds: Callable[[np.ndarray], np.ndarray], low: Float64[np.ndarray, " tests"], high: float
) -> Float64[np.ndarray, " tests"]:
    """The smallest number from `low` to `high` at which a condition holds; `high` where none."""
    below, above = _order(low), _order(np.full(low.shape, high))
    for _ in range(64):
        middle = (below & above) + ((below ^ above) >> 1)  # their mean, rounded down, no overflow
        found = holds(_number(middle))
        above = np.where(found, middle, above)
        below = np.where(found, below, np.minimum(middle + 1, above))
    return _number(above)


def _order(values: np.ndarray) -> np.ndarray:
    """Float64 numbers as integers in the same order; -0.0 and 0.0 are the same one."""
    bits = values.view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _number(order: np.ndarray) -> np.ndarray:
    bits = np.where(order < 0, np.int64(-(2**63)) - order, order)
    return bits.astype(np.int64).view(np.float64)
