"""`lime-jax demo`: a random forest on the breast-cancer data, explained."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lime_jax.cache import use_compilation_cache
from lime_jax.cli.files import check_writable, make_folder, write_explanations
from lime_jax.cli.terminal import print_table, say
from lime_jax.optional import is_installed
from lime_jax.results.whole_files import replacing

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.utils import Bunch

    from lime_jax import Explanations

_BEFORE = """\
A random forest learns from 455 tumors which are malignant and which are benign. Then it is asked
about 114 that it has not seen. Why does it say what it says of each of them?"""

_NEXT = """\
Three things to try next:
  1. Open {page} in a browser: the same for the first rows, with pictures.
  2. Explain a model of your own: lime-jax explain --help, or docs/tables.md for Python.
  3. See what a network looks at in a photo: lime-jax demo-image"""


def demo(arguments: Namespace) -> None:
    """Run `lime-jax demo`."""
    folder = make_folder(arguments.out)
    page = check_writable(folder / "report.html", (".html",), "--out")
    use_compilation_cache()
    print(_BEFORE, flush=True)
    data, model, training, rows = _train()
    explanations, first, warm = _explain(data, model, training, rows)
    print()
    _print_row(explanations)
    print()
    _print_ranking(explanations)
    print()
    _print_speed(explanations, first, warm)
    with replacing(page) as aside:
        title = f"Breast cancer: {len(rows)} test rows"
        aside.write_text(explanations.as_html(title=title), encoding="utf-8")
    table = folder / ("explanations.parquet" if is_installed("pyarrow") else "explanations.csv")
    write_explanations(explanations, table)
    written = [page, table]
    picture = folder / "summary.png"
    if _draw_summary(explanations, picture):
        written.append(picture)
    print("Wrote " + ", ".join(str(folder / path.name) for path in written))
    print()
    print(_NEXT.format(page=page))


def _train() -> tuple[Bunch, RandomForestClassifier, np.ndarray, np.ndarray]:
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    data: Bunch = load_breast_cancer()  # pyright: ignore[reportAssignmentType]
    training, rows, classes, _ = train_test_split(
        data.data, data.target, train_size=0.8, random_state=0
    )
    model = RandomForestClassifier(random_state=0).fit(training, classes)
    return data, model, np.asarray(training), np.asarray(rows)


def _explain(
    data: Bunch, model: RandomForestClassifier, training: np.ndarray, rows: np.ndarray
) -> tuple[Explanations, float, float]:
    """Explain twice, each time from new samples: with what must be compiled, and without."""
    from lime_jax import TabularExplainer

    def explain() -> tuple[Explanations, float]:
        explainer = TabularExplainer(
            feature_names=data.feature_names.tolist(), class_names=data.target_names.tolist()
        ).fit(training)
        start = time.perf_counter()
        explanations = explainer.explain(rows, model)
        return explanations, time.perf_counter() - start

    _, first = explain()
    explanations, warm = explain()
    return explanations, first, warm


def _print_row(explanations: Explanations) -> None:
    report = explanations[0].report(num_features=10)
    prediction = ", ".join(f"{name} {value:.2f}" for name, value in report.prediction)
    condition, weight = report.conditions[0], report.weights[0]
    print(f"The first test row. The forest says: {prediction}.")
    print(
        f"A weight of {weight:+.4f} for {condition} means: among rows like this one, being there\n"
        f"{'raises' if weight > 0 else 'lowers'} the probability of {report.label} by "
        f"{abs(weight):.4f} on average, against not being there."
    )
    print_table(
        f"What speaks for {report.label}, and (-) against it:",
        ["condition", "weight", "std. error"],
        [
            [condition, f"{weight:+.4f}", f"{error:.4f}"]
            for condition, weight, error in zip(
                report.conditions, report.weights, report.std_errors, strict=True
            )
        ],
    )
    print(_of_errors(explanations.method))


def _of_errors(method: str) -> str:
    if method == "exact":
        return "The errors are 0: of a forest the weights are a formula, nothing is left to chance."
    return "The error says how much a weight would change if other random samples were drawn."


def _print_ranking(explanations: Explanations) -> None:
    size, error = explanations.importance()
    strongest = np.argsort(-size, kind="stable")[:10]
    print_table(
        f"All {len(explanations)} test rows, the ten of {len(size)} features that matter most; the "
        "error says how much\nthe mean would change with other rows:",
        ["feature", "mean |weight|", "std. error"],
        [[explanations.feature_names[k], f"{size[k]:.4f}", f"{error[k]:.4f}"] for k in strongest],
    )


def _print_speed(explanations: Explanations, first: float, warm: float) -> None:
    rows = len(explanations)
    print(
        f"{rows / warm:,.0f} rows per second: {rows} rows in {warm:.2f} s, which is one whole "
        f"call of explain, the\nforest's own predictions included. The first call, which also "
        f"compiles, took {first:.2f} s."
    )


def _draw_summary(explanations: Explanations, path: Path) -> bool:
    try:
        figure = explanations.summary_figure()
    except ImportError as error:
        say(f"no {path.name}: {error}", "demo")
        return False
    with replacing(path) as aside:
        figure.savefig(aside, dpi=150, bbox_inches="tight")
    return True
