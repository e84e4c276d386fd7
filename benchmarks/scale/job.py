"""A file of a third of a million rows, from parquet to parquet, in one process."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clock import in_fresh_process
from benchmarks.memory import peak
from benchmarks.record import Record, at_most
from benchmarks.scale.flights import CATEGORIES, DATA, LATE, MODEL, write_flights


def records(quick: bool) -> Iterator[Record]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        facts = write_flights(Path(folder), 2000 if quick else None)
        start = time.perf_counter()
        found = in_fresh_process("benchmarks.scale.job", folder, out)
        took = time.perf_counter() - start
        size = sum(part.stat().st_size for part in out.iterdir()) / 1e9
    name = f"{found['rows']:,} flights, parquet to parquet"
    how = (
        "`lime-jax explain --data flights.parquet --out DIR/`, a process from its start to its "
        f"end: {facts['columns']} columns, of them {len(CATEGORIES)} of text "
        f"({facts['aircraft']:,} levels of `tailnum`); arrivals more than {LATE} minutes late by "
        "`HistGradientBoostingClassifier` behind an `OrdinalEncoder`; both classes, 4,096 shared "
        f"samples, standard errors; {found['parts']} parts, {size:.2g} GB."
    )
    yield at_most(f"{name}: time", took / 60, "min", how, target=3)
    yield at_most(f"{name}: peak memory", found["peak"] / 1e9, "GB", "As above: VmHWM.", target=2)


def explain(folder: str, out: str) -> dict[str, float]:
    """What a process of its own runs."""
    import skops.io

    import lime_jax
    from lime_jax.cli import main

    data, model = Path(folder, DATA), Path(folder, MODEL)
    trusted = skops.io.get_untrusted_types(file=model)  # written by this benchmark
    files = ["--data", data, "--target", "late", "--model", model, "--out", f"{out}/"]
    choices = ["--num-samples", 4096, "--method", "sampled", "--no-progress"]
    code = main([*map(str, ["explain", *files, *choices, "--trust-type", *trusted])])
    if code:
        sys.exit(code)
    stored = lime_jax.load(out)
    return {"rows": len(stored), "parts": stored.manifest["num_parts"], "peak": peak()}


if __name__ == "__main__":
    print(json.dumps(explain(*sys.argv[1:])))
