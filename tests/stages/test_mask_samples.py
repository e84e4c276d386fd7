"""Masks are drawn or given; the player that is not there is never kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.stages.mask_samples import MaskSamples, mask_coordinates, mask_view, masks_of
from lime_jax.typing import Support

PRESENT = np.array([True, True, True, False])


def test_given_masks_stay_but_for_players_that_are_not_there():
    given = jnp.asarray(np.indices([2] * 4).reshape(4, -1).T.astype(bool))
    masks = masks_of(given, PRESENT, 0.5)
    assert masks.dtype == bool
    np.testing.assert_array_equal(masks, np.asarray(given) & PRESENT)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_uniforms_become_masks_of_a_probability(key, probability):
    uniforms = jax.random.uniform(key, (4000, 4), jnp.result_type(float))
    masks = np.asarray(masks_of(uniforms, PRESENT, probability))
    np.testing.assert_array_equal(masks[:, :3], np.asarray(uniforms)[:, :3] < probability)
    assert not masks[:, 3].any()
    error = np.sqrt(probability * (1 - probability) / 4000)
    np.testing.assert_allclose(masks[:, :3].mean(0), probability, atol=4 * error)


def test_x_sees_ones_and_zeros_and_itself_with_all_players(rng):
    masks = jnp.asarray(rng.random((5, 4)) < 0.5)
    view = mask_view(MaskSamples(masks), PRESENT)
    np.testing.assert_array_equal(view.z, masks)
    assert view.z.dtype == jnp.result_type(float)
    np.testing.assert_array_equal(view.points, view.z)
    np.testing.assert_array_equal(view.origin, [1, 1, 1, 0])


def test_every_player_is_one_variable_and_absent_ones_do_not_vary():
    coordinates = jax.jit(mask_coordinates)(PRESENT)
    np.testing.assert_array_equal(coordinates.z, [1, 1, 1, 0])
    np.testing.assert_array_equal(coordinates.varies, PRESENT)
    np.testing.assert_array_equal(coordinates.own, np.arange(4))
    np.testing.assert_array_equal(coordinates.feature, np.arange(4))
    assert (np.asarray(coordinates.support) == Support.FULL).all()
