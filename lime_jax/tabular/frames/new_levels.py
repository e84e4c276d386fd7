"""Levels that rows have and `fit` has not seen: numbered after the known ones, for one call."""

from __future__ import annotations

import dataclasses
from itertools import compress

import numpy as np
from jaxtyping import Bool, Float64

from lime_jax.results.names import level_name
from lime_jax.tabular.frames import columns as col
from lime_jax.tabular.frames.positions import positions_of
from lime_jax.tabular.frames.rebuild import extend_levels
from lime_jax.tabular.frames.schema import Schema, sorted_levels
from lime_jax.typing import Table


def with_levels_of(
    schema: Schema, X: Table, values: Float64[np.ndarray, "rows features"]
) -> Schema:
    """The schema with the levels of some rows that it lacks; the known ones keep their codes.

    So a level that `fit` has not seen has a name, reaches the model as it is, and a model that
    knows it can be asked for it in closed form.

    Example:
        >>> from lime_jax.tabular.frames import encode, learn_schema
        >>> schema = learn_schema([["a"], ["b"]])
        >>> rows = [["z"], ["a"]]
        >>> longer = with_levels_of(schema, rows, encode(schema, rows))
        >>> longer.levels, longer.added, encode(longer, rows).tolist()
        ((('a', 'b', 'z'),), (1,), [[2.0], [0.0]])
    """
    categorical = np.flatnonzero(schema.categorical)
    lacking = categorical[(values[:, categorical] < 0).any(axis=0)]
    if not lacking.size:
        return schema
    table = col.as_table(X)
    positions = positions_of(schema, table)
    count = range(len(schema.columns))
    levels, added = list(schema.levels), [0] * len(schema.columns)
    natives = [schema.native_levels(j) if schema.categorical[j] else None for j in count]
    names = list(schema.level_names or [None] * len(schema.columns))
    for j in lacking.tolist():
        column = col.get_column(table, positions[j])
        unplaced = list(compress(col.to_list(column), values[:, j] < 0))
        there = {value for value in unplaced if not col.is_missing(value)}
        new = [*sorted_levels(list(there), column), *[None][: any(map(col.is_missing, unplaced))]]
        known = schema.levels[j] or ()
        levels[j], added[j] = (*known, *new), len(new)
        natives[j] = extend_levels(schema, natives[j], new)
        before = names[j]
        names[j] = None if before is None else (*before, *map(level_name, new))
    return dataclasses.replace(
        schema,
        levels=tuple(levels),
        level_names=tuple(names) if schema.level_names else None,
        level_columns=tuple(natives),
        added=tuple(added),
    )


def is_new_level(
    schema: Schema, values: Float64[np.ndarray, "rows features"]
) -> Bool[np.ndarray, "rows features"]:
    """Which values are levels that `fit` has not seen."""
    sizes = [len(levels or ()) for levels in schema.levels]
    added = schema.added or (0,) * len(sizes)
    known = np.array(sizes) - np.array(added)
    return np.array(schema.categorical, bool) & ((values < 0) | (values >= known))
