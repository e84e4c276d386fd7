"""Every background row has coalitions of its own: the same values, sooner, and honest errors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import lime_jax
from lime_jax.fits.shapley import make_shapley_method
from lime_jax.fits.spread_shapley import spread_over
from lime_jax.stages.coalition_units import make_shapley_design
from lime_jax.stages.masks import mask_coordinates
from lime_jax.tabular import shapley_background
from lime_jax.tabular.background import RowsDomain, host_row_inputs
from lime_jax.tabular.shapley_background import Background
from tests.house import shapley_of_model, shapley_values

pytestmark = pytest.mark.precision

COLUMNS, SAMPLES = 12, 160  # of 4,096 coalitions
RNG = np.random.default_rng(7)
X = RNG.integers(-20, 21, (300, COLUMNS)) / 8
SCORE = X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + X[:, 3:].sum(1) / 3
TABLE, ROWS = X[:20], X[100:105]
FIELDS = ("coef", "std_error", "intercept", "local_pred", "score", "held_out_score")


@pytest.fixture(scope="module")
def model():
    return GradientBoostingClassifier(n_estimators=20, random_state=0).fit(X, SCORE > 1.5)


@pytest.fixture(scope="module")
def truth(model):
    return shapley_of_model(model.predict_proba, ROWS, TABLE)


@pytest.fixture(scope="module")
def runs(model):
    return [explained(model, seed=seed) for seed in range(12)]


def explained(model, rows=ROWS, ask=None, weights=None, background=TABLE, **settings):
    explainer = lime_jax.TabularExplainer("kernel_shap", **settings)
    explainer.fit(background, sample_weight=weights)
    asked: dict[str, Any] = dict(num_samples=SAMPLES) if ask is None else ask
    return explainer.explain(rows, model, **asked)


def everybody(players):
    return mask_coordinates(jnp.ones(players, bool))


def of_shared(monkeypatch, *given, **named):
    """The explanation from coalitions that all background rows share."""
    with monkeypatch.context() as changed:
        changed.setattr(Background, "spread", lambda self, plan, model: plan)
        return explained(*given, **named)


def test_no_and_all_players_are_known_and_the_rest_adds_up(runs, truth, model):
    for found in runs:
        np.testing.assert_allclose(found.intercept, truth[1], atol=2e-6)
        np.testing.assert_allclose(found.local_pred, model.predict_proba(ROWS), atol=2e-6)
        total = found.intercept + found.coef.sum(-1)
        np.testing.assert_allclose(total, found.local_pred, atol=2e-6)
        np.testing.assert_allclose(found.coef[:, 0], -found.coef[:, 1], atol=1e-7)
        assert (found.num_samples, found.num_replicates) == (SAMPLES, SAMPLES // 2)
        assert found.method == "sampled"
        assert (found.held_out_score <= found.score + 1e-6).all()
        assert (found.score > 0.5).all()


def test_errors_are_as_large_as_they_say(runs, truth):
    error = np.stack([found.coef[:, 1] for found in runs]) - truth[0][:, 1]
    said = np.stack([found.std_error[:, 1] for found in runs])
    covered = (np.abs(error) < 1.96 * said).mean((1, 2))  # rows share coalitions, seeds do not
    unsure = 2 * covered.std() / np.sqrt(len(covered) - 1)
    assert 0.93 - unsure < covered.mean() < 0.97 + unsure
    assert 0.9 < np.sqrt((error**2).mean() / (said**2).mean()) < 1.1
    # No part of the error stays from seed to seed.
    assert np.sqrt((error.mean(0) ** 2).mean()) < 0.5 * np.sqrt((error**2).mean())


def test_at_equal_calls_they_are_smaller_than_those_of_shared_coalitions(
    runs, truth, model, monkeypatch
):
    shared = [of_shared(monkeypatch, model, seed=seed) for seed in range(4)]
    ours, theirs = (
        np.sqrt(np.mean([(found.coef[:, 1] - truth[0][:, 1]) ** 2 for found in some]))
        for some in (runs, shared)
    )
    assert ours < 0.85 * theirs


def test_many_background_rows_share_coalitions(model, monkeypatch):
    made = []

    def spread(*given):
        made.append(len(given[1]))
        return spread_over(*given)

    monkeypatch.setattr(shapley_background, "spread_over", spread)
    many = RNG.normal(size=(513, COLUMNS))
    for count in (513, 512):
        explained(model, ROWS[:1], background=many[:count])
    assert made == [512]


def test_by_default_they_are_as_large_from_fewer_calls(monkeypatch):
    wide = np.tile(X, 3)[:, :30] + RNG.normal(size=(300, 30)) / 4
    model = GradientBoostingClassifier(n_estimators=40, max_depth=4, random_state=0)
    model.fit(wide, SCORE > 1.5)
    rows, table = wide[100:103], wide[:100]
    ours = explained(model, rows, {}, background=table)
    theirs = of_shared(monkeypatch, model, rows, {}, background=table)
    assert 5 * ours.num_samples < theirs.num_samples
    assert ours.std_error.mean() < 1.2 * theirs.std_error.mean()


def test_a_row_is_the_same_in_every_batch_and_order(model, runs):
    alone = explained(model, ROWS[[3, 1]])
    for name in FIELDS:
        np.testing.assert_allclose(getattr(alone, name), getattr(runs[0], name)[[3, 1]], atol=1e-6)


def test_a_model_on_the_host_is_asked_the_same(model, runs, monkeypatch):
    monkeypatch.setattr(
        "lime_jax.tabular.shapley_fits.ShapTask._blurred",
        lambda self: np.arange(len(self.request.values)) % 2 == 0,
    )
    found = explained(model)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found, name), getattr(runs[0], name), atol=2e-6)


def test_rows_of_no_weight_are_not_asked_and_groups_and_held_columns_are_known(model):
    weights = np.where(np.arange(20) % 4 == 0, 0.0, 1 + np.arange(20) % 3)
    columns = [name for name in range(COLUMNS) if name != 5]
    groups = [[0, 7], [2, 3]]
    numbers = np.array([0, 2, 1, 1, 3, -1, 4, 0, 5, 6, 7, 8])  # of the players, in some order
    found = explained(
        model, weights=weights, groups=groups, features=columns, ask=dict(num_samples=60)
    )
    values, base = shapley_of_model(model.predict_proba, ROWS, TABLE, weights, numbers)
    np.testing.assert_allclose(found.intercept, base, atol=2e-6)
    order = [numbers[int(names[0])] for names in found.groups]
    error = found.coef - values[..., order]
    assert 0.7 < np.sqrt((error**2).mean() / (found.std_error**2).mean()) < 1.3


@pytest.mark.parametrize("case", ["log-odds", "all coalitions", "a sum"])
def test_where_coalitions_are_shared(model, case):
    ask, settings = {}, {}
    if case == "log-odds":
        settings, ask = dict(link="logit"), dict(num_samples=SAMPLES)
    elif case == "all coalitions":
        settings = dict(features=[0, 1, 2, 3, 4])
    elif case == "a sum":
        model = LogisticRegression().fit(X, SCORE > 1.5)
    found = explained(model, ROWS[:1], ask, **settings)
    expected = {"log-odds": SAMPLES, "all coalitions": 2**5}.get(case)
    expected = expected or make_shapley_design(COLUMNS).num_samples
    assert found.num_samples == expected


def test_of_additive_games_they_are_exact_whatever_the_orders():
    players, rows = 9, 5
    slopes = RNG.normal(size=(rows, players, 2))
    weights = RNG.dirichlet(np.ones(rows))
    one = make_shapley_method(jax.random.key(0), players, 40)
    method = spread_over(one, weights, jax.random.key(1))
    units = [method.draws(jax.random.key(0), k, 0) for k in range(method.design.num_replicates)]
    masks = np.concatenate([unit.masks for unit in units])
    row = np.concatenate([unit.rows for unit in units])
    np.testing.assert_array_equal(row, np.repeat(np.arange(rows), 40))
    y = np.einsum("sp,spo->so", masks, slopes[row]) + 3
    fit = jax.jit(method.solve)(jnp.asarray(y).reshape(len(units), -1, 2), everybody(players))
    np.testing.assert_allclose(fit.coef, np.einsum("r,rpo->op", weights, slopes), atol=1e-5)
    np.testing.assert_allclose(fit.std_error, 0, atol=1e-5)
    np.testing.assert_allclose(fit.score, 1, atol=1e-5)


def test_orders_leave_no_error_behind():
    """The mean over many background rows that are alike is nearly the truth, of any game."""
    players, rows = 8, 4000
    worth = RNG.normal(size=2**players)
    one = make_shapley_method(jax.random.key(0), players, 60)
    method = spread_over(one, np.full(rows, 1 / rows), jax.random.key(1))
    masks = np.asarray(method.masks)
    y = worth[masks @ (1 << np.arange(players)[::-1])]
    fit = jax.jit(method.solve)(jnp.asarray(y).reshape(rows, -1, 1), everybody(players))
    exact = shapley_values(worth)
    of_one_row = np.sqrt(rows) * np.asarray(fit.std_error[0])
    assert np.sqrt((((fit.coef[0] - exact) / of_one_row) ** 2).mean()) < 0.1


def test_inputs_are_alike_on_the_device_and_on_the_host():
    player_of = np.array([2, -1, 0, 1, 0])
    background, x = RNG.normal(size=(4, 5)), RNG.normal(size=(2, 5))
    one = make_shapley_method(jax.random.key(0), 3, 8)
    method = spread_over(one, np.full(4, 0.25), jax.random.key(1))
    samples = method.draws(jax.random.key(0), 0, 0)
    domain = RowsDomain(background, player_of, 3)
    several = jax.tree.map(lambda leaf: np.stack([leaf, leaf])[:, None], samples)
    made = host_row_inputs(x, background, player_of, several)
    for number in range(2):
        there = domain.inputs(x[number], domain.realize(x[number], samples))
        np.testing.assert_allclose(there, made[number, 0], rtol=1e-6)
    kept = np.asarray(samples.masks)[:, np.maximum(player_of, 0)] | (player_of < 0)
    expected = np.where(kept, x[1], background[np.asarray(samples.rows)])
    np.testing.assert_array_equal(made[1, 0], expected)
