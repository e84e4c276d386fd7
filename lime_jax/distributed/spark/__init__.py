"""Explanations of Spark DataFrames.

The explainer and the model are sent once and opened once per Python worker, where JAX starts and
compiles once (some seconds); a worker that is killed is replaced by Spark, and its rows get the
same numbers again (in local mode Spark only retries where the master says so: "local[2,3]" allows
three failures, "local[2]" none). The executors' Python needs `lime_jax`; a model's own classes
must be importable there, or defined in the driver's main program. A session of Spark Connect does
the same; it has no broadcast, so what is sent travels inside the functions of its tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lime_jax.arguments import check_one_of
from lime_jax.distributed.spark.columns import (
    FORMS,
    column_of,
    feature_columns,
    spark_schema,
    with_ids,
)
from lime_jax.distributed.spark.images import explain_images
from lime_jax.distributed.spark.tables import explain_tables
from lime_jax.distributed.spark.texts import explain_texts
from lime_jax.distributed.spark.udf import pairs_udf
from lime_jax.distributed.spark.worker import ExplainBatches, broadcast
from lime_jax.distributed.worker import ChunkSpec
from lime_jax.optional import require
from lime_jax.tabular.explainer import TabularExplainer
from lime_jax.tabular.sparse.rows import SparseTable

__all__ = ["explain", "explain_images", "explain_tables", "explain_texts", "explanations_udf"]


def explain(
    df: Any,
    explainer: Any,
    model: object,
    feature_cols: Sequence[str] | None = None,
    id_col: str | None = None,
    output: str = "struct",
    check_ids: bool = True,
    **options: object,
) -> Any:
    """Explain the rows of a DataFrame; lazily, nothing is explained before Spark asks for it.

    Rows are explained where they are, each like any other: partitions, their order and retries
    change no number. Nulls are missing values, text columns are categorical, decimals are read as
    float64.

    Args:
        df: a Spark DataFrame, or a streaming one.
        explainer: a fitted `TabularExplainer`.
        model: as `explain` takes it, or a `ModelFactory`.
        feature_cols: names of the columns with the features, for an explainer that was fitted on
            an array in the order of its features. None: the columns the explainer was fitted on;
            if these are not there and it was fitted on an array, all columns but `id_col`.
        id_col: name of the column with the rows' ids; None: a hash of the content, as everywhere.
        output: "struct": a row for every row, with lists, the columns of `arrow.row_schema`; or
            "long": a row for every row, label and selected feature, those of `arrow.long_schema`.
        check_ids: whether to look for null and repeated ids now: one aggregation of `id_col`; of a
            stream nobody can.
        **options: of `TabularExplainer.explain`, but for `row_ids`, `progress` and `mesh`.

    Returns:
        A DataFrame; `row_id` is a bigint if ids are whole numbers or hashes, else a string.

    Raises:
        ValueError: if an argument is not usable, a column is missing, an id is null or not the
            only one of its kind, or the model cannot be pickled.
        NotFittedError: if the explainer is not fitted.

    Example:
        >>> explanations = explain(df, explainer, model, id_col="id")  # doctest: +SKIP
        >>> explanations.write.parquet("explanations")  # doctest: +SKIP
    """
    check_one_of("output", output, FORMS)
    spec = _tabular_spec(explainer, model, options, "long" if output == "long" else "rows")
    features = feature_columns(df, explainer.schema_, feature_cols, id_col)
    # By position: a feature may well be called `row_id`, too.
    columns = [column_of(name).alias(str(j)) for j, name in enumerate(features)]
    columns, id_type = with_ids(df, columns, id_col, check_ids)
    work = ExplainBatches(broadcast(df.sparkSession, spec), id_col is not None)
    kind = "interactions" if explainer.interactions else "table"
    return df.select(*columns).mapInArrow(work, spark_schema(FORMS[output](id_type, kind)))


def explanations_udf(
    explainer: object,
    model: object,
    label: object = None,
    num_features: int | None = None,
    **options: object,
) -> Any:
    """A function of columns for `df.withColumn("explanations", udf(*columns))`.

    Needs a running session. Rows are identified by their content.

    Args:
        explainer: a fitted `TabularExplainer`.
        model: as `explain` takes it, or a `ModelFactory`.
        label: class, name or number of the output to explain; None: each row's predicted class.
        num_features: how many features each explanation keeps; None: all.
        **options: of `TabularExplainer.explain`, but for `row_ids`, `progress` and `mesh`.

    Returns:
        A vectorized UDF of the explainer's columns in their order. It gives an array of structs:
        `feature`, the condition in words ("worst area > 1160.50"), and `weight`, the strongest
        first.

    Raises:
        ImportError: if PySpark is missing.
        ValueError: if an argument is not usable, the model cannot be pickled, or no session runs.
        NotFittedError: if the explainer is not fitted.

    Example:
        >>> udf = explanations_udf(explainer, model, num_features=3)  # doctest: +SKIP
        >>> df.withColumn("explanations", udf("age", "hours"))  # doctest: +SKIP
    """
    require("pyspark", extra="spark")
    from pyspark.sql import SparkSession

    chosen = {} if label is None else {"labels": [label]}
    spec = _tabular_spec(
        explainer, model, {**options, **chosen, "num_features": num_features}, "rows"
    )
    session = SparkSession.getActiveSession()
    if session is None:
        raise ValueError(
            "`explanations_udf`: expected a running Spark session, which the model is sent to; "
            "make one first: SparkSession.builder.getOrCreate()"
        )
    return pairs_udf(broadcast(session, spec))


def _tabular_spec(
    explainer: object, model: object, options: dict[str, Any], form: str
) -> ChunkSpec:
    if not isinstance(explainer, TabularExplainer):
        raise ValueError(
            f"`explainer`: expected a TabularExplainer, got {type(explainer).__name__}; images go "
            "through `explain_images`, texts through `explain_texts`"
        )
    if isinstance(explainer.learned, SparseTable):
        raise ValueError(
            "`explainer`: was fitted on sparse rows, and a DataFrame has a column for each "
            "feature; write the rows by scipy.sparse.save_npz and let Spark explain the file: "
            "`lime_jax.jobs.explain_file(..., engine='spark')`"
        )
    return ChunkSpec(explainer, model, options, form)
