import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.color import label2rgb

from lime_jax.image.fills import hidden_image
from lime_jax.stages.grid import grid_segments

SHAPES = [((24, 30), "last"), ((24, 30, 1), "last"), ((24, 30, 3), "last")]
SHAPES += [((24, 30, 6), "last"), ((4, 24, 30), "first")]
DTYPES = ("bool", "uint8", "uint16", "int16", "int64", "float16", "float32", "float64")
SEGMENTS = np.asarray(grid_segments(24, 30, 6))


def make(rng, shape, dtype):
    if dtype == "bool":
        return rng.random(shape) < 0.3
    if dtype.startswith("float"):
        return rng.normal(0.0, 3.0, shape).astype(dtype)
    low = 0 if dtype.startswith("u") else -1000
    return rng.integers(low, 256, shape).astype(dtype)


def images_and_layouts(test):
    layouts = pytest.mark.parametrize(("shape", "channel_axis"), SHAPES)
    return layouts(pytest.mark.parametrize("dtype", DTYPES)(test))


@images_and_layouts
@pytest.mark.parametrize("hide", ["mean", "blur", "noise", 1])
def test_shape_dtype_and_layout_are_the_images(shape, channel_axis, dtype, hide, rng):
    image = make(rng, shape, dtype)
    before = image.copy()
    hidden = hidden_image(image, SEGMENTS, hide, channel_axis=channel_axis)
    assert (hidden.shape, hidden.dtype) == (shape, dtype)
    assert hidden.flags.c_contiguous
    assert not np.shares_memory(hidden, image)
    np.testing.assert_array_equal(image, before)
    assert hide == 1 or (image.min() <= hidden.min() <= hidden.max() <= image.max())


@images_and_layouts
def test_the_mean_is_that_of_scipy_rounded_to_the_nearest(shape, channel_axis, dtype, rng):
    image = make(rng, shape, dtype)
    hidden = hidden_image(image, SEGMENTS, "mean", channel_axis=channel_axis)
    for axis in range(1 if image.ndim == 2 else shape[0 if channel_axis == "first" else -1]):
        at = ... if image.ndim == 2 else (axis,) if channel_axis == "first" else (..., axis)
        means = ndimage.mean(image[at].astype(float), SEGMENTS, np.arange(SEGMENTS.max() + 1))
        rounded = means if dtype.startswith("float") else np.rint(means)
        np.testing.assert_allclose(hidden[at], rounded.astype(dtype)[SEGMENTS], rtol=1e-6)


def test_the_mean_is_that_of_scikit_image(rng):
    image = rng.random((24, 30, 3))
    theirs = label2rgb(SEGMENTS, image, kind="avg", bg_label=-1)
    np.testing.assert_allclose(hidden_image(image, SEGMENTS, "mean"), theirs, rtol=1e-12)


def test_the_mean_of_one_color_is_that_color():
    image = np.full((24, 30, 3), 0.1, np.float32)
    np.testing.assert_array_equal(hidden_image(image, SEGMENTS, "mean"), image)


def test_a_superpixel_without_pixels_does_no_harm(rng):
    image, segments = rng.random((2, 4)), np.array([[0, 0, 2, 2], [0, 0, 2, 2]], np.int32)
    assert np.isfinite(hidden_image(image, segments, "mean")).all()


def test_the_blur_is_as_wide_as_half_a_superpixel(rng):
    image = np.zeros((121, 121, 2))
    image[60, 60] = [1.0, 2.0]
    side = 16  # 121 / 16 rounds to 8
    hidden = hidden_image(image, np.asarray(grid_segments(121, 121, side)), "blur")
    away = np.arange(121) - 60.0
    for channel in range(2):
        profile = hidden[:, :, channel].sum(axis=1)
        assert profile.sum() == pytest.approx(channel + 1)
        deviation = np.sqrt((profile * away**2).sum() / profile.sum())
        assert deviation == pytest.approx(121 / 8 / 2, rel=0.01)


def test_the_blur_does_not_mix_channels_and_keeps_flat_ones(rng):
    image = np.stack([rng.integers(0, 255, (24, 30)), np.full((24, 30), 77)], axis=-1)
    hidden = hidden_image(image.astype(np.uint8), SEGMENTS, "blur")
    np.testing.assert_array_equal(hidden[:, :, 1], 77)
    gray = hidden_image(image[:, :, 0].astype(np.uint8), SEGMENTS, "blur")
    np.testing.assert_array_equal(hidden[:, :, 0], gray)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float64"])
def test_noise_fills_each_channels_own_range(dtype, rng):
    low, high = np.array([3, 50, 0]), np.array([9, 200, 0])
    image = (low + (high - low) * rng.random((60, 60, 3))).round().astype(dtype)
    image[0, 0], image[0, 1] = low, high
    noise = hidden_image(image, np.zeros((60, 60), np.int32), "noise").astype(float)
    assert (noise.min(axis=(0, 1)) >= low).all()
    assert (noise.max(axis=(0, 1)) <= high).all()
    middle, error = (low + high) / 2, (high - low + 1) / np.sqrt(12 * 3600)
    assert (np.abs(noise.mean(axis=(0, 1)) - middle) <= 5 * error).all()
    values, counts = np.unique(noise[:, :, 0].round(), return_counts=True)
    assert values.tolist() == list(range(3, 10))
    assert dtype.startswith("float") or counts.min() > 400  # of 514: the ends as often


def test_noise_is_a_function_of_seed_and_image_id(rng):
    image = rng.random((24, 30, 3))
    first = hidden_image(image, SEGMENTS, "noise", seed=1, image_id=2)
    again = hidden_image(image, SEGMENTS, "noise", seed=1, image_id=np.uint32(2))
    np.testing.assert_array_equal(first, again)
    others = [dict(seed=2, image_id=2), dict(seed=1, image_id=3), dict(seed=-1, image_id=2)]
    made = [first, *(hidden_image(image, SEGMENTS, "noise", **other) for other in others)]
    assert len({hidden.tobytes() for hidden in made}) == 4


@pytest.mark.parametrize("hide", ["mean", "blur", "noise", 2, (1, 2, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_channels_first_equals_channels_last(hide, dtype, rng):
    image = make(rng, (24, 30, 3), dtype)
    first = np.ascontiguousarray(np.moveaxis(image, -1, 0))
    hidden = hidden_image(first, SEGMENTS, hide, channel_axis="first")
    expected = np.moveaxis(hidden_image(image, SEGMENTS, hide), -1, 0)
    np.testing.assert_array_equal(hidden, expected, strict=True)


@pytest.mark.parametrize(
    ("shape", "channel_axis", "hide", "expected"),
    [
        ((24, 30), "last", 7, 7),
        ((24, 30), "last", [7], 7),
        ((24, 30, 3), "last", 7.0, 7),
        ((24, 30, 3), "last", (1, 2, 3), [1, 2, 3]),
        ((24, 30, 4), "last", np.array([1, 2, 3, 4]), [1, 2, 3, 4]),
        ((3, 24, 30), "first", (1, 2, 3), [[[1]], [[2]], [[3]]]),
    ],
)
def test_a_color_is_everywhere(shape, channel_axis, hide, expected):
    hidden = hidden_image(np.full(shape, 9, np.uint8), SEGMENTS, hide, channel_axis=channel_axis)
    np.testing.assert_array_equal(hidden, np.broadcast_to(expected, shape).astype(np.uint8))


def test_an_image_of_any_source_is_taken_as_it_is(rng):
    image, other = (rng.integers(0, 255, (24, 30, 3), np.uint8) for _ in range(2))
    np.testing.assert_array_equal(hidden_image(image, SEGMENTS, other), other)
    np.testing.assert_array_equal(hidden_image(image, SEGMENTS, Image.fromarray(other)), other)
    first = np.moveaxis(image, -1, 0)
    hidden = hidden_image(first, SEGMENTS, Image.fromarray(other), channel_axis="first")
    np.testing.assert_array_equal(hidden, np.moveaxis(other, -1, 0))


def test_a_function_gets_copies_and_may_return_an_image_or_a_color(rng):
    image = rng.integers(0, 255, (24, 30, 3), np.uint8)

    def inverted(pixels, segments):
        pixels[:] = 255 - pixels
        segments[:] = 0
        return pixels

    before, segments = image.copy(), SEGMENTS.copy()
    np.testing.assert_array_equal(hidden_image(image, segments, inverted), 255 - before)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(segments, SEGMENTS)
    black = hidden_image(image, SEGMENTS, lambda pixels, _: np.zeros(3))
    np.testing.assert_array_equal(black, np.zeros_like(image))


U8, UNIT, HALF = (
    np.full((24, 30, 3), 9, np.uint8),
    np.full((24, 30, 3), 0.5),
    np.full((24, 30, 3), 9, np.float16),
)


@pytest.mark.parametrize(
    ("image", "hide", "message"),
    [
        (U8, "gray", "`hide` must be one of 'mean', 'blur', 'noise', a color, an image"),
        (U8, None, "`hide` must hold finite numbers, got None"),
        (U8, 256, "`hide` must hold whole numbers from 0 to 255, as the image is of dtype uint8"),
        (U8, -1, "whole numbers from 0 to 255.*got -1"),
        (U8, 127.5, r"whole numbers from 0 to 255.*got 127\.5"),
        (U8, UNIT, "whole numbers from 0 to 255.*got values from 0.5 to 0.5, dtype float64"),
        (
            U8,
            (1, 2),
            r"`hide` must be one number, 3 numbers.*shape \(24, 30, 3\), got shape \(2,\)",
        ),
        (U8, np.zeros((24, 30)), r"`hide` must be one number, 3.*got shape \(24, 30\)"),
        (U8, [[1], [2, 3]], "`hide` must be an array of pixels, got list"),
        (U8, (1, np.nan, 3), r"`hide` must hold finite numbers, got \[1.0, nan, 3.0\]"),
        (U8, "red.png", "`hide` must be one of"),
        (U8, lambda *_: (1, 2), r"`hide`: what the function returns must be one number, 3 num"),
        (U8 > 9, 2, "whole numbers from 0 to 1, as the image is of dtype bool, got 2"),
        (UNIT, 255, r"units of the image, whose values go from 0\.5 to 0\.5, got .* from 255"),
        (HALF, 1e6, "units of the image"),
        (U8.T, 1, r"`segments` must have the image's .*\(3, 30\).*read as 3 x 30 pixels with 24"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_named(image, hide, message):
    with pytest.raises(ValueError, match=message):
        hidden_image(image, SEGMENTS, hide)
