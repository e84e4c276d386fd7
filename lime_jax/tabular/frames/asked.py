"""Columns as a user names them: by number or by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from lime_jax.front.checks import is_whole

Column: TypeAlias = int | str | np.integer
"""A column by number or by name."""


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
