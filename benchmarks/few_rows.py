"""Large default models and few rows, or many: exact LIME and Shapley values against their peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.clock import median_seconds, seconds
from benchmarks.record import Record, at_most, faster, smaller
from lime_jax import TabularExplainer

BACKGROUND = 100


def records(quick: bool) -> Iterator[Record]:
    yield from lime_rows(train=500 if quick else 10_000)
    yield from shapley_rows(train=500 if quick else 20_000)
    yield encoded_extra_trees(train=300 if quick else 10_000, rows=20 if quick else 1000)


def default_forest(train: int) -> tuple[np.ndarray, Any]:
    """8 normal columns and a `RandomForestRegressor` as it comes: 100 trees of full depth."""
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(0)
    X = rng.normal(size=(train, 8))
    y = X[:, 0] * X[:, 1] + np.sin(3 * X[:, 2]) + X[:, 3] + rng.normal(size=train) / 2
    forest = RandomForestRegressor(random_state=0, n_jobs=2).fit(X, y)
    return X, forest.set_params(n_jobs=1)


def each_of(explain: Callable[[np.ndarray], Any], X: np.ndarray) -> Callable[[], Any]:
    """Explains the next row at each call."""
    rows = iter(np.split(X, len(X)))
    return lambda: explain(next(rows))


def leaves_of(forest: Any) -> int:
    return sum(int(tree.tree_.n_leaves) for tree in forest.estimators_)


def lime_rows(train: int) -> Iterator[Record]:
    """The first row of an estimator never seen, and each further one."""
    import shap
    from lime.lime_tabular import LimeTabularExplainer

    X, forest = default_forest(train)
    explainer = TabularExplainer().fit(X)

    def ours(rows: np.ndarray) -> None:
        assert explainer.explain(rows, forest).method == "exact"

    first = seconds(lambda: ours(X[:1]))
    further = median_seconds(each_of(ours, X[1:22]), repeats=21)
    tree = shap.TreeExplainer(forest)
    tree.shap_values(X[:1])
    by_tree = median_seconds(each_of(tree.shap_values, X[1:8]), repeats=7)
    peer = LimeTabularExplainer(X, mode="regression", random_state=0)

    def lime(rows: np.ndarray) -> None:
        peer.explain_instance(rows[0], forest.predict, num_features=8)

    lime(X[:1])
    by_lime = median_seconds(each_of(lime, X[1:8]), repeats=7)
    what = f"exact LIME, a default forest of {leaves_of(forest):,} leaves"
    yield at_most(
        f"{what}, first row",
        first,
        "s",
        "A process that has compiled nothing of this kind, an estimator never seen: conversion, "
        "checks, compilation and R² included. One call.",
        target=1.5,
    )
    how = f"RandomForestRegressor on {train:,} x 8, all weights, prediction and R². Median of 21. "
    yield smaller(
        f"{what}, a further row, against shap.TreeExplainer",
        further,
        by_tree,
        "s",
        f"{how}TreeExplainer: path-dependent, median of 7 of the same rows.",
        target=1,
    )
    yield smaller(
        f"{what}, a further row, against lime",
        further,
        by_lime,
        "s",
        f"{how}lime: 5,000 samples, its defaults, median of 7 of the same rows.",
        target=1,
    )


def shapley_rows(train: int) -> Iterator[Record]:
    """The same for Shapley values against a background."""
    import shap

    X, forest = default_forest(train)
    background = X[:BACKGROUND]
    explainer = TabularExplainer("kernel_shap").fit(background)

    def ours(rows: np.ndarray) -> None:
        assert explainer.explain(rows, forest).method == "exact"

    first = seconds(lambda: ours(X[-1:]))
    further = median_seconds(each_of(ours, X[-22:-1]), repeats=21)
    tree = shap.TreeExplainer(forest, background)

    def theirs(rows: np.ndarray) -> None:
        tree.shap_values(rows, check_additivity=False)

    theirs(X[-1:])
    by_tree = median_seconds(each_of(theirs, X[-8:-1]), repeats=7)
    what = f"exact Shapley values, a default forest of {leaves_of(forest):,} leaves"
    yield at_most(
        f"{what}, first row",
        first,
        "s",
        f"An estimator never seen, {BACKGROUND} background rows. One call.",
        target=1.5,
    )
    yield smaller(
        f"{what}, a further row, against shap.TreeExplainer",
        further,
        by_tree,
        "s",
        f"RandomForestRegressor on {train:,} x 8, {BACKGROUND} background rows, which both have. "
        "Median of 21. TreeExplainer: interventional, median of 7 of the same rows.",
        target=1,
    )


def encoded_extra_trees(train: int, rows: int) -> Record:
    """Deep extra-trees behind a one-hot encoder: conditions are on levels."""
    import shap
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rng = np.random.default_rng(0)
    sizes = (3, 5, 7, 9, 16, 40)
    levels = np.stack([rng.integers(0, size, train) for size in sizes], axis=1)
    X = np.concatenate([rng.normal(size=(train, 6)), levels], axis=1)
    score = X[:, 0] * (X[:, 6] == 1) + X[:, 1] + (X[:, 9] % 3 == 0) + rng.normal(size=train)
    texts = list(range(6, 12))
    hot = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts)],
        remainder="passthrough",
    )
    model = make_pipeline(hot, ExtraTreesClassifier(150, random_state=0)).fit(X, score > 0.5)
    explainer = TabularExplainer(categorical_features=texts).fit(X)
    some = X[:rows]

    def ours() -> None:
        assert explainer.explain(some, model).method == "exact"

    ours()
    rate = rows / median_seconds(ours, repeats=3)
    tree, few = shap.TreeExplainer(model[-1]), model[0].transform(X[: max(5, rows // 100)])
    tree.shap_values(few[:1])
    peer = len(few) / seconds(lambda: tree.shap_values(few))
    return faster(
        f"exact LIME, 150 extra-trees of {leaves_of(model[-1]):,} leaves behind a one-hot encoder",
        rate,
        peer,
        "rows/s",
        f"{train:,} x 12, six columns of 3 to 40 levels, {rows:,} rows, all weights of both "
        f"classes, predictions and R², warm, median of 3. TreeExplainer: path-dependent, on "
        f"{len(few)} of the same rows, encoded: one value for each level.",
        target=10,
    )
