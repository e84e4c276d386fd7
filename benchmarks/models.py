"""Converted models: their own speed, and sampled explanations with the model inside the program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.clock import median_seconds, seconds
from benchmarks.peer import lime_explainer
from benchmarks.record import Record, faster
from lime_jax import TabularExplainer, as_predict_fn
from lime_jax.engine import predict_rows


def records(quick: bool) -> Iterator[Record]:
    yield predictions(
        "converted forest's own predict, breast cancer",
        cases.breast_cancer_forest(10 if quick else 100),
        rows=500 if quick else 5000,
        target=7,
    )
    large = cases.large_forest(500 if quick else 20_000)
    yield predictions(
        "converted large forest's own predict", large, rows=500 if quick else 5000, target=1
    )
    yield sampled_forest(rows=200 if quick else 10_000, trees=10 if quick else 100)
    yield keras_network(rows=4 if quick else 200, repeats=1 if quick else 5)


def predictions(name: str, case: cases.Case, rows: int, target: float) -> Record:
    """Rows per second of the model alone, against scikit-learn's best number of threads."""
    X = cases.more_rows(case, rows)
    model = as_predict_fn(case.model)
    single = X.astype(np.float32)

    def ours() -> None:
        predict_rows(model.predict, single)  # pyright: ignore[reportArgumentType]

    ours()
    times = {}
    for threads in (1, 2):
        case.model.set_params(n_jobs=threads)
        case.model.predict_proba(single)
        times[threads] = median_seconds(lambda: case.model.predict_proba(single), repeats=7)
    case.model.set_params(n_jobs=1)
    best = min(times, key=lambda threads: times[threads])
    leaves = sum(int(tree.tree_.n_leaves) for tree in case.model.estimators_)
    return faster(
        f"{name}, {rows:,} x {X.shape[1]}",
        rows / median_seconds(ours, repeats=9),
        rows / times[best],
        "rows/s",
        f"{leaves:,} leaves; float32 rows in, probabilities out, warm; scikit-learn at its best of "
        f"1 and 2 threads, which is {best}. Medians of 9 and 7.",
        target=target,
    )


def sampled_forest(rows: int, trees: int) -> Record:
    """The shared neighborhood with the forest inside the program."""
    case = cases.breast_cancer_forest(trees)
    X = cases.more_rows(case, rows)
    explainer = TabularExplainer().fit(case.X_train)

    def ours() -> None:
        explainer.explain(X, case.model, num_samples=4096, method="sampled")

    ours()
    rate = rows / median_seconds(ours, repeats=3)
    peer = lime_explainer(case)
    few = iter(np.tile(X[:10], (2, 1)))
    explain = lambda: peer.explain_instance(next(few), case.predict)  # noqa: E731
    seconds(explain)
    return faster(
        f"sampled, converted forest, {rows:,} rows",
        rate,
        1 / median_seconds(explain, repeats=10),
        "rows/s",
        f"Breast cancer, {trees} trees, 4,096 shared samples, both classes, standard errors; warm, "
        "median of 3. lime: 5,000 samples, median of 10 of the same rows.",
        target=1500,
    )


def keras_network(rows: int, repeats: int) -> Record:
    """A neighborhood for each row, a network on it."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    case = cases.breast_cancer_forest(1)
    keras.utils.set_random_seed(0)
    layers: list[Any] = [keras.layers.Dense(128, activation="relu") for _ in range(3)]
    model = keras.Sequential([keras.Input((30,)), *layers, keras.layers.Dense(2, "softmax")])
    X = cases.more_rows(case, rows)
    options = dict(discretizer=None, sample_around_instance=True)
    explainer = TabularExplainer(**options).fit(case.X_train)  # pyright: ignore[reportArgumentType]

    def ours() -> None:
        explainer.explain(X, model)

    ours()
    peer = lime_explainer(case, discretize_continuous=False, sample_around_instance=True)
    few = iter(np.tile(X[:10], (2, 1)))
    explain = lambda: peer.explain_instance(  # noqa: E731
        next(few), lambda inputs: model.predict(inputs, verbose=0)
    )
    seconds(explain)
    return faster(
        f"Keras network, 3 x 128, {rows} rows, neighborhoods of their own",
        rows / median_seconds(ours, repeats=3),
        1 / median_seconds(explain, repeats=repeats),
        "rows/s",
        f"Keras on JAX ({keras.backend.backend()}), 30 inputs, 4,096 samples around each row, "
        "warm, median of 3. lime: 5,000 samples, calling `model.predict`.",
        target=20,
    )
