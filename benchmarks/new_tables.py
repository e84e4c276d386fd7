"""The first call on a table and a model not seen before, in a process that has seen others."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.clock import seconds
from benchmarks.record import Record, smaller
from lime_jax import TabularExplainer

# Columns of numbers and levels of text columns of: german credit, census income, diamonds, titanic.
TABLES = {
    "german credit": (7, (4, 5, 10, 5, 5, 4, 3, 4, 3, 3, 4, 2, 2), True),
    "census income": (6, (8, 16, 7, 14, 6, 5, 2, 40), True),
    "diamonds": (6, (5, 7, 8), False),
    "titanic": (5, (2, 3), True),
}


def records(quick: bool) -> Iterator[Record]:
    rows, seen, asked = (20, 1, 1) if quick else (1000, 3, 3)
    for name, (numbers, levels, is_class) in TABLES.items():
        for number in range(seen):
            each_model(rows, numbers, levels, is_class, number)
        found = [
            both
            for number in range(seen, seen + asked)
            for both in each_model(rows, numbers, levels, is_class, number)
        ]
        ours, limes = map(statistics.median, zip(*found, strict=True))
        yield smaller(
            f"first {rows:,} rows of a new table and model like {name}",
            ours,
            limes,
            "s",
            f"`fit` and `explain`, all defaults. Each table has other rows, columns and levels, "
            "each model other numbers of trees: logistic regression or least squares, a forest, "
            f"boosted trees, behind a one-hot encoder. {seen} of each were explained before. "
            f"Median of {3 * asked}. lime: `fit`, and its rate of 3 rows, times as many.",
            target=1,
        )


def each_model(
    rows: int, numbers: int, levels: tuple[int, ...], is_class: bool, number: int
) -> list[tuple[float, float]]:
    """Seconds of ours and lime for a table and three models."""
    X, y, texts = table(rows, numbers - number % 2, levels[number % 2 :], number)
    y = y > np.median(y) if is_class else y
    return [times(X, model.fit(X, y), texts) for model in pipelines(texts, is_class, number)]


def table(
    rows: int, numbers: int, levels: tuple[int, ...], seed: int
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Rows of numbers and codes, what to predict, and which columns are codes."""
    rng = np.random.default_rng(seed)
    count = rows + 100 * seed
    codes = [np.minimum(rng.geometric(0.35, count), size) - 1 for size in levels]
    X = np.column_stack([rng.lognormal(2, 1, size=(count, numbers)).round(2), *codes])
    y = np.log(X[:, 0]) + (X[:, -1] == 0) + rng.normal(size=count) / 2
    return X, y, list(range(numbers, X.shape[1]))


def pipelines(texts: list[int], is_class: bool, number: int) -> list[Any]:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        GradientBoostingRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    forest = RandomForestClassifier if is_class else RandomForestRegressor
    boosted = GradientBoostingClassifier if is_class else GradientBoostingRegressor
    models = [
        LogisticRegression(max_iter=1000) if is_class else LinearRegression(),
        forest(50 + 10 * number, max_depth=6, random_state=number),
        boosted(n_estimators=60 + 10 * number, random_state=number),
    ]
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return [
        make_pipeline(ColumnTransformer([("texts", hot, texts)], remainder="passthrough"), model)
        for model in models
    ]


def times(X: np.ndarray, model: Any, texts: list[int]) -> tuple[float, float]:
    """Seconds for 1,000 rows, ours and lime's."""
    from lime.lime_tabular import LimeTabularExplainer

    rows = X[:1000]
    ours = seconds(lambda: TabularExplainer(categorical_features=texts).fit(X).explain(rows, model))
    mode = "classification" if hasattr(model, "predict_proba") else "regression"
    peer = LimeTabularExplainer(X, mode=mode, categorical_features=texts, random_state=0)
    predict = model.predict if mode == "regression" else model.predict_proba
    few = seconds(lambda: [peer.explain_instance(row, predict, num_features=10) for row in X[:3]])
    return ours, few / 3 * len(rows)
