"""A forest fitted by Spark ML, against a loop of `lime` that calls its `transform`.

Both on one local session; `lime` is called with a function that makes its 5,000 samples a
DataFrame, transforms it, and collects the probabilities.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.clock import median_seconds, seconds
from benchmarks.record import Record, faster

_SAMPLES, _SEED = 5000, 18


def records(quick: bool) -> Iterator[Record]:
    session = _session()
    try:
        train, rows, model = _fitted(session, 300 if quick else 5000, 3 if quick else 20)
        yield from _against_lime(session, train, rows, model, 20 if quick else 2000)
    finally:
        session.stop()


def _session() -> Any:
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder: Any = SparkSession.builder.master("local[2]")
    settings = {
        "spark.ui.enabled": "false",
        "spark.log.level": "OFF",
        "spark.driver.memory": "1g",
        "spark.default.parallelism": "2",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _fitted(session: Any, count: int, trees: int) -> tuple[pd.DataFrame, pd.DataFrame, Any]:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import RandomForestClassifier
    from pyspark.ml.feature import VectorAssembler

    rng = np.random.default_rng(_SEED)
    names = [f"x{k}" for k in range(8)]
    frame = pd.DataFrame(rng.normal(size=(count, 8)), columns=names)
    label = (frame.x0 * frame.x1 + frame.x2 > 0).astype(float)
    df = session.createDataFrame(frame.assign(label=label))
    forest = RandomForestClassifier(numTrees=trees, maxDepth=5, seed=1)
    stages = [VectorAssembler(inputCols=names, outputCol="features"), forest]
    rows = pd.DataFrame(rng.normal(size=(2000, 8)), columns=names)
    return frame, rows, Pipeline(stages=stages).fit(df)


def _against_lime(
    session: Any, train: pd.DataFrame, rows: pd.DataFrame, model: Any, count: int
) -> Iterator[Record]:
    from lime.lime_tabular import LimeTabularExplainer

    import lime_jax

    def transform(samples: np.ndarray) -> np.ndarray:
        df = session.createDataFrame(pd.DataFrame(samples, columns=train.columns))
        found = model.transform(df).select("probability").toPandas()
        return np.stack([one.toArray() for one in found["probability"]])

    peer = LimeTabularExplainer(train.to_numpy(), feature_names=list(train.columns))
    row = rows.to_numpy()[0]
    loop = median_seconds(
        lambda: peer.explain_instance(row, transform, num_samples=_SAMPLES, num_features=8), 3
    )
    explainer = lime_jax.TabularExplainer().fit(train)
    some = rows[:count]
    how = (
        f"{count:,} rows in one call, the model read anew in each; the peer explains one row of "
        f"{_SAMPLES:,} samples at a time. "
    )
    for method, options in (("exact", {}), ("sampled", {"num_samples": _SAMPLES})):

        def call(method: str = method, options: dict[str, int] = options) -> Any:
            return explainer.explain(some, model, method=method, **options)

        first = seconds(call)
        yield faster(
            f"Spark ML's forest, {method} LIME of rows against lime and `transform`",
            count / median_seconds(call, 3),
            1 / loop,
            "rows/s",
            f"{how}The first call took {first:.2g} s.",
            target=300,
        )
