"""Converted models against the library's own numbers, and how long conversion and prediction take.

`python -m benchmarks.converted agreement MODELS` prints one line of JSON: it runs in a process for
each precision, as JAX has one.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.clock import in_fresh_process, median_seconds
from benchmarks.record import Record, at_most, faster
from lime_jax import as_predict_fn
from lime_jax.engine import predict_rows
from lime_jax.models.predict import DevicePredict
from lime_jax.models.structure import TreeSum

OUTPUTS = ("probability", "margin", "value")
ROWS = 100_000


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """A table and targets; `holes` is the table with missing numbers."""

    X: np.ndarray
    holes: np.ndarray
    number: np.ndarray
    two: np.ndarray
    three: np.ndarray

    @classmethod
    def of(cls, seed: int, rows: int = 400, columns: int = 6) -> Data:
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-2, 3, columns)
        X[:, 1] = np.round(X[:, 1] / X[:, 1].std() * 3)  # many ties
        Z = X / X.std(0)
        number = Z[:, 0] * Z[:, 1] + np.sin(Z[:, 2]) + Z[:, 3] + rng.normal(size=rows) / 5
        edges = np.quantile(number, [0.3, 0.7])
        holes = np.where(rng.random(X.shape) < 0.08, np.nan, X)
        return cls(X, holes, number, (number > 0).astype(int), np.digitize(number, edges))


def _boosted(seed: int) -> Iterator[tuple[str, Any, bool, str]]:
    """A name, a model, whether it takes missing numbers, and its target."""
    import catboost
    import lightgbm
    import xgboost

    x: dict[str, Any] = dict(n_estimators=20, max_depth=2 + seed % 5, random_state=seed, n_jobs=2)
    leaves: dict[str, Any] = {**x, "num_leaves": 5 + 4 * seed, "verbose": -1}
    cat: dict[str, Any] = dict(iterations=20, depth=2 + seed % 5, random_seed=seed, verbose=0)
    cat["allow_writing_files"] = False
    forest: dict[str, Any] = dict(boosting_type="rf", subsample=0.7, subsample_freq=1)
    for target, kind in (("number", "Regressor"), ("two", "Classifier"), ("three", "Classifier")):
        yield "xgboost", getattr(xgboost, f"XGB{kind}")(**x), True, target
        yield "lightgbm", getattr(lightgbm, f"LGBM{kind}")(**leaves), True, target
        yield "catboost", getattr(catboost, f"CatBoost{kind}")(**cat), True, target
    yield "xgboost dart", xgboost.XGBRegressor(**x, booster="dart", rate_drop=0.3), True, "number"
    yield "xgboost forest", xgboost.XGBRFRegressor(**x), True, "number"
    yield "lightgbm forest", lightgbm.LGBMRegressor(**leaves, **forest), True, "number"
    yield "lightgbm dart", lightgbm.LGBMClassifier(**leaves, boosting_type="dart"), True, "two"
    yield "lightgbm lines", lightgbm.LGBMRegressor(**leaves, linear_tree=True), True, "number"
    yield (
        "catboost lossguide",
        catboost.CatBoostRegressor(**cat, grow_policy="Lossguide"),
        True,
        ("number"),
    )


def _of_sklearn(seed: int) -> Iterator[tuple[str, Any, bool, str]]:
    from sklearn import ensemble, linear_model, pipeline, preprocessing, svm, tree
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier

    few: dict[str, Any] = dict(n_estimators=10, max_depth=3 + seed, random_state=seed)
    scaled = lambda model: pipeline.make_pipeline(preprocessing.StandardScaler(), model)  # noqa: E731
    logistic = linear_model.LogisticRegression(max_iter=1000)
    boosting = ensemble.HistGradientBoostingClassifier(max_iter=15, random_state=seed)
    yield "tree", tree.DecisionTreeRegressor(max_depth=3 + seed), True, "number"
    yield "forest", ensemble.RandomForestRegressor(**few), True, "number"
    yield "forest", ensemble.RandomForestClassifier(**few), True, "three"
    yield "extra trees", ensemble.ExtraTreesClassifier(**few), False, "two"
    yield "boosting", ensemble.GradientBoostingRegressor(**few), False, "number"
    yield "boosting", ensemble.GradientBoostingClassifier(**few), False, "three"
    yield "histograms", ensemble.HistGradientBoostingRegressor(max_iter=15), True, "number"
    yield "histograms", boosting, True, "three"
    yield "outliers", ensemble.IsolationForest(n_estimators=10, random_state=seed), False, "number"
    yield "adaboost", ensemble.AdaBoostClassifier(n_estimators=5, random_state=seed), False, "two"
    yield "bagging", ensemble.BaggingRegressor(n_estimators=5, random_state=seed), False, "number"
    yield "ridge", linear_model.Ridge(), False, "number"
    yield "logistic, scaled", scaled(logistic), False, "three"
    yield "discriminant", LinearDiscriminantAnalysis(), False, "three"
    yield "naive Bayes", scaled(GaussianNB()), False, "three"
    yield "support vectors", scaled(svm.SVR()), False, "number"
    network = MLPClassifier(8, max_iter=50, random_state=seed)
    yield "network", scaled(network), False, "two"
    yield "calibrated", CalibratedClassifierCV(boosting, cv=2), True, "two"
    both = [("a", boosting), ("b", scaled(logistic))]
    yield "votes", ensemble.VotingClassifier(both, voting="soft"), False, "two"
    yield "stack", ensemble.StackingClassifier(both, logistic, cv=2), False, "two"
    splines = pipeline.make_pipeline(preprocessing.SplineTransformer(), linear_model.Ridge())
    yield "splines", splines, False, "number"
    bins = pipeline.make_pipeline(
        preprocessing.KBinsDiscretizer(quantile_method="averaged_inverted_cdf"), logistic
    )
    yield "bins", bins, False, "two"


def _other(seed: int) -> Iterator[tuple[str, Any, bool, str]]:
    from imblearn.ensemble import BalancedRandomForestClassifier
    from interpret.glassbox import ExplainableBoostingRegressor

    ebm = ExplainableBoostingRegressor(max_rounds=20, outer_bags=1, interactions=2, n_jobs=1)
    yield "ebm", ebm, True, "number"
    forest = BalancedRandomForestClassifier(10, max_depth=4, random_state=seed)
    yield "balanced forest", forest, False, "two"


def models(count: int) -> Iterator[tuple[str, Any, np.ndarray]]:
    """So many fitted models of all families, and rows to try them on."""
    seed = 0
    while True:
        data = Data.of(seed)
        for make in (_boosted, _of_sklearn, _other):
            for name, model, takes_missing, target in make(seed):
                X = data.holes if takes_missing else data.X
                yield f"{name}, {target}, {seed}", model.fit(X, getattr(data, target)), X
                count -= 1
                if count == 0:
                    return
        seed += 1


def at_thresholds(model: Any, X: np.ndarray) -> np.ndarray:
    """Rows whose numbers lie on thresholds and one step to both sides, up to 300."""
    trees = model.structure or getattr(getattr(model.converted, "linked", None), "structure", None)
    if not isinstance(trees, TreeSum):
        return X[:0]
    # Next to 0 lie numbers without float32's full precision: to the device they are 0.
    normal = np.isfinite(trees.threshold) & (np.abs(trees.threshold) > np.finfo(np.float32).tiny)
    tests = np.flatnonzero(normal & (trees.column < X.shape[1]))
    tests = np.random.default_rng(0).permutation(tests)[:100]
    rows = np.repeat(X[: len(tests)] if len(tests) <= len(X) else X[:1], 3, axis=0)
    rows = rows[: 3 * len(tests)]
    for k, test in enumerate(tests[: len(rows) // 3]):
        value, column = trees.threshold[test], trees.column[test]
        rows[3 * k : 3 * k + 3, column] = [np.nextafter(value, s) for s in (-np.inf, value, np.inf)]
    return rows


def agreement(count: int) -> dict[str, Any]:
    """The largest error of any output of the models, in shares of its largest number."""
    found, seen = [], 0
    for name, fitted, X in models(count):
        seen += 1
        for output in OUTPUTS:
            try:
                model = as_predict_fn(fitted, output)
            except ValueError:
                continue
            if model.path != "jax":
                continue
            rows = np.concatenate([X[:200], at_thresholds(model, X)])
            own = np.asarray(model.host(rows))  # pyright: ignore[reportOptionalCall]
            ours = np.asarray(model(rows))
            error = np.abs(ours - own.reshape(ours.shape)).max() / max(np.abs(own).max(), 1e-30)
            found.append((float(error), f"{name}: {output}"))
    found.sort(reverse=True)
    return {"models": seen, "outputs": len(found), "worst": found[:10]}


def records(quick: bool) -> Iterator[Record]:
    for precision, x64 in (("float32", "0"), ("float64", "1")):
        found = in_fresh_process(
            "benchmarks.converted",
            *("agreement", 40 if quick else 200),
            environment={"JAX_ENABLE_X64": x64},
        )
        worst = "; ".join(f"{name} {error:.1e}" for error, name in found["worst"][:3])
        yield at_most(
            f"converted predictions, {precision}, {found['models']} models",
            found["worst"][0][0],
            "of the largest",
            f"{found['outputs']} outputs, rows at thresholds among them; the worst: {worst}.",
            target=2e-6,
        )
    for name, fit in LARGE.items():
        yield from _large(name, fit, 50 if quick else 1000, 2000 if quick else ROWS)


def _large(name: str, fit: Callable[..., Any], trees: int, rows: int) -> Iterator[Record]:
    """Time to convert, and to predict, one large forest."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(5000, 20))
    y = X[:, 0] * X[:, 1] + np.sin(3 * X[:, 2]) + rng.normal(size=len(X)) / 5
    fitted = fit(trees).fit(X, y)
    start = time.process_time()
    model = as_predict_fn(fitted)
    spent = time.process_time() - start
    yield at_most(
        f"conversion of {trees:,} trees of depth 6, {name}",
        spent,
        "s",
        "Processor time of `as_predict_fn`, once.",
        target=2.0,
    )
    wide = rng.normal(size=(rows, 20))
    single = wide.astype(np.float32)
    assert isinstance(model.predict, DevicePredict)
    converted = model.predict
    ours = lambda: predict_rows(converted, single)  # noqa: E731
    ours()
    own = median_seconds(lambda: fitted.predict(wide), repeats=3)
    yield faster(
        f"prediction of {rows:,} rows, {trees:,} trees of depth 6, {name}",
        rows / median_seconds(ours, repeats=3),
        rows / own,
        "rows/s",
        "Medians of 3, warm; the library with two threads.",
        target=1,
    )


def _large_xgboost(trees: int) -> Any:
    import xgboost

    return xgboost.XGBRegressor(n_estimators=trees, max_depth=6, n_jobs=2)


def _large_lightgbm(trees: int) -> Any:
    import lightgbm

    return lightgbm.LGBMRegressor(
        n_estimators=trees, max_depth=6, num_leaves=64, n_jobs=2, verbose=-1
    )


def _large_catboost(trees: int) -> Any:
    import catboost

    return catboost.CatBoostRegressor(
        iterations=trees, depth=6, verbose=0, thread_count=2, allow_writing_files=False
    )


def _large_forest(trees: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(trees, max_depth=6, n_jobs=2)


def _large_histograms(trees: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    arguments: dict[str, Any] = dict(max_iter=trees, max_depth=6, early_stopping=False)
    return HistGradientBoostingRegressor(**arguments)


def _large_boosting(trees: int) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(n_estimators=trees, max_depth=6, subsample=0.2)


LARGE: dict[str, Callable[[int], Any]] = {
    "XGBoost": _large_xgboost,
    "LightGBM": _large_lightgbm,
    "CatBoost": _large_catboost,
    "scikit-learn's forest": _large_forest,
    "scikit-learn's histograms": _large_histograms,
    "scikit-learn's boosting": _large_boosting,
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(agreement(int(sys.argv[2]))))
