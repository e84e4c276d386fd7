"""The table at the door: any table in, a float64 matrix through the engine, the model's table out.

Host only: NumPy, and narwhals for DataFrames, imported when the first frame comes.
"""

from lime_jax.tabular.frames.new_levels import is_new_level, with_levels_of
from lime_jax.tabular.frames.read import align, encode, num_rows, take_rows
from lime_jax.tabular.frames.rebuild import decode
from lime_jax.tabular.frames.rows import TableRows, select_columns
from lime_jax.tabular.frames.schema import Schema, learn_schema
from lime_jax.tabular.frames.single_row import as_rows

__all__ = [
    "Schema",
    "TableRows",
    "align",
    "as_rows",
    "decode",
    "encode",
    "is_new_level",
    "learn_schema",
    "num_rows",
    "select_columns",
    "take_rows",
    "with_levels_of",
]
