"""`algorithm="tree_path"`: what the libraries themselves and shap say, files, and refusals."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer

import lime_jax
from lime_jax import TabularExplainer
from lime_jax.results.arrow import explanations_of, rows_table

RNG = np.random.default_rng(2)
X = RNG.normal(size=(200, 5)).astype(np.float32).astype(np.float64)
X[RNG.random(X.shape) < 0.05] = np.nan
FILLED = np.nan_to_num(X)
Y = FILLED[:, 0] * FILLED[:, 1] + np.abs(FILLED[:, 2]) - FILLED[:, 3]
KINDS = np.digitize(Y, [0, 1])
ROWS = X[:7]


def explain(model, rows=ROWS, **settings):
    return TabularExplainer("tree_path", **settings).fit(X).explain(rows, model)


def check(explanations, values, base):
    """`values` (rows, labels, features), `base` (labels,)"""
    np.testing.assert_allclose(explanations.coef, values, rtol=0, atol=3e-6)
    np.testing.assert_allclose(explanations.intercept, np.tile(base, (len(ROWS), 1)), atol=3e-6)
    total = explanations.intercept + explanations.coef.sum(2)
    np.testing.assert_allclose(total, explanations.prediction, rtol=0, atol=3e-6)
    assert explanations.method == "exact"


@pytest.fixture(scope="module")
def boosted():
    import xgboost

    return xgboost.XGBRegressor(n_estimators=5, max_depth=4, n_jobs=1).fit(X, Y)


def test_values_and_interactions_are_those_of_xgboost(boosted):
    import xgboost

    booster, rows = boosted.get_booster(), xgboost.DMatrix(ROWS)
    want = booster.predict(rows, pred_contribs=True)
    check(explain(boosted), want[:, None, :-1], want[0, -1:])
    both = explain(boosted, interactions=True)
    check(both, want[:, None, :-1], want[0, -1:])
    pairs = booster.predict(rows, pred_interactions=True)
    np.testing.assert_allclose(both.interaction_values[:, 0], pairs[:, :-1, :-1], atol=3e-6)


def test_values_of_classes_are_those_of_xgboost():
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=3, max_depth=3, n_jobs=1, booster="dart")
    model.fit(X, KINDS)
    want = model.get_booster().predict(xgboost.DMatrix(ROWS), pred_contribs=True)
    check(explain(model, output="margin"), want[:, :, :-1], want[0, :, -1])


def test_values_are_those_of_lightgbm():
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1, num_leaves=7)
    model.fit(X, KINDS)
    want = model.predict(ROWS, pred_contrib=True).reshape(len(ROWS), 3, -1)
    check(explain(model, output="margin"), want[:, :, :-1], want[0, :, -1])


def test_values_of_categories_are_those_of_lightgbm():
    import lightgbm

    frame = pd.DataFrame(
        {"kind": pd.Categorical(np.array(list("abcd"))[np.arange(200) % 4]), "x": X[:, 0]}
    )
    y = np.where(frame["kind"].isin(["a", "c"]), 1.0, -1) * FILLED[:, 0]
    model = lightgbm.LGBMRegressor(
        n_estimators=3, n_jobs=1, verbose=-1, num_leaves=7, min_data_per_group=5, cat_smooth=1
    ).fit(frame, y)
    want = np.asarray(model.predict(frame[:7], pred_contrib=True))
    explained = TabularExplainer("tree_path").fit(frame).explain(frame[:7], model)
    assert np.abs(want[:, 0]).max() > 0.05
    check(explained, want[:, None, :-1], want[0, -1:])


@pytest.mark.parametrize("policy", ["SymmetricTree", "Lossguide"])
def test_values_are_those_of_catboost(policy):
    import catboost

    model = catboost.CatBoostRegressor(
        iterations=4,
        depth=4,
        grow_policy=policy,
        thread_count=1,
        verbose=0,
        allow_writing_files=False,
    ).fit(X, Y)
    want = model.get_feature_importance(catboost.Pool(ROWS), type="ShapValues")
    check(explain(model), want[:, None, :-1], want[0, -1:])


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(3, random_state=0),
        ExtraTreesClassifier(3, random_state=0, max_depth=6),
        GradientBoostingClassifier(n_estimators=3, random_state=0),
        HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=5),
    ],
    ids=lambda model: type(model).__name__,
)
def test_values_of_scikit_learn_are_those_of_shap(model):
    train, rows = (X, ROWS) if type(model).__name__.startswith("Hist") else (FILLED, FILLED[:7])
    is_boosted = isinstance(model, GradientBoostingClassifier)  # shap knows those of two classes
    kinds = (KINDS > 0).astype(int) if is_boosted else KINDS
    model.fit(train, kinds if is_classifier(model) else Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap

        explainer = shap.TreeExplainer(model)
        want = np.asarray(explainer.shap_values(rows))
    want = want.transpose(0, 2, 1) if want.ndim == 3 else want[:, None]
    base = np.reshape(explainer.expected_value, -1)
    check(explain(model, rows, output="margin" if is_boosted else None), want, base)


def test_of_independent_columns_they_are_those_against_the_training_rows():
    grid = np.indices([2] * 4).reshape(4, -1).T.astype(np.float64)
    model = RandomForestRegressor(2, bootstrap=False, random_state=0)
    model.fit(grid, grid[:, 0] * grid[:, 1] - 2 * grid[:, 1] * grid[:, 2] + grid[:, 3])
    settings = dict(interactions=True, groups=[[0, 3]])
    found = [
        TabularExplainer(algorithm, **settings).fit(grid).explain(grid, model)
        for algorithm in ("tree_path", "kernel_shap")
    ]
    np.testing.assert_allclose(found[0].coef, found[1].coef, atol=2e-6)
    np.testing.assert_allclose(found[0].interaction_values, found[1].interaction_values, atol=2e-6)


def test_files_tables_and_pages_hold_them(boosted, tmp_path):
    frame = pd.DataFrame(X, columns=list("abcde"))
    explainer = TabularExplainer("tree_path").fit(frame)
    explained = explainer.explain(frame[:7], boosted.fit(frame, Y))
    assert explained.algorithm == "tree_path"
    explained.save(tmp_path / "explained.npz")
    loaded = lime_jax.load(tmp_path / "explained.npz")
    in_arrow = explanations_of(rows_table(explained))
    joined = lime_jax.concatenate([explained[:4], explained[4:]])
    for same in (loaded, in_arrow, joined):
        assert same.algorithm == "tree_path"
        np.testing.assert_array_equal(same.coef, explained.coef)
    page = explained.as_html()
    assert "Shapley" in page
    assert "Shapley values: each is a fair share" in explained[0].as_html()
    explained[0].waterfall_figure()
    assert explained[0].as_list()[0][0][0] in "abcde"


def test_no_rows_have_no_values(boosted):
    boosted.fit(X, Y)
    assert explain(boosted, X[:0]).coef.shape == (0, 1, 5)


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (lambda: LinearRegression(), {}, "`model`.*not a sum of trees; use.*kernel_shap"),
        (lambda: RandomForestRegressor(2), {"method": "sampled"}, "`method`.*exact"),
        (lambda: RandomForestRegressor(2), {"num_samples": 9}, "`num_samples`.*exact"),
        (lambda: RandomForestRegressor(2), {"num_features": 2}, "`num_features`"),
        (
            lambda: GradientBoostingClassifier(n_estimators=2),
            {},
            "`model`.*its margin is: output='margin'.*kernel_shap",
        ),
    ],
)
def test_what_has_no_such_values_is_refused(make, options, words):
    model = make().fit(FILLED, KINDS)
    with pytest.raises(ValueError, match=words):
        TabularExplainer("tree_path").fit(FILLED).explain(FILLED[:2], model, **options)


def test_trees_without_covers_are_refused():
    """A linear model of bins is a sum of trees that no training row grew."""
    binned = make_pipeline(
        KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), LinearRegression()
    )
    with pytest.raises(ValueError, match="how many training rows came to each node"):
        TabularExplainer("tree_path").fit(FILLED).explain(FILLED[:2], binned.fit(FILLED, Y))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"link": "logit"}, "`link`: is no setting of algorithm='tree_path'"),
        ({"summarize": 5}, "`summarize`"),
        ({"max_pairs": 5}, "`max_pairs`"),
        ({"value": "owen"}, "`value`"),
    ],
)
def test_settings_without_a_use_are_refused(boosted, settings, words):
    with pytest.raises(ValueError, match=words):
        explain(boosted, **settings)


@pytest.mark.parametrize("name", ["y", "sample_weight"])
def test_fit_takes_no_weights(name):
    with pytest.raises(ValueError, match=f"`{name}`.*from the trees"):
        TabularExplainer("tree_path").fit(X, **{name: Y})


def test_interactions_of_deep_trees_are_refused():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(300, 20))
    model = ExtraTreesRegressor(1, max_features=1, random_state=0).fit(wide, wide @ np.ones(20))
    plain = TabularExplainer("tree_path").fit(wide).explain(wide[:2], model)
    total = plain.intercept + plain.coef.sum(2)
    np.testing.assert_allclose(total, plain.prediction, rtol=0, atol=2e-5)
    with pytest.raises(ValueError, match="`interactions`: some path"):
        TabularExplainer("tree_path", interactions=True).fit(wide).explain(wide[:2], model)
