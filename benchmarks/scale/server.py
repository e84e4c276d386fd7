"""A server under load: one explainer, several models, 8 threads; no wrong number, no growth."""

from __future__ import annotations

import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.clock import in_fresh_process
from benchmarks.memory import peak
from benchmarks.record import Record, at_most
from lime_jax import TabularExplainer, unchanging

THREADS = 8
ROWS = 16  # that are asked for again and again
FRESH = 2  # processes that start while the threads are at work


def records(quick: bool) -> Iterator[Record]:
    minutes = 0.2 if quick else 10
    found = in_fresh_process("benchmarks.scale.server", minutes)
    calls = sum(found["calls"].values())
    what = f"a server, {THREADS} threads, {minutes:g} minutes"
    how = (
        f"One `TabularExplainer` and {len(found['calls'])} models on breast cancer, after "
        f"`warm_up`: each thread asks for one row of one of them at a time, {calls:,} calls in "
        f"all; meanwhile {FRESH} spawned processes answer the same rows."
    )
    yield at_most(f"{what}: wrong numbers", found["wrong"], "", f"{how} Bit by bit.", target=0)
    yield at_most(
        f"{what}: growth of the peak memory after the first fifth",
        found["growth"] / 1e6,
        "MB",
        f"VmHWM, {found['peak'] / 1e9:.2g} GB at the end.",
        target=16,
    )
    for kind, count in found["calls"].items():
        middle, late = (1000 * value for value in found["seconds"][kind])
        yield Record(
            f"{what}: one row, {kind}, median",
            *(middle, None, middle),
            unit="ms",
            how=f"{count:,} calls, {THREADS} at a time; 99 % take less than {late:.3g} ms.",
        )


def models() -> tuple[TabularExplainer, np.ndarray, dict[str, tuple[Any, dict[str, Any]]]]:
    """The explainer, rows, and each kind of model with the options of its calls."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    case = cases.breast_cancer_forest(100)
    y = case.predict(case.X_train).argmax(1)
    boosted = HistGradientBoostingClassifier(random_state=0).fit(case.X_train, y)
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(case.X_train, y)
    kinds = {
        "forest, exact": (case.model, {}),
        "logistic regression, sampled": (linear, {"num_samples": 2048, "method": "sampled"}),
        "boosted probability, sampled": (boosted, {"num_samples": 2048}),
        "forest on the host, sampled": (unchanging(case.predict), {"num_samples": 2048}),
    }
    return TabularExplainer().fit(case.X_train), case.X_test[:ROWS], kinds


Answers = dict[str, list[np.ndarray]]


def answer_all() -> Answers:
    """Every row by every model, one after the other: what a thread or process must give."""
    explainer, X, kinds = models()
    return {
        kind: [weights(explainer, X[i : i + 1], model, options) for i in range(len(X))]
        for kind, (model, options) in kinds.items()
    }


def weights(
    explainer: TabularExplainer, row: np.ndarray, model: Any, options: dict[str, Any]
) -> np.ndarray:
    """Weights, errors and R² of one row."""
    found = explainer.explain(row, model, **options)
    return np.concatenate([found.coef.ravel(), found.std_error.ravel(), found.score.ravel()])


def is_same(first: Answers, second: Answers) -> bool:
    """Whether all is the same bit by bit."""
    return all(
        np.array_equal(a, b, equal_nan=True)
        for kind in first
        for a, b in zip(first[kind], second[kind], strict=True)
    )


def serve(minutes: float) -> dict[str, Any]:
    """What a process of its own runs."""
    expected = answer_all()
    explainer, X, kinds = models()
    for model, options in kinds.values():
        explainer.warm_up(model, rows=1, **options)
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    wrong: list[str] = []
    end = time.monotonic() + 60 * minutes

    def ask(thread: int) -> None:
        rng = np.random.default_rng(thread)
        while time.monotonic() < end:
            kind, i = list(kinds)[rng.integers(len(kinds))], int(rng.integers(len(X)))
            model, options = kinds[kind]
            start = time.perf_counter()
            found = weights(explainer, X[i : i + 1], model, options)
            times[kind].append(time.perf_counter() - start)
            if not np.array_equal(found, expected[kind][i], equal_nan=True):
                wrong.append(kind)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(THREADS)]
    for thread in threads:
        thread.start()
    time.sleep(60 * minutes / 5)
    early = peak()
    with multiprocessing.get_context("spawn").Pool(FRESH) as pool:
        others = [pool.apply_async(answer_all) for _ in range(FRESH)]
        wrong += ["spawned" for other in others if not is_same(other.get(), expected)]
    for thread in threads:
        thread.join()
    return {
        "wrong": len(wrong),
        "peak": peak(),
        "growth": peak() - early,
        "calls": {kind: len(some) for kind, some in times.items()},
        "seconds": {kind: np.quantile(some, [0.5, 0.99]).tolist() for kind, some in times.items()},
    }


if __name__ == "__main__":
    print(json.dumps(serve(float(sys.argv[1]))))
