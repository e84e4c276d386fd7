"""Spark: all rows at once, against `lime` called for every row by a user-defined function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.clock import median_seconds, seconds
from benchmarks.peer import lime_explainer
from benchmarks.record import Record, faster
from benchmarks.scale.cluster import CORES, as_frame, local_spark, run
from lime_jax import TabularExplainer


def records(quick: bool) -> Iterator[Record]:
    rows, few, trees = (200, 4, 10) if quick else (50_000, 300, 100)
    yield against_lime(rows, few, trees)


def lime_udf(case: cases.Case) -> Any:
    """The article's recipe: `explain_instance` in a Python function of one row."""
    from pyspark.sql.functions import udf

    explainer, model = lime_explainer(case), case.model

    @udf("array<struct<feature: string, weight: double>>")
    def explain(*row: float) -> list[tuple[str, float]]:
        found = explainer.explain_instance(np.array(row), model.predict_proba)
        return [(name, float(weight)) for name, weight in found.as_list()]

    return explain


def against_lime(rows: int, few: int, trees: int) -> Record:
    """The same session, the same two task threads."""
    from lime_jax.distributed import spark

    case = cases.breast_cancer_forest(trees)
    explainer = TabularExplainer().fit(case.X_train)
    with local_spark() as session:
        table = as_frame(session, cases.more_rows(case, rows))
        names = table.columns
        table = table.cache()
        table.count()

        def ours() -> None:
            run(
                spark.explain(
                    table, explainer, case.predict, names, num_samples=4096, method="sampled"
                )
            )

        first = seconds(ours)
        took = median_seconds(ours, repeats=3)
        peer = lime_udf(case)
        some = as_frame(session, cases.more_rows(case, few)).cache()
        run(some.limit(CORES).select(peer(*names)))
        limes = seconds(lambda: run(some.select(peer(*names))))
    return faster(
        f"Spark, {rows:,} rows, breast-cancer forest, against lime in a UDF",
        rows / took,
        few / limes,
        "rows/s",
        f"`local[{CORES}]`, one session for both, its start not counted; test rows drawn with "
        f"replacement plus noise, cached; the forest of {trees} trees is a plain function. Ours: "
        f"`spark.explain`, 4,096 samples, both classes with standard errors, results thrown away, "
        f"median of 3 (the first: {first:.3g} s). lime: `explain_instance` with its defaults "
        f"(5,000 samples, one class) in a Python UDF, {few} rows, warm.",
        target=300,
    )
