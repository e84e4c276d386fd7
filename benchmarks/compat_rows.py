"""One row after the other by `compat.lime_tabular`, against `lime` in the same process."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.cases import Case, breast_cancer_forest, categorical_forest
from benchmarks.clock import Watched, in_fresh_process, median_seconds, seconds
from benchmarks.peer import lime_explainer
from benchmarks.record import Record, smaller

CASES = {
    "breast cancer": breast_cancer_forest,
    "6 numeric and 6 categorical columns": categorical_forest,
}
MODELS = ("forest", "logistic")


def records(quick: bool) -> Iterator[Record]:
    repeats, trees = (1, 10) if quick else (5, 100)
    for table in CASES:
        for model in MODELS:
            yield from rows(table, model, repeats, trees)


def rows(table: str, model: str, repeats: int, trees: int) -> Iterator[Record]:
    """The first row of a process, and each further one."""
    arguments = (table, model, trees, 3 if repeats == 1 else 21)
    done = [in_fresh_process("benchmarks.compat_rows", *arguments) for _ in range(repeats)]
    for which in ("first", "further"):
        ours, limes, own = (
            statistics.median(each[f"{who} {which}"] for each in done)
            for who in ("ours", "lime", "model")
        )
        yield smaller(
            f"compat.lime_tabular, {table}, {model}, {which} row",
            1000 * ours,
            1000 * limes,
            "ms",
            f"The same numbers: 5,000 samples, 10 features, the same seed; {model} of "
            f"scikit-learn, which alone takes {1000 * own:.2g} ms for these samples. Both "
            f"libraries are imported before. Medians of {repeats} processes, further rows of 21.",
            target=1,
        )


def case_of(table: str, model: str, trees: int) -> Case:
    """A table with its forest, or with a logistic model of the same classes."""
    case = CASES[table](trees)
    if model == "forest":
        return case
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    pipeline.fit(case.X_train, case.predict(case.X_train).argmax(1))
    return Case(case.X_train, case.X_test, pipeline.predict_proba, case.categorical)


def compared(table: str, model: str, trees: int, count: int) -> dict[str, float]:
    """Seconds of both libraries and of the model alone."""
    from lime_jax.compat.lime_tabular import LimeTabularExplainer

    case = case_of(table, model, trees)
    categorical = list(case.categorical) or None
    ours = LimeTabularExplainer(case.X_train, categorical_features=categorical, random_state=0)
    case.predict(case.X_train)  # its own first call is nobody's
    watched = Watched(case.predict, keep=True)
    found = {}
    for who, explainer in (("ours", ours), ("lime", lime_explainer(case))):
        few = iter(case.X_test)

        def explain(explainer: Any = explainer, few: Iterator[Any] = few) -> None:
            explainer.explain_instance(next(few), watched)

        found[f"{who} first"] = seconds(explain)
        found[f"{who} further"] = median_seconds(explain, count)
    alone = median_seconds(lambda: case.predict(watched.inputs[0]), 5)
    return {**found, "model first": alone, "model further": alone}


if __name__ == "__main__":
    table, model, *numbers = sys.argv[1:]
    print(json.dumps(compared(table, model, *map(int, numbers))))
