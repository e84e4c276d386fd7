"""A mask says what x keeps; an image shows the other superpixels hidden."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lime_jax.image.domain import ImageDomain, ImageInstance
from lime_jax.stages.masks import MaskSamples, mask_coordinates, mask_view, masks_of
from lime_jax.typing import Domain, Support

pytestmark = pytest.mark.precision

HEIGHT, WIDTH, PLAYERS = 6, 5, 4
PRESENT = np.array([True, True, True, False])  # the last one is padding
SEGMENTS = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) // 7 % 3).astype(np.int32)


def instance_of(rng, layout="last", dtype=np.float32):
    shape = {"last": (HEIGHT, WIDTH, 3), "first": (3, HEIGHT, WIDTH), None: (HEIGHT, WIDTH)}[layout]
    image, hidden = (rng.integers(0, 2 if dtype is bool else 100, (2, *shape))).astype(dtype)
    return ImageInstance(image, hidden, SEGMENTS, PRESENT)


def domain_of(layout="last", keep_probability=0.5):
    return ImageDomain(keep_probability, sample_size=90, channel_axis=layout)


class TestMasks:
    def test_a_player_is_kept_where_its_uniform_is_below_the_probability(self, rng):
        draws = rng.random((64, PLAYERS))
        for keep in (0.2, 0.5, 0.9):
            masks = masks_of(jnp.asarray(draws, float), PRESENT, keep)
            np.testing.assert_array_equal(masks, (draws < keep) & PRESENT)

    def test_masks_that_are_drawn_stay_as_they_are(self, rng):
        draws = rng.random((64, PLAYERS)) < 0.5
        masks = masks_of(jnp.asarray(draws), PRESENT, 0.0)
        np.testing.assert_array_equal(masks, draws & PRESENT)

    def test_x_keeps_all_players_that_there_are(self, rng):
        masks = jnp.asarray(rng.random((8, PLAYERS)) < 0.5)
        view = mask_view(MaskSamples(masks), PRESENT)
        np.testing.assert_array_equal(view.z, np.asarray(masks).astype(float))
        np.testing.assert_array_equal(view.points, view.z)
        np.testing.assert_array_equal(view.origin, [1, 1, 1, 0])

    def test_a_padded_player_has_no_weight(self):
        coordinates = mask_coordinates(PRESENT)
        np.testing.assert_array_equal(coordinates.z, [1, 1, 1, 0])
        np.testing.assert_array_equal(coordinates.variable, range(PLAYERS))
        np.testing.assert_array_equal(coordinates.feature, range(PLAYERS))
        np.testing.assert_array_equal(coordinates.varies, PRESENT)
        assert set(coordinates.support.tolist()) == {int(Support.FULL)}


class TestImages:
    def test_is_a_domain_with_samples_of_its_own(self, rng):
        domain = domain_of()
        assert isinstance(domain, Domain)
        assert not domain.shared
        assert domain.background_weights is None
        samples = domain.realize(instance_of(rng), jnp.full((2, PLAYERS), 0.25))
        np.testing.assert_array_equal(samples.masks, [PRESENT] * 2)
        np.testing.assert_array_equal(domain.view(instance_of(rng), samples).origin, PRESENT)
        np.testing.assert_array_equal(domain.coordinates(instance_of(rng)).varies, PRESENT)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, bool])
    @pytest.mark.parametrize("layout", ["last", "first", None])
    def test_hidden_superpixels_show_the_other_picture(self, rng, layout, dtype):
        instance = instance_of(rng, layout, dtype)
        masks = rng.random((2, 3, PLAYERS)) < 0.5  # units, samples
        pictures = domain_of(layout).inputs(instance, MaskSamples(jnp.asarray(masks)))
        assert pictures.dtype == dtype
        assert pictures.shape == (2, 3, *instance.image.shape)
        for unit, sample in np.ndindex(2, 3):
            expected = np.empty_like(instance.image)
            for y, x in np.ndindex(HEIGHT, WIDTH):
                source = instance.image if masks[unit, sample, SEGMENTS[y, x]] else instance.hidden
                place = (slice(None), y, x) if layout == "first" else (y, x)
                expected[place] = source[place]
            np.testing.assert_array_equal(pictures[unit, sample], expected)

    def test_all_shown_is_the_image_and_none_the_hidden_one(self, rng):
        instance = instance_of(rng)
        samples = MaskSamples(jnp.asarray(np.stack([PRESENT, np.zeros(PLAYERS, bool)])))
        shown, hidden = domain_of().inputs(instance, samples)
        np.testing.assert_array_equal(shown, instance.image)
        np.testing.assert_array_equal(hidden, instance.hidden)

    def test_a_batch_of_images_is_each_of_them(self, rng):
        instances = [instance_of(rng) for _ in range(3)]
        batch = jax.tree.map(lambda *leaves: np.stack(leaves), *instances)
        draws = jnp.asarray(rng.random((3, 8, PLAYERS)), float)

        def see(instance, draws):
            domain = domain_of()
            return domain.inputs(instance, domain.realize(instance, draws))

        together = jax.jit(jax.vmap(see))(batch, draws)
        for row, instance in enumerate(instances):
            np.testing.assert_array_equal(together[row], see(instance, draws[row]))
