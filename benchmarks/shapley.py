"""Shapley values of tables: exact and from samples, against `shap`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.clock import Watched, median_seconds, seconds
from benchmarks.record import Record, faster, smaller
from lime_jax import TabularExplainer, as_predict_fn
from lime_jax.engine import predict_rows

COALITIONS = 2 * 30 + 2048  # what `shap.KernelExplainer` takes for 30 columns by default
BACKGROUND = 100


def records(quick: bool) -> Iterator[Record]:
    trees = 10 if quick else 100
    yield from exact(rows=10 if quick else 100, few=1 if quick else 3, trees=trees)
    yield sampled(rows=2 if quick else 20, few=1 if quick else 3, trees=trees)
    yield sampled_on_the_host(rows=1 if quick else 3, trees=trees)
    yield linked(rows=20 if quick else 1000, few=1 if quick else 3)
    yield from boosted(rows=2 if quick else 20, seeds=2 if quick else 12, trees=trees)
    yield error(seeds=2 if quick else 30, rows=1 if quick else 3, trees=trees)


def kernel_explainer_seconds(case: cases.Case, X: np.ndarray) -> tuple[float, int]:
    """Of one row in `shap.KernelExplainer`, at the better of 1 and 2 threads of the forest."""
    import shap

    times = {}
    for threads in (1, 2):
        case.model.set_params(n_jobs=threads)
        explainer = shap.KernelExplainer(case.predict, case.X_train[:BACKGROUND])
        rows = iter(np.concatenate([X[:1], X]))

        def one(explainer: Any = explainer, rows: Iterator[np.ndarray] = rows) -> None:
            explainer.shap_values(next(rows)[None], l1_reg=False, silent=True)

        one()
        times[threads] = median_seconds(one, repeats=len(X))
    case.model.set_params(n_jobs=1)
    best = min(times, key=lambda threads: times[threads])
    return times[best], best


def exact(rows: int, few: int, trees: int) -> Iterator[Record]:
    """All Shapley values of both classes in closed form."""
    import shap

    case = cases.breast_cancer_forest(trees)
    background = case.X_train[:BACKGROUND]
    X = cases.more_rows(case, 6 * rows)
    parts = iter(np.split(X, 6))
    explainer = TabularExplainer(algorithm="kernel_shap").fit(background)

    def ours() -> None:
        assert explainer.explain(next(parts), case.model).method == "exact"

    first = seconds(ours)
    rate = rows / median_seconds(ours, repeats=5)
    one, threads = kernel_explainer_seconds(case, X[:few])
    what = f"Shapley values, exact, breast-cancer forest, {rows} rows"
    how = (
        f"Forest of {trees} trees handed over as it is, {BACKGROUND} background rows; both "
        "classes, predictions included; rows not seen before, the model seen before (the first "
        f"call, with conversion, tables and compilation: {first:.3g} s). Median of 5. "
    )
    yield faster(
        f"{what}, against shap.KernelExplainer",
        rate,
        1 / one,
        "rows/s",
        f"{how}KernelExplainer: {COALITIONS:,} coalitions (its default), `l1_reg=False`, at its "
        f"best of 1 and 2 threads of the forest, which is {threads}; median of {few} rows.",
        target=700,
    )
    peer = shap.TreeExplainer(case.model, background, feature_perturbation="interventional")
    some = X[: max(2, rows // 4)]
    peer.shap_values(some[:2])
    yield faster(
        f"{what}, against shap.TreeExplainer",
        rate,
        len(some) / median_seconds(lambda: peer.shap_values(some), repeats=5),
        "rows/s",
        f"{how}TreeExplainer: interventional, on {len(some)} of the same rows, median of 5.",
        target=4,
    )


def sampled(rows: int, few: int, trees: int) -> Record:
    """The same coalitions and background rows, with a converted forest."""
    case = cases.breast_cancer_forest(trees)
    X = cases.more_rows(case, 4 * rows)
    parts = iter(np.split(X, 4))
    explainer = TabularExplainer(algorithm="kernel_shap").fit(case.X_train[:BACKGROUND])
    used: list[int] = []

    def ours() -> None:
        found = explainer.explain(next(parts), case.model, num_samples=COALITIONS, method="sampled")
        used.append(found.num_samples)

    ours()
    rate = rows / median_seconds(ours, repeats=3)
    one, threads = kernel_explainer_seconds(case, X[:few])
    return faster(
        f"KernelSHAP, sampled, converted forest, {rows} rows",
        rate,
        1 / one,
        "rows/s",
        f"Breast cancer, {trees} trees, {BACKGROUND} background rows, both classes; ours "
        f"{used[0]:,} coalitions, warm, rows not seen before, with standard errors, median of 3. "
        f"KernelExplainer: {COALITIONS:,} (its default), `l1_reg=False`, at its best of 1 and 2 "
        f"threads of the forest, which is {threads}; median of {few} rows.",
        target=8,
    )


def linked(rows: int, few: int) -> Record:
    """A probability behind encoders: a function of a sum over columns."""
    frame, pipeline = cases.encoded_logistic(rows=1200)
    background, X = frame[:BACKGROUND], frame[BACKGROUND : BACKGROUND + rows]
    explainer = TabularExplainer(algorithm="kernel_shap").fit(background)
    called = TabularExplainer(algorithm="kernel_shap").fit(background)

    def by_calls() -> None:
        called.explain(X[:few], lambda table: pipeline.predict_proba(table))

    used = explainer.explain(X, pipeline).num_samples
    by_calls()
    rate = rows / median_seconds(lambda: explainer.explain(X, pipeline), repeats=3)
    return faster(
        f"KernelSHAP, sampled, logistic regression's probability behind encoders, {rows} rows",
        rate,
        few / median_seconds(by_calls, repeats=3),
        "rows/s",
        f"25 numbers and 16 columns of levels, {BACKGROUND} background rows, {used:,} "
        f"coalitions by default, both classes, warm, medians of 3. The peer is the same explainer "
        f"on {few} of the rows, which calls the pipeline for every coalition and background row.",
        target=100,
    )


def boosted(rows: int, seeds: int, trees: int) -> Iterator[Record]:
    """A probability of boosted trees: coalitions of each background row, or shared by all."""
    case = cases.boosted(trees)
    model, as_a_function = case.model, as_predict_fn(case.model).predict
    background, few = case.X_train[:BACKGROUND], 320
    X = cases.more_rows(case, 4 * rows)

    def noise(model: Any, count: int) -> float:
        found = [
            TabularExplainer(algorithm="kernel_shap", seed=seed)
            .fit(background)
            .explain(X[:rows], model, num_samples=count, labels=[1])
            .coef
            for seed in range(seeds)
        ]
        return float(np.sqrt(np.var(found, axis=0, ddof=1).mean()))

    def rate(model: Any, count: int) -> float:
        explainer = TabularExplainer(algorithm="kernel_shap").fit(background)
        parts = iter(np.split(X, 4))

        def one() -> None:
            explainer.explain(next(parts), model, num_samples=count)

        one()
        return rows / median_seconds(one, repeats=3)

    shared, equal, fewer = (
        noise(*ask) for ask in ((as_a_function, COALITIONS), (model, COALITIONS), (model, few))
    )
    what = "KernelSHAP, probability of boosted trees"
    how = (
        f"Breast cancer, {trees} trees of depth 6 of XGBoost, {BACKGROUND} background rows, {rows} "
        f"rows; the peer is the same converted model as a function of JAX, whose {COALITIONS:,} "
        "coalitions all background rows share. "
    )
    yield faster(
        f"{what}, at equal error",
        rate(model, few),
        rate(as_a_function, COALITIONS),
        "rows/s",
        f"{how}Ours: {few} coalitions of each background row. Standard deviation over {seeds} "
        f"seeds: {fewer:.2g} of ours, {shared:.2g} of the peer's. Warm, both classes, medians of "
        "3.",
        target=5,
    )
    yield smaller(
        f"{what}: noise at equal model calls",
        equal,
        shared,
        "standard deviation",
        f"{how}As many for ours, of each background row. Over {seeds} seeds, second class.",
        target=1 / 3,
    )


def sampled_on_the_host(rows: int, trees: int) -> Record:
    """Our own time where the forest is called as a plain function."""
    forests = {threads: cases.breast_cancer_forest(trees, threads) for threads in (1, 2)}
    case = forests[1]
    X = cases.more_rows(case, rows)
    explainer = TabularExplainer(algorithm="kernel_shap").fit(case.X_train[:BACKGROUND])

    def timed(threads: int) -> tuple[float, float, int]:
        watched = Watched(forests[threads].predict)
        total = seconds(
            lambda: explainer.explain(X, watched, num_samples=COALITIONS, method="sampled")
        )
        return total - watched.seconds, watched.seconds, watched.calls

    timed(1)
    best = min(forests, key=lambda threads: timed(threads)[1])
    own, model, calls = np.median([timed(best) for _ in range(5)], axis=0)
    return smaller(
        f"KernelSHAP, sampled, forest on the host, {rows} rows: our own time over the model's",
        float(own),
        float(model),
        "s",
        f"Breast cancer, {trees} trees as a plain function, {BACKGROUND} background rows, "
        f"{COALITIONS:,} coalitions asked for, warm. The time inside the model, in {calls:.0f} "
        f"calls, is measured in the same run and subtracted; {best} threads, its best of 1 and 2. "
        "Medians of 5.",
        target=0.1,
    )


def error(seeds: int, rows: int, trees: int) -> Record:
    """Against the exact values, at equal numbers of coalitions."""
    import shap

    case = cases.breast_cancer_forest(trees)
    # In single precision, as scikit-learn compares: else shap takes another branch at some ties.
    background = case.X_train[:10].astype(np.float32)
    X = case.X_test[:rows].astype(np.float32)
    truth = shap.TreeExplainer(
        case.model, background, feature_perturbation="interventional"
    ).shap_values(X)[..., 1]
    converted = as_predict_fn(case.model).predict

    def quick_predict(inputs: np.ndarray) -> np.ndarray:
        return np.asarray(predict_rows(converted, np.asarray(inputs, np.float32)))  # pyright: ignore[reportArgumentType]

    peer = shap.KernelExplainer(quick_predict, background)
    ours, theirs, used = [], [], 0
    for seed in range(seeds):
        found = (
            TabularExplainer(algorithm="kernel_shap", seed=seed)
            .fit(background)
            .explain(X, case.model, num_samples=2048, method="sampled")
        )
        ours.append(found.coef[:, 1])
        used = found.num_samples
        np.random.seed(seed)  # noqa: NPY002 (shap draws from NumPy's global state)
        theirs.append(peer.shap_values(X, l1_reg=False, nsamples=2048, silent=True)[..., 1])
    size = float(np.sqrt(np.mean(truth**2)))
    return smaller(
        "Shapley values from 2,048 coalitions, 30 columns: error",
        float(np.sqrt(np.mean((np.array(ours) - truth) ** 2))),
        float(np.sqrt(np.mean((np.array(theirs) - truth) ** 2))),
        "RMSE",
        f"Breast cancer, forest of {trees} trees, 10 background rows, {rows} rows, {seeds} seeds, "
        f"all 30 values (root mean square {size:.2g}); ours takes {used:,} coalitions. Truth: "
        "shap.TreeExplainer, interventional. KernelExplainer: `l1_reg=False`.",
        target=0.9,
    )
