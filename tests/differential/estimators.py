"""Small estimators of every kind there is a converter for, and some there is none for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import (
    calibration,
    cross_decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    gaussian_process,
    isotonic,
    kernel_ridge,
    linear_model,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)

Maker = Callable[[int], Any]

_HOLDS_MISSING = {"forest", "extra", "tree", "hist", "xgboost", "lightgbm", "bagging"}


def takes_missing(name: str) -> bool:
    """Whether an estimator takes missing numbers as they are."""
    return name.partition(":")[0] in _HOLDS_MISSING


def _xgboost(kind: str, **options: Any) -> Maker:
    def make(seed: int) -> Any:
        import xgboost

        return getattr(xgboost, kind)(
            **{"n_estimators": 4, "max_depth": 3, "n_jobs": 1, "random_state": seed, **options}
        )

    return make


def _lightgbm(kind: str, **options: Any) -> Maker:
    def make(seed: int) -> Any:
        import lightgbm

        return getattr(lightgbm, kind)(
            **{
                "n_estimators": 4,
                "num_leaves": 5,
                "min_child_samples": 5,
                "verbose": -1,
                "n_jobs": 1,
                "random_state": seed,
                **options,
            }
        )

    return make


def _trees(kind: str, module: Any = ensemble, **options: Any) -> Maker:
    def make(seed: int) -> Any:
        counted = {"n_estimators": 4} if module is ensemble else {}
        return getattr(module, kind)(**{**counted, "max_depth": 3, "random_state": seed, **options})

    return make


def _plain(factory: Callable[..., Any], **options: Any) -> Maker:
    return lambda seed: factory(**options)


def _seeded(factory: Callable[..., Any], **options: Any) -> Maker:
    return lambda seed: factory(random_state=seed, **options)


def _hist(kind: str, **options: Any) -> Maker:
    defaults = dict(max_iter=4, max_leaf_nodes=5, min_samples_leaf=5)
    return lambda seed: getattr(ensemble, kind)(**{**defaults, "random_state": seed, **options})


REGRESSORS: dict[str, Maker] = {
    "forest": _trees("RandomForestRegressor"),
    "extra": _trees("ExtraTreesRegressor"),
    "tree": _trees("DecisionTreeRegressor", tree),
    "hist": _hist("HistGradientBoostingRegressor"),
    "hist:poisson": _hist("HistGradientBoostingRegressor", loss="poisson"),
    "boosting": _trees("GradientBoostingRegressor", max_depth=2),
    "xgboost": _xgboost("XGBRegressor"),
    "xgboost:gamma": _xgboost("XGBRegressor", objective="reg:gamma"),
    "xgboost:linear": _xgboost("XGBRegressor", booster="gblinear", max_depth=None),
    "xgboost:forest": _xgboost("XGBRFRegressor"),
    "xgboost:dart": _xgboost("XGBRegressor", booster="dart", rate_drop=0.3),
    "lightgbm": _lightgbm("LGBMRegressor"),
    "lightgbm:poisson": _lightgbm("LGBMRegressor", objective="poisson"),
    "lightgbm:linear": _lightgbm("LGBMRegressor", linear_tree=True),
    "adaboost": lambda seed: ensemble.AdaBoostRegressor(
        tree.DecisionTreeRegressor(max_depth=2), n_estimators=3, random_state=seed
    ),
    "bagging": lambda seed: ensemble.BaggingRegressor(
        tree.DecisionTreeRegressor(max_depth=3), n_estimators=3, random_state=seed
    ),
    "linear": _plain(linear_model.LinearRegression),
    "linear:ridge": _plain(linear_model.Ridge),
    "linear:lasso": _plain(linear_model.Lasso, alpha=0.1),
    "linear:huber": _plain(linear_model.HuberRegressor),
    "linear:poisson": _plain(linear_model.PoissonRegressor),
    "linear:gamma": _plain(linear_model.GammaRegressor),
    "linear:sgd": _seeded(linear_model.SGDRegressor),
    "linear:bayes": _plain(linear_model.BayesianRidge),
    "svm": _plain(svm.SVR),
    "svm:linear": _seeded(svm.LinearSVR),
    "neighbors": _plain(neighbors.KNeighborsRegressor, n_neighbors=4),
    "neighbors:distance": _plain(neighbors.KNeighborsRegressor, n_neighbors=4, weights="distance"),
    "network": _seeded(neural_network.MLPRegressor, hidden_layer_sizes=(6,), max_iter=40),
    "kernel_ridge": _plain(kernel_ridge.KernelRidge, kernel="rbf"),
    "dummy": _plain(dummy.DummyRegressor),
    "pls": _plain(cross_decomposition.PLSRegression, n_components=1),
    "process": _seeded(gaussian_process.GaussianProcessRegressor, alpha=0.1),
    "voting": lambda seed: ensemble.VotingRegressor(
        [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))]
    ),
    "stacking": lambda seed: ensemble.StackingRegressor(
        [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=2))],
        linear_model.Ridge(),
        cv=2,
    ),
}

CLASSIFIERS: dict[str, Maker] = {
    "forest": _trees("RandomForestClassifier"),
    "extra": _trees("ExtraTreesClassifier"),
    "tree": _trees("DecisionTreeClassifier", tree),
    "hist": _hist("HistGradientBoostingClassifier"),
    "boosting": _trees("GradientBoostingClassifier", max_depth=2),
    "xgboost": _xgboost("XGBClassifier"),
    "xgboost:linear": _xgboost("XGBClassifier", booster="gblinear", max_depth=None),
    "lightgbm": _lightgbm("LGBMClassifier"),
    "lightgbm:forest": _lightgbm(
        "LGBMClassifier", boosting_type="rf", bagging_freq=1, bagging_fraction=0.6
    ),
    "adaboost": lambda seed: ensemble.AdaBoostClassifier(
        tree.DecisionTreeClassifier(max_depth=2), n_estimators=3, random_state=seed
    ),
    "bagging": lambda seed: ensemble.BaggingClassifier(
        tree.DecisionTreeClassifier(max_depth=3), n_estimators=3, random_state=seed
    ),
    "linear": _plain(linear_model.LogisticRegression),
    "linear:sgd": _seeded(linear_model.SGDClassifier),
    "linear:log": _seeded(linear_model.SGDClassifier, loss="log_loss"),
    "linear:huber": _seeded(linear_model.SGDClassifier, loss="modified_huber"),
    "linear:ridge": _plain(linear_model.RidgeClassifier),
    "linear:perceptron": _seeded(linear_model.Perceptron),
    "discriminant": _plain(discriminant_analysis.LinearDiscriminantAnalysis),
    "discriminant:quadratic": _plain(
        discriminant_analysis.QuadraticDiscriminantAnalysis, reg_param=0.5
    ),
    "svm": _plain(svm.SVC),
    "svm:nu": _plain(svm.NuSVC, nu=0.1),
    "svm:linear": _seeded(svm.LinearSVC),
    "neighbors": _plain(neighbors.KNeighborsClassifier, n_neighbors=4),
    "neighbors:radius": _plain(neighbors.RadiusNeighborsClassifier, radius=50.0),
    "neighbors:center": _plain(neighbors.NearestCentroid),
    "bayes": _plain(naive_bayes.GaussianNB),
    "bayes:bernoulli": _plain(naive_bayes.BernoulliNB),
    "network": _seeded(neural_network.MLPClassifier, hidden_layer_sizes=(6,), max_iter=40),
    "dummy": _plain(dummy.DummyClassifier),
    "calibrated": lambda seed: calibration.CalibratedClassifierCV(
        linear_model.LogisticRegression(), cv=2
    ),
    "calibrated:isotonic": lambda seed: calibration.CalibratedClassifierCV(
        naive_bayes.GaussianNB(), method="isotonic", cv=2
    ),
    "voting": lambda seed: ensemble.VotingClassifier(
        [("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=3))],
        voting="soft",
    ),
    "voting:hard": lambda seed: ensemble.VotingClassifier(
        [("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=3))]
    ),
    "stacking": lambda seed: ensemble.StackingClassifier(
        [("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier(max_depth=2))],
        linear_model.LogisticRegression(),
        cv=2,
    ),
    "one_vs_rest": lambda seed: multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
    "process": lambda seed: gaussian_process.GaussianProcessClassifier(random_state=seed),
}

OUTLIERS: dict[str, Maker] = {
    "isolation": lambda seed: ensemble.IsolationForest(n_estimators=4, random_state=seed),
    "one_class": _plain(svm.OneClassSVM),
}

SEVERAL_TARGETS: dict[str, Maker] = {
    "forest": _trees("RandomForestRegressor"),
    "linear": _plain(linear_model.LinearRegression),
    "chain": lambda seed: multioutput.RegressorChain(linear_model.Ridge()),
    "multi": lambda seed: multioutput.MultiOutputRegressor(tree.DecisionTreeRegressor(max_depth=2)),
    "multi:xgboost": _xgboost("XGBRegressor", multi_strategy="multi_output_tree"),
}

SEVERAL_CLASSES: dict[str, Maker] = {
    "forest": _trees("RandomForestClassifier"),
    "neighbors": _plain(neighbors.KNeighborsClassifier, n_neighbors=4),
    "multi": lambda seed: multioutput.MultiOutputClassifier(
        tree.DecisionTreeClassifier(max_depth=2)
    ),
    "chain": lambda seed: multioutput.ClassifierChain(linear_model.LogisticRegression()),
}

TRANSFORMED = {"log": (np.log, np.exp), "cube": (np.cbrt, lambda v: v**3), "scaled": None}

ISOTONIC: dict[str, Maker] = {"isotonic": _plain(isotonic.IsotonicRegression, out_of_bounds="clip")}
