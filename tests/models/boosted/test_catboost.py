"""CatBoost in JAX: its own predictions on borders, levels by hash and by statistics, refusals."""

import jax
import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor

import lime_jax
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.registry import convert
from tests.house import shapley_of_model
from tests.models.trees.tree_oracle import at_thresholds, walk

pytestmark = pytest.mark.precision

SMALL = {"iterations": 6, "depth": 3, "verbose": 0, "thread_count": 1, "random_seed": 1}
SMALL |= {"allow_writing_files": False}
RNG = np.random.default_rng(5)
X = RNG.normal(size=(240, 3))
HOLES = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
HOLES[:, 2] = X[:, 2]  # none is missing in training
TARGET = X[:, 0] + X[:, 1] * X[:, 2] + RNG.normal(size=240) / 3
THREE, COUNTS = np.digitize(TARGET, [-1, 1]), np.round(np.exp(TARGET / 3))


def fitted(kind, y, table=HOLES, **parameters):
    return kind(**{**SMALL, **parameters}).fit(table, y)


def at_borders(model):
    """Rows at each border, one step of either precision beside it, and with missing numbers."""
    inner = (model.structure.column >= 0) & (model.structure.threshold > -1e30)
    columns, thresholds = model.structure.column[inner], model.structure.threshold[inner]
    near = [at_thresholds(columns, thresholds, X, kind) for kind in (np.float32, np.float64)]
    return np.concatenate([X[:20], HOLES[:40], np.where(X[:20] > 1, np.nan, X[:20]), *near])


def assert_equal(model, rows, expected):
    ours = np.asarray(model(rows))
    np.testing.assert_allclose(ours, expected.reshape(ours.shape), rtol=2e-6, atol=2e-6)


def assert_sums(structure, rows, expected):
    sums, _ = walk(structure, rows)
    np.testing.assert_allclose(sums, expected.reshape(len(rows), -1), rtol=1e-9, atol=1e-12)


CLASSIFIERS = {
    "two classes": (TARGET > 0, {}),
    "three classes": (THREE, {}),
    "one against all": (THREE, {"loss_function": "MultiClassOneVsAll"}),
    "by depth": (TARGET > 0, {"grow_policy": "Depthwise"}),
    "by loss": (THREE, {"grow_policy": "Lossguide", "max_leaves": 6}),
    "missing above": (TARGET > 0, {"nan_mode": "Max"}),
}


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_classifier_has_its_probabilities_and_margins(kind):
    y, parameters = CLASSIFIERS[kind]
    model = fitted(CatBoostClassifier, y, **parameters)
    probability, margin = as_predict_fn(model), as_predict_fn(model, "margin")
    assert probability.exclusive == (kind != "one against all")
    assert (probability.path, probability.output_kind) == ("jax", "probability")
    assert (margin.path, margin.output_kind) == ("jax", "margin")
    assert "its margin is" in probability.why_not_exact
    rows = at_borders(margin)
    raw = model.predict(rows, prediction_type="RawFormulaVal")
    assert_sums(margin.structure, rows, raw)
    assert_equal(probability, rows, model.predict_proba(rows))
    np.testing.assert_array_equal(margin.host(rows), raw)


REGRESSORS = {
    "squares": (TARGET, {}, True),
    "quantile": (TARGET, {"loss_function": "Quantile:alpha=0.3"}, True),
    "counts": (COUNTS, {"loss_function": "Poisson"}, False),
    "two targets": (np.stack([TARGET, X[:, 0]], 1), {"loss_function": "MultiRMSE"}, True),
}


@pytest.mark.parametrize("kind", REGRESSORS)
def test_a_regressor_has_its_predictions(kind):
    y, parameters, is_sum = REGRESSORS[kind]
    model = fitted(CatBoostRegressor, y, **parameters)
    output, margin = as_predict_fn(model), as_predict_fn(model, "margin")
    rows = at_borders(margin)
    assert_equal(output, rows, model.predict(rows))
    assert output.output_kind == "value"
    assert (output.structure is not None) == is_sum
    assert_sums(margin.structure, rows, model.predict(rows, prediction_type="RawFormulaVal"))


def levels():
    table = pd.DataFrame({"a": X[:, 0], "color": RNG.choice(list("rgbcmy"), 240)})
    table["grade"] = RNG.integers(0, 5, 240)
    hue = table.color.map(dict(zip("rgbcmy", range(6), strict=True)))
    return table, 2 * (hue % 2) + table.grade / 2 + table.a


STATISTICS = {
    "each level by itself": {"one_hot_max_size": 10},
    "shares of a class": {"max_ctr_complexity": 1},
    "counts": {"max_ctr_complexity": 1, "simple_ctr": "Counter"},
    "buckets": {"max_ctr_complexity": 1, "simple_ctr": "Buckets"},
    "means of a target": {"max_ctr_complexity": 1, "simple_ctr": "BinarizedTargetMeanValue"},
    "other trees": {"one_hot_max_size": 10, "grow_policy": "Lossguide"},
}


@pytest.mark.parametrize("kind", STATISTICS)
def test_levels_go_their_way(kind):
    table, y = levels()
    model = fitted(
        CatBoostClassifier, y > 2, table, cat_features=["color", "grade"], **STATISTICS[kind]
    )
    colors, grades = (*"rgbcmy", "new"), (0, 1, 2, 3, 4, 77)
    raw = RawTable(tuple(table.columns), (None, colors, grades))
    structure = convert(model, "decision_function", raw).structure
    assert structure.level_sets
    codes = np.array([[a, c, g] for a in X[:4, 0] for c in range(7) for g in range(6)])
    decoded = pd.DataFrame(
        {
            "a": codes[:, 0],
            "color": np.array(colors)[codes[:, 1].astype(int)],
            "grade": np.array(grades)[codes[:, 2].astype(int)],
        }
    )
    assert_sums(structure, codes, model.predict(decoded, prediction_type="RawFormulaVal"))


def test_frames_are_explained_exactly():
    table, y = levels()
    model = fitted(CatBoostRegressor, y, table, cat_features=["color", "grade"], one_hot_max_size=9)
    explainer = lime_jax.TabularExplainer("kernel_shap", categorical_features=["grade"])
    found = explainer.fit(table[:30]).explain(table[40:44], model)
    assert found.method == "exact"
    np.testing.assert_allclose(found.prediction[:, 0], model.predict(table[40:44]), rtol=1e-6)

    def by_number(rows):
        frame = pd.DataFrame({"a": rows[:, 0]})
        frame["color"] = np.array(list("rgbcmy"))[rows[:, 1].astype(int)]
        return model.predict(frame.assign(grade=rows[:, 2].astype(int)))

    codes = table.assign(color=table.color.map("rgbcmy".index)).to_numpy(float)
    expected, base = shapley_of_model(by_number, codes[40:44], codes[:30])
    np.testing.assert_allclose(found.coef, expected, atol=5e-6)
    np.testing.assert_allclose(found.intercept, base, atol=5e-6)


def test_columns_in_another_order_are_found_by_name():
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    model = fitted(CatBoostRegressor, TARGET, table)
    turned = table[["c", "a", "b"]]
    found = lime_jax.TabularExplainer().fit(turned).explain(turned[:5], model)
    assert found.method == "exact"
    np.testing.assert_allclose(found.prediction[:, 0], model.predict(table[:5]), rtol=1e-6)


def test_what_is_not_converted_says_why():
    table = levels()[0].assign(grade=np.repeat(np.arange(5), 48))
    mixed = (table.color.isin(list("rgb")) == (table.grade > 2)).astype(int)
    together = {"cat_features": ["color", "grade"], "max_ctr_complexity": 2, "iterations": 20}
    model = fitted(CatBoostClassifier, mixed, table, **together)
    names, colors = tuple(table.columns), tuple("rgbcmy")
    for grades, why in {
        None: "'grade' has levels to the model, but is numeric",
        (0.5, 1.5): r"by its text or whole number, got 0\.5",
        (0, 1, 2, 3, 4): "several columns together",
    }.items():
        with pytest.raises(NotConvertibleError, match=why):
            convert(model, "predict_proba", RawTable(names, (None, colors, grades)))
    two = fitted(CatBoostRegressor, TARGET, loss_function="RMSEWithUncertainty")
    assert "RMSEWithUncertainty has no JAX form here" in as_predict_fn(two).reason


def test_many_trees_are_predicted_by_catboost_itself_and_stay_exact(monkeypatch):
    monkeypatch.setattr("lime_jax.models.boosted.catboost._MANY_LEAVES", 1)
    model = CatBoostRegressor(**SMALL).fit(X, TARGET)
    found = lime_jax.TabularExplainer().fit(X).explain(X[:2], model)
    on_cpu = jax.default_backend() == "cpu"
    assert ("several times as fast on a CPU" in found.model_path) == on_cpu
    assert found.method == "exact"
    np.testing.assert_allclose(found.prediction[:, 0], model.predict(X[:2]), rtol=1e-5)
