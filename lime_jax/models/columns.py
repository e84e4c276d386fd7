"""One column of a model's inputs, as a function of one raw column of the table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64


class NotConvertibleError(Exception):
    """A model, or a part of it, that has no JAX form here; the message says which and why."""


@dataclasses.dataclass(frozen=True)
class NumberColumn:
    """An increasing function of a raw numeric column.

    Attributes:
        raw: number of the raw column.
        steps: ("subtract" | "add" | "multiply" | "divide" | "constant", number) or
            ("clip", low, high), in order: the library's own arithmetic, so that rounding is the
            same to the last digit.
        missing: this column's value where the raw one is missing; NaN: missing too.
    """

    raw: int
    steps: tuple[tuple[Any, ...], ...] = ()
    missing: float = np.nan

    def then(self, *step: Any) -> NumberColumn:
        """The column after one more step.

        Args:
            *step: as in `steps`; must not decrease.

        Returns:
            The column.

        Raises:
            NotConvertibleError: if it decreases, or if a number in it is not finite.
        """
        _check(step)
        missing = float(_apply(np.float64(self.missing), (step,)))
        return NumberColumn(self.raw, (*self.steps, step), missing)

    def values(self, raw: np.ndarray) -> np.ndarray:
        """The column, for values of the raw one that are not missing, in float64."""
        return _apply(np.asarray(raw, np.float64), self.steps)

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
        """Thresholds on the raw column that test the same.

        Args:
            threshold: this column is compared with, `<=`.

        Returns:
            The largest raw values that pass, found by bisection of all float64 numbers: -inf where
            none does, inf where all do.

        Example:
            >>> import numpy as np
            >>> NumberColumn(0).then("subtract", 3.0).then("divide", 2.0).pull_back(np.array([1.0]))
            array([5.])
        """
        if not self.steps:
            return threshold
        top = _order(np.full(threshold.shape, np.finfo(np.float64).max))
        low, high = -top, top
        some = self.values(_number(low)) <= threshold
        every = self.values(_number(high)) <= threshold
        for _ in range(64):
            middle = (low | high) - ((low ^ high) >> 1)  # their mean, rounded up, no overflow
            passes = self.values(_number(middle)) <= threshold
            low = np.where(passes, middle, low)
            high = np.where(passes, high, np.maximum(middle - 1, low))
        return np.where(every, np.inf, np.where(some, _number(low), -np.inf))


@dataclasses.dataclass(frozen=True)
class LevelColumn:
    """A table over the levels of a raw categorical column.

    Attributes:
        raw: number of the raw column.
        values: by code: numbers (NaN: missing), or objects such as text.
    """

    raw: int
    values: np.ndarray

    def then(self, *step: Any) -> LevelColumn:
        """The column after one more step.

        Args:
            *step: as in `NumberColumn.steps`.

        Returns:
            The column.

        Raises:
            NotConvertibleError: if its values are text, or as in `NumberColumn.then`.
        """
        _check(step)
        return LevelColumn(self.raw, _apply(self.numbers(), (step,)))

    def numbers(self) -> Float64[np.ndarray, " levels"]:
        """The values as numbers.

        Raises:
            NotConvertibleError: if they are text.
        """
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
    """A raw numeric column that an encoder takes for levels: values at some points.

    Attributes:
        raw: number of the raw column.
        points: where it has values; NaN is missing.
        values: there.
        other: elsewhere.
    """

    raw: int
    points: np.ndarray
    values: np.ndarray
    other: float

    def then(self, *step: Any) -> PointColumn:
        """The column after one more step.

        Args:
            *step: as in `NumberColumn.steps`.

        Returns:
            The column.

        Raises:
            NotConvertibleError: as in `NumberColumn.then`.
        """
        _check(step)
        values = _apply(np.asarray(self.values, np.float64), (step,))
        other = float(_apply(np.float64(self.other), (step,)))
        return PointColumn(self.raw, self.points, values, other)


Column = NumberColumn | LevelColumn | PointColumn


def _check(step: Sequence[Any]) -> None:
    name, *numbers = step
    with np.errstate(all="ignore"):
        inverse = 1 / np.asarray(numbers, np.float64)
    if name in ("multiply", "divide") and not 0 < inverse[0] < np.inf:
        raise NotConvertibleError(f"a column is scaled by {numbers[0]}, not by a positive number")
    if name != "constant" and not np.isfinite(np.asarray(numbers, np.float64)).all():
        raise NotConvertibleError(f"a column is scaled with {numbers}, not with finite numbers")


def _apply(values: Any, steps: Sequence[tuple[Any, ...]]) -> Any:
    operations = {"subtract": np.subtract, "add": np.add}
    operations |= {"multiply": np.multiply, "divide": np.divide}
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for name, *numbers in steps:
            if name == "clip":
                values = np.clip(values, *numbers)
            elif name == "constant":
                values = np.where(np.isnan(values), values, np.float64(numbers[0]))
            else:
                values = operations[name](values, np.float64(numbers[0]))
    return values


def _order(values: np.ndarray) -> np.ndarray:
    """Float64 numbers as integers in the same order; -0.0 and 0.0 are the same one."""
    bits = values.view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _number(order: np.ndarray) -> np.ndarray:
    bits = np.where(order < 0, np.int64(-(2**63)) - order, order)
    return bits.astype(np.int64).view(np.float64)
