"""Interactions of pairs of features: through the explainer, files, tables and plots."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

import lime_jax
from lime_jax import TabularExplainer
from lime_jax.results.arrow import explanations_of, rows_table

RNG = np.random.default_rng(5)
X = RNG.normal(size=(200, 5))
NAMES = ["age", "hours", "pay", "debt", "none"]
MODEL = RandomForestClassifier(5, max_depth=4, random_state=0).fit(
    X[:, :4], X[:, 0] * X[:, 1] + X[:, 2] > 0
)
ROWS, BACKGROUND = X[:9, :4], X[100:120, :4]


def explainer(**settings):
    return TabularExplainer("kernel_shap", feature_names=NAMES[:4], **settings).fit(BACKGROUND)


@pytest.fixture(scope="module")
def explained():
    return explainer(interactions=True).explain(ROWS, MODEL)


def test_matrices_are_symmetric_and_add_up_to_the_values(explained):
    matrices = explained.interaction_values
    assert matrices.shape == (9, 2, 4, 4)
    np.testing.assert_array_equal(matrices, matrices.swapaxes(2, 3))
    np.testing.assert_allclose(matrices.sum(-1), explained.coef, atol=1e-6)
    diagonal = np.diagonal(matrices, axis1=2, axis2=3)
    np.testing.assert_array_equal(diagonal, explained.main_effects)
    plain = explainer().explain(ROWS, MODEL)
    assert type(plain) is lime_jax.Explanations
    np.testing.assert_allclose(explained.coef, plain.coef, atol=1e-6)


def test_they_are_those_of_xgboost_where_features_are_independent():
    """Of a full factorial table covers and background say the same."""
    import xgboost

    grid = np.indices([2] * 4).reshape(4, -1).T.astype(np.float32)
    y = grid[:, 0] * grid[:, 1] - 2 * grid[:, 1] * grid[:, 2] + grid[:, 3]
    model = xgboost.XGBRegressor(n_estimators=6, max_depth=3, min_child_weight=0, n_jobs=1)
    model.fit(grid, y)
    want = model.get_booster().predict(xgboost.DMatrix(grid), pred_interactions=True)
    ours = TabularExplainer("kernel_shap", interactions=True).fit(grid).explain(grid, model)
    np.testing.assert_allclose(ours.interaction_values[:, 0], want[:, :-1, :-1], atol=2e-6)


def test_the_pairs_that_matter_most_are_kept(explained):
    few = explainer(interactions=True, max_pairs=2).explain(ROWS, MODEL)
    assert len(few.pairs) == 2
    place = [explained.pairs.index(pair) for pair in few.pairs]
    np.testing.assert_array_equal(few.pair_values, explained.pair_values[..., place])
    np.testing.assert_allclose(few.interaction_values.sum(-1), few.coef, atol=1e-6)
    on_background = explainer(interactions=True).explain(BACKGROUND, MODEL)
    size = np.abs(on_background.pair_values).mean((0, 1))
    assert sorted(np.argsort(-size)[:2]) == place


def test_columns_that_add_up_have_none():
    linear = LinearRegression().fit(X[:, :4], X[:, 0])
    explained = explainer(interactions=True).explain(ROWS, linear)
    assert explained.pairs == ()
    np.testing.assert_array_equal(explained.main_effects, explained.coef)
    assert explained.interaction_values.shape == (9, 1, 4, 4)


def test_files_tables_and_parts_hold_them(explained, tmp_path):
    explained.save(tmp_path / "explained.npz")
    loaded = lime_jax.load(tmp_path / "explained.npz")
    in_arrow = explanations_of(rows_table(explained))
    joined = lime_jax.concatenate([explained[:4], explained[4:]])
    for same in (loaded, in_arrow, joined):
        assert type(same) is lime_jax.InteractionExplanations
        assert same.pairs == explained.pairs
        np.testing.assert_array_equal(same.pair_values, explained.pair_values)
    np.testing.assert_array_equal(explained[2:3].pair_values, explained.pair_values[2:3])


def test_the_strongest_pair_is_named(explained):
    first, second, size = explained.strongest_pairs(1, label=1)[0]
    number = explained.pairs.index((NAMES.index(first), NAMES.index(second)))
    assert size == pytest.approx(np.abs(explained.pair_values[:, 1, number]).mean())
    assert size == max(each for *_, each in explained.strongest_pairs(None, label=1))


def test_banzhaf_values_are_said_to_be(explained):
    found = explainer(value="banzhaf").explain(ROWS, MODEL)
    assert (found.value_kind, explained.value_kind) == ("banzhaf", "shapley")
    assert np.abs(found.coef - explained.coef).max() > 1e-4
    assert "Banzhaf values" in found[0].as_html()
    assert "Shapley" not in found[0].as_html()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(value="mean"), "`value`: expected 'shapley' or 'banzhaf', got 'mean'"),
        (dict(max_pairs=2), "`max_pairs`: belongs to `interactions`"),
        (dict(interactions=True, max_pairs=0), "`max_pairs`: expected a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        explainer(**settings)


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="`interactions`: are known exactly of sums"):
        explainer(interactions=True).explain(ROWS, lambda batch: batch[:, 0])
    with pytest.raises(ValueError, match="`value`: are known exactly of sums"):
        explainer(value="banzhaf").explain(ROWS, MODEL, method="sampled")


def test_plots_show_names_and_sizes(explained):
    pytest.importorskip("matplotlib")
    squares = explained.interaction_figure(label=1)
    shown = squares.axes[0].images[0].get_array()
    order = [NAMES.index(text.get_text()) for text in squares.axes[0].get_yticklabels()]
    pairs = np.abs(explained.interaction_values[:, 1]).mean(0)
    together = 2 * (pairs - np.diag(np.diag(pairs))) + np.diag(np.diag(pairs))
    np.testing.assert_allclose(shown, together[np.ix_(order, order)], rtol=1e-5)
    network = explained.network_figure(label=1)
    assert len(network.axes[0].lines) == sum(size > 0 for *_, size in explained.strongest_pairs())
    assert {text.get_text() for text in network.axes[0].texts} == set(NAMES[:4])


def test_dependence_is_split_by_the_strongest_partner(explained):
    pytest.importorskip("matplotlib")
    figure = explained.dependence_figure("age", label=1)
    left, right = figure.axes[:2]
    points = left.collections[1].get_offsets()
    np.testing.assert_allclose(points[:, 0], ROWS[:, 0])
    np.testing.assert_allclose(points[:, 1], explained.coef[:, 1, 0], rtol=1e-6)
    mine = [pair for pair in explained.strongest_pairs(None, label=1) if "age" in pair[:2]]
    partner = next(name for name in mine[0][:2] if name != "age")
    number = explained.pairs.index(tuple(sorted((0, NAMES.index(partner)))))
    assert partner in right.get_ylabel()
    shared = right.collections[1].get_offsets()[:, 1]
    np.testing.assert_allclose(shared, explained.pair_values[:, 1, number] / 2, rtol=1e-6)
    with pytest.raises(ValueError, match="`feature`: expected names or numbers of the 4 columns"):
        explained.dependence_figure("height")
    with pytest.raises(ValueError, match="`partner`: expected another feature"):
        explained.dependence_figure("age", "age")
    none = dataclasses.replace(explained, pairs=(), pair_values=explained.pair_values[..., :0])
    assert len(none.network_figure().axes[0].lines) == 0
