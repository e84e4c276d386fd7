"""Which masks are drawn: `lime`'s law, that any number but all is kept alike, and any of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lime_jax.masked.domain import MORE_UNIFORMS, MaskedDomain, Players, removal_masks

pytestmark = pytest.mark.precision

SAMPLES = 20_000


def drawn(players, width, seed=0):
    present = jnp.arange(width) < players
    uniforms = jax.random.uniform(jax.random.key(seed), (SAMPLES, width + MORE_UNIFORMS))
    return np.asarray(removal_masks(uniforms, present))


@pytest.mark.parametrize(("players", "width"), [(1, 16), (2, 16), (5, 5), (13, 16), (90, 96)])
def test_every_number_but_all_is_kept_alike(players, width):
    masks = drawn(players, width)
    kept = masks.sum(1)
    assert not masks[:, players:].any()
    counts = np.bincount(kept, minlength=players)
    assert len(counts) == players
    if players > 1:
        assert stats.chisquare(counts).pvalue > 0.001
        shares = masks[:, :players].mean(0)  # (D - 1) / 2D of each, with its standard error
        expected = (players - 1) / (2 * players)
        error = np.sqrt(expected * (1 - expected) / SAMPLES)
        assert np.abs(shares - expected).max() < 4.5 * error


def test_any_players_are_kept_alike_given_how_many():
    masks = drawn(4, 4)
    pairs = masks[masks.sum(1) == 2]
    counts = np.unique(pairs, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 0.001


def test_extreme_uniforms_make_masks():
    ends = jnp.array([2.0**-24, 1 - 2.0**-24], jnp.result_type(float))
    grid = jnp.stack(jnp.meshgrid(*[ends] * 4), -1).reshape(-1, 4)
    for players in (1, 2, 3000):
        uniforms = jnp.concatenate([jnp.repeat(grid[:, :1], players, 1), grid[:, 1:]], 1)
        masks = removal_masks(uniforms, jnp.ones(players, bool))
        assert (np.asarray(masks).sum(1) < players).all()


def test_masks_that_are_given_are_kept():
    domain, instance = MaskedDomain(3), Players(jnp.array([True, True, False]))
    given = jnp.array([[True, False, True]])
    assert domain.realize(instance, given).masks.tolist() == [[True, False, False]]
    assert domain.coordinates(instance).z.tolist() == [1, 1, 0]
