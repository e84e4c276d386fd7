import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from lime_jax.image.read import (
    channels_last,
    image_ids,
    image_size,
    in_layout_of,
    layout_hint,
    read_images,
)

GRAY, RGB = np.arange(12.0).reshape(3, 4), np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
DTYPES = ("bool", "uint8", "uint16", "int32", "int64", "float16", "float32", "float64")


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (GRAY, [GRAY]),
        (RGB, [RGB]),
        (np.stack([RGB, RGB + 1]), [RGB, RGB + 1]),
        ([RGB, RGB[:2]], [RGB, RGB[:2]]),
        ((GRAY, RGB), [GRAY, RGB]),
        (jnp.asarray(RGB), [RGB]),
        ([jnp.asarray(RGB), RGB], [RGB, RGB]),
        (Image.fromarray(RGB), [RGB]),
        ([Image.fromarray(RGB), RGB], [RGB, RGB]),
        (np.zeros((2, 4, 4, 7)), [np.zeros((4, 4, 7))] * 2),
        (RGB.astype(">i4"), [RGB.astype(np.int32)]),
    ],
    ids=lambda value: f"{type(value).__name__}{getattr(value, 'shape', '')}",
)
def test_one_image_or_many(images, expected):
    found = read_images(images, "last")
    assert isinstance(found, tuple)
    assert len(found) == len(expected)
    for image, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(image, wanted, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 1), (3, 4, 4), (5, 3, 4)])
def test_images_keep_their_dtype_and_shape(dtype, shape):
    (image,) = read_images(np.ones(shape, dtype), "last")
    assert (image.dtype, image.shape) == (dtype, shape)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_a_pillow_image_equals_its_array(mode):
    picture = Image.new(mode, (4, 3), 1 if len(mode) == 1 or mode == "I;16" else None)
    (last,), (first,) = read_images(picture, "last"), read_images(picture, "first")
    np.testing.assert_array_equal(last, np.asarray(picture), strict=True)
    np.testing.assert_array_equal(channels_last(first, "first"), channels_last(last, "last"))
    assert image_size(first, "first") == image_size(last, "last") == (3, 4)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_palette_becomes_its_colors(mode):
    picture = Image.fromarray(np.dstack([RGB * 7, RGB[:, :, :1]])[:, :, : len(mode)])
    palette = picture.quantize(12)
    (image,) = read_images(palette, "last")
    assert palette.mode == "P"
    np.testing.assert_array_equal(image, np.asarray(palette.convert(mode)), strict=True)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "`images` must hold at least one image, got an empty list"),
        (np.zeros((0, 4, 4, 3)), r"at least one image, got an array of shape \(0, 4, 4, 3\)"),
        (np.zeros((0, 4)), r"`images` must have at least one pixel.*got shape \(0, 4\)"),
        (np.zeros((4, 4, 0)), "at least one pixel and one channel"),
        (np.zeros(4), r"`images` must be one image.*got an array of shape \(4,\), dtype float64"),
        (np.zeros((1, 1, 2, 2, 3)), r"`images` must be one image.*\(1, 1, 2, 2, 3\)"),
        ([GRAY, np.zeros((1, 2, 2, 3))], "image 1 must be 2-D, or 3-D with channels, got shape"),
        ([[1, 2], [3, 4]], r"image 0 must be 2-D, or 3-D with channels, got shape \(2,\)"),
        (np.full((2, 2), None), "`images` must hold booleans, integers or floats.*dtype object"),
        (np.zeros((2, 2), complex), "booleans, integers or floats.*complex128"),
        ([GRAY, [[1, 2], [3]]], "`images`: image 1 must be an array of pixels, got list"),
        (None, r"`images` must be one image.*shape \(\), dtype object"),
        ("cat.png", "`images` must be an array of pixels or a Pillow image, got 'cat.png'"),
        (["cat.png"], r"image 0 must be an array.*Read a file first.*PIL\.Image\.open"),
        (np.array([[1.0, np.nan]]), "`images` must be finite, got 1 NaN and 0 infinite values"),
        ([GRAY, np.array([[np.inf, -np.inf, 0]])], "image 1 must be finite, got 0 NaN and 2 inf"),
    ],
)
def test_bad_images_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        read_images(images, "last")


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 1), (3, 4, 5)])
@pytest.mark.parametrize("channel_axis", ["last", "first"])
def test_layouts_go_there_and_back(shape, channel_axis, rng):
    image = rng.random(shape)
    pixels = channels_last(image, channel_axis)
    assert pixels.ndim == 3
    assert np.shares_memory(pixels, image)
    np.testing.assert_array_equal(in_layout_of(image, pixels, channel_axis), image)


@pytest.mark.parametrize(
    ("shape", "channel_axis", "hinted"),
    [
        ((3, 32, 48), "last", True),
        ((32, 48, 3), "last", False),
        ((32, 48, 3), "first", True),
        ((3, 32, 48), "first", False),
        ((32, 48), "last", False),
        ((16, 16, 12), "last", False),
    ],
)
def test_a_layout_that_looks_wrong_is_hinted_at(shape, channel_axis, hinted):
    hint = layout_hint(np.zeros(shape), channel_axis)
    assert bool(hint) == hinted
    assert not hinted or (str(shape) in hint and "`channel_axis=" in hint)


def test_an_id_is_an_images_content(rng):
    image = rng.integers(0, 255, (5, 6, 3), np.uint8)
    other = image.copy()
    other[4, 5, 2] += 1
    others = [other, image.astype(np.int64), image[::-1], image.reshape(6, 5, 3), image[:, :, 0]]
    ids = image_ids([image, *others])
    assert ids.dtype == np.uint32
    assert len(set(ids.tolist())) == len(ids)
    assert image_ids([*others, image.copy()])[-1] == ids[0]  # wherever it stands
    assert image_ids([np.asfortranarray(image)]) == ids[0]


def test_an_id_does_not_depend_on_the_layout(rng):
    image = rng.random((5, 6, 3))
    assert image_ids([image]) == image_ids([np.moveaxis(image, -1, 0)], "first")
    assert image_ids([image[:, :, 0]]) == image_ids([image[:, :, :1]])
    assert image_ids([image * -0.0]) == image_ids([image * 0.0])


def test_an_id_is_the_same_in_every_process():
    assert image_ids([np.arange(6, dtype=np.uint8).reshape(2, 3)]) == 439214943


@pytest.mark.parametrize(
    ("shape", "channel_axis"),
    [
        ((3, 24, 32), "last"),
        ((1, 24, 32), "last"),
        ((2, 3, 24, 32), "last"),
        ((24, 32, 3), "first"),
    ],
)
def test_the_other_layout_is_not_taken_for_a_flat_image(shape, channel_axis):
    other = {"last": "first", "first": "last"}[channel_axis]
    with pytest.raises(ValueError, match=f'pass `channel_axis="{other}"`'):
        read_images(np.zeros(shape), channel_axis)
    assert read_images(np.zeros(shape), other)[0].ndim == 3
