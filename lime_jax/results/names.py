"""Numbers and levels as readers see them."""

from __future__ import annotations

import math

import numpy as np

from lime_jax.tabular.frames.digits import number_text
from lime_jax.tabular.frames.schema import Schema, level_name


def level_names(schema: Schema, column: int) -> list[str]:
    """The names of a categorical feature's levels, in code order.

    Returns:
        `categorical_names` where given, else the values as text; none for a numeric feature.

    Example:
        >>> level_names(Schema("array", ("sex",), (True,), ((0.0, 1.0, None),)), 0)
        ['0', '1', 'missing']
    """
    given = schema.names[column] if schema.names else None
    if given is not None:
        return list(given)
    return [level_name(value) for value in schema.levels[column] or ()]


def display_value(schema: Schema, column: int, value: float | int) -> str:
    """One encoded value as text: a level's name, a date, or a number with fitting digits.

    Returns:
        The text; "missing" for NaN and "unseen" for the code -1.

    Example:
        >>> schema = Schema("array", ("age", "sex"), (False, True), (None, ("f", "m")))
        >>> display_value(schema, 0, 38.0), display_value(schema, 1, 1.0)
        ('38.00', 'm')
    """
    if schema.categorical[column]:
        return "unseen" if value < 0 else level_names(schema, column)[int(value)]
    value = float(value)
    if math.isnan(value):
        return "missing"
    if schema.time(column) == "datetime":
        return _moment(value)
    return number_text(value, schema.shown_decimals(column)) + (" s" if schema.time(column) else "")


def display_values(schema: Schema, column: int, values: np.ndarray) -> list[str]:
    """`display_value` of many values.

    Example:
        >>> schema = Schema("array", ("age",), (False,), (None,))
        >>> display_values(schema, 0, np.array([38.0, 0.5, np.nan]))
        ['38.00', '0.50', 'missing']
    """
    if schema.categorical[column]:
        names = [*level_names(schema, column), "unseen"]  # the code of the last is -1
        return [names[int(value)] for value in np.maximum(values, -1)]
    if schema.time(column):
        return [display_value(schema, column, value) for value in values.tolist()]
    decimals, size = schema.shown_decimals(column), np.abs(values)
    values = values + 0.0  # -0.0 is 0
    if decimals == 0:
        usual = (values == np.round(values)) & (size < 1e15)
    else:
        usual = ((size == 0) | (size >= 0.1)) & (size < 1e15) & (2 <= decimals <= 8)
    return [
        f"{value:.{decimals}f}" if plain else display_value(schema, column, value)
        for value, plain in zip(values.tolist(), usual.tolist(), strict=True)
    ]


def _moment(seconds: float) -> str:
    text = str(np.datetime64(round(seconds), "s")).replace("T", " ")
    return text.removesuffix(" 00:00:00")
