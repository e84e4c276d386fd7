"""Data sets and models; everything seeded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

Predict = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A table, rows to explain and a model of two classes, of which the second is looked at."""

    X_train: np.ndarray
    X_test: np.ndarray
    predict: Predict
    categorical: tuple[int, ...] = ()
    weights: np.ndarray | None = None  # of a logistic model
    bias: float = 0.0
    model: Any = None  # the estimator itself, where there is one


def breast_cancer_forest(trees: int = 100, threads: int = 1) -> Case:
    """Breast cancer, 30 numeric columns; a random forest behind a plain function."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    X, y = map(np.asarray, load_breast_cancer(return_X_y=True))
    train, test = train_test_split(np.arange(len(X)), test_size=0.2, random_state=0)
    forest = RandomForestClassifier(trees, random_state=0, n_jobs=threads).fit(X[train], y[train])
    return Case(X[train], X[test], lambda inputs: forest.predict_proba(inputs), model=forest)


def large_forest(train: int = 20_000) -> Case:
    """20 numeric columns and 100 trees of full depth."""
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    X, y = make_classification(train + 1000, 20, n_informative=10, random_state=0)
    forest = RandomForestClassifier(random_state=0, n_jobs=2).fit(X[1000:], y[1000:])
    forest.set_params(n_jobs=1)
    return Case(X[1000:], X[:1000], forest.predict_proba, model=forest)


def boosted(trees: int = 250) -> Case:
    """Breast cancer and an XGBoost classifier of depth 6."""
    import xgboost

    case = breast_cancer_forest(1)
    rng = np.random.default_rng(6)
    X = case.X_train + 0.05 * case.X_train.std(0) * rng.normal(size=case.X_train.shape)
    y = case.predict(case.X_train).argmax(1)
    model = xgboost.XGBClassifier(n_estimators=trees, max_depth=6, n_jobs=2).fit(X, y)
    return Case(X, case.X_test, model.predict_proba, model=model)


def more_rows(case: Case, count: int) -> np.ndarray:
    """Distinct rows like the test rows: drawn with replacement, plus 1 % of a column's spread."""
    rng = np.random.default_rng(1)
    X = case.X_test[rng.integers(len(case.X_test), size=count)]
    return X + 0.01 * case.X_train.std(0) * rng.normal(size=X.shape)


def different_rows(case: Case, count: int) -> np.ndarray:
    """Rows of which hardly two are in the same bins: each column drawn by itself."""
    rng = np.random.default_rng(7)
    columns = case.X_train.T
    return np.column_stack([column[rng.integers(len(column), size=count)] for column in columns])


def _logistic(
    X: np.ndarray,
    weights: np.ndarray,
    rows: int,
    categorical: tuple[int, ...] = (),
    mean_log_odds: float = 0.0,
) -> Case:
    bias = mean_log_odds - float(X.mean(0) @ weights)

    def predict(inputs: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-(np.asarray(inputs) @ weights + bias)))
        return np.stack([1 - p, p], axis=1)

    return Case(X[rows:], X[:rows], predict, categorical, weights, bias)


def logistic(features: int, rows: int = 100, train: int = 1000) -> Case:
    """Normal columns and a logistic model whose log-odds have a standard deviation of 2."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(rows + train, features))
    return _logistic(X, 2 * rng.normal(size=features) / features**0.5, rows)


def binary_logistic(mean_log_odds: float = 0.0) -> Case:
    """30 binary columns, each 1 half of the time; logistic, near additive (R² about 0.97).

    At mean log-odds of 0 the model is an odd function of all columns together, the worst case of
    a Sobol design, whose points come in antithetic pairs; 1 is the usual, unbalanced case.
    """
    rng = np.random.default_rng(3)
    X = rng.integers(0, 2, (2000, 30)).astype(float)
    weights = 0.4 * rng.normal(size=30)
    return _logistic(X, weights, 100, tuple(range(30)), mean_log_odds)


def encoded_logistic(rows: int, numbers: int = 25, levels: int = 16) -> tuple[Any, Any]:
    """A frame of numbers and columns of five levels, and a pipeline of encoders on all of it."""
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rng = np.random.default_rng(11)
    values = {f"number {k}": rng.normal(size=rows) for k in range(numbers)}
    words = {f"level {k}": rng.choice(list("abcde"), rows) for k in range(levels)}
    frame = pd.DataFrame(values | words)
    y = rng.normal(size=rows) < frame["number 0"] - frame["number 1"] + (frame["level 0"] == "a")
    columns = (StandardScaler(), list(values)), (OneHotEncoder(), list(words))
    pipeline = make_pipeline(make_column_transformer(*columns), LogisticRegression())
    return frame, pipeline.fit(frame, y)


def categorical_forest(trees: int = 100) -> Case:
    """Six numeric columns, six of four levels (10 % to 50 % each); a forest that mixes them."""
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng(4)
    levels = rng.choice(4, size=(2000, 6), p=[0.5, 0.25, 0.15, 0.1]).astype(float)
    X = np.concatenate([rng.normal(size=(2000, 6)), levels], axis=1)
    effect = rng.normal(size=(6, 4))[np.arange(6), levels.astype(int)].sum(1)
    score = X[:, 0] + X[:, 1] * (levels[:, 0] == 0) + effect + rng.normal(size=2000)
    forest = RandomForestClassifier(trees, min_samples_leaf=5, random_state=0)
    forest.fit(X[100:], score[100:] > np.median(score))
    return Case(X[100:], X[:100], lambda inputs: forest.predict_proba(inputs), tuple(range(6, 12)))


def photo(side: int) -> np.ndarray:
    """A photo of a person, (side, side, 3), float32 from 0 to 1; `side` up to 256."""
    from skimage import data

    return data.astronaut()[: 2 * side : 2, : 2 * side : 2].astype(np.float32) / 255


def grid(side: int, rows: int = 5, columns: int = 10) -> np.ndarray:
    """Rectangular superpixels of a square image, numbered row by row."""
    place = np.arange(side)
    return place[:, None] * rows // side * columns + place * columns // side


def brightness(side: int) -> np.ndarray:
    """Weights of the pixels in a model that asks whether the left of an image is the brighter.

    The model is the logistic function of their product with the image: about the least that a
    model can do and still read every pixel.
    """
    slope = np.linspace(1, -1, side, dtype=np.float32)
    return np.broadcast_to(20 * slope[:, None] / (side * side * 3), (side, side, 3)).copy()
