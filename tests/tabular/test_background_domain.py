"""Hidden columns take a background row's values, shown and held ones x's own; host as device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.stages.masks import MaskSamples
from lime_jax.tabular.background import BackgroundDomain, host_inputs
from lime_jax.typing import Domain

pytestmark = pytest.mark.precision

BACKGROUND = np.arange(12.0).reshape(3, 4)
WEIGHTS = np.array([0.5, 0.25, 0.25])
X = np.array([100.0, 101, np.nan, 103])
MASKS = np.array([[False, False], [True, False], [False, True], [True, True]])
PLAYERS = {
    "groups": ([0, 1, 1, 0], lambda mask: mask[[0, 1, 1, 0]]),
    "a held column": ([0, -1, 1, 1], lambda mask: np.array([mask[0], True, mask[1], mask[1]])),
}


def domain(player_of):
    return BackgroundDomain(
        jnp.asarray(BACKGROUND, jnp.result_type(float)),
        jnp.asarray(WEIGHTS, jnp.result_type(float)),
        jnp.asarray(player_of, jnp.int32),
        2,
    )


def by_hand(x, masks, kept_by):
    """(samples, background, features), one number at a time."""
    table = np.empty((len(masks), 3, 4))
    for s, mask in enumerate(masks):
        for k, row in enumerate(BACKGROUND):
            for j in range(4):
                table[s, k, j] = x[j] if kept_by(mask)[j] else row[j]
    return table


@pytest.mark.parametrize("name", PLAYERS)
def test_inputs_are_x_where_it_is_kept_and_the_background_elsewhere(name):
    player_of, kept_by = PLAYERS[name]
    inputs = jax.jit(lambda d, x, s: d.inputs(x, s))(
        domain(player_of), jnp.asarray(X, jnp.result_type(float)), MaskSamples(jnp.asarray(MASKS))
    )
    np.testing.assert_array_equal(inputs, by_hand(X, MASKS, kept_by))


@pytest.mark.parametrize("name", PLAYERS)
def test_inputs_of_a_host_model_are_the_same_in_64_bits(name):
    player_of, kept_by = PLAYERS[name]
    rows = np.stack([X, X + 1e-9])
    masks = np.stack([MASKS.reshape(2, 2, 2), ~MASKS.reshape(2, 2, 2)])  # rows, units, samples
    inputs = host_inputs(rows, BACKGROUND, np.array(player_of), MaskSamples(jnp.asarray(masks)))
    assert inputs.shape == (2, 2, 2, 3, 4)
    assert inputs.dtype == np.float64
    for row in range(2):
        expected = by_hand(rows[row], masks[row].reshape(4, 2), kept_by)
        np.testing.assert_array_equal(inputs[row].reshape(4, 3, 4), expected)
    assert inputs.reshape(-1, 4).base is not None  # one table without a copy


def test_it_is_a_domain_of_its_own_for_every_row():
    one = domain([0, 1, 1, 0])
    assert isinstance(one, Domain)
    assert not one.shared
    assert one.sample_size == 12
    np.testing.assert_array_equal(one.background_weights, WEIGHTS)


def test_draws_are_masks_or_uniforms_with_even_chances():
    one = domain([0, 1, 1, 0])
    np.testing.assert_array_equal(one.realize(None, jnp.asarray(MASKS)).masks, MASKS)
    uniforms = jnp.asarray([[0.49, 0.51], [0.1, 0.9]], jnp.result_type(float))
    np.testing.assert_array_equal(one.realize(None, uniforms).masks, [[True, False]] * 2)


def test_x_itself_keeps_everything():
    one = domain([0, 1, 1, 0])
    np.testing.assert_array_equal(one.coordinates(None).z, [1, 1])
    np.testing.assert_array_equal(one.coordinates(None).varies, [True, True])
    view = one.view(None, MaskSamples(jnp.asarray(MASKS)))
    np.testing.assert_array_equal(view.z, MASKS)
    np.testing.assert_array_equal(view.origin, [1, 1])
