"""Exact explanations of trees, against `lime`, `shap.TreeExplainer` and XGBoost's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.clock import median_seconds, seconds
from benchmarks.peer import lime_explainer
from benchmarks.record import Record, at_most, faster
from lime_jax import TabularExplainer


def records(quick: bool) -> Iterator[Record]:
    yield from forest(rows=200 if quick else 10_000, trees=10 if quick else 100)
    yield from large_forest(train=500 if quick else 20_000, rows=20 if quick else 1000)
    yield from boosted(rows=100 if quick else 10_000, trees=10 if quick else 250)


def forest(rows: int, trees: int) -> Iterator[Record]:
    """Breast cancer: all rows, all weights of both classes, R² and predictions."""
    import shap

    case = cases.breast_cancer_forest(trees)
    X = cases.more_rows(case, rows)
    explainer = TabularExplainer().fit(case.X_train)

    def ours() -> None:
        assert explainer.explain(X, case.model).method == "exact"

    ours()
    rate = rows / median_seconds(ours, repeats=5)
    peer = lime_explainer(case)
    few = iter(np.tile(X[:10], (2, 1)))
    explain = lambda: peer.explain_instance(next(few), case.predict)  # noqa: E731
    seconds(explain)
    what = f"exact, breast-cancer forest, {rows:,} rows"
    how = (
        f"Forest of {trees} trees handed over as it is; both classes, all weights, predictions, "
        "and R² from one shared pass; warm: conversion and tables are kept. Rows like 114 test "
        "rows, so many are in the same bins, and worked out once. Median of 5. "
    )
    yield faster(
        f"{what}, against lime",
        rate,
        1 / median_seconds(explain, repeats=10),
        "rows/s",
        f"{how}lime: 5,000 samples, its defaults, median of 10 of the same rows.",
        target=3000,
    )
    tree_explainer = shap.TreeExplainer(case.model)
    some = X[: max(10, rows // 10)]
    tree_explainer.shap_values(some)
    peer_rate = len(some) / median_seconds(lambda: tree_explainer.shap_values(some), repeats=3)
    yield faster(
        f"{what}, against shap.TreeExplainer",
        rate,
        peer_rate,
        "rows/s",
        f"{how}TreeExplainer: path-dependent, on {len(some):,} of the same rows, median of 3.",
        target=8,
    )


def large_forest(train: int, rows: int) -> Iterator[Record]:
    """A forest of full-depth trees on 20 columns, and what its tables cost."""
    import shap

    case = cases.large_forest(train)
    X = case.X_test[:rows]
    explainer = TabularExplainer().fit(case.X_train)
    leaves = sum(int(tree.tree_.n_leaves) for tree in case.model.estimators_)
    first = seconds(lambda: explainer.explain(X, case.model))
    built = build_seconds(explainer, case.model)
    rate = rows / median_seconds(lambda: explainer.explain(X, case.model), repeats=3)
    tree_explainer = shap.TreeExplainer(case.model)
    few = X[: max(5, rows // 50)]
    tree_explainer.shap_values(few[:2])
    peer = len(few) / seconds(lambda: tree_explainer.shap_values(few))
    yield faster(
        f"exact, forest of {leaves:,} leaves, against shap.TreeExplainer",
        rate,
        peer,
        "rows/s",
        f"100 full-depth trees on {train:,} x 20 rows, {rows:,} rows explained, warm, median of 3 "
        f"(the first call, with conversion, tables and compilation: {first:.3g} s). TreeExplainer: "
        f"path-dependent, on {len(few)} of the same rows.",
        target=10,
    )
    yield at_most(
        "building its tables, per 100,000 leaves",
        built * 1e5 / leaves,
        "s",
        f"From the fitted forest of {leaves:,} leaves to tables: conversion included, median of 3.",
        target=2,
    )


def build_seconds(explainer: TabularExplainer, model: Any) -> float:
    """From a fitted model to the tables of its closed form."""
    from lime_jax import TabularConfig, as_predict_fn
    from lime_jax.tabular.exact import make_tables

    def build() -> None:
        structure = as_predict_fn(model).structure
        assert structure is not None
        make_tables(structure, explainer.stats_, TabularConfig())

    return median_seconds(build, repeats=3)


def boosted(rows: int, trees: int) -> Iterator[Record]:
    """An XGBoost margin: exact LIME against two exact Shapley values."""
    import shap
    import xgboost

    case = cases.boosted(trees)
    explainer = TabularExplainer(output="margin").fit(case.X_train)
    tree_explainer, booster = shap.TreeExplainer(case.model), case.model.get_booster()
    how = (
        f"Breast cancer, depth 6, {rows:,} rows, all weights, R² and predictions, warm; both on "
        "all threads they like. Medians of 3. "
    )
    given = {
        "": (
            cases.more_rows(case, rows),
            "Rows like 114 test rows, so many are in the same bins, and worked out once.",
        ),
        " of rows that all differ": (
            cases.different_rows(case, rows),
            "Each column is drawn by itself, so no two rows are in the same bins.",
        ),
    }
    for which, (X, kind) in given.items():
        matrix = xgboost.DMatrix(X)
        ours = lambda X=X: explainer.explain(X, case.model)  # noqa: E731
        assert ours().method == "exact"
        rate = rows / median_seconds(ours, repeats=3)
        peers = {
            "shap.TreeExplainer": lambda X=X: tree_explainer.shap_values(X),
            "pred_contribs": lambda matrix=matrix: booster.predict(matrix, pred_contribs=True),
        }
        for name, call in peers.items():
            call()
            yield faster(
                f"exact, XGBoost margin, {trees} trees{which}, against {name}",
                rate,
                rows / median_seconds(call, repeats=3),
                "rows/s",
                how + kind,
                target=6 if name == "pred_contribs" else 1,
            )
