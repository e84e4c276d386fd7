"""What trees say of coalitions by formula is what they say when they are called on all of them."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from lime_jax import engine
from lime_jax.fits.shapley import make_shapley_method
from lime_jax.models import as_predict_fn
from lime_jax.models.convert.features import RawTable
from lime_jax.models.structure import TreeSum
from lime_jax.tabular.background import BackgroundDomain
from lime_jax.tabular.exact.shapley import shares as shapley_shares
from lime_jax.tabular.exact.shapley.coalitions import CoalitionForm, coalition_game
from lime_jax.tabular.exact.shapley.shares import coalition_words

pytestmark = pytest.mark.precision

FIELDS = ("coef", "std_error", "intercept", "score", "local_pred", "held_out_score")
COLUMNS = 12
FEW = 64  # of the 4,096 coalitions of 12 columns


def table(rng, rows=120, columns=COLUMNS):
    """Quarters: float32 and float64 know them all, and no threshold is near any."""
    X = rng.integers(-8, 9, (rows, columns)) / 4
    return X, X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + (X[:, 3] > 0.5) * X[:, 4] + 0.1 * X[:, 5]


def forest(X, y):
    return RandomForestRegressor(5, max_depth=6, random_state=0).fit(X, y)


def two_classes(X, y):
    return RandomForestClassifier(5, random_state=0).fit(X, y > 0.5)


def three_classes(X, y):
    return RandomForestClassifier(4, max_depth=5, random_state=0).fit(X, np.digitize(y, [0.0, 2.0]))


def gradient_boosting(X, y):
    return GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y)


def call(model):
    def predict(X):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)

    return predict


def method_of(groups, num_samples=FEW, link="identity"):
    players = int(np.max(groups)) + 1
    return make_shapley_method(jax.random.key(3), players, num_samples, link)


def masks_of(method):
    return np.asarray(method.masks).reshape(-1, method.masks.shape[-1])


def by_formula(structure, X, background, weights, groups, method, labels):
    game = coalition_game(structure, background, weights, groups, masks_of(method))
    assert game is not None
    labels = np.tile(np.asarray(labels, np.int32), (len(X), 1))
    rows = engine.Rows(X.astype(jnp.result_type(float)), np.arange(len(X), dtype=np.uint32), labels)
    return engine.explain_exact(CoalitionForm(game, method), rows, None)


def by_calls(predict, X, background, weights, groups, method, labels):
    """The method's own fit of what the model says of every coalition on every background row."""
    masks = masks_of(method)
    kept = np.where(groups >= 0, masks[:, groups], True)
    inputs = np.where(kept[None, :, None], X[:, None, None], background)
    outputs = np.asarray(predict(inputs.reshape(-1, X.shape[1])), np.float64)
    y = np.einsum("rckl,k->rcl", outputs.reshape(*inputs.shape[:3], -1), weights)
    y = jnp.asarray(y.reshape(len(X), *method.masks.shape[:2], -1)[..., labels])
    return solve(method, BackgroundDomain(background, weights, groups, masks.shape[1]), y)


@jax.jit
def solve(method, domain, y):
    def summarize(mask, y):
        return method.summarize(domain.view(None, domain.realize(None, mask)), y)

    def one(y):
        return method.solve(jax.vmap(summarize)(method.masks, y), domain.coordinates(None))

    return jax.vmap(one)(y)


def assert_same(
    model, X, background, weights=None, groups=None, labels=(0,), levels=None, **choices
):
    opened = as_predict_fn(model, table=RawTable(None, levels or (None,) * X.shape[1]))
    assert isinstance(opened.structure, TreeSum)
    weights = np.full(len(background), 1 / len(background)) if weights is None else weights
    groups = np.arange(X.shape[1]) if groups is None else np.asarray(groups)
    given = (X, background, weights, groups, method_of(groups, **choices), list(labels))
    assert_equal(by_formula(opened.structure, *given), by_calls(call(model), *given))


def assert_equal(found, want):
    atol = 1e-10 if jnp.result_type(float) == np.float64 else 1e-5
    for name in FIELDS:
        ours, theirs = getattr(found, name), getattr(want, name)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize(
    ("make", "labels"),
    [(forest, [0]), (gradient_boosting, [0]), (two_classes, [0, 1]), (three_classes, [2, 0])],
    ids=["forest", "boosted-margins", "two-classes", "two-of-three-classes"],
)
def test_values_are_those_of_calling_the_model(rng, make, labels):
    X, y = table(rng)
    weights = rng.random(12)
    assert_same(make(X, y), X[:5], X[50:62], weights=weights / weights.sum(), labels=labels)


@pytest.mark.parametrize(
    ("groups", "num_samples"),
    [
        ([0, 1, 2, 0, 1, 2, 3, 3, 3, 3, 3, 3], 16),
        ([-1, 0, 0, 1, -1, 2, 3, 4, 5, 6, 7, 8], FEW),
        ([-1, -1, 0, 1, -1, -1, -1, -1, -1, -1, -1, -1], 4),
        ([0] * COLUMNS, 2),
    ],
    ids=["all-coalitions", "some-held", "most-held", "one-player"],
)
def test_groups_play_together_and_held_columns_follow_the_row(rng, groups, num_samples):
    X, y = table(rng)
    assert_same(forest(X, y), X[:4], X[50:60], groups=groups, num_samples=num_samples)


def test_probabilities_are_averaged_before_the_logit(rng):
    X, y = table(rng)
    X[:, 8:] = 0
    model = RandomForestClassifier(30, max_depth=2, random_state=0).fit(X, y > 0.5)
    assert_same(model, X[:4], X[50:60], labels=[0, 1], link="logit")


def test_levels_and_missing_numbers(rng):
    X, y = table(rng, 200)
    X[:, 3], X[:, 4] = rng.integers(0, 5, 200), rng.integers(0, 40, 200)
    X[rng.random(200) < 0.3, 1] = np.nan
    model = HistGradientBoostingRegressor(
        max_iter=8, categorical_features=[3, 4], min_samples_leaf=5, random_state=0
    ).fit(X, y + (X[:, 3] % 2 == 0) + X[:, 4] % 3 + np.isnan(X[:, 1]))
    levels = (None,) * 3 + (tuple(range(5)), tuple(range(40))) + (None,) * 7
    assert_same(model, X[:6], X[50:62], levels=levels)


@pytest.mark.parametrize("longest_table", [12, 0], ids=["tables", "patterns"])
def test_boxes_of_many_players_and_players_of_several_words(rng, monkeypatch, longest_table):
    monkeypatch.setattr(shapley_shares, "_LONGEST_TABLE", longest_table)
    X, y = table(rng, 150, columns=70)
    model = ExtraTreesRegressor(2, max_features=1, random_state=0).fit(X, y)
    groups = np.append(np.arange(69), -1)
    assert_same(model, X[:3], X[50:58], groups=groups, num_samples=240)


def test_a_model_that_is_constant(rng):
    X, y = table(rng)
    assert_same(forest(X, np.full_like(y, 3.0)), X[:2], X[50:55])


def test_a_row_alone_and_among_others_has_the_same_bits(rng):
    X, y = table(rng)
    structure = as_predict_fn(forest(X, y)).structure
    assert isinstance(structure, TreeSum)
    given = (X[50:60], np.full(10, 0.1), np.arange(COLUMNS), method_of(np.arange(COLUMNS)), [0])
    together = by_formula(structure, X[:40], *given)
    for row in (0, 17, 39):
        alone = by_formula(structure, X[row : row + 1], *given)
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(together, name)[row], getattr(alone, name)[0])


def test_numbers_are_exact_in_64_bits(rng, x64):
    X, y = table(rng)
    assert_same(two_classes(X, y), X[:3], X[50:60], labels=[1])


def test_what_takes_too_much_memory_is_not_made(rng):
    X, y = table(rng)
    structure = as_predict_fn(forest(X, y)).structure
    assert isinstance(structure, TreeSum)
    masks = masks_of(method_of(np.arange(COLUMNS)))
    given = (X[50:60], np.full(10, 0.1), np.arange(COLUMNS), masks)
    game = coalition_game(structure, *given)
    assert game is not None
    assert coalition_game(structure, *given, most_bytes=game.share.nbytes) is not None
    assert coalition_game(structure, *given, most_bytes=game.share.nbytes - 1) is None


def test_coalitions_of_more_players_take_more_words():
    masks = np.eye(40, dtype=bool)
    words = coalition_words(masks)
    assert words.shape == (2, 40)
    np.testing.assert_array_equal(words[0, :32], 2 ** np.arange(32))
    np.testing.assert_array_equal(words[1, 32:], 2 ** np.arange(8))
    assert not words[0, 32:].any()
    assert not words[1, :32].any()
