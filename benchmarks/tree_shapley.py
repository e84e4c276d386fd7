"""Exact Shapley values and interactions of boosted trees, against `woodelf-explainer` and `shap`.

Without `woodelf-explainer` its records are left out.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.clock import in_fresh_process, median_seconds, seconds
from benchmarks.memory import held, peak
from benchmarks.record import Record, faster, smaller

_SEED = 12


def records(quick: bool) -> Iterator[Record]:
    yield from values(rows=200 if quick else 100_000, trees=3 if quick else 100)
    yield from deep(rows=50 if quick else 20_000, trees=2 if quick else 200)
    yield from interactions(rows=50 if quick else 10_000, trees=3 if quick else 100)
    yield from paths(rows=50 if quick else 10_000, trees=3 if quick else 100)


def boosted(
    columns: int, trees: int, depth: int, background: int, rows: int
) -> tuple[Any, np.ndarray, np.ndarray]:
    """An XGBoost regressor, its training rows as the background, and rows to explain."""
    import xgboost

    rng = np.random.default_rng(_SEED)
    X = rng.normal(size=(background + rows, columns)).astype(np.float32).astype(np.float64)
    train, rest = X[:background], X[background:]
    y = train @ rng.normal(size=columns) / 3 + train[:, 0] * train[:, 1] + np.sin(2 * train[:, 2])
    model = xgboost.XGBRegressor(n_estimators=trees, max_depth=depth, n_jobs=2).fit(train, y)
    return model, train, rest


def values(rows: int, trees: int, columns: int = 127, background: int = 20_000) -> Iterator[Record]:
    """Many rows against a large background: warm, the first call, and memory."""
    if not _has_woodelf():
        return
    background = min(background, 10 * rows)
    given = columns, trees, 6, background, rows
    ours = in_fresh_process("benchmarks.tree_shapley", "ours", *given)
    what = f"exact Shapley values, {rows:,} x {columns}, XGBoost {trees} x depth 6"
    how = (
        f"Background {background:,}; each in a process of its own. Peaks are above what was held "
        "before the first call and above the results. "
    )
    peer = in_fresh_process("benchmarks.tree_shapley", "woodelf", *given)
    yield faster(
        f"{what}, warm, against woodelf",
        rows / ours["warm"],
        rows / peer["warm"],
        "rows/s",
        f"{how}Medians of 3, predictions included; woodelf takes the background anew each time.",
        target=3,
    )
    yield faster(
        f"{what}, first call, against woodelf",
        rows / ours["first"],
        rows / peer["first"],
        "rows/s",
        f"{how}With conversion, tables and compilation.",
        target=1.5,
    )
    yield smaller(
        f"{what}, peak memory, against woodelf", ours["peak"], peer["peak"], "GB", how, target=1
    )


def deep(rows: int, trees: int, columns: int = 30, background: int = 1000) -> Iterator[Record]:
    """Trees of depth 10."""
    given = columns, trees, 10, background, rows
    ours = in_fresh_process("benchmarks.tree_shapley", "ours", *given)
    peers = {"shap": 10}  # of so many rows
    if _has_woodelf():
        peers["woodelf"] = rows
    what = f"exact Shapley values, {rows:,} x {columns}, {trees} trees of depth 10"
    for name, few in peers.items():
        some = min(few, rows)
        peer = in_fresh_process("benchmarks.tree_shapley", name, *given[:-1], some)
        yield faster(
            f"{what}, against {name}",
            rows / ours["warm"],
            some / peer["warm"],
            "rows/s",
            f"Background {background:,}; warm, medians of 3; {name} on {some:,} of the rows.",
            target=2,
        )


def interactions(rows: int, trees: int, columns: int = 127) -> Iterator[Record]:
    """All pairs of features."""
    if not _has_woodelf():
        return
    background = min(20_000, 10 * rows)
    given = columns, trees, 6, background, rows
    ours = in_fresh_process("benchmarks.tree_shapley", "our_pairs", *given)
    peer = in_fresh_process("benchmarks.tree_shapley", "woodelf_pairs", *given)
    yield faster(
        f"pairwise Shapley interactions, {rows:,} x {columns}, XGBoost {trees} x depth 6, "
        "against woodelf",
        rows / ours["warm"],
        rows / peer["warm"],
        "rows/s",
        f"Background {background:,}; warm, medians of 3. Of both the pairs that can matter, and "
        "not the dense matrices.",
        target=2,
    )


def paths(rows: int, trees: int, columns: int = 127) -> Iterator[Record]:
    """Path-dependent values, which need no background."""
    for depth, count, some in ((6, trees, rows), (10, max(2, trees // 2), max(50, rows // 5))):
        given = columns, count, depth, min(20_000, 10 * rows), some
        ours = in_fresh_process("benchmarks.tree_shapley", "our_paths", *given)
        few = min(some, 500)
        for name in ("pred_contribs", "shap"):
            peer = in_fresh_process("benchmarks.tree_shapley", f"{name}_paths", *given[:-1], few)
            yield faster(
                f"path-dependent Shapley values, {some:,} x {columns}, XGBoost {count} x depth "
                f"{depth}, against {name}",
                some / ours["warm"],
                few / peer["warm"],
                "rows/s",
                f"Warm, medians of 3, our predictions included; {name} on {few:,} of the rows, on "
                "all threads it likes.",
                target=1,
            )


def _has_woodelf() -> bool:
    return importlib.util.find_spec("woodelf") is not None


def _measured(call: Any, nbytes: Any) -> dict[str, float]:
    """The first call, the next ones, and the peak of the first above what is left of it."""
    before, found = held(), []
    first = seconds(lambda: found.append(call()))
    most = (peak() - before - nbytes(found.pop())) / 1e9
    return {"first": first, "warm": median_seconds(call, repeats=3), "peak": most}


def _ours(*given: int, algorithm: str = "kernel_shap", **settings: Any) -> Any:
    from lime_jax import TabularExplainer

    model, train, X = boosted(*given)
    explainer = TabularExplainer(algorithm, **settings).fit(train)

    def size(found: Any) -> int:
        return sum(part.nbytes for part in vars(found).values() if isinstance(part, np.ndarray))

    return _measured(lambda: explainer.explain(X, model), size)


def _our_pairs(*given: int) -> Any:
    return _ours(*given, interactions=True)


def _our_paths(*given: int) -> Any:
    return _ours(*given, algorithm="tree_path")


def _pred_contribs(*given: int) -> Any:
    import xgboost

    model, _, X = boosted(*given)
    booster, rows = model.get_booster(), xgboost.DMatrix(X)
    return _measured(lambda: booster.predict(rows, pred_contribs=True), lambda found: found.nbytes)


def _shap_paths(*given: int) -> Any:
    import shap

    model, _, X = boosted(*given)
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    return _measured(lambda: explainer.shap_values(X), lambda found: found.nbytes)


def _woodelf(columns: int, trees: int, depth: int, background: int, rows: int) -> Any:
    explainer, X = _woodelf_explainer(columns, trees, depth, background, rows)
    return _measured(lambda: explainer.shap_values(X, verbose=False), lambda found: found.nbytes)


def _woodelf_pairs(columns: int, trees: int, depth: int, background: int, rows: int) -> Any:
    explainer, X = _woodelf_explainer(columns, trees, depth, background, rows)
    lean = dict(as_df=True, exclude_zero_contribution_features=True, verbose=False)

    def call() -> Any:
        return explainer.shap_interaction_values(X, include_interaction_with_itself=False, **lean)

    return _measured(call, lambda found: found.to_numpy().nbytes)


def _woodelf_explainer(*given: int) -> tuple[Any, Any]:
    import pandas as pd
    from woodelf import WoodelfExplainer  # pyright: ignore[reportMissingImports]

    model, train, X = boosted(*given)
    names = [f"f{k}" for k in range(train.shape[1])]
    explainer = WoodelfExplainer(model, pd.DataFrame(train, columns=names))
    return explainer, pd.DataFrame(X, columns=names)


def _shap(*given: int) -> Any:
    import shap

    model, train, X = boosted(*given)
    explainer = shap.TreeExplainer(model, train, feature_perturbation="interventional")
    call = lambda: explainer.shap_values(X, check_additivity=False)  # noqa: E731
    return _measured(call, lambda found: found.nbytes)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    tasks = {
        "ours": _ours,
        "our_pairs": _our_pairs,
        "our_paths": _our_paths,
        "pred_contribs_paths": _pred_contribs,
        "shap_paths": _shap_paths,
        "woodelf": _woodelf,
        "woodelf_pairs": _woodelf_pairs,
        "shap": _shap,
    }
    print(json.dumps(tasks[sys.argv[1]](*map(int, sys.argv[2:]))))
