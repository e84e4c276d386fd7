"""Arguments as users give them: whole numbers, and columns by number or by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

Column: TypeAlias = int | str | np.integer
"""A column by number or by name."""


def is_whole(value: object) -> TypeGuard[int | np.integer]:
    """Whether it is a whole number, Python's or NumPy's."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_whole(
    name: str, value: object, least: int = 1, most: int | None = None, also: str = ""
) -> None:
    """Refuse what is not a whole number from `least` to `most`."""
    if not is_whole(value) or value < least or (most is not None and value > most):
        bounds = f", at least {least}" if most is None else f" from {least} to {most}"
        raise ValueError(f"`{name}`: expected a whole number{bounds}{also}, got {value!r}")


def check_one_of(name: str, value: object, choices: Iterable[object]) -> None:
    """Refuse what is none of the choices.

    Example:
        >>> check_one_of("engine", "ray", ("local", "ray"))
    """
    choices = list(choices)
    if value not in choices:
        raise ValueError(f"`{name}`: expected one of {', '.join(map(str, choices))}, got {value!r}")


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names in a sentence, and how many are left out."""
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def as_list(names: Any) -> list[Any]:
    """Names or numbers of columns, from any sequence, also an array or an index."""
    return names.tolist() if hasattr(names, "tolist") else list(names)


def column_number(columns: Sequence[str], column: object, argument: str) -> int:
    """The number of a column.

    Example:
        >>> column_number(["age", "size"], "size", "features")
        1
    """
    if isinstance(column, str) and column in columns:
        return list(columns).index(column)
    if is_whole(column) and int(column) in range(len(columns)):
        return int(column)
    raise ValueError(
        f"`{argument}`: expected names or numbers of the {len(columns)} columns, got {column!r}; "
        f"the columns are {short_list(columns)}"
    )


def column_numbers(columns: Sequence[str], asked: Iterable[object], argument: str) -> list[int]:
    """The numbers of columns, in their own order, each once."""
    return sorted({column_number(columns, column, argument) for column in asked})


def short_list(names: Sequence[str], most: int = 20) -> str:
    """Some names as text, the first ones of many."""
    shown = ", ".join(repr(name) for name in names[:most])
    return f"[{shown}]" if len(names) <= most else f"[{shown}, ... {len(names) - most} more]"
