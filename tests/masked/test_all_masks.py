"""Fits of all masks, against scikit-learn's weighted regression and the definition."""

import itertools
import math

import numpy as np
import pytest
from lime.lime_base import LimeBase
from sklearn.linear_model import LinearRegression

from lime_jax.masked.all_masks import (
    asks_all,
    lime_fit,
    lime_masses,
    lime_weights,
    shapley_fit,
    shapley_weights,
)
from lime_jax.stages.kernels import exponential_kernel
from tests.house import all_coalitions, shapley_values

pytestmark = pytest.mark.precision

SAMPLES, WIDTH = 5000, 0.25


def rule_of(*settings):
    return lime_weights(lime_masses(*settings))


def outputs_of(masks, seed=0):
    """Three outputs that are not linear in the masks."""
    slopes = np.random.default_rng(seed).normal(size=(masks.shape[1], 3))
    return np.tanh(masks @ slopes) + 10


def weights_of(masks):
    """Of `lime`'s law of masks times its kernel, by counting."""
    players, kept = masks.shape[1], masks.sum(1)
    counted = np.array([math.comb(players, int(k)) for k in kept])
    law = np.where(kept == players, 1 / SAMPLES, (1 - 1 / SAMPLES) / players / counted)
    away = 1 - np.sqrt(kept / players)
    return law * np.exp(-0.5 * (away / WIDTH) ** 2)


def fit(players, selection="none", num_features=None):
    rule = rule_of(players, SAMPLES, "cosine", exponential_kernel, WIDTH)
    return rule, lime_fit(rule, outputs_of(rule.masks), selection, num_features)


@pytest.mark.parametrize("players", [1, 2, 3, 7, 12])
def test_the_fit_is_the_weighted_regression(players):
    rule, found = fit(players)
    y, weights = outputs_of(rule.masks), weights_of(rule.masks)
    oracle = LinearRegression().fit(rule.masks, y, sample_weight=weights)
    np.testing.assert_allclose(found.coef[0], oracle.coef_, atol=1e-6)
    np.testing.assert_allclose(found.intercept[0], oracle.intercept_, atol=1e-9)
    for output in range(3):
        alone = LinearRegression().fit(rule.masks, y[:, output], sample_weight=weights)
        score = alone.score(rule.masks, y[:, output], sample_weight=weights)
        np.testing.assert_allclose(found.score[0, output], score, atol=1e-5)
    whole = oracle.predict(np.ones((1, players)))[0]
    np.testing.assert_allclose(found.local_pred[0], whole, atol=1e-9)
    assert (found.std_error == 0).all()


def test_one_word_has_all_of_its_effect_and_two_do_not_share():
    rule, found = fit(1)
    empty, whole = outputs_of(np.array([[0], [1]]))
    np.testing.assert_allclose(found.coef[0, :, 0], whole - empty, rtol=1e-5)
    rule = rule_of(2, SAMPLES, "cosine", exponential_kernel, WIDTH)
    found = lime_fit(rule, rule.masks[:, :1].astype(float), "none", None)
    np.testing.assert_allclose(found.coef[0, 0], [1, 0], atol=1e-6)


@pytest.mark.parametrize(
    "selection", ["auto", "highest_weights", "forward_selection", "lasso_path"]
)
@pytest.mark.parametrize("kept", [1, 3, 5])
def test_words_are_chosen_as_lime_chooses(selection, kept):
    rule, found = fit(7, selection, kept)
    order = np.argsort(-rule.masks.sum(1), kind="stable")  # lime expects all words in the first
    masks = rule.masks[order].astype(float)
    weights, y = weights_of(masks), outputs_of(masks)
    base = LimeBase(lambda distances: distances)
    for output in range(3):
        # Weights are scaled so that the small penalties that lime selects with do not count.
        scaled = 1e6 * weights
        chosen = base.feature_selection(masks, y[:, output], scaled, kept, selection)
        assert set(np.flatnonzero(found.selected[0, output])) == set(chosen)
        oracle = LinearRegression().fit(masks[:, chosen], y[:, output], sample_weight=weights)
        np.testing.assert_allclose(found.coef[0, output, chosen], oracle.coef_, atol=1e-6)
        assert np.isnan(found.std_error[0, output]).sum() == 7 - len(chosen)


def test_other_distances_and_kernels():
    for distance, away in (("euclidean", np.sqrt), ("manhattan", np.asarray)):
        rule = rule_of(3, SAMPLES, distance, lambda d, width: 1 / (width + d), 2.0)
        kept = np.arange(3)
        law = np.array([1 / math.comb(3, k) for k in kept]) / 3 * (1 - 1 / SAMPLES)
        expected = law / (2 + away(3 - kept))
        np.testing.assert_allclose(rule.of_size[:3], expected, rtol=1e-6)


def test_an_output_that_does_not_vary_has_no_weights():
    rule = rule_of(4, SAMPLES, "cosine", exponential_kernel, WIDTH)
    for selection in ("highest_weights", "forward_selection", "lasso_path"):
        found = lime_fit(rule, np.full((16, 1), 0.1), selection, 2)
        assert (found.coef == 0).all()
        assert found.score[0, 0] == 1


@pytest.mark.parametrize("players", [1, 2, 5, 12])
def test_shapley_values_are_those_of_the_definition(players):
    rule = shapley_weights(players)
    found = shapley_fit(rule, outputs_of(rule.masks), "identity")
    if players <= 5:
        expected = shapley_values(outputs_of(all_coalitions(players)))
        np.testing.assert_allclose(found.coef[0], expected, atol=1e-6)
    worth = outputs_of(np.array([np.zeros(players), np.ones(players)]))
    np.testing.assert_allclose(found.intercept[0], worth[0], atol=1e-9)
    np.testing.assert_allclose(found.local_pred[0], worth[1], atol=1e-6)
    assert (found.score <= 1 + 1e-6).all()


def test_shapley_values_of_log_odds():
    rule = shapley_weights(3)
    chances = 1 / (1 + np.exp(rule.masks @ np.array([-1.0, 2.0, -0.5])))[:, None]
    found = shapley_fit(rule, chances, "logit")
    np.testing.assert_allclose(found.coef[0, 0], [1, -2, 0.5], atol=1e-5)
    np.testing.assert_allclose(found.score, 1, atol=1e-6)


def test_the_best_players_are_found_by_trying_all_sets():
    rule, found = fit(5, "forward_selection", 2)
    y, weights = outputs_of(rule.masks), weights_of(rule.masks)
    for output in range(3):
        first = [
            LinearRegression()
            .fit(rule.masks[:, [k]], y[:, output], sample_weight=weights)
            .score(rule.masks[:, [k]], y[:, output], sample_weight=weights)
            for k in range(5)
        ]
        best = int(np.argmax(first))
        pairs = {
            pair: LinearRegression()
            .fit(rule.masks[:, pair], y[:, output], sample_weight=weights)
            .score(rule.masks[:, pair], y[:, output], sample_weight=weights)
            for pair in itertools.combinations(range(5), 2)
            if best in pair
        }
        assert set(np.flatnonzero(found.selected[0, output])) == set(max(pairs, key=pairs.get))


def test_which_texts_are_asked_all():
    assert [asks_all(players, 5000) for players in (0, 1, 12, 13)] == [False, True, True, False]
    assert [asks_all(players, 500) for players in (7, 8, 9)] == [True, True, False]
    assert asks_all(7, 2)
