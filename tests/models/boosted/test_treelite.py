"""Forests of treelite: the numbers of its own interpreter, and margins as sums over trees."""

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor

from lime_jax import TabularExplainer, as_predict_fn
from lime_jax.models.convert.features import RawTable
from tests.models.trees.tree_oracle import agree, assert_equal, walk

treelite = pytest.importorskip("treelite")
pytestmark = pytest.mark.precision

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype(np.float32).astype(np.float64)
X[:, 3] = RNG.integers(0, 9, len(X))
X[RNG.random(X.shape) < 0.05] = np.nan
FULL = np.nan_to_num(X)
TARGET = FULL[:, 0] * FULL[:, 1] + np.isin(X[:, 3], [1, 4, 6]) + RNG.random(120) / 5
TWO, THREE = (TARGET > 0.3).astype(int), np.digitize(TARGET, [0, 0.7])
LIGHT = {"n_estimators": 3, "num_leaves": 7, "verbose": -1, "min_child_samples": 3}
ROWS = {"max_depth": 3, "n_estimators": 3, "random_state": 0}


def of_lightgbm(kind, y, sets="auto", **arguments):
    wrapper = kind(**LIGHT, **arguments).fit(X, y, categorical_feature=sets)
    return treelite.frontend.from_lightgbm(wrapper.booster_)


def of_xgboost(kind, y, **arguments):
    wrapper = kind(n_estimators=3, max_depth=3, **arguments).fit(X, y)
    return treelite.frontend.from_xgboost(wrapper.get_booster())


def of_sklearn(model, y):
    return treelite.sklearn.import_model(model.fit(FULL, y))


MODELS = {
    "LightGBM": lambda: of_lightgbm(lgb.LGBMRegressor, TARGET),
    "LightGBM, sets": lambda: of_lightgbm(
        lgb.LGBMRegressor, TARGET, [3], min_data_per_group=1, cat_smooth=1
    ),
    "LightGBM, two classes": lambda: of_lightgbm(lgb.LGBMClassifier, TWO, sigmoid=0.7),
    "LightGBM, three": lambda: of_lightgbm(lgb.LGBMClassifier, THREE),
    "LightGBM, each": lambda: of_lightgbm(lgb.LGBMClassifier, THREE, objective="multiclassova"),
    "LightGBM, counts": lambda: of_lightgbm(lgb.LGBMRegressor, THREE, objective="poisson"),
    "XGBoost": lambda: of_xgboost(xgb.XGBRegressor, TARGET),
    "XGBoost, two classes": lambda: of_xgboost(xgb.XGBClassifier, TWO),
    "XGBoost, three": lambda: of_xgboost(xgb.XGBClassifier, THREE),
    "XGBoost, two targets": lambda: of_xgboost(xgb.XGBRegressor, np.stack([TARGET, -TARGET], 1)),
    "forest": lambda: of_sklearn(RandomForestRegressor(**ROWS), TARGET),
    "forest, two classes": lambda: of_sklearn(RandomForestClassifier(**ROWS), TWO),
    "forest, three": lambda: of_sklearn(RandomForestClassifier(**ROWS), THREE),
    "outliers": lambda: of_sklearn(IsolationForest(n_estimators=3, random_state=0), None),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_forest_says_what_treelite_says(name):
    forest = MODELS[name]()
    model, margin = as_predict_fn(forest), as_predict_fn(forest, "margin")
    assert (model.path, margin.path) == ("jax", "jax"), model.reason
    trees = margin.structure or margin.converted
    rows = np.concatenate([X[:60], np.full((1, 4), np.nan), [[0, 0, 0, 8.7], [0, 0, 0, -0.5]]])
    if margin.structure is not None:
        limits = trees.threshold[np.isfinite(trees.threshold)]
        sides = np.concatenate([np.nextafter(limits, s) for s in (-np.inf, limits, np.inf)])
        rows = np.concatenate([rows, np.repeat(sides[:, None], 4, axis=1)])
        agree(walk(trees, rows)[0], margin.host(rows), 1e-6)
    else:
        assert "column 3 is categorical for the model" in margin.why_not_exact
    single = rows.astype(np.float32).astype(np.float64)
    assert_equal(model, single, model.host(single))
    assert model.output_kind == ("probability" if "class" in name or "three" in name or "each" in
                                 name else "value")  # fmt: skip


def test_sets_of_levels_are_exact_where_the_table_has_them():
    forest = MODELS["LightGBM, sets"]()
    levels = (None, None, None, tuple(float(k) for k in range(9)))
    model = as_predict_fn(forest, table=RawTable(None, levels))
    rows = FULL[~np.isnan(X[:, 3])]
    agree(walk(model.structure, rows)[0], model.host(rows), 1e-9)


def test_a_file_is_opened_by_treelite_and_explained_exactly(tmp_path):
    MODELS["XGBoost"]().serialize(str(tmp_path / "forest.bin"))
    forest = treelite.Model.deserialize(str(tmp_path / "forest.bin"))
    explanations = TabularExplainer().fit(FULL).explain(FULL[:2], forest)
    assert explanations.method == "exact"
