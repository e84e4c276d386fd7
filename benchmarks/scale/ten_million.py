"""Ten million rows as a job, whose process is killed in the middle and started again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clock import in_fresh_process
from benchmarks.memory import peak
from benchmarks.record import Record, at_most

COLUMNS, PART = 10, 131_072
ROWS_WRITTEN_AT_ONCE = 500_000


def records(quick: bool) -> Iterator[Record]:
    rows = 40_000 if quick else 10_000_000
    part = rows // 10 if quick else PART
    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder), rows)
        start = time.perf_counter()
        killed_after = start_and_kill(folder, rows, part)
        found = in_fresh_process("benchmarks.scale.ten_million", folder, part, "resume")
        took = time.perf_counter() - start
        size = sum(one.stat().st_size for one in Path(folder, "out").iterdir()) / 1e9
    name = f"{rows:,} rows of {COLUMNS} columns, parquet to parquet, killed once"
    how = (
        "`explain_file`: exact weights of the margin of a boosted model of 50 trees, all columns, "
        f"prediction and R²; SIGKILL after {killed_after} of {found['parts']} parts, then "
        f"`resume=True` in a new process; both processes from start to end. {size:.2g} GB written, "
        f"{rows / took:,.0f} rows/s; of the rows compared with a call of their own, all bits are "
        "the same."
    )
    assert found["same"]
    yield at_most(f"{name}: time", took / 60, "min", how, target=60)
    yield at_most(
        f"{name}: peak memory", found["peak"] / 1e9, "GB", "Of the second process: VmHWM.", target=2
    )


def write_rows(folder: Path, rows: int) -> None:
    """A file of so many rows, written piece by piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    names = [f"column {k}" for k in range(COLUMNS)]
    writer = None
    for begin in range(0, rows, ROWS_WRITTEN_AT_ONCE):
        count = min(ROWS_WRITTEN_AT_ONCE, rows - begin)
        table = pa.table(dict(zip(names, rng.normal(size=(COLUMNS, count)), strict=True)))
        writer = writer or pq.ParquetWriter(folder / "rows.parquet", table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def start_and_kill(folder: str, rows: int, part: int) -> int:
    """Run the job until half of its parts are there, then kill it; how many there were."""
    command = [sys.executable, "-m", "benchmarks.scale.ten_million", folder, str(part), ""]
    half, out = rows // part // 2, Path(folder, "out")
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as process:
        while process.poll() is None and len(list(out.glob("*.parquet"))) < half:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    return len(list(out.glob("*.parquet")))


def explain(folder: str, part: int, resume: bool) -> dict[str, Any]:
    """What both processes run."""
    import pandas as pd
    from pyarrow import parquet
    from sklearn.ensemble import HistGradientBoostingClassifier

    from lime_jax import TabularExplainer
    from lime_jax.jobs import explain_file

    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(20_000, COLUMNS))).add_prefix("column ")
    y = X["column 0"] * X["column 1"] + X["column 2"] > 0
    model = HistGradientBoostingClassifier(max_iter=50, random_state=0).fit(X, y)
    explainer, data = (
        TabularExplainer(class_names=["no", "yes"]).fit(X),
        Path(folder, "rows.parquet"),
    )
    options = {"labels": ["yes"], "method": "exact"}
    stored = explain_file(
        explainer,
        data,
        model.decision_function,
        Path(folder, "out"),
        rows_per_part=part,
        resume=resume,
        progress=False,
        **options,
    )
    file, same = parquet.ParquetFile(data), True
    for group in range(file.num_row_groups):
        one = file.read_row_group(group).slice(7, 1).to_pandas()
        alone = explainer.explain(one, model.decision_function, **options)[0]
        there = stored[group * ROWS_WRITTEN_AT_ONCE + 7]
        same &= alone.as_list() == there.as_list() and alone.score == there.score
    return {
        "rows": len(stored),
        "parts": stored.manifest["num_parts"],
        "peak": peak(),
        "same": same,
    }


if __name__ == "__main__":
    print(json.dumps(explain(sys.argv[1], int(sys.argv[2]), bool(sys.argv[3]))))
