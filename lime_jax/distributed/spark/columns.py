"""Which columns of a Spark DataFrame are features and ids; what is refused at the door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lime_jax.optional import require
from lime_jax.results.arrow import long_schema, row_schema
from lime_jax.tabular.frames import Schema

FORMS = {"struct": row_schema, "long": lambda id_type, kind: long_schema(id_type)}
"""By what results look like in Spark: their Arrow schema, of a type of ids and a kind."""


def column_of(name: str) -> Any:
    """A column by its exact name, which may hold dots and spaces."""
    from pyspark.sql import functions

    return functions.col("`" + name.replace("`", "``") + "`")


def feature_columns(
    df: Any, schema: Schema, feature_cols: Sequence[str] | None, id_col: str | None
) -> list[str]:
    """The columns that hold the features, in the order of the explainer."""
    there = list(df.columns)
    fitted = list(schema.fitted_names)
    chosen = None if feature_cols is None else list(feature_cols)
    if schema.kind == "frame":
        lacking = [name for name in fitted if name not in (there if chosen is None else chosen)]
        if lacking:
            raise ValueError(
                f"`feature_cols`: the columns {lacking} were there in `fit`, but not among "
                f"{there if chosen is None else chosen}; rename columns with "
                "`df.withColumnRenamed`"
            )
        chosen = fitted
    elif chosen is None:
        by_name = set(fitted) <= set(there)
        chosen = fitted if by_name else [name for name in there if name != id_col]
    lacking = [name for name in chosen if name not in there]
    if lacking:
        raise ValueError(
            f"`feature_cols`: the DataFrame lacks the columns {lacking}; it has {there}"
        )
    if len(chosen) != len(fitted):
        raise ValueError(
            f"`feature_cols`: expected {len(fitted)} columns, as in `fit`, got {len(chosen)}: "
            f"{chosen}; name the features in their order"
        )
    for feature, name in enumerate(chosen):
        _check_type(name, df.schema[name].dataType, schema, feature)
    return chosen


def _check_type(name: str, dtype: Any, schema: Schema, feature: int) -> None:
    from pyspark.sql import types

    if isinstance(dtype, types.StringType) and not schema.categorical[feature]:
        raise ValueError(
            f"`feature_cols`: column {name!r} is text, but it was a number in `fit`; cast it, or "
            "fit on text"
        )
    moments = (types.DateType, types.TimestampType, types.TimestampNTZType)
    times = (*moments, types.DayTimeIntervalType)
    plain = (types.NumericType, types.StringType, types.BooleanType, types.NullType)
    if isinstance(dtype, times) and schema.kind == "array":
        raise ValueError(
            f"`feature_cols`: column {name!r} is of type {dtype.simpleString()}, but the explainer "
            "was fitted on an array, which has no times; fit it on a frame, or cast the column to "
            "a number"
        )
    if not isinstance(dtype, (*plain, *times)):
        raise ValueError(
            f"`feature_cols`: column {name!r} is of type {dtype.simpleString()}; expected numbers, "
            "text, booleans, dates or times: take its parts out into columns, or leave it out"
        )


def type_of(df: Any, name: str, argument: str) -> Any:
    """The type of a column; ValueError if it is missing."""
    if name not in df.columns:
        raise ValueError(
            f"`{argument}`: the DataFrame has no column {name!r}; it has {list(df.columns)}"
        )
    return df.schema[name].dataType


def id_column(df: object, id_col: str) -> tuple[Any, Any]:
    """The column of row ids as it goes to the workers, and its Arrow type: int64 or string."""
    from pyspark.sql import types

    pa = require("pyarrow", extra="cli")
    dtype = type_of(df, id_col, "id_col")
    if isinstance(dtype, types.IntegralType):
        return column_of(id_col).cast("bigint"), pa.int64()
    nested = (types.ArrayType, types.MapType, types.StructType, types.BinaryType)
    if isinstance(dtype, nested):
        raise ValueError(
            f"`id_col`: column {id_col!r} is of type {dtype.simpleString()}; expected whole "
            "numbers or text"
        )
    return column_of(id_col).cast("string"), pa.string()


def with_ids(
    df: Any, columns: list[Any], id_col: str | None, check_ids: bool
) -> tuple[list[Any], Any]:
    """Columns to send, with checked ids behind them if there are any, and the ids' Arrow type."""
    if id_col is None:
        return columns, require("pyarrow", extra="cli").int64()
    chosen, id_type = id_column(df, id_col)
    if check_ids and not df.isStreaming:
        check_unique(df, id_col)
    return [*columns, chosen.alias("row_id")], id_type


def check_unique(df: Any, id_col: str) -> None:
    """Refuse ids that do not tell rows apart: one aggregation."""
    from pyspark.sql import functions

    column, fix = column_of(id_col), "leave `id_col` out to use the rows' content"
    row_count, ids, distinct = df.agg(
        functions.count("*"), functions.count(column), functions.count_distinct(column)
    ).first()
    if ids < row_count:
        raise ValueError(
            f"`id_col`: expected an id for every row, but {row_count - ids} of {row_count} in "
            f"{id_col!r} are null; {fix}"
        )
    if distinct < ids:
        counts = df.groupBy(column.alias("id")).count()
        value, times = counts.where("count > 1").first()
        raise ValueError(
            f"`id_col`: expected another id for every row, but {value!r} occurs {times} times in "
            f"{id_col!r}; {fix}"
        )


def spark_schema(schema: Any) -> str:
    """An Arrow schema of whole numbers, floats, text, and lists of these, in Spark's words.

    Example:
        >>> spark_schema(long_schema()).split(", ")[:3]
        ['row_id bigint', 'label string', 'feature string']
    """
    return ", ".join(f"{field.name} {_spark_type(field.type)}" for field in schema)


def _spark_type(arrow_type: Any) -> str:
    if hasattr(arrow_type, "value_type"):
        return f"array<{_spark_type(arrow_type.value_type)}>"
    return {"int64": "bigint"}.get(str(arrow_type), str(arrow_type))
