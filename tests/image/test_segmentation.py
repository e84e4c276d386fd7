import math
import sys

import numpy as np
import pytest
from lime.wrappers.scikit_image import SegmentationAlgorithm
from skimage import data, segmentation

from lime_jax.image.read import channels_last
from lime_jax.image.segmentation import relabeled, segment
from lime_jax.stages.grid import grid_segments

NAMES = ("slic", "quickshift", "felzenszwalb", "grid")
SCALES = ("uint8", "uint16", "unit", "half precision", "standardized", "negative", "bool")


@pytest.fixture(scope="module")
def photo():
    picture = data.chelsea()[:240:4, :320:4].copy()
    picture[0, :2] = [[0, 0, 0], [255, 255, 255]]  # so that stretching to 0..1 is dividing by 255
    return picture


def with_channels(photo, channels):
    opaque = np.full_like(photo[:, :, :1], 255)
    return np.concatenate([photo, opaque, photo[:, ::-1]], axis=-1)[:, :, :channels]


def on_scale(photo, scale):
    return {
        "uint8": photo,
        "uint16": photo.astype(np.uint16) * 257,
        "unit": photo / 255,
        "half precision": (photo / 255).astype(np.float16),
        "standardized": (photo - photo.mean()) / photo.std(),
        "negative": photo.astype(np.int64) - 1000,
        "bool": photo > 128,
    }[scale]


def assert_numbered(segments, shape):
    assert segments.shape == shape
    assert segments.dtype == np.int32
    assert np.unique(segments).tolist() == list(range(segments.max() + 1))


def same_pixels(segments, others):
    """Share of the pixels that two segmentations put into superpixels that correspond."""
    pairs, counts = np.unique(
        np.stack([segments.ravel(), others.ravel()]), axis=1, return_counts=True
    )
    best = np.zeros(segments.max() + 1, int)
    np.maximum.at(best, pairs[0], counts)
    return best.sum() / segments.size


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7])
def test_every_pixel_has_a_superpixel_for_any_number_of_channels(name, channels, photo):
    segments = segment(with_channels(photo, channels), name)
    assert_numbered(segments, photo.shape[:2])
    assert 20 <= segments.max() + 1 <= 100


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", SCALES)
def test_every_pixel_has_a_superpixel_on_any_scale(name, scale, photo):
    segments = segment(on_scale(photo, scale), name)
    assert_numbered(segments, photo.shape[:2])
    if scale != "bool":  # which is another picture
        assert same_pixels(segments, segment(photo, name)) > 0.9


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", ["uint8", "unit"])
def test_gray_is_rgb_with_equal_channels(name, scale, photo):
    gray = on_scale(photo, scale)[:, :, 1:2]
    np.testing.assert_array_equal(segment(gray, name), segment(np.repeat(gray, 3, -1), name))


@pytest.mark.parametrize("name", NAMES)
def test_channels_first_equals_channels_last(name, photo):
    first = np.ascontiguousarray(np.moveaxis(photo, -1, 0))
    last = segment(photo, name)
    np.testing.assert_array_equal(segment(channels_last(first, "first"), name), last)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 5), (3, 40), (24, 30)])
@pytest.mark.parametrize("cell_size", [None, 1, 4, 100])
def test_small_and_constant_images(name, channels, shape, cell_size):
    constant = np.full((*shape, channels), 7, np.uint8)
    segments = segment(constant, name, cell_size=cell_size)
    assert_numbered(segments, shape)
    if cell_size == 100:  # smaller than a cell
        assert segments.max() == 0


@pytest.mark.parametrize("name", NAMES)
def test_cell_size_sets_the_number_of_superpixels(name, photo):
    number = {size: segment(photo, name, cell_size=size).max() + 1 for size in (8, 16)}
    for size, found in number.items():
        cells = photo.shape[0] * photo.shape[1] / size**2
        assert 0.5 * cells < found < 2 * cells


@pytest.mark.parametrize("name", NAMES)
def test_segmentations_repeat(name, photo):
    first = segment(photo, name, seed=3)
    segment(photo, name, seed=4)
    np.testing.assert_array_equal(segment(photo, name, seed=3), first)


def test_a_seed_breaks_the_ties_of_quickshift():
    constant = np.zeros((40, 40, 3))  # nothing but ties
    made = [segment(constant, "quickshift", cell_size=8, seed=seed) for seed in (0, 1, -1)]
    assert not np.array_equal(made[0], made[1])
    assert not np.array_equal(made[1], made[2])


# Against the libraries themselves.


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
@pytest.mark.parametrize("compactness", [3, 10.0, 40.0])
def test_slic_is_scikit_images(dtype, compactness, photo):
    image = photo if dtype == np.uint8 else photo / 255
    ours = segment(image, "slic", compactness=compactness)
    theirs = segmentation.slic(image, n_segments=50, compactness=compactness, start_label=0)
    np.testing.assert_array_equal(ours, theirs)


def test_slic_in_rgb_weighs_distances_as_synapseml(photo):
    cell_size, modifier = 16, 130
    segments = segment(photo, "slic", cell_size=cell_size, compactness=modifier, color_space="rgb")
    # Pixels go to the nearest superpixel by color/modifier and place/cell_size, both squared,
    # but for those that scikit-image moves in the end to keep superpixels in one piece.
    place = np.stack(np.indices(photo.shape[:2]), axis=-1).reshape(-1, 2) / cell_size
    points = np.concatenate([place, photo.reshape(-1, 3) / modifier], axis=1)
    centers = np.array([points[segments.ravel() == s].mean(axis=0) for s in np.unique(segments)])
    nearest = ((points[:, None] - centers) ** 2).sum(axis=-1).argmin(axis=1)
    assert (nearest == segments.ravel()).mean() > 0.95
    assert segments.max() + 1 == math.prod(round(side / cell_size) for side in photo.shape[:2])


def test_slic_in_rgb_reads_bands_and_floats_on_the_same_scale(photo):
    options = dict(cell_size=12, compactness=60, color_space="rgb")
    rgb = segment(photo, "slic", **options)
    np.testing.assert_array_equal(segment(photo / 255, "slic", **options), rgb)
    twice = segment(np.concatenate([photo, photo], axis=-1), "slic", **options)
    assert 0.8 < (twice.max() + 1) / (rgb.max() + 1) < 1.2


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_quickshift_has_the_parameters_of_lime(dtype, photo):
    image = photo if dtype == np.uint8 else photo / 255
    lime = SegmentationAlgorithm("quickshift", kernel_size=4, max_dist=200, ratio=0.2)
    ours = segment(image, "quickshift", cell_size=32, seed=42)  # lime cannot set scikit-image's
    np.testing.assert_array_equal(ours, lime(image))


def test_quickshift_of_a_large_image_has_the_parameters_of_lime_by_default(photo):
    image = np.tile(photo, (4, 3, 1))[:224, :224]
    ours, lime = segment(image, "quickshift"), segment(image, "quickshift", cell_size=32)
    np.testing.assert_array_equal(ours, lime)


def test_felzenszwalb_is_scikit_images(photo):
    ours = segment(photo, "felzenszwalb", cell_size=10)
    theirs = segmentation.felzenszwalb(photo, scale=10, sigma=0.8, min_size=20)
    np.testing.assert_array_equal(ours, theirs)


def test_the_grid_is_the_stage():
    image = np.zeros((33, 20, 3))
    np.testing.assert_array_equal(segment(image, "grid", cell_size=8), grid_segments(33, 20, 8))
    assert segment(np.zeros((224, 224, 3)), "grid").max() + 1 == 49


# Given labels.


def test_a_function_gets_a_copy_with_channels_last(photo):
    def halves(image):
        assert image.shape == photo.shape
        image[:] = 0
        return np.where(np.arange(image.shape[1]) < 30, 9, 4) + np.zeros(image.shape[:2], int)

    before = photo.copy()
    segments = segment(photo, halves)
    np.testing.assert_array_equal(photo, before)
    np.testing.assert_array_equal(segments[0], np.where(np.arange(80) < 30, 1, 0))


@pytest.mark.parametrize(
    "labels",
    [
        np.array([[5, 5, 2], [9, 2, 2]]),
        np.array([[5, 5, 2], [9, 2, 2]], np.uint64) + 2**60,
        [[5, 5, 2], [9, 2, 2]],
    ],
)
def test_labels_are_numbered_in_their_order(labels):
    segments = segment(np.zeros((2, 3, 3)), labels)
    np.testing.assert_array_equal(segments, np.array([[1, 1, 0], [2, 0, 0]], np.int32), strict=True)


def test_a_mask_is_two_superpixels():
    np.testing.assert_array_equal(relabeled([[True, False]], (1, 2)), [[1, 0]])


# Bad input.


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            np.zeros((3, 2), int),
            r"must have the .* height and width, shape \(2, 3\), got shape \(3, 2\), dtype int",
        ),
        (np.zeros((2, 3, 1), int), r"must have the .* shape \(2, 3\), got shape \(2, 3, 1\)"),
        (np.zeros((2, 3)), r"must be integers, one per pixel, got shape \(2, 3\), dtype float64"),
        (np.array([[0, 1, -1], [0, 0, 0]]), "must not be negative, got -1"),
        ([[1, 2], [3]], "must be an array"),
        (None, "must be integers"),
    ],
)
def test_labels_that_do_not_fit_are_named(labels, message):
    image = np.zeros((2, 3, 3))
    with pytest.raises(ValueError, match=f"`segmentation`: labels {message}"):
        segment(image, labels)
    with pytest.raises(ValueError, match=f"`segmentation`: the labels that it returns {message}"):
        segment(image, lambda _: labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(segmentation="slick"), "`segmentation` must be one of 'slic', .* got 'slick'"),
        (dict(cell_size=0), "`cell_size` must be a number of pixels, at least 1, or None, got 0"),
        (dict(cell_size=math.nan), "`cell_size` must be .* got nan"),
        (dict(compactness=0), "`compactness` must be a positive number, got 0"),
        (dict(compactness=-1.0), "`compactness` must be a positive number, got -1.0"),
        (dict(compactness=math.inf), "`compactness` must be a positive number, got inf"),
        (dict(color_space="hsv"), '`color_space` must be "lab" or "rgb", got \'hsv\''),
    ],
)
def test_options_that_do_not_fit_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        segment(np.zeros((8, 8, 3)), **options)


@pytest.mark.parametrize("name", ["slic", "quickshift", "felzenszwalb"])
def test_without_scikit_image_the_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match=r'pip install "lime_jax\[image\]".*"grid"'):
        segment(np.zeros((8, 8, 3)), name)
    assert segment(np.zeros((8, 8, 3)), "grid", cell_size=4).max() == 3
