"""A file of short texts, from parquet to parquet, in one process."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.clock import in_fresh_process
from benchmarks.memory import peak
from benchmarks.record import Record, at_most

WORDS = 15
DATA, MODEL = "texts.parquet", "model.joblib"


def records(texts: list[str], model: Any) -> Iterator[Record]:
    """Minutes and memory."""
    import joblib
    import pyarrow
    import pyarrow.parquet

    with tempfile.TemporaryDirectory() as folder:
        pyarrow.parquet.write_table(pyarrow.table({"text": texts}), Path(folder, DATA))
        joblib.dump(model, Path(folder, MODEL))
        start = time.perf_counter()
        found = in_fresh_process("benchmarks.text_job", folder)
        took = time.perf_counter() - start
    name = f"{found['rows']:,} texts of {WORDS} words, parquet to parquet"
    how = (
        "`lime-jax explain --text-column text --out DIR/`, a process from its start to its end: "
        "tf-idf + logistic regression, 20 classes, the highest; 5,000 samples, or all masks of up "
        f"to 12 words; standard errors. {found['cpu'] / 60:.1f} minutes of CPU."
    )
    yield at_most(f"{name}: time", took / 60, "min", how, target=5)
    yield at_most(f"{name}: peak memory", found["peak"] / 1e9, "GB", "As above: VmHWM.", target=2)


def explain(folder: str) -> dict[str, float]:
    """What a process of its own runs."""
    import lime_jax
    from lime_jax.cli import main

    files = ["--data", Path(folder, DATA), "--model", Path(folder, MODEL), "--trust-pickle"]
    files += [
        "--text-column",
        "text",
        "--top-labels",
        1,
        "--no-progress",
        "--out",
        f"{folder}/out/",
    ]
    code = main(["explain", *map(str, files)])
    if code:
        sys.exit(code)
    rows = len(lime_jax.load(f"{folder}/out"))
    return {"rows": rows, "peak": peak(), "cpu": time.process_time()}


if __name__ == "__main__":
    print(json.dumps(explain(sys.argv[1])))
