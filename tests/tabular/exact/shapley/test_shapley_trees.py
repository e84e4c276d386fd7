"""Shapley values of trees equal the sum over all coalitions, and interventional TreeSHAP."""

from __future__ import annotations

import itertools
import math
import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from lime_jax import engine
from lime_jax.models import as_predict_fn
from lime_jax.models.convert.features import RawTable
from lime_jax.models.structure import TreeSum
from lime_jax.models.trees import tree_predict
from lime_jax.tabular.exact.shapley import shapley_form, shapley_tables, shapley_why_not
from lime_jax.tabular.exact.shapley.blocks import shapley_blocks
from lime_jax.tabular.exact.shapley.lines import shapley_lines
from lime_jax.tabular.exact.shapley.passes import shapley_passes
from tests.house import shapley_of_model

pytestmark = pytest.mark.precision

FEATURES = 6
EVERY_WAY = pytest.mark.parametrize(
    "table_bytes",
    [2**20, 0, None, "subtrees"],
    ids=["tables", "patterns", "row by row", "subtrees"],
)


def tolerance(float32=2e-6, float64=1e-12):
    return dict(rtol=0, atol=float64 if jnp.result_type(float) == np.float64 else float32)


def explain(structure, X, background, weights=None, groups=None, table_bytes=2**20, labels=None):
    """All outputs by default, (rows, outputs, players)."""
    if weights is None:
        weights = np.full(len(background), 1 / len(background))
    groups = np.arange(structure.num_features) if groups is None else np.asarray(groups)
    labels = np.arange(structure.num_outputs) if labels is None else labels
    labels = np.tile(np.asarray(labels, np.int32), (len(X), 1))
    game = structure, background, weights, groups, int(groups.max()) + 1
    if table_bytes == "subtrees":
        blocks = shapley_blocks(*game)
        assert blocks is not None
        return blocks.explain(X, labels)[0]
    if table_bytes is None:
        return shapley_passes(*game).explain(X, labels)
    tables = shapley_tables(*game, table_bytes=table_bytes)
    rows = engine.Rows(X.astype(jnp.result_type(float)), np.arange(len(X), dtype=np.uint32), labels)
    return engine.explain_exact(shapley_form(tables), rows, None)


def table(rng, rows):
    """Quarters: float32 and float64 know them all, and no threshold is near any."""
    X = rng.integers(-8, 9, (rows, FEATURES)) / 4
    y = X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + (X[:, 3] > 0.5) * X[:, 4] + 0.1 * X[:, 5]
    return X, y


def forest(X, y):
    return RandomForestRegressor(5, max_depth=6, random_state=0).fit(X, y)


def two_classes(X, y):
    return RandomForestClassifier(5, random_state=0).fit(X, y > 0.5)


def three_classes(X, y):
    return RandomForestClassifier(4, max_depth=5, random_state=0).fit(X, np.digitize(y, [0.0, 2.0]))


def gradient_boosting(X, y):
    return GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y)


def histogram_boosting(X, y):
    return HistGradientBoostingRegressor(max_iter=10, random_state=0).fit(X, y)


def xgboost_margins(X, y):
    import xgboost

    return xgboost.XGBRegressor(n_estimators=10, max_depth=4, n_jobs=1).fit(X, y)


def lightgbm_margins(X, y):
    import lightgbm

    return lightgbm.LGBMRegressor(n_estimators=10, n_jobs=1, verbose=-1).fit(X, y)


MODELS = [
    *(forest, two_classes, three_classes, gradient_boosting, histogram_boosting),
    *(xgboost_margins, lightgbm_margins),
]


def call(model):
    def predict(X):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)

    return predict


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_values_are_those_of_tree_shap(rng, make):
    X, y = table(rng, 200)
    model = make(X, y)
    fit = explain(as_predict_fn(model).structure, X[:7], X[50:80])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap

        oracle = shap.TreeExplainer(model, X[50:80], feature_perturbation="interventional")
        want = oracle.shap_values(X[:7], check_additivity=False)
    want = want.reshape(7, FEATURES, -1).transpose(0, 2, 1)
    np.testing.assert_allclose(fit.coef, want, rtol=0, atol=1e-5)


@EVERY_WAY
@pytest.mark.parametrize("make", [two_classes, xgboost_margins])
def test_values_are_the_sum_over_all_coalitions(rng, make, table_bytes):
    X, y = table(rng, 150)
    model = as_predict_fn(make(X, y))
    fit = explain(model.structure, X[:4], X[50:60], table_bytes=table_bytes)
    want, expected = shapley_of_model(tree_predict(model.structure), X[:4], X[50:60])
    np.testing.assert_allclose(fit.coef, want, **tolerance())
    np.testing.assert_allclose(fit.intercept, expected, **tolerance())
    own = tree_predict(model.structure)(X[:4])
    np.testing.assert_allclose(fit.local_pred, own, **tolerance())
    np.testing.assert_array_equal(fit.local_pred, fit.intercept + fit.coef.sum(-1))


@EVERY_WAY
def test_missing_numbers_and_levels_go_where_the_model_sends_them(rng, table_bytes):
    X, y = table(rng, 300)
    X[:, 4] = rng.integers(0, 5, len(X))
    X[:, 5] = rng.integers(0, 40, len(X))  # more than fit a byte
    y = y + (X[:, 4] % 2) * X[:, 0] + np.sin(X[:, 5] ** 2)
    X[rng.random(len(X)) < 0.2, 0] = np.nan
    X[rng.random(len(X)) < 0.2, 1] = np.nan
    model = HistGradientBoostingRegressor(
        max_iter=8, categorical_features=[4, 5], min_samples_leaf=5, random_state=0
    ).fit(X, y)
    levels = (None,) * 4 + (tuple(range(5)), tuple(range(40)))
    structure = as_predict_fn(model, table=RawTable(None, levels)).structure
    assert (structure.level_set >= 0).any()
    rows = np.concatenate([X[:4], [[np.nan] * 4 + [2, 3], [0, np.nan, 0, 0, 3, 39]]])
    background = X[10:18]
    fit = explain(structure, rows, background, table_bytes=table_bytes)
    want, expected = shapley_of_model(model.predict, rows, background)
    np.testing.assert_allclose(fit.coef, want, **tolerance())
    np.testing.assert_allclose(fit.intercept, expected, **tolerance())
    # Unknown levels are nobody's: the converted model says where they go.
    rows[:, 4], background[0, 5] = -1, -1
    fit = explain(structure, rows, background, table_bytes=table_bytes)
    want, _ = shapley_of_model(tree_predict(structure), rows, background)
    np.testing.assert_allclose(fit.coef, want, **tolerance())


@EVERY_WAY
@pytest.mark.parametrize(
    "groups", [[0, 0, 1, 2, 2, 2], [0, -1, 1, 2, -1, 0]], ids=["groups", "held columns"]
)
def test_groups_of_columns_are_one_player_and_held_columns_are_none(rng, groups, table_bytes):
    X, y = table(rng, 150)
    model = as_predict_fn(three_classes(X, y))
    fit = explain(model.structure, X[:5], X[50:60], groups=groups, table_bytes=table_bytes)
    predict = tree_predict(model.structure)
    want, expected = shapley_of_model(predict, X[:5], X[50:60], groups=groups)
    np.testing.assert_allclose(fit.coef, want, **tolerance())
    np.testing.assert_allclose(fit.intercept, expected, **tolerance())
    np.testing.assert_allclose(fit.local_pred, predict(X[:5]), **tolerance())


@EVERY_WAY
def test_weights_of_the_background_count_its_rows(rng, table_bytes):
    X, y = table(rng, 100)
    structure = as_predict_fn(forest(X, y)).structure
    background, times = X[50:55], np.array([1, 3, 0, 2, 2])
    weighted = explain(structure, X[:5], background, times / 8, table_bytes=table_bytes)
    repeated = np.repeat(background, times, axis=0)
    repeated = explain(structure, X[:5], repeated, table_bytes=table_bytes)
    np.testing.assert_allclose(weighted.coef, repeated.coef, **tolerance())
    np.testing.assert_allclose(weighted.intercept, repeated.intercept, **tolerance())


def product_of_signs(columns: int, depth: int) -> TreeSum:
    """One tree: the number of its first `depth` columns above 0, at the first that is not."""
    nodes = 2 * depth + 1
    inner = np.arange(nodes) % 2 == 0
    inner[-1] = False
    number = np.arange(nodes)
    return TreeSum(
        column=np.where(inner, number // 2, -1).astype(np.int32),
        threshold=np.where(inner, 0.0, np.nan),
        missing_left=np.zeros(nodes, bool),
        level_set=np.full(nodes, -1, np.int32),
        left=np.where(inner, number + 1, -1).astype(np.int32),
        right=np.where(inner, number + 2, -1).astype(np.int32),
        value=np.where(inner, 0.0, (number - 1) // 2 + (number == nodes - 1))[:, None],
        roots=np.zeros(1, np.int32),
        output=np.zeros(1, np.int32),
        level_sets=(),
        base=np.array([0.25]),
        num_features=columns,
    )


@pytest.mark.parametrize("table_bytes", [2**20, 0, None], ids=["tables", "patterns", "row by row"])
def test_paths_may_be_longer_than_a_word(rng, table_bytes):
    trees = product_of_signs(40, 38)
    assert shapley_blocks(trees, np.zeros((1, 40)), np.ones(1), np.arange(40), 40) is None
    X = rng.normal(size=(6, 40)) + 1.5
    background = rng.normal(size=(30, 40)) + 1.5
    background[:3] = np.abs(background[:3])
    # 8 groups of 5 columns, whose values have a sum over all coalitions; every column by itself.
    groups = np.arange(40) % 8
    fit = explain(trees, X, background, groups=groups, table_bytes=table_bytes)
    want, _ = shapley_of_model(tree_predict(trees), X, background, groups=groups)
    np.testing.assert_allclose(fit.coef, want, **tolerance(2e-5))
    fit = explain(trees, X, background, table_bytes=table_bytes)
    np.testing.assert_array_equal(fit.coef[:, 0, 38:], 0)
    np.testing.assert_allclose(fit.local_pred, tree_predict(trees)(X), **tolerance(2e-5))


@EVERY_WAY
def test_columns_the_model_does_not_use_have_exactly_nothing(rng, table_bytes):
    X, y = table(rng, 150)
    X[:, 3] = 1.0  # never split
    model = as_predict_fn(forest(X, y))
    fit = explain(model.structure, X[:5], X[50:70], table_bytes=table_bytes)
    np.testing.assert_array_equal(fit.coef[:, :, 3], 0)
    X[:, 2] = X[0, 2]  # split, but x and its background agree
    fit = explain(model.structure, X[:5], X[50:70], table_bytes=table_bytes)
    np.testing.assert_array_equal(fit.coef[:, :, 2], 0)


def test_columns_that_do_the_same_share_equally(rng):
    X = np.repeat(rng.normal(size=(20, 1)), 6, axis=1)
    fit = explain(product_of_signs(6, 6), X[:10], X[10:])
    assert np.ptp(fit.coef, axis=-1).max() > 0.1  # the number is that of the first columns
    trees = product_of_signs(6, 6)
    trees.value[:-1] = 0  # but this is a product
    fit = explain(trees, X[:10], X[10:])
    assert np.abs(fit.coef).max() > 0.01
    np.testing.assert_allclose(np.ptp(fit.coef, axis=-1), 0, **tolerance(1e-6, 1e-14))


def test_a_row_does_not_depend_on_other_rows_or_labels(rng):
    X, y = table(rng, 200)
    structure = as_predict_fn(three_classes(X, y)).structure
    all_rows = explain(structure, X[:150], X[150:])
    few = explain(structure, X[[140, 3]], X[150:], labels=[2, 0])
    np.testing.assert_array_equal(few.coef, all_rows.coef[[140, 3]][:, [2, 0]])
    np.testing.assert_array_equal(few.intercept, all_rows.intercept[[140, 3]][:, [2, 0]])
    assert few.coef.shape == (2, 2, FEATURES)
    assert not few.std_error.any()
    assert few.selected.all()
    assert np.isnan(few.score).all()
    np.testing.assert_array_equal(few.effective_samples, 50)


def test_one_by_one_a_large_background_comes_in_words(rng):
    X, y = table(rng, 400)
    structure = as_predict_fn(three_classes(X, y)).structure
    by_tables = explain(structure, X[:5], X[100:300])
    one_by_one = explain(structure, X[:5], X[100:300], table_bytes=None)
    np.testing.assert_allclose(one_by_one.coef, by_tables.coef, **tolerance())
    np.testing.assert_allclose(one_by_one.intercept, by_tables.intercept, **tolerance())
    alone = explain(structure, X[:1], X[100:300], table_bytes=None)
    np.testing.assert_array_equal(alone.coef, one_by_one.coef[:1])


@EVERY_WAY
def test_a_model_that_is_constant_has_nothing_to_share(rng, table_bytes):
    X, _ = table(rng, 30)
    structure = as_predict_fn(forest(X, np.full(30, 2.0))).structure
    fit = explain(structure, X[:2], X[10:], table_bytes=table_bytes)
    np.testing.assert_array_equal(fit.coef, 0)
    np.testing.assert_allclose(fit.local_pred, 2.0, rtol=1e-6)


def test_lines_of_a_box_are_the_two_factorial_weights(rng):
    mass = rng.random((2, 16))
    mass[1, :8] = 0  # all miss the last position, which is held in the second box
    lines = shapley_lines(mass, np.array([False, True]))
    for box, players in enumerate([0b1111, 0b0111]):
        for x, row, k in itertools.product(range(16), range(16), range(4)):
            if x & row:
                continue
            n, m = (row & players).bit_count(), x.bit_count()
            if row >> k & 1 and players >> k & 1:
                share = math.factorial(n - 1) * math.factorial(m) / math.factorial(n + m)
            elif x >> k & 1:
                share = -math.factorial(n) * math.factorial(m - 1) / math.factorial(n + m)
            else:
                continue
            lines[box, k, x] -= mass[box, row] * share
    np.testing.assert_allclose(lines[0], 0, atol=1e-14)
    np.testing.assert_allclose(lines[1, :3, :8], 0, atol=1e-14)


def test_there_are_reasons_for_no_closed_form(rng):
    X, y = table(rng, 60)
    structure = as_predict_fn(forest(X, y)).structure
    numeric = np.zeros(FEATURES, bool)
    assert shapley_why_not(structure, FEATURES, numeric) == ""
    assert "not a sum" in shapley_why_not(None, FEATURES, numeric)
    assert "logit" in shapley_why_not(structure, FEATURES, numeric, link="logit")
    assert "6 columns, the table 7" in shapley_why_not(structure, 7, np.zeros(7, bool))
    X[:, 0] = rng.integers(0, 4, 60)
    model = HistGradientBoostingRegressor(
        max_iter=2, categorical_features=[0], min_samples_leaf=5
    ).fit(X, 10 * (X[:, 0] % 2) + y)
    table_of_levels = RawTable(None, ((0, 1, 2, 3), *(None,) * 5))
    split = as_predict_fn(model, table=table_of_levels).structure
    assert shapley_why_not(split, FEATURES, np.arange(FEATURES) == 0) == ""
    reason = shapley_why_not(split, FEATURES, numeric)
    assert "splits column 0 by levels" in reason
    assert "`categorical_features`" in reason
