"""XGBoost in JAX: its own predictions and leaves, margins as sums over trees, refusals by name."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from lime_jax.models.boosted.trees import with_codes
from lime_jax.models.convert.columns import NumberColumn
from lime_jax.models.convert.features import RawTable, raw_features
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.registry import convert_on
from tests.models.trees.tree_oracle import assert_equal, assert_same_leaves, walk

pytestmark = pytest.mark.precision

SMALL = {"n_estimators": 4, "max_depth": 3, "n_jobs": 1}
COLORS = ["red", "lime", "blue", "gold", "pink", "teal", "gray"]

_rng = np.random.default_rng(1)
X = _rng.normal(size=(200, 4)).astype(np.float32).astype(np.float64)
X[_rng.random(X.shape) < 0.1] = np.nan
TARGET = np.nan_to_num(X[:, 0]) * 2 - np.nan_to_num(X[:, 1] * X[:, 2]) + _rng.normal(size=200) / 2
TWO, THREE = (TARGET > 0).astype(int), np.digitize(TARGET, [-1, 1])


def around_thresholds(trees, count):
    """Rows with values at every threshold of a model and one float32 step beside."""
    values = np.unique(trees.threshold[np.isfinite(trees.threshold)]).astype(np.float32)
    steps = [values, np.nextafter(values, np.float32(-9)), np.nextafter(values, np.float32(9))]
    flat = np.concatenate(steps).astype(np.float64)
    return np.repeat(flat[:, None], count, axis=1)


CLASSIFIERS = {
    "two classes": (xgb.XGBClassifier, {}, TWO),
    "three classes": (xgb.XGBClassifier, {}, THREE),
    "softmax": (xgb.XGBClassifier, {"objective": "multi:softmax"}, THREE),
    "forest": (xgb.XGBRFClassifier, {}, TWO),
    "forests": (xgb.XGBClassifier, {"num_parallel_tree": 2}, THREE),
    "two labels": (xgb.XGBClassifier, {}, np.stack([TWO, THREE > 1], axis=1)),
    "pruned": (xgb.XGBClassifier, {"tree_method": "exact", "gamma": 2.0}, TWO),
    "dropped trees": (xgb.XGBClassifier, {"booster": "dart", "rate_drop": 0.5}, THREE),
    "no tree splits": (xgb.XGBClassifier, {"gamma": 1e6}, TWO),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_has_its_probabilities_and_margins(name):
    kind, parameters, y = CLASSIFIERS[name]
    wrapper = kind(**SMALL, **parameters).fit(X, y)
    probability, margin = as_predict_fn(wrapper), as_predict_fn(wrapper, "margin")
    assert (probability.path, probability.output_kind) == ("jax", "probability")
    assert (margin.path, margin.output_kind) == ("jax", "margin")
    assert probability.structure is None
    assert "its margin is: `output='margin'`" in probability.why_not_exact
    assert_equal(probability, X, wrapper.predict_proba(X))
    sums, leaves = walk(margin.structure, X)
    expected = wrapper.predict(X, output_margin=True).reshape(len(X), -1)
    np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-6)
    assert_same_leaves(leaves, wrapper.apply(X))


def test_the_margin_of_two_classes_is_that_of_the_second():
    wrapper = xgb.XGBClassifier(**SMALL).fit(X, TWO)
    assert as_predict_fn(wrapper, "margin").class_names == ("1",)
    assert as_predict_fn(wrapper.predict_proba, "margin").class_names == ("1",)
    assert as_predict_fn(wrapper).class_names == ("0", "1")


@pytest.mark.parametrize(
    "objective", ["binary:logitraw", lambda y, margin: (margin - y, np.ones_like(y))]
)
def test_scores_that_xgboost_calls_probabilities_are_margins(objective):
    wrapper = xgb.XGBClassifier(**SMALL, objective=objective).fit(X, TWO)
    model = as_predict_fn(wrapper)
    assert (model.path, model.output_kind, model.classes) == ("jax", "margin", (1,))
    assert_equal(model, X, wrapper.predict(X, output_margin=True))
    assert as_predict_fn(wrapper.predict_proba).output_kind == "margin"


def test_one_row_is_enough():
    wrapper = xgb.XGBClassifier(**SMALL).fit(X, THREE)
    assert_equal(as_predict_fn(wrapper), X[:1], wrapper.predict_proba(X[:1]))


@pytest.mark.parametrize(
    ("objective", "y"),
    [
        ("reg:squarederror", TARGET),
        ("reg:absoluteerror", TARGET),
        ("reg:pseudohubererror", TARGET),
        ("reg:squaredlogerror", np.exp(TARGET / 3)),
        ("reg:logistic", TWO),
        ("binary:logitraw", TWO),
        ("count:poisson", THREE),
        ("reg:gamma", np.exp(TARGET / 3)),
        ("reg:tweedie", THREE),
        ("survival:cox", np.exp(TARGET / 3)),
    ],
)
def test_a_regressor_has_its_values_and_margins(objective, y):
    wrapper = xgb.XGBRegressor(**SMALL, objective=objective).fit(X, y)
    margin = wrapper.predict(X, output_margin=True)
    sums, _ = walk(as_predict_fn(wrapper, "margin").structure, X)
    np.testing.assert_allclose(sums[:, 0], margin, rtol=1e-5, atol=1e-6)
    model = as_predict_fn(wrapper)
    assert (model.structure is not None) == np.allclose(margin, wrapper.predict(X))
    if model.structure is None:
        assert_equal(model, X, wrapper.predict(X))


def test_a_forest_regressor_and_several_targets():
    several = np.stack([TARGET, -TARGET], axis=1)
    for wrapper in (
        xgb.XGBRFRegressor(**SMALL).fit(X, TARGET),
        xgb.XGBRegressor(**SMALL).fit(X, several),
        xgb.XGBRegressor(**SMALL, base_score=3.0).fit(X, TARGET),
    ):
        model = as_predict_fn(wrapper)
        np.testing.assert_allclose(
            walk(model.structure, X[:20])[0],
            wrapper.predict(X[:20]).reshape(20, -1),
            rtol=1e-5,
            atol=1e-6,
        )


def test_a_ranker_predicts_margins():
    wrapper = xgb.XGBRanker(**SMALL).fit(X, THREE, qid=np.arange(200) // 20)
    assert_equal(as_predict_fn(wrapper), X, wrapper.predict(X))


BOOSTERS = {
    "binary:logistic": (TWO, "probability", 1),
    "multi:softprob": (THREE, "probability", 3),
    "binary:logitraw": (TWO, "margin", 1),
    "rank:pairwise": (TWO, "margin", 1),
    "reg:squarederror": (TARGET, "value", 1),
    "count:poisson": (THREE, "value", 1),
}


@pytest.mark.parametrize("objective", BOOSTERS)
def test_a_booster_is_explained_as_it_predicts(objective):
    y, kind, outputs = BOOSTERS[objective]
    parameters = {"objective": objective, "max_depth": 3, "nthread": 1}
    if objective == "multi:softprob":
        parameters["num_class"] = 3
    booster = xgb.train(parameters, xgb.DMatrix(X, y), 3)
    matrix = xgb.DMatrix(X)
    for model in (as_predict_fn(booster), as_predict_fn(booster.predict)):
        assert (model.path, model.output_kind) == ("jax", kind)
    assert_equal(model, X, booster.predict(matrix))
    assert booster.predict(matrix).reshape(len(X), -1).shape[1] == outputs
    margin = as_predict_fn(booster, "margin")
    sums, leaves = walk(margin.structure, X)
    expected = booster.predict(matrix, output_margin=True).reshape(len(X), -1)
    np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-6)
    assert_same_leaves(leaves, booster.predict(matrix, pred_leaf=True))
    np.testing.assert_array_equal(model.host(X), booster.predict(matrix))
    np.testing.assert_array_equal(margin.host(X), booster.predict(matrix, output_margin=True))
    if kind == "probability":
        assert as_predict_fn(booster, "probability").path == "jax"
    else:
        with pytest.raises(ValueError, match=f"objective is {objective}, it predicts no prob"):
            as_predict_fn(booster, "probability")


def test_early_stopping_counts_for_wrappers_as_in_their_own_predict():
    wrapper = xgb.XGBClassifier(
        n_estimators=40, max_depth=4, learning_rate=1.0, n_jobs=1, early_stopping_rounds=2
    ).fit(X[:100], THREE[:100], eval_set=[(X[100:], THREE[100:])], verbose=False)
    booster = wrapper.get_booster()
    assert wrapper.best_iteration + 1 < booster.num_boosted_rounds()
    model = as_predict_fn(wrapper, "margin")
    assert len(model.structure.roots) == 3 * (wrapper.best_iteration + 1)
    assert_equal(model, X, wrapper.predict(X, output_margin=True))
    assert_equal(as_predict_fn(booster), X, booster.predict(xgb.DMatrix(X)))


def test_at_thresholds_and_one_step_beside_the_leaves_are_the_same():
    wrapper = xgb.XGBRegressor(n_estimators=20, max_depth=4, n_jobs=1).fit(X, TARGET)
    model = as_predict_fn(wrapper)
    rows = around_thresholds(model.structure, 4)
    assert len(rows) > 100
    assert_equal(model, rows, wrapper.predict(rows))
    between = np.concatenate([rows, rows * (1 + 1e-9), rows * (1 - 1e-9), (rows + 1e-8)])
    assert_same_leaves(walk(model.structure, between)[1], wrapper.apply(between))


def test_a_number_for_missing_is_not_in_the_trees_unless_it_goes_their_way():
    numbers = np.where(np.isnan(X), -9.0, X)
    wrapper = xgb.XGBRegressor(**SMALL, missing=-9.0).fit(numbers, TARGET)
    model = as_predict_fn(wrapper)
    rows = np.concatenate([numbers, X, np.full((1, 4), -9.0000001), np.full((1, 4), -10.0)])
    assert model.structure is None
    assert "it takes -9 for missing" in model.why_not_exact
    assert_equal(model, rows, wrapper.predict(rows))
    positive = np.abs(numbers[:, 1:2]) * np.where(numbers[:, 1:2] == -9, -1, 1)  # -9 or above 0
    stump = xgb.XGBRegressor(n_estimators=1, max_depth=1, n_jobs=1, missing=-9.0)
    stump.fit(positive, positive[:, 0] < 0.7)
    model = as_predict_fn(stump)
    assert model.structure.missing_left[0]
    sums, _ = walk(model.structure, positive)
    np.testing.assert_allclose(sums[:, 0], stump.predict(positive), rtol=1e-5)


def test_a_number_for_missing_among_levels_is_exact():
    numbers = np.where(np.isnan(X), -9.0, X)
    levels = np.array([-9.0, -1.0, 0.0, 0.5, 2.0])
    codes = np.random.default_rng(2).integers(0, 5, (200, 4))
    wrapper = xgb.XGBRegressor(**SMALL, missing=-9.0).fit(numbers, TARGET)
    table = RawTable(None, (tuple(levels),) * 4)
    model = as_predict_fn(wrapper, table=table)
    assert_equal(model, codes.astype(float), wrapper.predict(levels[codes]))
    sums, _ = walk(model.structure, codes.astype(float))
    np.testing.assert_allclose(sums[:, 0], wrapper.predict(levels[codes]), rtol=1e-5, atol=1e-6)


def frame():
    rng = np.random.default_rng(3)
    color = pd.Categorical(rng.choice(COLORS, 300), categories=COLORS)
    size = pd.Categorical(rng.choice([10, 20, 35], 300), categories=[10, 20, 35])
    table = pd.DataFrame({"color": color, "number": rng.normal(size=300), "size": size})
    table.loc[::7, ["color", "number"]] = np.nan
    y = table["color"].isin(["lime", "gold", "gray"]) * 2.0 + table["number"].fillna(1)
    return table, y + table["size"].isin([20]) + rng.normal(size=300) / 4


LEVELS = (("teal", "red", None, "blue", "gold", "gray", "lime", "pink"), None, (35, 10, 20))


def as_codes(table, levels):
    """A frame as the explainer codes it: another order of levels than pandas'."""
    out = np.empty(table.shape)
    for k, own in enumerate(levels):
        values = table.iloc[:, k].astype(object)
        if own is None:
            out[:, k] = values.astype(float)
        else:
            place = {level: code for code, level in enumerate(own)}
            out[:, k] = [place[None if v != v else v] for v in values]
    return out


@pytest.mark.parametrize("one_hot", [1, 100])
def test_categories_of_a_frame_become_sets_of_levels(one_hot):
    table, y = frame()
    wrapper = xgb.XGBRegressor(**SMALL, enable_categorical=True, max_cat_to_onehot=one_hot).fit(
        table, y
    )
    model = as_predict_fn(wrapper, table=RawTable(tuple(table.columns), LEVELS))
    codes = as_codes(table, LEVELS)
    assert any(0 < flags.sum() < len(flags) for flags in model.structure.level_sets)
    if one_hot == 1:
        assert_equal(model, codes, wrapper.predict(table))
    sums, leaves = walk(model.structure, codes)
    np.testing.assert_allclose(sums[:, 0], wrapper.predict(table), rtol=1e-5, atol=1e-6)
    assert_same_leaves(leaves, wrapper.apply(table))
    booster = wrapper.get_booster()
    own = as_predict_fn(booster, table=RawTable(tuple(table.columns), LEVELS))
    np.testing.assert_array_equal(walk(own.structure, codes)[1], leaves)
    np.testing.assert_array_equal(own.host(table), wrapper.predict(table))


def test_a_level_that_the_model_has_not_seen_stays_with_xgboost():
    table, y = frame()
    wrapper = xgb.XGBRegressor(**SMALL, enable_categorical=True).fit(table, y)
    levels = (("red", "mauve"), None, (10, 20, 35))
    model = as_predict_fn(wrapper, table=RawTable(None, levels))
    assert model.path == "host"
    assert "column 0 has no category 'mauve'" in model.reason


def test_codes_in_an_array_are_categories():
    rng = np.random.default_rng(4)
    codes = np.stack([rng.integers(0, 9, 300), rng.normal(size=300)], axis=1)
    y = np.isin(codes[:, 0], [0, 2, 3, 7]) * 2 + codes[:, 1]
    matrix = xgb.DMatrix(codes, y, feature_types=["c", "float"], enable_categorical=True)
    booster = xgb.train({"max_depth": 3, "nthread": 1, "max_cat_to_onehot": 1}, matrix, 4)
    rows = np.concatenate([codes[:100], [[np.nan, 0], [8.7, 0], [11, 0], [40, 1], [2.99999999, 1]]])
    theirs = xgb.DMatrix(rows, feature_types=["c", "float"], enable_categorical=True)
    model = as_predict_fn(booster)
    assert model.structure is None
    assert "column 0 is categorical for the model" in model.why_not_exact
    assert_equal(model, rows, booster.predict(theirs))
    np.testing.assert_array_equal(model.host(rows), booster.predict(theirs))
    declared = as_predict_fn(booster, table=RawTable(None, (tuple(range(9)), None)))
    np.testing.assert_allclose(
        walk(declared.structure, codes)[0][:, 0], booster.predict(matrix), rtol=1e-5, atol=1e-6
    )


def test_a_linear_booster_is_additive_and_missing_values_add_nothing():
    wrapper = xgb.XGBRegressor(n_estimators=5, booster="gblinear", n_jobs=1).fit(X, TARGET)
    model = as_predict_fn(wrapper)
    assert model.structure.num_features == 4
    assert_equal(model, X, wrapper.predict(X))


LINEAR = {
    "three classes": (xgb.XGBClassifier, np.repeat([0, 0, 0, 1, 2], 40)),
    "two targets": (xgb.XGBRegressor, np.stack([TARGET + 5, TARGET - 3], axis=1)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_booster_of_several_outputs_adds_its_first_score_to_all(name):
    kind, y = LINEAR[name]
    wrapper = kind(n_estimators=5, booster="gblinear", n_jobs=1).fit(X, y)
    model = as_predict_fn(wrapper, "margin")
    assert_equal(model, X, wrapper.predict(X, output_margin=True))


def test_a_scaler_in_front_moves_the_thresholds():
    mean, scale = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    wrapper = xgb.XGBRegressor(**SMALL).fit((X - mean) / scale, TARGET)
    columns = tuple(
        NumberColumn(k).then("subtract", mean[k]).then("divide", scale[k]) for k in range(4)
    )
    features = dataclasses.replace(raw_features(RawTable.of_numbers(4)), columns=columns)
    trees = convert_on(wrapper, "predict", features).structure
    assert_same_leaves(walk(trees, X)[1], wrapper.apply((X - mean) / scale))


REFUSED = {
    "hinge": (xgb.XGBRegressor, {"objective": "binary:hinge"}, TWO, "predicts numbers of classes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_jax_form_says_so_and_runs_on_the_host(name):
    kind, parameters, y, message = REFUSED[name]
    wrapper = kind(**SMALL, **parameters).fit(X, y)
    model = as_predict_fn(wrapper)
    assert model.path == "host"
    assert message in model.reason
    own = wrapper.predict_proba if hasattr(wrapper, "predict_proba") else wrapper.predict
    np.testing.assert_array_equal(model(X), own(X))


VECTORS = {
    "three classes": (xgb.XGBClassifier, THREE),
    "two labels": (xgb.XGBClassifier, np.stack([TWO, THREE > 1], axis=1)),
    "two targets": (xgb.XGBRegressor, np.stack([TARGET, np.nan_to_num(X[:, 1])], axis=1)),
    "two targets of forests": (xgb.XGBRFRegressor, np.stack([TARGET, -(TARGET**2)], axis=1)),
}


@pytest.mark.parametrize("name", VECTORS)
def test_trees_whose_leaves_are_vectors(name):
    kind, y = VECTORS[name]
    wrapper = kind(**SMALL, multi_strategy="multi_output_tree").fit(X, y)
    margin = as_predict_fn(wrapper, "margin")
    rows = np.concatenate([X, around_thresholds(margin.structure, 4)])
    expected = wrapper.predict(rows, output_margin=True)
    np.testing.assert_allclose(walk(margin.structure, rows)[0], expected, rtol=1e-5, atol=1e-6)
    if kind is xgb.XGBClassifier:
        assert_equal(as_predict_fn(wrapper), X, wrapper.predict_proba(X))


def test_a_margin_on_the_host_is_a_margin():
    wrapper = xgb.XGBClassifier(n_estimators=2, booster="gblinear", missing=0.0).fit(X, THREE)
    margin = as_predict_fn(wrapper, "margin")
    assert (margin.path, margin.output_kind, margin.classes) == ("host", "margin", (0, 1, 2))
    np.testing.assert_array_equal(margin(X), wrapper.predict(X, output_margin=True))


def test_levels_without_a_code_are_missing():
    features = raw_features(RawTable(None, (("a", None, "b", "c"), None)))
    coded = with_codes(features, 0, ["b", "a"])
    np.testing.assert_array_equal(coded.columns[0].numbers(), [1, np.nan, 0, np.nan])
    assert coded.columns[1] is features.columns[1]
