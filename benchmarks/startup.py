"""A fresh process: from imported jax and scikit-learn to the first explanation."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator

from benchmarks.clock import in_fresh_process
from benchmarks.record import Record


def records(quick: bool) -> Iterator[Record]:
    repeats, trees = (1, 10) if quick else (5, 100)
    yield first_explanation("cold", repeats, trees, target=2.2)
    yield first_explanation("warm", repeats, trees, target=0.7)


def first_explanation(cache: str, repeats: int, trees: int, target: float) -> Record:
    """Seconds from `import lime_jax` to the first explanation, model included."""
    took = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            environment = {
                "JAX_COMPILATION_CACHE_DIR": folder,
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }

            def run(environment: dict[str, str] = environment) -> float:
                done = in_fresh_process("benchmarks.startup", trees, environment=environment)
                return done["seconds"]

            if cache == "warm":
                run()
            took.append(run())
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


def explain_first_row(trees: int) -> float:
    """What a process of its own runs."""
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


if __name__ == "__main__":
    print(json.dumps({"seconds": explain_first_row(int(sys.argv[1]))}))
