"""Bins in words: "worst area > 1160.50"."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from lime_jax.tabular.frames import Schema
from lime_jax.tabular.stats import TabularStats

_LARGEST = float(np.finfo(np.float64).max)
_DIGITS = 17
"""That tell two numbers apart."""


def bin_conditions(stats: TabularStats, schema: Schema) -> tuple[str, ...]:
    """The text of every flat bin.

    Example:
        >>> from lime_jax.tabular.learn import fit_tabular
        >>> stats = fit_tabular(np.arange(5.0)[:, None], discretizer=[[2.0]])
        >>> bin_conditions(stats, Schema("array", ("age",), (False,), (None,)))
        ('age <= 2.00', 'age > 2.00')
    """
    conditions: list[str] = []
    for k, name in enumerate(schema.columns):
        if stats.categorical[k]:
            conditions += [f"{name} = {level}" for level in schema.names.levels[k] or ()]
            continue
        intervals, values = _numeric_texts(stats, schema, k)
        conditions += [
            interval if value is None else f"{name} = {value}"
            for interval, value in zip(intervals, values, strict=True)
        ]
        if stats.missing_bin[k] >= 0:
            conditions.append(f"{name} is missing")
    return tuple(conditions)


def interval_conditions(stats: TabularStats, schema: Schema) -> tuple[str, ...]:
    """The texts of the bins that are called by their value, for rows with another value.

    Example:
        >>> from lime_jax.tabular.learn import fit_tabular
        >>> stats = fit_tabular(np.array([[0.0], [0], [1], [1]]))
        >>> schema = Schema("array", ("flag",), (False,), (None,))
        >>> bin_conditions(stats, schema), interval_conditions(stats, schema)
        (('flag = 0', 'flag = 1'), ('flag <= 0', 'flag > 0'))
    """
    numeric = [k for k in range(len(schema.columns)) if not stats.categorical[k]]
    texts = (zip(*_numeric_texts(stats, schema, k), strict=True) for k in numeric)
    return tuple(interval for column in texts for interval, value in column if value is not None)


def _numeric_texts(
    stats: TabularStats, schema: Schema, k: int
) -> tuple[list[str], list[str | None]]:
    """Of a numeric column's bins the intervals, and the values of those that are called by it."""
    bins = np.arange(stats.offsets[k], stats.offsets[k + 1] - (stats.missing_bin[k] >= 0))
    edges = (stats.upper_edge[bins] + stats.center[k])[:-1]
    spikes = stats.is_spike[bins]
    alone = stats.bin_value[bins[spikes]]
    texts = _edge_texts(schema, k, np.append(edges, alone), len(edges))
    if np.array_equal(alone, np.round(alone)) and not schema.time(k):
        texts[len(edges) :] = [f"{value:.0f}" for value in alone]
    values: list[str | None] = [None] * len(bins)
    for place, text in zip(np.flatnonzero(spikes), texts[len(edges) :], strict=True):
        values[place] = text
    return _intervals(schema.columns[k], texts[: len(edges)]), values


def _edge_texts(schema: Schema, column: int, edges: np.ndarray, count: int) -> list[str]:
    """Numbers with one number of decimals: two as in lime, more where they would look alike.

    None where all are whole, in a column of whole numbers or with values of its own, the numbers
    after the first `count`.
    """
    if schema.time(column):
        return [schema.names.display_value(column, float(edge)) for edge in edges]
    if (schema.step(column) or len(edges) > count) and np.array_equal(edges, np.round(edges)):
        return [f"{edge:.0f}" for edge in edges]
    with np.errstate(over="ignore"):
        apart = np.minimum(np.diff(np.unique(edges)), _LARGEST)
    sizes = np.abs(np.concatenate([edges, apart]))
    smallest = sizes[sizes > 0].min(initial=1.0)
    digits = max(2, 1 - math.floor(math.log10(smallest)))
    largest = np.abs(edges).max(initial=0.0)
    if digits > 8 or largest >= 1e15:  # with so many digits that they do not look alike
        nearest = apart.min(initial=largest)
        with np.errstate(over="ignore"):
            ratio = min(largest / nearest, _LARGEST) if nearest > 0 else 1.0
        significant = min(_DIGITS, 2 + math.floor(math.log10(ratio)))
        in_full = significant > 6 and 1e15 <= largest < 1e22
        return [f"{edge:.0f}" if in_full else f"{edge:.{max(6, significant)}g}" for edge in edges]
    return [f"{edge:.{digits}f}" for edge in edges]


def _intervals(name: str, edges: list[str]) -> list[str]:
    if not edges:
        return [name]
    between = [f"{a} < {name} <= {b}" for a, b in pairwise(edges)]
    return [f"{name} <= {edges[0]}", *between, f"{name} > {edges[-1]}"]
