"""A local Ray and a local Spark of two cores, started for some measurements and stopped again."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

CORES = 2


class Warm(NamedTuple):
    """Times of a call."""

    seconds: float
    start: float


@contextlib.contextmanager
def local_ray() -> Iterator[None]:
    """Ray on two CPUs."""
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    import ray

    ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def local_spark() -> Iterator[Any]:
    """A Spark session with two task threads."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        session = (
            SparkSession.builder.master(f"local[{CORES}]")  # pyright: ignore[reportAttributeAccessIssue]
            .config("spark.ui.enabled", False)
            .config("spark.driver.memory", "2g")
            .config("spark.local.dir", folder)
            .config("spark.sql.warehouse.dir", folder)
            .config("spark.log.level", "ERROR")
            .config("spark.ui.showConsoleProgress", False)
            .config("spark.sql.execution.arrow.pyspark.enabled", True)
            .getOrCreate()
        )
        try:
            yield session
        finally:
            session.stop()


def warm_seconds(parts: Iterable[tuple[Any, Any]], rows: int) -> Warm:
    """How long warm workers take, by all blocks but the first quarter.

    A call starts its workers, which import and compile: what comes later is the same at any size.

    Args:
        parts: of `ray.explain_iter`, many blocks of one size.
        rows: of all blocks.

    Returns:
        Seconds for all rows at the speed of the later blocks, and until these began.
    """
    start = now = time.perf_counter()
    done = before = 0
    for ids, _ in parts:
        done += len(ids)
        if not before and 4 * done >= rows:
            now, before = time.perf_counter(), done
    assert rows == done > before > 0
    return Warm((time.perf_counter() - now) * rows / (rows - before), now - start)


def as_frame(session: Any, X: np.ndarray) -> Any:
    """Rows as a Spark frame with one partition for each core."""
    import pandas

    table = pandas.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])])
    return session.createDataFrame(table).repartition(CORES)


def run(frame: Any) -> None:
    """Compute all of a Spark frame and throw it away."""
    frame.write.format("noop").mode("overwrite").save()
