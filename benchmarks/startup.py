"""What people wait for: a fresh process, a table not seen before, a service that answers."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator

from benchmarks.clock import in_fresh_process, median_overhead, median_seconds, seconds
from benchmarks.record import Record, smaller


def records(quick: bool) -> Iterator[Record]:
    repeats, trees = (1, 10) if quick else (5, 100)
    yield first_explanation("cold", repeats, trees, target=2.2)
    yield first_explanation("warm", repeats, trees, target=0.7)
    yield whole_process("empty", repeats, trees, target=1.5)
    yield whole_process("warm", repeats, trees, target=1.0)
    yield first_rows(30 if quick else 1000, repeats, trees)
    yield served_row("sampled", 3 if quick else 50, trees, target=6)
    yield served_row("exact", 3 if quick else 50, trees, target=3)


def first_explanation(cache: str, repeats: int, trees: int, target: float) -> Record:
    """Seconds from `import lime_jax` to the first explanation, model included."""
    took = [done["seconds"] for done in _processes(cache, repeats, "one", trees)]
    middle = statistics.median(took)
    return Record(
        f"fresh process to the first explanation, compilation cache {cache}",
        middle,
        None,
        middle,
        "s",
        "Import of lime_jax, `fit` and `explain` of one row (breast cancer, forest of "
        f"{trees} trees, 4,096 samples), after jax and scikit-learn are imported and the model is "
        f"trained. JAX's persistent cache is {'filled' if cache == 'warm' else 'empty'}. "
        f"Median of {repeats} processes.",
        at_most=target,
    )


def whole_process(cache: str, repeats: int, trees: int, target: float) -> Record:
    """From the start of a process to its end: imports, training, one explanation."""
    ours, limes = (
        statistics.median(done["whole"] for done in _processes(cache, repeats, library, trees))
        for library in ("ours", "lime")
    )
    return smaller(
        f"a process that trains a forest and explains one row, compilation cache {cache}",
        ours,
        limes,
        "s",
        f"Breast cancer, forest of {trees} trees behind a plain function; everything a new process "
        f"does, its imports too. Medians of {repeats} processes each.",
        target,
    )


def first_rows(rows: int, repeats: int, trees: int) -> Record:
    """A table and a model that this process has not seen, and nothing compiled."""
    done = list(_processes("empty", repeats, "many", trees, rows))
    return smaller(
        f"the first {rows:,} rows of a table and a model, nothing compiled",
        statistics.median(each["seconds"] for each in done),
        statistics.median(each["lime"] for each in done),
        "s",
        f"`fit` and `explain`, exact, of the estimator itself (breast cancer, {trees} trees) in a "
        "process that has imported both libraries. lime: its rate of 10 rows, times as many. "
        f"Medians of {repeats} processes.",
        target=1,
    )


def served_row(method: str, repeats: int, trees: int, target: float) -> Record:
    """One row after `warm_up`, beyond the model's own time."""
    from benchmarks.cases import breast_cancer_forest
    from benchmarks.peer import lime_explainer
    from lime_jax import TabularExplainer

    case = breast_cancer_forest(trees)
    rows, peer = iter(list(case.X_test) * 4), lime_explainer(case)
    explainer = TabularExplainer().fit(case.X_train)
    if method == "exact":
        explainer.warm_up(case.model)
        whole = median_seconds(lambda: explainer.explain(next(rows)[None], case.model), repeats)
        own = median_seconds(lambda: case.model.predict_proba(next(rows)[None]), repeats)
        ours = whole - own
    else:
        explainer.warm_up(case.predict)
        ours = median_overhead(
            lambda m: explainer.explain(next(rows)[None], m), case.predict, repeats
        )
    limes = median_overhead(lambda m: peer.explain_instance(next(rows), m), case.predict, 10)
    return Record(
        f"one row after `warm_up`, {method}, time beyond the model's own",
        1000 * ours,
        1000 * limes,
        1000 * ours,
        "ms",
        f"Breast cancer, forest of {trees} trees. Of the exact one the model's own time is that of "
        f"`predict_proba` for the row. Medians of {repeats} rows; the target is in ms.",
        at_most=target,
    )


def _processes(cache: str, repeats: int, *arguments: object) -> Iterator[dict[str, float]]:
    """What processes of their own say, and how long each of them takes."""
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            environment = {
                "JAX_COMPILATION_CACHE_DIR": folder,
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
            said: dict[str, float] = {}

            def run(
                environment: dict[str, str] = environment, said: dict[str, float] = said
            ) -> None:
                said.update(
                    in_fresh_process("benchmarks.startup", *arguments, environment=environment)
                )

            if cache == "warm":
                run()
            yield {"whole": seconds(run), **said}


def explain_one(library: str, trees: int) -> None:
    """What anybody does who has one row to explain."""
    from benchmarks.cases import breast_cancer_forest

    case = breast_cancer_forest(trees)
    if library == "lime":
        from benchmarks.peer import lime_explainer

        lime_explainer(case).explain_instance(case.X_test[0], case.predict)
    else:
        from lime_jax import TabularExplainer

        TabularExplainer().fit(case.X_train).explain(case.X_test[:1], case.predict)


def explain_many(trees: int, rows: int) -> dict[str, float]:
    """The first rows of a table, and what lime takes for as many."""
    import jax.numpy as jnp

    from benchmarks.cases import breast_cancer_forest, more_rows
    from benchmarks.peer import lime_explainer
    from lime_jax import TabularExplainer

    case = breast_cancer_forest(trees)
    X, peer = more_rows(case, rows), lime_explainer(case)
    jnp.zeros(1).block_until_ready()
    ours = seconds(lambda: TabularExplainer().fit(case.X_train).explain(X, case.model))
    few = iter(X)
    each = median_seconds(lambda: peer.explain_instance(next(few), case.predict), 10)
    return {"seconds": ours, "lime": rows * each}


def explain_first_row(trees: int) -> float:
    """Seconds from the import of the package to an explanation."""
    import jax.numpy as jnp
    import sklearn.ensemble  # noqa: F401

    from benchmarks.cases import breast_cancer_forest

    case = breast_cancer_forest(trees)
    case.predict(case.X_test[:1])
    jnp.zeros(1).block_until_ready()  # JAX's own start
    start = time.perf_counter()
    from lime_jax import TabularExplainer

    TabularExplainer().fit(case.X_train).explain(case.X_test[:1], case.predict)
    return time.perf_counter() - start


def main(what: str, trees: int, *rows: int) -> dict[str, float]:
    """What a process of its own runs."""
    if what == "many":
        return explain_many(trees, *rows)
    if what == "one":
        return {"seconds": explain_first_row(trees)}
    explain_one(what, trees)
    return {}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
