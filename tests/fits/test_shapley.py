"""Shapley values: exact where all coalitions are there, else right within their errors."""

import itertools
import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.engine.one_row import explain_one
from lime_jax.fits.shapley import LOGIT_MARGIN, make_shapley_method
from lime_jax.fits.shapley_rules import prediction_rule, regression_rule
from lime_jax.stages.coalitions import shapley_coalitions
from lime_jax.stages.masks import MaskSamples, all_subsets, mask_coordinates, mask_view
from lime_jax.typing import Support, pytree
from tests.house import all_coalitions, shapley_values

pytestmark = pytest.mark.precision


def explain(method, *games):
    """The fit of some games; players beyond the games' are padding."""
    masks, present = np.asarray(method.masks), np.asarray(method.equal_share) > 0
    y = np.stack([game(masks[..., present]) for game in games], axis=-1)
    return fit_of(method, jnp.asarray(y, float), jnp.asarray(present))


@jax.jit
def fit_of(method, y, present):
    def summarize(masks, y):
        return method.summarize(mask_view(MaskSamples(masks), present), y)

    summaries = jax.vmap(summarize)(method.masks, y)
    return method.solve(summaries, mask_coordinates(present))


def values_of_shap(game, num_players, seed=0, **options):
    """Of `shap.KernelExplainer`, which draws from NumPy's global generator; and its base."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries that `shap` imports
        import shap
    explainer = shap.KernelExplainer(lambda z: game(z > 0.5), np.zeros((1, num_players)))
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    values = explainer.shap_values(np.ones(num_players), l1_reg=False, silent=True, **options)
    np.random.set_state(state)  # noqa: NPY002
    return values, explainer.expected_value


def table(rng, num_players):
    """Any game at all: a number for every coalition."""
    numbers = 7 + 3 * rng.normal(size=2**num_players)
    return lambda masks: numbers[masks @ 2 ** np.arange(num_players)]


def forest(rng, num_players, boxes=40, deep=4):
    """A sum of boxes, such as the leaves of trees: all of some players in, and none of others."""
    players = np.array([rng.permutation(num_players)[:deep] for _ in range(boxes)])
    wanted, worth = rng.random((boxes, deep)) < 0.5, rng.normal(size=boxes)
    return lambda masks: (masks[..., players] == wanted).all(-1) @ worth


def maximum(masks):
    return (masks * np.linspace(1, 2, masks.shape[-1])).max(-1)


def majority(masks):
    return (2 * masks.sum(-1) > masks.shape[-1]).astype(float)


def product(masks):
    return 1e3 + masks.prod(-1)


@pytest.mark.parametrize("num_players", [1, 2, 3, 6, 8])
def test_all_coalitions_give_the_shapley_values(key, rng, num_players):
    games = [table(rng, num_players), maximum, majority, product]
    fit = explain(make_shapley_method(key, num_players), *games)
    for found, game in zip(fit.coef, games, strict=True):
        expected = shapley_values(game(all_coalitions(num_players)))
        np.testing.assert_allclose(found, expected, atol=1e-5 if game is not product else 1e-3)
    np.testing.assert_array_equal(fit.std_error, 0)
    np.testing.assert_array_equal(fit.score, fit.held_out_score)
    assert fit.effective_samples == 2**num_players


def test_all_coalitions_give_the_values_of_shap(key, rng):
    game = table(rng, 7)
    expected, base = values_of_shap(game, 7)
    fit = explain(make_shapley_method(key, 7), game)
    np.testing.assert_allclose(fit.coef[0], expected, atol=1e-4)
    np.testing.assert_allclose(fit.intercept[0], base, rtol=1e-6)


@pytest.mark.parametrize("num_players", [3, 5, 8])
def test_the_prediction_of_all_coalitions_is_their_regression(key, rng, num_players):
    coalitions = shapley_coalitions(key, num_players, 2**num_players)
    half = rng.normal(size=2 ** (num_players - 1))
    predicted, regressed = (
        half @ rule(coalitions).influence[0] for rule in (prediction_rule, regression_rule)
    )
    np.testing.assert_allclose(predicted, regressed, atol=1e-12)


def test_players_that_add_nothing_have_none_and_players_alike_have_the_same(key):
    def game(masks):
        return 3 * masks[..., 0] * masks[..., 1] + masks[..., 2] * masks[..., 0] * masks[..., 1]

    coef = np.asarray(explain(make_shapley_method(key, 6), game).coef[0])
    np.testing.assert_allclose(coef[3:], 0, atol=1e-6)
    np.testing.assert_allclose(coef[0], coef[1], atol=1e-6)
    np.testing.assert_allclose(coef[:3], [11 / 6, 11 / 6, 1 / 3], atol=1e-6)


SAMPLED = [(12, 512), (30, 300), (60, 400), (6, 40)]


@pytest.mark.parametrize(("num_players", "budget"), SAMPLED)
def test_values_add_up_exactly(key, rng, num_players, budget):
    game = forest(rng, num_players)
    fit = explain(make_shapley_method(key, num_players, budget), game)
    none, every = np.zeros(num_players, bool), np.ones(num_players, bool)
    np.testing.assert_allclose(fit.intercept[0], game(none), rtol=1e-6)
    np.testing.assert_allclose(fit.local_pred[0], game(every), rtol=1e-6)
    total = float(fit.intercept[0]) + np.asarray(fit.coef[0], np.float64).sum()
    largest = max(abs(fit.coef).max(), 1)
    np.testing.assert_allclose(
        total, fit.local_pred[0], atol=num_players * largest * jnp.finfo(fit.coef.dtype).eps
    )


@pytest.mark.parametrize(("num_players", "budget"), SAMPLED)
def test_a_linear_game_is_found_by_any_coalitions(key, rng, num_players, budget):
    slopes = rng.normal(size=num_players)
    fit = explain(make_shapley_method(key, num_players, budget), lambda masks: 2 + masks @ slopes)
    np.testing.assert_allclose(fit.coef[0], slopes, atol=1e-5)
    np.testing.assert_allclose(fit.std_error, 0, atol=1e-5)
    np.testing.assert_allclose([fit.score, fit.held_out_score], 1, atol=1e-5)


def test_a_linear_game_is_found_by_parts(key, rng):
    coalitions = shapley_coalitions(key, 20, 408)
    rule = prediction_rule(coalitions, smallest_part=60)
    assert rule.pairs.shape == (3, 69)
    assert sorted(rule.pairs[rule.pairs > 0]) == list(range(1, 204))
    slopes = rng.normal(size=20)
    half = (coalitions.masks[::2] - 0.5) @ slopes
    found = np.einsum("pq,pqf->f", half[rule.pairs], rule.influence)
    np.testing.assert_allclose(found, slopes, atol=1e-10)


def test_pairs_and_values_are_predicted_as_by_the_joint_normal_distribution(key):
    """All 64 coalitions of 7 players have a normal distribution; its conditional means."""
    everything = all_subsets(7)[::2]
    signs = np.where(everything, 1.0, -1.0)
    prior = 0.3 * np.eye(64) + 1e6 * signs @ signs.T
    for order, variance in ((3, 1.0), (5, 0.3)):
        products = signs[:, list(itertools.combinations(range(7), order))].prod(-1)
        prior += variance / products.shape[1] * products @ products.T
    values = regression_rule(shapley_coalitions(key, 7, 128)).influence[0]
    coalitions = shapley_coalitions(key, 7, 60)
    met = coalitions.masks[::2]
    flip = np.where(met[:, -1], -1, 1)  # of a pair, `all_subsets` has the one without the last
    met = (met ^ met[:, -1:]) @ 2 ** np.arange(7)
    covariance = prior[np.ix_(met, met)] * flip * flip[:, None]
    precision = np.linalg.inv(covariance)
    rule = prediction_rule(coalitions)
    left_out = rule.left_out[0]
    expected = precision / np.diagonal(precision)[:, None]
    np.testing.assert_allclose(left_out, expected, atol=1e-3)
    missing = coalitions.left_out_share[:, None]
    regression = regression_rule(coalitions).influence[0]
    predicted = rule.influence[0] - left_out.T @ (missing * regression)
    expected = precision @ (flip[:, None] * (prior[met] @ values))
    np.testing.assert_allclose(predicted, expected, atol=1e-4)


def test_sampled_values_are_right_within_their_errors(rng):
    game = forest(rng, 9, boxes=60)
    expected = shapley_values(game(all_coalitions(9)))
    misses, errors = [], []
    for seed in range(60):
        fit = explain(make_shapley_method(jax.random.key(seed), 9, 128), game)
        misses.append(np.asarray(fit.coef[0]) - expected)
        errors.append(np.asarray(fit.std_error[0]))
    misses, errors = np.array(misses), np.array(errors)
    bias = misses.mean(0) / (misses.std(0) / math.sqrt(60))
    assert np.abs(bias).max() < 4.5
    ratio = math.sqrt((errors**2).mean() / (misses**2).mean())
    assert 0.85 < ratio < 1.15
    assert 0.91 < (np.abs(misses) < 1.96 * errors).mean() < 0.99


def test_errors_are_no_larger_than_those_of_shap(rng):
    game, num_players, budget = forest(rng, 11, boxes=60), 11, 256
    expected = shapley_values(game(all_coalitions(num_players)))
    ours, theirs = [], []
    for seed in range(8):
        fit = explain(make_shapley_method(jax.random.key(seed), num_players, budget), game)
        ours.append(np.asarray(fit.coef[0]) - expected)
        values, _ = values_of_shap(game, num_players, seed, nsamples=budget)
        theirs.append(values - expected)
    assert np.square(ours).mean() < 0.5 * np.square(theirs).mean()


@pytest.mark.parametrize(("num_players", "budget"), [(5, "auto"), (1, 2), (20, 200)])
def test_padding_changes_nothing(key, rng, num_players, budget):
    game = forest(rng, num_players, deep=1)
    plain = explain(make_shapley_method(key, num_players, budget), game)
    padded = explain(make_shapley_method(key, num_players, budget, width=24), game)
    np.testing.assert_allclose(padded.coef[:, :num_players], plain.coef, atol=1e-6)
    np.testing.assert_allclose(padded.std_error[:, :num_players], plain.std_error, atol=1e-6)
    np.testing.assert_array_equal(padded.coef[:, num_players:], 0)
    assert np.isnan(padded.std_error[:, num_players:]).all()
    assert not padded.selected[:, num_players:].any()
    for name in ("intercept", "local_pred", "score", "held_out_score"):
        np.testing.assert_allclose(getattr(padded, name), getattr(plain, name), atol=1e-6)


def test_methods_of_one_width_and_budget_run_one_program(key):
    methods = [make_shapley_method(key, players, 300, width=32) for players in (12, 20, 32)]
    shapes = [jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), method) for method in methods]
    assert jax.tree.structure(methods[0]) == jax.tree.structure(methods[2])
    assert jax.tree.leaves(shapes[0]) == jax.tree.leaves(shapes[1]) == jax.tree.leaves(shapes[2])


def test_a_method_is_a_function_of_its_arguments(key):
    first, again = (make_shapley_method(key, 20, 200) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, first, again)


def test_the_logit_link_explains_log_odds(key, rng):
    slopes = rng.normal(size=5)

    def game(masks):
        return 1 / (1 + np.exp(-(masks @ slopes)))

    fit = explain(make_shapley_method(key, 5, link="logit"), game)
    np.testing.assert_allclose(fit.coef[0], slopes, atol=1e-4)
    np.testing.assert_allclose(fit.intercept, 0, atol=1e-5)


def test_the_logit_of_certainty_is_finite(key):
    fit = explain(make_shapley_method(key, 2, link="logit"), lambda masks: masks.all(-1) * 1.0)
    odds = math.log((1 - LOGIT_MARGIN) / LOGIT_MARGIN)
    np.testing.assert_allclose(fit.coef[0], [odds, odds], rtol=0.01)


@pytest.mark.parametrize("budget", [64, 40])
def test_the_score_is_that_of_the_surrogate_under_the_kernel(key, rng, budget):
    game = table(rng, 6)
    method = make_shapley_method(key, 6, budget)
    fit = explain(method, game)
    masks = np.asarray(method.masks).reshape(-1, 6)[2:]
    y, predicted = game(masks), float(fit.intercept[0]) + masks @ np.asarray(fit.coef[0])
    w = np.repeat(np.asarray(method.weights)[1:], 2)
    expected = (
        1 - (w * (y - predicted) ** 2).sum() / (w * (y - np.average(y, weights=w)) ** 2).sum()
    )
    np.testing.assert_allclose(fit.score[0], expected, rtol=1e-4)


def test_a_constant_game_is_explained_by_zeros(key):
    fit = explain(make_shapley_method(key, 20, 200), lambda masks: np.full(masks.shape[:-1], 1e4))
    np.testing.assert_allclose(fit.coef, 0, atol=1e-6)
    np.testing.assert_array_equal([fit.score, fit.held_out_score], 1)


@pytree
class Players:
    """The smallest mask domain: the model is called with the masks themselves."""

    present: Any
    shared = False
    sample_size = 8
    background_weights = None

    def realize(self, instance, draws):
        return MaskSamples(draws)

    def inputs(self, instance, samples):
        return samples.masks.astype(float)

    def view(self, instance, samples):
        return mask_view(samples, self.present)

    def coordinates(self, instance):
        return mask_coordinates(self.present)


@pytest.mark.parametrize("units_at_once", [None, 2])
def test_the_engine_runs_it_in_any_units(key, rng, units_at_once):
    weights = rng.normal(size=(8, 3))
    method = make_shapley_method(key, 8, 240)
    assert method.design.num_replicates == 4

    def predict_fn(z):
        return jnp.tanh(z @ jnp.asarray(weights, z.dtype))

    @jax.jit
    def run(method):
        domain = Players(jnp.ones(8, bool))
        return explain_one(key, None, domain, method, predict_fn, None, units_at_once)

    found = run(method)
    games = [lambda masks, k=k: np.tanh(masks @ weights)[..., k] for k in range(3)]
    expected = explain(method, *games)
    np.testing.assert_allclose(found.coef, expected.coef, atol=1e-5)
    np.testing.assert_allclose(found.std_error, expected.std_error, atol=1e-5)
    np.testing.assert_array_equal(found.support, Support.FULL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(link="probit"), '`link` must be "identity" or "logit", got \'probit\''),
        (dict(width=5), r"`width` must be at least `num_players` \(6\), got 5"),
        (dict(num_samples=18), "`num_samples`.* at least 20 for 6 players, got 18"),
    ],
)
def test_what_cannot_be_done_is_refused(key, options, message):
    with pytest.raises(ValueError, match=message):
        make_shapley_method(key, 6, **options)
