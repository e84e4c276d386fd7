"""Explanations of the texts in a Spark DataFrame."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from lime_jax.arguments import check_one_of
from lime_jax.distributed.spark.columns import (
    FORMS,
    column_of,
    spark_schema,
    type_of,
    with_ids,
)
from lime_jax.distributed.spark.worker import ExplainBatches, broadcast
from lime_jax.distributed.worker import ChunkSpec
from lime_jax.text.explainer import TextExplainer

if TYPE_CHECKING:
    import pyarrow


def explain_texts(
    df: Any,
    explainer: object,
    model: object,
    text_col: str = "text",
    id_col: str | None = None,
    output: str = "struct",
    check_ids: bool = True,
    **options: object,
) -> Any:
    """Explain the texts of a DataFrame; lazily, nothing is explained before Spark asks for it.

    Args:
        df: a Spark DataFrame.
        explainer: a `TextExplainer`.
        model: as `TextExplainer.explain` takes it, or a `ModelFactory`.
        text_col: name of the column with the texts.
        id_col: name of the column with the texts' ids; None: a hash of the content.
        output: "struct": a row for every text, with lists, the columns of `arrow.row_schema`, among
            them `text`, `spans` and `problem`; or "long": a row for every text, label and word,
            those of `arrow.long_schema`.
        check_ids: whether to look for null and repeated ids now: one aggregation of `id_col`.
        **options: of `TextExplainer.explain`, but for `row_ids`, `progress` and `mesh`.

    Returns:
        A DataFrame. A null has no weights, and its `problem` says so.

    Raises:
        ValueError: if an argument is not usable, a column is missing, an id is null or not the
            only one of its kind, or the model cannot be pickled.

    Example:
        >>> words = explain_texts(df, TextExplainer(), model, "review")  # doctest: +SKIP
        >>> words.select("row_id", "feature", "weight").show()  # doctest: +SKIP
    """
    check_one_of("output", output, FORMS)
    if not isinstance(explainer, TextExplainer):
        raise ValueError(
            f"`explainer`: expected a TextExplainer, got {type(explainer).__name__}; tables go "
            "through `explain`, images through `explain_images`"
        )
    from pyspark.sql import types

    if not isinstance(type_of(df, text_col, "text_col"), types.StringType):
        raise ValueError(
            f"`text_col`: column {text_col!r} is of type "
            f"{df.schema[text_col].dataType.simpleString()}; expected text"
        )
    spec = ChunkSpec(explainer, model, options, "long" if output == "long" else "rows")
    columns, id_type = with_ids(df, [column_of(text_col).alias("0")], id_col, check_ids)
    work = ExplainTexts(broadcast(df.sparkSession, spec), id_col is not None)
    return df.select(*columns).mapInArrow(work, spark_schema(FORMS[output](id_type, "text")))


@dataclasses.dataclass
class ExplainTexts(ExplainBatches):
    """The function of `mapInArrow` for texts."""

    def rows_of(self, spec: ChunkSpec, block: pyarrow.Table) -> Any:
        """The texts."""
        return spec.explainer.rows_of(block, [block.column_names[0]])
