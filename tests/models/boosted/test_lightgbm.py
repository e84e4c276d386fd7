"""LightGBM in JAX: its own predictions and leaves, margins as sums over trees, refusals by name."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from lime_jax.models.boosted import lightgbm_lines
from lime_jax.models.boosted.lightgbm_trees import read_text, tree_sum
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.features import RawTable
from lime_jax.models.opening import as_predict_fn
from lime_jax.models.registry import convert
from tests.models.trees.tree_oracle import assert_equal, assert_same_leaves, device_float, walk

pytestmark = pytest.mark.precision

SMALL = {"n_estimators": 4, "num_leaves": 7, "n_jobs": 1, "verbose": -1, "min_child_samples": 3}
FOREST = {"boosting_type": "rf", "subsample": 0.6, "subsample_freq": 1}
COLORS = ["red", "lime", "blue", "gold", "pink", "teal", "gray"]

_rng = np.random.default_rng(1)
X = _rng.normal(size=(200, 4)).astype(np.float32).astype(np.float64)
X[_rng.random(X.shape) < 0.1] = np.nan
X[:, 3] = np.nan_to_num(X[:, 3])  # no missing value in training: NaN is 0 there
TARGET = np.nan_to_num(X[:, 0]) * 2 - np.nan_to_num(X[:, 1] * X[:, 3]) + _rng.normal(size=200) / 2
TWO, THREE = (TARGET > 0).astype(int), np.digitize(TARGET, [-1, 1])
ROWS = np.where(_rng.random(X.shape) < 0.2, np.nan, X)
ROWS[::9, 1] = 0.0


def assert_exact(model, inputs, expected, wrapper, table=None):
    """A structure that sums to `expected`, by the leaves that LightGBM itself reaches."""
    sums, leaves = walk(model.structure, inputs)
    np.testing.assert_allclose(sums, expected.reshape(len(inputs), -1), rtol=1e-9, atol=1e-12)
    own = wrapper.predict(inputs if table is None else table, pred_leaf=True)
    assert_same_leaves(leaves, own)


CLASSIFIERS = {
    "two classes": ({}, TWO),
    "sigmoid": ({"sigmoid": 0.5}, TWO),
    "three classes": ({}, THREE),
    "one against all": ({"objective": "multiclassova", "sigmoid": 2.0}, THREE),
    "forest": (FOREST, TWO),
    "forests": (FOREST, THREE),
    "dart": ({"boosting_type": "dart"}, TWO),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_has_its_probabilities_and_margins(name):
    parameters, y = CLASSIFIERS[name]
    wrapper = lgb.LGBMClassifier(**SMALL, **parameters).fit(X, y)
    probability, margin = as_predict_fn(wrapper), as_predict_fn(wrapper, "margin")
    assert (probability.path, probability.output_kind) == ("jax", "probability")
    assert (margin.path, margin.output_kind) == ("jax", "margin")
    assert probability.structure is None
    assert "its margin is: `output='margin'`" in probability.why_not_exact
    assert_equal(probability, ROWS, wrapper.predict_proba(ROWS))
    raw = wrapper.predict(ROWS, raw_score=True)
    assert_exact(margin, ROWS, raw, wrapper)
    np.testing.assert_array_equal(margin.host(ROWS), raw)


def test_the_margin_of_two_classes_is_that_of_the_second():
    wrapper = lgb.LGBMClassifier(**SMALL).fit(X, np.array(["no", "yes"])[TWO])
    assert as_predict_fn(wrapper, "margin").class_names == ("yes",)
    assert as_predict_fn(wrapper.predict_proba, "margin").class_names == ("yes",)
    assert as_predict_fn(wrapper).class_names == ("no", "yes")


POSITIVE = np.exp(TARGET / 3)
REGRESSORS = {
    "regression": ({}, TARGET, True),
    "square roots": ({"reg_sqrt": True}, TARGET, False),
    "absolute": ({"objective": "regression_l1"}, TARGET, True),
    "huber": ({"objective": "huber"}, TARGET, True),
    "quantile": ({"objective": "quantile", "alpha": 0.3}, TARGET, True),
    "poisson": ({"objective": "poisson"}, POSITIVE, False),
    "gamma": ({"objective": "gamma"}, POSITIVE, False),
    "tweedie": ({"objective": "tweedie"}, POSITIVE, False),
    "cross entropy": ({"objective": "cross_entropy"}, TWO, False),
    "cross entropy, lambda": ({"objective": "cross_entropy_lambda"}, TWO, False),
    "forest": (FOREST, TARGET, True),
    "poisson forest": ({**FOREST, "objective": "poisson"}, POSITIVE, False),
    "dart": ({"boosting_type": "dart", "drop_rate": 0.9}, TARGET, True),
    "no tree splits": ({"min_split_gain": 1e9}, TARGET, True),
    "nothing is missing": ({"use_missing": False}, TARGET, True),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_has_its_values_and_margins(name):
    parameters, y, is_sum = REGRESSORS[name]
    wrapper = lgb.LGBMRegressor(**{**SMALL, **parameters}).fit(X, y)
    model = as_predict_fn(wrapper)
    margin = as_predict_fn(wrapper, "margin")
    assert_exact(margin, ROWS, wrapper.predict(ROWS, raw_score=True), wrapper)
    assert (model.structure is not None) == is_sum
    if is_sum:
        assert_exact(model, ROWS, wrapper.predict(ROWS), wrapper)
    else:
        assert_equal(model, ROWS, wrapper.predict(ROWS))


def test_a_ranker_predicts_margins():
    wrapper = lgb.LGBMRanker(**SMALL).fit(X, THREE, group=[20] * 10)
    assert_equal(as_predict_fn(wrapper), ROWS, wrapper.predict(ROWS))


BOOSTERS = {
    "binary": (TWO, "probability", 1),
    "multiclass": (THREE, "probability", 3),
    "lambdarank": (TWO, "margin", 1),
    "regression": (TARGET, "value", 1),
    "poisson": (POSITIVE, "value", 1),
}


@pytest.mark.parametrize("objective", BOOSTERS)
def test_a_booster_is_explained_as_it_predicts(objective):
    y, kind, outputs = BOOSTERS[objective]
    parameters = {"objective": objective, "num_leaves": 7, "num_threads": 1, "verbose": -1}
    if objective == "multiclass":
        parameters["num_class"] = 3
    group = [20] * 10 if objective == "lambdarank" else None
    booster = lgb.train(parameters, lgb.Dataset(X, y, group=group), 3)
    for model in (as_predict_fn(booster), as_predict_fn(booster.predict)):
        assert (model.path, model.output_kind) == ("jax", kind)
    assert_equal(model, ROWS, booster.predict(ROWS))
    assert booster.predict(ROWS).reshape(len(ROWS), -1).shape[1] == outputs
    margin = as_predict_fn(booster, "margin")
    assert_exact(margin, ROWS, booster.predict(ROWS, raw_score=True), booster)
    np.testing.assert_array_equal(model.host(ROWS), booster.predict(ROWS))
    np.testing.assert_array_equal(margin.host(ROWS), booster.predict(ROWS, raw_score=True))
    if kind == "probability":
        assert as_predict_fn(booster, "probability").path == "jax"
    else:
        with pytest.raises(ValueError, match=f"objective is {objective}, it predicts no prob"):
            as_predict_fn(booster, "probability")


def test_a_booster_read_from_its_text_is_the_same():
    booster = lgb.LGBMRegressor(**SMALL).fit(X, TARGET).booster_
    again = lgb.Booster(model_str=booster.model_to_string())
    assert_exact(as_predict_fn(again), ROWS, booster.predict(ROWS), booster)


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_early_stopping_counts_as_in_their_own_predict():
    stop = [lgb.early_stopping(3, verbose=False)]
    parameters = {"num_leaves": 7, "num_threads": 1, "verbose": -1}
    train, rest = lgb.Dataset(X[:100], TARGET[:100]), lgb.Dataset(X[100:], TARGET[100:])
    booster = lgb.train(
        parameters, train, 80, valid_sets=[rest], callbacks=stop, keep_training_booster=True
    )
    assert 0 < booster.best_iteration < booster.num_trees()
    model = as_predict_fn(booster)
    assert len(model.structure.roots) == booster.best_iteration
    assert_exact(model, ROWS, booster.predict(ROWS), booster)
    wrapper = lgb.LGBMClassifier(**{**SMALL, "n_estimators": 80})
    wrapper.fit(X[:100], THREE[:100], eval_set=[(X[100:], THREE[100:])], callbacks=stop)
    model = as_predict_fn(wrapper, "margin")
    assert len(model.structure.roots) == 3 * wrapper.best_iteration_ < 240
    assert_exact(model, ROWS, wrapper.predict(ROWS, raw_score=True), wrapper)


def test_at_thresholds_and_one_step_beside_the_leaves_are_the_same():
    wrapper = lgb.LGBMRegressor(**{**SMALL, "n_estimators": 20}).fit(X, TARGET)
    model = as_predict_fn(wrapper)
    thresholds = model.structure.threshold
    values = np.unique(thresholds[np.isfinite(thresholds)])
    assert len(values) > 30
    beside = [values, np.nextafter(values, -9), np.nextafter(values, 9), [0.0, 1e-36, -1e-34]]
    rows = np.repeat(np.concatenate(beside)[:, None], 4, axis=1)
    assert_exact(model, rows, wrapper.predict(rows), wrapper)
    single = rows.astype(np.float32).astype(np.float64)  # as the device has them
    assert_equal(model, single, wrapper.predict(single))


def test_zero_is_missing_where_the_model_says_so():
    wrapper = lgb.LGBMRegressor(**SMALL, zero_as_missing=True)
    numbers = np.where(np.isnan(X), 0, X)
    wrapper.fit(numbers, TARGET)
    rows = np.concatenate([ROWS, numbers, np.full((1, 4), 1e-36), np.full((1, 4), -1e-34)])
    model = as_predict_fn(wrapper)
    assert model.structure is None
    assert "it takes 0 for missing" in model.why_not_exact
    assert_equal(model, rows, wrapper.predict(rows))
    positive = np.abs(numbers)  # 0 is at the end: a threshold can send it where missing ones go
    wrapper.fit(positive, positive[:, 0])
    edges = np.repeat(np.array([[0.0], [1e-36], [-1e-36], [2e-35], [np.nan], [-1.0]]), 4, axis=1)
    rows = np.concatenate([positive, edges])
    assert_equal(as_predict_fn(wrapper), rows, wrapper.predict(rows))


def frame():
    rng = np.random.default_rng(3)
    color = pd.Categorical(rng.choice(COLORS, 300), categories=COLORS)
    size = pd.Categorical(rng.choice([10, 20, 35], 300), categories=[10, 20, 35])
    table = pd.DataFrame({"color": color, "number": rng.normal(size=300), "size": size})
    table["flag"] = rng.random(300) < 0.5
    table.loc[::7, ["color", "number"]] = np.nan
    y = table["color"].isin(["lime", "gold", "gray"]) * 2.0 + table["number"].fillna(1)
    return table, y + table["size"].isin([20]) + table["flag"] + rng.normal(size=300) / 4


LEVELS = (
    ("teal", "mauve", "red", None, "blue", "gold", "gray", "lime", "pink"),
    None,
    (35, 10, 20),
    (False, True),
)


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
    parameters = {**SMALL, "max_cat_to_onehot": one_hot, "min_data_per_group": 1, "cat_smooth": 1}
    wrapper = lgb.LGBMRegressor(**parameters).fit(table, y)
    model = as_predict_fn(wrapper, table=RawTable(tuple(table.columns), LEVELS))
    rows = table.head(120).copy()
    rows["color"] = rows["color"].cat.add_categories("mauve")
    rows.loc[:9, "color"] = "mauve"  # unseen
    codes = as_codes(rows, LEVELS)
    assert any(0 < flags.sum() < len(flags) for flags in model.structure.level_sets)
    if one_hot == 1:
        assert_equal(model, codes, wrapper.predict(rows))
    assert_exact(model, codes, wrapper.predict(rows), wrapper, rows)
    own = as_predict_fn(wrapper.booster_, table=RawTable(tuple(table.columns), LEVELS))
    assert_exact(own, codes, wrapper.predict(rows), wrapper, rows)


@pytest.mark.parametrize("make", [pl.from_pandas, lambda t: pl.from_pandas(t).to_arrow()])
def test_tables_of_other_libraries_have_the_categories_of_pandas(make):
    table, y = frame()
    table = table.drop(columns="size")
    wrapper = lgb.LGBMClassifier(**SMALL).fit(table, y > 1)
    rows = table.head(50)
    for method in ("predict_proba", "decision_function", "predict"):
        theirs = as_predict_fn(getattr(wrapper, method, wrapper), OUTPUTS[method])
        host = theirs.host or theirs.predict
        np.testing.assert_array_equal(host(make(rows)), host(rows))


def test_categories_that_the_model_does_not_know_are_refused():
    wrapper = lgb.LGBMRegressor(**SMALL).fit(X[:, :1], TARGET)
    table = pl.DataFrame({"color": pl.Series(["red", "blue"], dtype=pl.Categorical)})
    with pytest.raises(ValueError, match=r"`model`: .* not fitted on categories of .*'color'"):
        as_predict_fn(wrapper).host(table)


OUTPUTS = {"predict_proba": None, "decision_function": "margin", "predict": "value"}


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ((("red", "lime"), None, None, None), "fitted on 2 pandas categoricals, got 1"),
        ((("a", "b"), None, (10, 20, 35), None), "column 0 has none of the categories"),
    ],
)
def test_another_table_is_refused(levels, message):
    wrapper = lgb.LGBMRegressor(**SMALL).fit(*frame())
    with pytest.raises(NotConvertibleError, match=message):
        convert(wrapper, "predict", RawTable(None, levels))


def test_codes_in_an_array_are_categories():
    rng = np.random.default_rng(4)
    codes = np.stack([rng.integers(0, 40, 300), rng.normal(size=300)], axis=1)
    y = np.isin(codes[:, 0] % 5, [0, 3]) * 2 + codes[:, 1]
    wrapper = lgb.LGBMRegressor(**SMALL, min_data_per_group=1, cat_smooth=1)
    wrapper.fit(codes, y, categorical_feature=[0])
    extra = [[np.nan, 0], [8.7, 0], [-0.5, 0], [-1, 0], [41, 0], [400, 1]]
    rows = np.concatenate([codes[:100], extra])
    model = as_predict_fn(wrapper)
    assert model.structure is None
    assert "column 0 is categorical for the model" in model.why_not_exact
    assert_equal(model, rows, wrapper.predict(rows))
    declared = as_predict_fn(wrapper, table=RawTable(None, (tuple(range(40)), None)))
    assert_exact(declared, codes, wrapper.predict(codes), wrapper)


def own_objective(y, margin):
    return margin - y, np.ones_like(y)


def test_an_objective_of_your_own_has_margins_only():
    regressor = lgb.LGBMRegressor(**SMALL, objective=own_objective).fit(X, TARGET)
    assert_exact(as_predict_fn(regressor), ROWS, regressor.predict(ROWS), regressor)
    classifier = lgb.LGBMClassifier(**SMALL, objective=own_objective).fit(X, TWO)
    for model in (as_predict_fn(classifier), as_predict_fn(classifier, "margin")):
        assert (model.path, model.output_kind, model.classes) == ("jax", "margin", (1,))
    for bound in (classifier.predict_proba, classifier.predict):
        model = as_predict_fn(bound)
        assert (model.path, model.output_kind) == ("host", "margin")
        with pytest.warns(UserWarning, match="customized objective"):
            np.testing.assert_array_equal(model.predict(X), classifier.predict(X, raw_score=True))


LINES = {
    "numbers": (lgb.LGBMRegressor, {}, TARGET),
    "a forest": (lgb.LGBMRegressor, FOREST, TARGET),
    "three classes": (lgb.LGBMClassifier, {}, THREE),
}


@pytest.mark.parametrize("name", LINES)
def test_leaves_that_are_lines_add_what_lightgbm_adds(name):
    kind, parameters, y = LINES[name]
    table = X * [1, 100, 1e-3, 1] + [0, 5000, 0, 0]
    rows = np.where(np.isnan(ROWS), np.nan, table)
    wrapper = kind(**SMALL, **parameters, linear_tree=True).fit(table, y)
    margin = as_predict_fn(wrapper, "margin")
    assert (margin.path, margin.structure) == ("jax", None)
    assert margin.why_not_exact == "its leaves are lines, not numbers"
    expected = wrapper.predict(rows, raw_score=True).reshape(len(rows), -1)
    most = np.abs(expected).max()
    np.testing.assert_allclose(margin(rows), expected, rtol=0, atol=2e-6 * most)
    single = rows.astype(np.float32)
    expected = wrapper.predict(single.astype(np.float64), raw_score=True).reshape(len(rows), -1)
    np.testing.assert_allclose(margin.predict(single), expected, rtol=0, atol=2e-6 * most)


def test_lines_at_thresholds_and_infinities_are_those_of_lightgbm():
    wrapper = lgb.LGBMRegressor(**SMALL, linear_tree=True).fit(X, TARGET)
    thresholds = tree_sum(read_text(wrapper.booster_.model_to_string()).trees, 1, 4)[0].threshold
    values = np.unique(thresholds[np.isfinite(thresholds)])
    beside = [values, np.nextafter(values, -9), np.nextafter(values, 9), [np.inf, -np.inf]]
    rows = np.repeat(np.concatenate(beside)[:, None], 4, axis=1)
    ours = np.ravel(as_predict_fn(wrapper)(rows))
    np.testing.assert_allclose(ours, wrapper.predict(rows), rtol=2e-6, atol=2e-6)


def test_linear_trees_without_lines_are_exact():
    wrapper = lgb.LGBMRegressor(**{**SMALL, "n_estimators": 1}, linear_tree=True).fit(X, TARGET)
    assert_exact(as_predict_fn(wrapper), ROWS, wrapper.predict(ROWS), wrapper)


def test_lines_of_very_many_columns_stay_on_the_host(monkeypatch):
    monkeypatch.setattr(lightgbm_lines, "_MOST", 10)
    wrapper = lgb.LGBMRegressor(**SMALL, linear_tree=True).fit(X, TARGET)
    model = as_predict_fn(wrapper)
    assert model.path == "host"
    assert "too many slopes for the device" in model.reason
    np.testing.assert_array_equal(model(ROWS), wrapper.predict(ROWS))


def test_lines_that_cancel_stay_on_the_host_where_the_precision_does_not_hold_them():
    wide = np.nan_to_num(X)
    wide[0, 0] = 1e6  # what the lines of all others add cancels a constant as large
    wrapper = lgb.LGBMRegressor(**SMALL, linear_tree=True).fit(wide, TARGET)
    model = as_predict_fn(wrapper)
    expected = wrapper.predict(wide)
    most = np.abs(expected).max()
    if device_float() == np.float32:
        assert "the lines in its leaves cancel each other" in model.reason
    np.testing.assert_allclose(np.ravel(model(wide)), expected, rtol=0, atol=2e-6 * most)
