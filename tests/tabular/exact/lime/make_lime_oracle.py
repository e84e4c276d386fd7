"""What `lime` answers on five data sets, averaged over many long runs: `lime_oracle.npz`.

    nice -n 19 python tests/tabular/exact/lime/make_lime_oracle.py [CASE ...]

Twenty runs of 50,000 samples for each row: about eight minutes on one core. `test_against_lime.py`
compares the closed form with what is in the file.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from lime.lime_tabular import LimeTabularExplainer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier

ORACLE = Path(__file__).with_name("lime_oracle.npz")
RUNS = 20
SAMPLES = 50_000
PACKAGES = ("lime", "scikit-learn", "scipy", "numpy")


@dataclasses.dataclass(frozen=True)
class Case:
    """Rows of a table, and one output of a model to explain.

    Attributes:
        X: the table.
        model: fitted to it.
        row_count: how many rows, at equal distances.
        output: the column of `predict_proba`; None: a regressor.
        categorical: columns that are levels.
    """

    X: Any
    model: Any
    row_count: int
    output: int | None
    categorical: tuple[int, ...] = ()

    @property
    def rows(self) -> np.ndarray:
        return self.X[np.linspace(0, len(self.X) - 1, self.row_count).astype(int)]

    @property
    def predict(self) -> Callable[[np.ndarray], np.ndarray]:
        return self.model.predict if self.output is None else self.model.predict_proba

    @property
    def predictions(self) -> np.ndarray:
        found = self.predict(self.rows)
        return found if self.output is None else found[:, self.output]


def forest(X: Any, y: Any) -> RandomForestClassifier:
    return RandomForestClassifier(20, min_samples_leaf=3, random_state=0).fit(X, y)


def breast_cancer() -> Case:
    X, y = load_breast_cancer(return_X_y=True)
    return Case(X, forest(X, y), row_count=16, output=1)


def wine() -> Case:
    X, y = load_wine(return_X_y=True)
    return Case(X, forest(X, y), row_count=24, output=0)


def digits() -> Case:
    X, y = load_digits(return_X_y=True)
    return Case(X, forest(X, y), row_count=6, output=3)


def diabetes() -> Case:
    """With the column `sex` as the two levels 1 and 2.

    Where leaves may be small, columns part the same rows, and which of them a tree takes is a
    matter of scikit-learn's version; 10 rows to a leaf leave no ties.
    """
    X, y = load_diabetes(return_X_y=True, scaled=False)
    model = GradientBoostingRegressor(n_estimators=40, min_samples_leaf=10, random_state=0)
    model.fit(X, y)
    return Case(X, model, row_count=30, output=None, categorical=(1,))


def levels() -> Case:
    """Three numeric columns, and three of 3, 4 and 5 levels that interact with them."""
    rng = np.random.default_rng(3)
    numbers = rng.normal(size=(500, 3)) * [1.0, 20.0, 0.1] + [0.0, 300.0, 5.0]
    codes = np.stack(
        [rng.choice(n, 500, p=np.arange(n, 0, -1) * 2 / n / (n + 1)) for n in (3, 4, 5)]
    )
    a, b, c = codes
    u, v, w = ((numbers - numbers.mean(0)) / numbers.std(0)).T
    score = u + np.where(a == 1, 2 * v, -v) + (b == 2) - (b == 0) + w * (c % 2) + (c == 4)
    X = np.column_stack([numbers, codes.T])
    y = score + rng.normal(size=500) > 0
    return Case(X, forest(X, y), row_count=45, output=1, categorical=(3, 4, 5))


CASES = {make.__name__: make for make in (breast_cancer, wine, digits, diabetes, levels)}


def lime_weights(case: Case, row: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """The weights of one run of `lime` with its defaults, for all features.

    Args:
        case: the table and the model.
        row: to explain.
        samples: of the run, the row itself among them.
        seed: of the run.

    Returns:
        (features,) weights.
    """
    explainer = LimeTabularExplainer(
        case.X,
        mode="regression" if case.output is None else "classification",
        categorical_features=list(case.categorical),
        feature_selection="none",
        random_state=seed,
    )
    label = 1 if case.output is None else case.output
    found = explainer.explain_instance(
        row, case.predict, labels=(label,), num_features=len(row), num_samples=samples
    )
    weights = np.zeros(len(row))
    for feature, weight in found.local_exp[label]:
        weights[feature] = weight
    return weights


def runs_of(case: Case, first_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of the weights over the runs, every run with a seed of its own.

    Args:
        case: the table and the model.
        first_seed: of the first row's first run; the others count on.

    Returns:
        Means and standard deviations over the runs, (rows, features).
    """
    means, spreads = [], []
    for i, row in enumerate(case.rows):
        seeds = first_seed + i * RUNS + np.arange(RUNS)
        weights = np.stack([lime_weights(case, row, SAMPLES, int(seed)) for seed in seeds])
        means.append(weights.mean(0))
        spreads.append(weights.std(0, ddof=1))
    return np.stack(means), np.stack(spreads)


def main(names: list[str]) -> None:
    """Run `lime` on the named data sets, or on all, and write the file.

    Args:
        names: of the data sets.
    """
    known = dict(np.load(ORACLE)) if ORACLE.exists() else {}
    for name in names or list(CASES):
        case, first_seed = CASES[name](), 10_000 * list(CASES).index(name)
        means, spreads = runs_of(case, first_seed)
        facts: dict[str, Any] = dict(runs=RUNS, samples=SAMPLES, first_seed=first_seed)
        facts["versions"] = {package: version(package) for package in PACKAGES}
        known |= {
            f"{name}_facts": np.array(json.dumps(facts)),
            f"{name}_predictions": case.predictions,
            f"{name}_mean": means.astype(np.float32),
            f"{name}_spread": spreads.astype(np.float32),
        }
        np.savez_compressed(ORACLE, **known)
        print(name, json.dumps(facts), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
