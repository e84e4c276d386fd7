"""Speed: many rows, one row, a neighborhood per row, many columns. Compiled before it is timed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import cases
from benchmarks.clock import Watched, median_overhead, median_seconds, seconds
from benchmarks.peer import lime_explainer
from benchmarks.record import Record, faster, smaller
from lime_jax import TabularExplainer


def records(quick: bool) -> Iterator[Record]:
    yield many_rows(rows=200 if quick else 10_000, trees=10 if quick else 100)
    yield one_row(repeats=3 if quick else 15, trees=10 if quick else 100)
    yield own_neighborhoods(rows=2 if quick else 200, trees=10 if quick else 100)
    yield forward_selection(features=20 if quick else 200, repeats=1 if quick else 5)


def many_rows(rows: int, trees: int) -> Record:
    """Rows per second; the neighborhood is drawn and the model called within the time."""
    case = cases.breast_cancer_forest(trees)
    X = cases.more_rows(case, rows)

    def ours() -> None:
        fresh.pop().explain(X, case.predict, num_samples=4096)

    fresh = [TabularExplainer().fit(case.X_train) for _ in range(4)]
    ours()
    rate = rows / median_seconds(ours, repeats=3)
    peer = lime_explainer(case)
    few = iter(np.tile(X[:10], (2, 1)))
    explain = lambda: peer.explain_instance(next(few), case.predict)  # noqa: E731
    seconds(explain)
    return faster(
        f"{rows:,} rows, breast cancer, random forest",
        rate,
        1 / median_seconds(explain, repeats=10),
        "rows/s",
        "Test rows drawn with replacement plus noise of 1 % of a column's spread, so many are in "
        "the same bins, and worked out once; forest of "
        f"{trees} trees as a host function, one thread. Ours: 4,096 samples, both classes, all "
        "weights with standard errors; a new explainer each time, median of 3. lime: 5,000 "
        "samples, its defaults, median of 10 of the same rows.",
        target=1000,
    )


def one_row(repeats: int, trees: int) -> Record:
    """What one explanation costs beyond the model's own call."""
    case = cases.breast_cancer_forest(trees)
    rows = iter(np.tile(case.X_test[:30], (4, 1)))
    explainer = TabularExplainer().fit(case.X_train)
    peer = lime_explainer(case)

    def ours(model: Watched) -> None:
        explainer.explain(next(rows)[None], model, num_samples=5000)

    def limes(model: Watched) -> None:
        peer.explain_instance(next(rows), model)

    median_overhead(ours, case.predict, 2)
    median_overhead(limes, case.predict, 1)
    return smaller(
        "one row, the same, time beyond the model's own",
        1000 * median_overhead(ours, case.predict, repeats),
        1000 * median_overhead(limes, case.predict, repeats),
        "ms",
        "5,000 samples (ours: 5,120), warm: the explainer has explained another row before, so "
        "its shared neighborhood is drawn; the time inside the model is measured in the same call "
        f"and subtracted. Median of {repeats} rows.",
        target=0.2,
    )


def own_neighborhoods(rows: int, trees: int) -> Record:
    """Not discretized, samples around each row: total time over the model's own at its best."""
    forests = {threads: cases.breast_cancer_forest(trees, threads) for threads in (1, 2)}
    case = forests[1]
    X = cases.more_rows(case, rows)
    explainer = TabularExplainer(discretizer=None, sample_around_instance=True).fit(case.X_train)
    watched = Watched(case.predict, keep=True)
    explainer.explain(X[:2], watched)
    sample = watched.inputs[-1]

    def predict_all(inputs: np.ndarray, threads: int, batch: int) -> None:
        for start in range(0, len(inputs), batch):
            forests[threads].predict(inputs[start : start + batch])

    choices = [(threads, batch) for threads in forests for batch in (2048, 8192, 32768, 262144)]
    few = np.tile(sample, (-(-min(rows, 32) // 2), 1))
    best = min(choices, key=lambda c: median_seconds(lambda: predict_all(few, *c), repeats=2))
    threads, batch = best

    watched = Watched(forests[threads].predict, keep=True)
    explainer.explain(X, watched, batch_size=batch)
    inputs = np.concatenate(watched.inputs)
    totals, models = [], []
    for _ in range(3):
        totals.append(
            seconds(lambda: explainer.explain(X, forests[threads].predict, batch_size=batch))
        )
        models.append(seconds(lambda: predict_all(inputs, threads, batch)))
    return smaller(
        f"{rows} rows, neighborhoods of their own, over the model alone",
        float(np.median(totals)),
        float(np.median(models)),
        "s",
        "`discretizer=None, sample_around_instance=True`, 4,096 samples a row; the peer is the "
        f"model alone on the very same inputs. Best of 1 or 2 threads and four batch sizes: "
        f"{threads} threads, batches of {batch:,}; ours calls it so too. Medians of 3, taken in "
        "turns.",
        target=1.3,
    )


def forward_selection(features: int, repeats: int) -> Record:
    """Five of many features, by forward selection, with a cheap model."""
    case = cases.logistic(features)
    explainer = TabularExplainer(feature_selection="forward_selection").fit(case.X_train)
    peer = lime_explainer(case, feature_selection="forward_selection")
    rows = iter(np.tile(case.X_test, (2, 1)))

    def ours() -> None:
        explainer.explain(next(rows)[None], case.predict, num_features=5, num_samples=5000)

    def limes() -> None:
        peer.explain_instance(next(rows), case.predict, num_features=5)

    ours()
    our_time, lime_time = median_seconds(ours, 3 * repeats), median_seconds(limes, repeats)
    return faster(
        f"one row, {features} columns, forward selection of 5",
        1 / our_time,
        1 / lime_time,
        "rows/s",
        f"5,000 samples, a logistic model in NumPy, warm. lime takes {lime_time:.3g} s, ours "
        f"{1000 * our_time:.3g} ms for both classes. Given the same samples both select the same "
        "features: `tests/stages/test_select.py`.",
        target=60,
    )
