"""Explanations as lists of conditions and weights: what Spark's function of columns gives."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np

from lime_jax.distributed.spark.worker import ROWS_AT_ONCE, told_where
from lime_jax.distributed.worker import explain_chunk
from lime_jax.results.arrow import explanations_of, list_array
from lime_jax.results.explanations import Explanations
from lime_jax.tabular.frames.fitted_rows import fitted_rows

_PAIRS = "array<struct<feature:string,weight:double>>"


def pairs_udf(packed: object) -> Any:
    """A function of columns of features that gives lists of structs `feature`, `weight`."""
    from pyspark.sql.functions import ArrowUDFType, arrow_udf

    with warnings.catch_warnings():
        # A type hint would name pyarrow where this module is loaded.
        warnings.filterwarnings("ignore", "It is preferred to specify type hints", UserWarning)
        return arrow_udf(ExplainColumns(packed), _PAIRS, ArrowUDFType.SCALAR)


@dataclasses.dataclass
class ExplainColumns:
    """The function of an Arrow UDF; `packed` is Spark's broadcast of a `PackedSpec`."""

    packed: Any

    def __call__(self, *columns: object) -> Any:
        """Explain a batch."""
        import pyarrow as pa

        spec, found = self.packed.value.open(), []
        table = pa.Table.from_arrays(list(columns), [str(j) for j in range(len(columns))])
        for start in range(0, max(1, len(table)), ROWS_AT_ONCE):
            block = table.slice(start, ROWS_AT_ONCE)
            with told_where(start, len(block)):
                rows = fitted_rows(spec.explainer.schema_, block)
                explained = explain_chunk(spec, rows)
            found.append(strongest_first(explanations_of(explained), explained["condition"]))
        return pa.concat_arrays(found)


def strongest_first(explanations: Explanations, conditions: Any) -> Any:
    """For every row the conditions and weights of its predicted class, the strongest first.

    Features that were not selected are left out; what no training row had comes last, its weight
    null.
    """
    import pyarrow as pa

    rows, position = np.arange(len(explanations)), explanations.shown
    unknown, selected = explanations.never_met, explanations.listed[rows, position]
    weights = np.where(unknown, np.nan, explanations.coef[rows, position].astype(np.float64))
    place = np.where(selected, np.where(unknown, 1, -np.abs(weights)), np.inf)
    order = np.argsort(place, axis=1, kind="stable")
    sizes, features = selected.sum(1), weights.shape[1]
    listed = np.arange(features) < sizes[:, None]
    texts = (
        conditions.combine_chunks()
        .flatten()
        .take(pa.array((order + rows[:, None] * features)[listed]))
    )
    pairs = pa.StructArray.from_arrays(
        [texts, pa.array(np.take_along_axis(weights, order, axis=1)[listed], from_pandas=True)],
        ["feature", "weight"],
    )
    return list_array(pairs, sizes)
