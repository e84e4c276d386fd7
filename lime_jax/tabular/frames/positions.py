"""Which column of a table is which feature."""

from __future__ import annotations

import numpy as np

from lime_jax.tabular.frames import columns as col
from lime_jax.tabular.frames.schema import Schema
from lime_jax.typing import Table


def positions_of(schema: Schema, table: Table) -> list[int]:
    """Where a table has each feature: by name in a frame, by position in an array."""
    width = len(schema.columns)
    if isinstance(table, np.ndarray):
        if table.shape[1] != width:
            raise ValueError(
                f"`X` must have shape (rows, {width}), as in `fit`, got {table.shape}."
            )
        if schema.kind == "frame" and (any(schema.categorical) or any(schema.times)):
            raise ValueError(
                "`X` is an array, but the explainer was fitted on a frame with categorical or time "
                f"columns: pass a {schema.backend} frame with the columns {list(schema.columns)}."
            )
        return list(range(width))
    came = col.column_names(table)
    wanted = _source_names(schema)
    place = {name: position for position, name in enumerate(came)}
    missing = [name for name in wanted if name not in place]
    if missing:
        raise ValueError(
            f"`X` lacks the columns {missing}, which were there in `fit`; it has {came}."
        )
    return [place[name] for name in wanted]


def _source_names(schema: Schema) -> list[str]:
    return (
        list(schema.columns)
        if schema.template is None
        else col.column_names(col.as_table(schema.template))
    )
