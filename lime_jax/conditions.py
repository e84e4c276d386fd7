"""Bins in words: "worst area > 1160.50"."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from lime_jax.domains.columns import TabularStats
from lime_jax.frames import Schema, display_value, level_names


def bin_conditions(stats: TabularStats, schema: Schema) -> tuple[str, ...]:
    """The text of every flat bin.

    Args:
        stats: of the table.
        schema: names of its features and levels.

    Returns:
        One condition per bin, in `lime`'s words.

    Example:
        >>> from lime_jax.domains.learn import fit_tabular
        >>> stats = fit_tabular(np.arange(5.0)[:, None], discretizer=[[2.0]])
        >>> bin_conditions(stats, Schema("array", ("age",), (False,), (None,)))
        ('age <= 2.00', 'age > 2.00')
    """
    conditions: list[str] = []
    for k, name in enumerate(schema.columns):
        first, last = int(stats.offsets[k]), int(stats.offsets[k + 1])
        if stats.categorical[k]:
            conditions += [f"{name} = {level}" for level in level_names(schema, k)]
            continue
        has_missing = stats.missing_bin[k] >= 0
        edges = (stats.upper_edge[first : last - has_missing] + stats.center[k])[:-1]
        conditions += _intervals(name, _edge_texts(schema, k, edges))
        if has_missing:
            conditions.append(f"{name} is missing")
    return tuple(conditions)


def display_schema(schema: Schema) -> Schema:
    """The names alone, as text: what an explanation keeps of a schema.

    Args:
        schema: of the fitted table.

    Returns:
        A schema that can be written as JSON.
    """
    features = range(len(schema.columns))
    names = tuple(
        tuple(level_names(schema, k)) if schema.categorical[k] else None for k in features
    )
    return Schema(
        "array",
        schema.columns,
        tuple(bool(c) for c in schema.categorical),
        tuple(None for _ in features),
        names=names,
        times=tuple(schema.time(k) for k in features),
    )


def _edge_texts(schema: Schema, column: int, edges: np.ndarray) -> list[str]:
    """Edges with one number of decimals: two as in lime, more where they would look alike."""
    if schema.time(column):
        return [display_value(schema, column, float(edge)) for edge in edges]
    sizes = np.abs(np.concatenate([edges, np.diff(edges)]))
    smallest = sizes[sizes > 0].min(initial=1.0)
    digits = max(2, 1 - math.floor(math.log10(smallest)))
    if digits > 8 or np.abs(edges).max(initial=0.0) >= 1e15:
        return [f"{edge:.6g}" for edge in edges]
    return [f"{edge:.{digits}f}" for edge in edges]


def _intervals(name: str, edges: list[str]) -> list[str]:
    if not edges:
        return [name]
    between = [f"{a} < {name} <= {b}" for a, b in pairwise(edges)]
    return [f"{name} <= {edges[0]}", *between, f"{name} > {edges[-1]}"]
