"""Plain Python functions of a batch, as people hand them over: they look at values and types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.differential.columns import Generator
from tests.differential.tables import Table

Function = Callable[[Any], np.ndarray]


def column_of(batch: Any, k: int) -> Any:
    """A column of a batch, as its library hands it out."""
    if isinstance(batch, np.ndarray):
        return batch[:, k]
    return batch.column(k) if hasattr(batch, "column_names") else batch[f"c{k}"]


def as_objects(column: Any) -> list[Any]:
    """Python's own values, None where missing."""
    values = (
        column.tolist()
        if hasattr(column, "tolist")
        else column.to_pylist()
        if hasattr(column, "to_pylist")
        else column.to_list()
    )
    return [None if _is_missing(value) else value for value in values]


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _number(value: Any) -> float:
    if value is None:
        return -0.7
    if hasattr(value, "timestamp"):
        import datetime

        return (value.replace(tzinfo=datetime.UTC).timestamp() - 1.7e9) / 1000
    if isinstance(value, str):
        return len(value) / 3 + ord(value[0]) / 100
    return float(value)


def _features(table: Table, batch: Any) -> np.ndarray:
    parts = []
    for k in range(len(table.columns)):
        numbers = np.array([_number(v) for v in as_objects(column_of(batch, k))], np.float64)
        known = table.columns[k].values
        if known.dtype != object and table.columns[k].dtype != "datetime":
            spread = np.nanstd(known)
            numbers = (numbers - np.nanmean(known)) / (spread if spread > 0 else 1.0)
        parts.append(numbers)
    return np.stack(parts, axis=1)


def make_function(rng: Generator, table: Table) -> tuple[str, Function] | None:
    """A random function of a table's batches.

    Args:
        rng: to draw from.
        table: that it is called with.

    Returns:
        What it is, and the function; None where this one does not suit the table.
    """
    kind = str(rng.choice(["smooth", "steps", "lookup", "bits", "text", "types", "classes", "far"]))
    weight = rng.normal(size=len(table.columns))
    whole = [
        k
        for k, c in enumerate(table.columns)
        if c.kind in ("day", "rating", "count", "flag")
        and c.dtype in ("int64", "uint8")
        and (not table.is_array or table.kind in ("int64", "uint8"))
    ]
    if kind in ("lookup", "bits") and not whole:
        return None

    def smooth(batch: Any) -> np.ndarray:
        z = _features(table, batch)
        return np.tanh(z @ weight) + 0.3 * z[:, 0] * z[:, -1]

    def steps(batch: Any) -> np.ndarray:
        z = _features(table, batch)
        cut = _features(table, table.rows([0]))
        return ((z <= cut) @ weight) + (z > cut).all(axis=1)

    def lookup(batch: Any) -> np.ndarray:
        prices = np.sin(np.arange(256.0))
        return smooth(batch) + sum(prices[np.asarray(column_of(batch, k))] for k in whole)

    def bits(batch: Any) -> np.ndarray:
        return smooth(batch) + sum((np.asarray(column_of(batch, k)) & 1) * 1.0 for k in whole)

    def text(batch: Any) -> np.ndarray:
        rows = zip(*(as_objects(column_of(batch, k)) for k in range(len(weight))), strict=True)
        return smooth(batch) + np.array([sum(map(len, map(str, row))) % 5 for row in rows]) / 5

    def types(batch: Any) -> np.ndarray:
        if isinstance(batch, np.ndarray):
            assert batch.dtype == table.native.dtype, f"{batch.dtype}, not {table.native.dtype}"
        else:
            came = [
                str(getattr(column_of(batch, k), "dtype", None) or column_of(batch, k).type)
                for k in range(len(weight))
            ]
            assert came == wanted, f"{came}, not {wanted}"
        return smooth(batch)

    wanted: list[str] = []
    if not table.is_array:
        wanted = [
            str(
                getattr(column_of(table.native, k), "dtype", None)
                or column_of(table.native, k).type
            )
            for k in range(len(weight))
        ]

    def classes(batch: Any) -> np.ndarray:
        scores = np.stack([smooth(batch), steps(batch), 0 * smooth(batch)], axis=1)
        shares = np.exp(scores)
        return shares / shares.sum(axis=1, keepdims=True)

    def far(batch: Any) -> np.ndarray:
        return 1.7e9 + 100 * smooth(batch)

    found = {f.__name__: f for f in (smooth, steps, lookup, bits, text, types, classes, far)}
    return kind, found[kind]
