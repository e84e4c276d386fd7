"""Memory and very wide tables; each in a process of its own, whose peak the kernel keeps."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.clock import in_fresh_process, seconds
from benchmarks.limit import additive_logistic_coefficients
from benchmarks.peer import lime_coefficients, lime_explainer
from benchmarks.record import Record, faster, smaller


def records(quick: bool) -> Iterator[Record]:
    yield from many_rows(2_000 if quick else 100_000, 100 if quick else 500)
    yield from wide(features=100 if quick else 5000, rows=10 if quick else 100)


def many_rows(rows: int, few: int) -> Iterator[Record]:
    """Peak memory above inputs and results: many rows, then a hundred times the samples."""
    usual = in_fresh_process("benchmarks.memory", "forest", rows, 4096)
    base = in_fresh_process("benchmarks.memory", "forest", few, 4096)
    more = in_fresh_process("benchmarks.memory", "forest", few, 400_000)
    how = (
        "Peak of the process during `explain`, less what it held before (imports, model, inputs) "
        "and less the results; compilation is in it. Breast cancer, forest of 20 trees on the host."
    )
    yield Record(
        f"peak memory, {rows:,} rows of 30 features",
        usual["peak"],
        None,
        usual["peak"],
        "GB",
        how,
        at_most=1,
    )
    yield Record(
        f"peak memory, 400,000 samples, {few} rows",
        more["peak"],
        base["peak"],
        more["peak"],
        "GB",
        f"As above, on {few} rows to save time; the peer's column is 4,096 samples on them.",
        at_most=1,
    )
    yield Record(
        "standard errors, 4,096 over 400,000 samples",
        more["std_error"],
        base["std_error"],
        base["std_error"] / more["std_error"],
        "",
        f"Mean over all weights of the same {few} rows. About tenfold is asked for.",
        at_least=8,
    )


def wide(features: int, rows: int) -> Iterator[Record]:
    """Thousands of columns: memory, error and speed."""
    calls = 4096
    ours = in_fresh_process("benchmarks.memory", "wide", features, rows, calls)
    peer = in_fresh_process("benchmarks.memory", "lime", features, calls)
    name = f"{features:,} columns"
    how = (
        f"Logistic model in NumPy on normal columns, {calls:,} samples for both, all features kept."
    )
    yield Record(
        f"{name}, {rows} rows: peak memory",
        ours["peak"],
        peer["peak"],
        ours["peak"],
        "GB",
        f"{how} Peak above imports, model, inputs and results; lime: one row.",
        at_most=4,
    )
    yield smaller(
        f"{name}: error",
        ours["rmse"],
        peer["rmse"],
        "RMSE",
        f"{how} First row, all weights, against the limit of infinitely many samples "
        f"(`benchmarks/limit.py`; root mean square weight {ours['size']:.2g}).",
        target=1.0,
    )
    yield faster(
        f"{name}: rows per second",
        ours["rate"],
        peer["rate"],
        "rows/s",
        f"{how} Ours: {rows} rows, warm, the neighborhood drawn within the time; lime: one row.",
        target=500,
    )


def held() -> int:
    """Bytes this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak() -> int:
    """Most bytes it ever held; `getrusage` would count those of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) * 1024


def explain_forest(rows: int, num_samples: int) -> dict[str, float]:
    """One call, many rows or many samples."""
    from lime_jax import TabularExplainer

    case = cases.breast_cancer_forest(trees=20)
    X = cases.more_rows(case, rows)
    explainer = TabularExplainer().fit(case.X_train)
    before = held()
    found = explainer.explain(X, case.predict, num_samples=num_samples)
    return {
        "peak": (peak() - before - _nbytes(found)) / 1e9,
        "std_error": float(np.nanmean(found.std_error)),
    }


def explain_wide(features: int, rows: int, num_samples: int) -> dict[str, float]:
    """Ours: all rows, cold for the peak, warm for the rate."""
    from lime_jax import TabularExplainer

    case = cases.logistic(features, rows=rows)
    explainer = TabularExplainer().fit(case.X_train)
    before = held()
    found = explainer.explain(case.X_test, case.predict, labels=[1], num_samples=num_samples)
    most = (peak() - before - _nbytes(found)) / 1e9
    again = TabularExplainer().fit(case.X_train)
    warm = seconds(
        lambda: again.explain(case.X_test, case.predict, labels=[1], num_samples=num_samples)
    )
    limit = additive_logistic_coefficients(explainer.stats_, case, case.X_test[0])
    return {
        "peak": most,
        "rate": rows / warm,
        "rmse": _rmse(found.coef[0, 0], limit),
        "size": _rmse(limit, 0.0),
    }


def explain_wide_by_lime(features: int, num_samples: int) -> dict[str, float]:
    """lime: one row, once."""
    from lime_jax import fit_tabular

    case = cases.logistic(features)
    explainer = lime_explainer(case, feature_selection="none")
    before, start = held(), time.perf_counter()
    coef = lime_coefficients(explainer, case.X_test[0], case.predict, num_samples)
    rate = 1 / (time.perf_counter() - start)
    limit = additive_logistic_coefficients(fit_tabular(case.X_train), case, case.X_test[0])
    return {"peak": (peak() - before) / 1e9, "rate": rate, "rmse": _rmse(coef, limit)}


def _rmse(coef: np.ndarray, truth: np.ndarray | float) -> float:
    return float(np.sqrt(np.mean((coef - truth) ** 2)))


def _nbytes(found: Any) -> int:
    return sum(value.nbytes for value in vars(found).values() if isinstance(value, np.ndarray))


if __name__ == "__main__":
    tasks = {"forest": explain_forest, "wide": explain_wide, "lime": explain_wide_by_lime}
    print(json.dumps(tasks[sys.argv[1]](*map(int, sys.argv[2:]))))
