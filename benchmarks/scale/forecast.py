"""From the measured time of a block of rows on one core to millions of rows on many workers."""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.clock import in_fresh_process, seconds
from benchmarks.record import Record
from benchmarks.scale.flights import flights, late_model

BLOCK = 2**14
ROWS = (10**6, 10**7, 10**8, 10**9)
WORKERS = (1, 2, 4, 8, 16, 32, 64)
BLOCK_NAME = f"one worker of one core: a block of {BLOCK:,} flights"
START_NAME = "one worker of one core: its start"
SIZE_NAME = f"{BLOCK:,} flights, explained: their part of the job"


def records(quick: bool) -> Iterator[Record]:
    found = in_fresh_process(
        "benchmarks.scale.forecast", 256 if quick else BLOCK, 1 if quick else 5
    )
    how = (
        "A process on one core, the flights as in the job: read from parquet, explained by "
        "`explain_chunk` (4,096 shared samples), written as parquet. "
    )
    yield Record(
        BLOCK_NAME, found["block"], None, found["block"], "s", f"{how}Warm, median of 5 blocks."
    )
    yield Record(
        START_NAME,
        found["start"],
        None,
        found["start"],
        "s",
        f"{how}Imports, and what the first block takes longer than the others: the neighborhood "
        "and compilation, without a cache.",
    )
    yield Record(
        SIZE_NAME, found["bytes"] / 1e6, None, found["bytes"] / 1e6, "MB", f"{how}The file's size."
    )


def section(records: Sequence[Record]) -> list[str]:
    """A table for the page, where both times were measured."""
    by_name = {record.name: record.ours for record in records}
    if not {BLOCK_NAME, START_NAME, SIZE_NAME} <= set(by_name):
        return []
    block, start, size = (by_name[name] for name in (BLOCK_NAME, START_NAME, SIZE_NAME))
    lines = ["| rows |" + "".join(f" {n} |" for n in WORKERS), "|---:|" + "---:|" * len(WORKERS)]
    for rows in ROWS:
        times = [hours(start, block, rows, workers) for workers in WORKERS]
        lines.append(f"| {rows:,} |" + "".join(f" {time} |" for time in times))
    return [
        "## Extrapolation",
        "Computed, not measured: hours, minutes and seconds for many flights on 1 to 64 workers.",
        "\n".join(lines),
        f"A worker's start ({start:.3g} s) and its share of the blocks ({block:.3g} s each), one "
        "after the other. It takes for granted that workers do not slow each other down, that "
        "blocks are there when they are asked for, and that none is lost; the measured speed of "
        "two workers over one is in the table above.",
        breaks_first(block, size),
    ]


def breaks_first(block: float, size: float) -> str:
    """What a billion rows ask of everything but the workers; a block's seconds and megabytes."""
    rows, workers = ROWS[-1], WORKERS[-1]
    parts = math.ceil(rows / BLOCK)
    return (
        f"What breaks first is the disk: {rows:,} rows are {parts:,} parts and "
        f"{parts * size / 1e6:.2g} TB, and {workers} workers write "
        f"{workers * size / block:,.0f} MB and {workers / block:.3g} files a second into one "
        "folder. `num_features` and `labels` make parts smaller, `rows_per_part` makes fewer. "
        "Next is the memory of who reads them: tables and figures with a mark for each row take "
        "all rows at once; `importance`, `cohorts`, `stability` and `pick` read part by part."
    )


def hours(start: float, block: float, rows: int, workers: int) -> str:
    """Of a worker with the largest share, as "h:mm:ss".

    >>> hours(10.0, 1.0, 10**6, 2)
    '0:00:41'
    """
    whole = round(start + math.ceil(rows / BLOCK / workers) * block)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def measure(rows: int, repeats: int) -> dict[str, float]:
    """What a process of its own runs, on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    start = time.perf_counter()
    import pyarrow.parquet as parquet

    from lime_jax import TabularExplainer
    from lime_jax.distributed.worker import ChunkSpec, explain_chunk

    imports = time.perf_counter() - start
    table, late = flights(max(2 * rows, 5000))
    explainer = TabularExplainer().fit(table)
    options = dict(num_samples=4096, method="sampled")
    spec = ChunkSpec(explainer, late_model(table, late), options)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.parquet"), Path(folder, "out.parquet")

        def one() -> None:
            parquet.write_table(explain_chunk(spec, parquet.read_table(source).to_pandas()), target)

        took = []
        for number in range(repeats + 1):
            table.sample(rows, random_state=number).to_parquet(source, index=False)
            took.append(seconds(one))
        size = target.stat().st_size
    block = statistics.median(took[1:])
    return {"block": block, "start": imports + took[0] - block, "bytes": size}


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:]))))
