"""Ray and Spark against the local engine, on work that takes long enough to be worth spreading."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks import cases
from benchmarks.clock import seconds
from benchmarks.record import Record, at_most, faster
from benchmarks.scale.cluster import CORES, as_frame, local_ray, local_spark, run, warm_seconds
from lime_jax import TabularExplainer

OPTIONS = dict(num_samples=4096, method="sampled")


def records(quick: bool) -> Iterator[Record]:
    rows, block, trees, repeats = (12, 2, 5, 1) if quick else (6000, 100, 100, 2)
    times = measure(rows, block, trees, repeats)
    local, one, two, spark = (times[name] for name in ("local", "ray 1", "ray 2", "spark"))
    how = (
        f"`discretizer=None, sample_around_instance=True`, 4,096 samples around each of {rows:,} "
        f"rows, a forest of {trees} trees as a plain function: nearly all of the time is the "
        "model's. A worker has one CPU and one thread of the forest; the local engine has the "
        f"better of 1 and {CORES} threads of the forest, which is {times['threads']:.0f}. Medians "
        f"of {repeats}, taken in turns. Seconds: local {local:.3g}, Ray with one worker {one:.3g}, "
        f"with two {two:.3g}, Spark `local[{CORES}]` {spark:.3g}. Ray's are of blocks of {block} "
        "rows, at the speed of all but the first quarter of them, since a call starts its "
        f"workers: it ends {times['extra']:.3g} s later than this speed says. Before Spark's "
        "call comes another one, on 64 rows, which leaves its Python workers warm."
    )
    yield faster("Ray, 2 workers, against 1", rows / two, rows / one, "rows/s", how, target=1.7)
    yield faster(
        "Ray, 2 workers, against the local engine",
        rows / two,
        rows / local,
        "rows/s",
        "As above.",
        target=0.9,
    )
    for name, took in (("Ray", two), ("Spark", spark)):
        extra = 100 * (took / local - 1)
        what = f"{name}: overhead against the local engine"
        yield at_most(what, extra, "%", "As above.", target=15)


def measure(rows: int, block: int, trees: int, repeats: int) -> dict[str, float]:
    """Median seconds of each engine, by name.

    With them the local engine's number of `threads`, and what a call of Ray takes `extra`.
    """
    from lime_jax.distributed import ray, spark

    forests = {threads: cases.breast_cancer_forest(trees, threads) for threads in (1, CORES)}
    case = forests[1]
    X = cases.more_rows(case, rows)
    explainer = TabularExplainer(discretizer=None, sample_around_instance=True).fit(case.X_train)
    extra: list[float] = []

    def on_local(threads: int, count: int) -> float:
        return seconds(lambda: explainer.explain(X[:count], forests[threads].predict, **OPTIONS))

    def on_ray(workers: int) -> float:
        sizes = dict(num_workers=workers, num_cpus_per_worker=1, batch_size=block)
        parts = ray.explain_iter(explainer, X, case.predict, **sizes, **OPTIONS)
        took, beginning = warm_seconds(parts, rows)
        extra.append(beginning - took / 4)
        return took

    with local_ray(), local_spark() as session:
        frame = as_frame(session, X).cache()
        few, names = frame.limit(64).repartition(CORES).cache(), frame.columns

        def explain(table: Any) -> None:
            run(spark.explain(table, explainer, case.predict, names, **OPTIONS))

        def on_spark() -> float:
            explain(few)  # Spark ends Python workers that had nothing to do for a minute
            return seconds(lambda: explain(frame))

        frame.count()
        on_local(1, 64)
        threads = min(forests, key=lambda n: min(on_local(n, 256) for _ in range(3)))
        engines: dict[str, Callable[[], float]] = {
            "local": partial(on_local, threads, rows),
            **{f"ray {n}": partial(on_ray, n) for n in (1, CORES)},
            "spark": on_spark,
        }
        took = {name: [] for name in engines}
        for _ in range(repeats):
            for name, engine in engines.items():
                took[name].append(engine())
    medians = {name: statistics.median(times) for name, times in took.items()}
    return {**medians, "extra": statistics.median(extra), "threads": threads}
