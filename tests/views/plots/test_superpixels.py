"""Superpixels in pictures: displayable pixels, borders, PNG files, figures."""

import io

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.colors import to_hex  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from lime_jax.views.plots import (  # noqa: E402
    picture_grid,
    superpixel_contours,
    superpixel_heat_map,
    superpixel_overlay,
)
from lime_jax.views.plots.canvas import NEGATIVE, POSITIVE  # noqa: E402
from lime_jax.views.plots.pictures import (  # noqa: E402
    displayed,
    inner_point,
    outline,
    overlaid,
    painted,
    shrunk,
)
from lime_jax.views.plots.png import png_bytes  # noqa: E402

HOSTILE = r"$x_1$ \alpha <b> & 100 %"
SEGMENTS = np.repeat(np.arange(4, dtype=np.int32), 3).reshape(2, 6).repeat(4, axis=0)


def photo(rng, size=(8, 6)):
    return rng.integers(0, 256, (*size, 3), dtype=np.uint8)


def rendered(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


class TestDisplayed:
    def test_8_bit_colors_are_as_they_are(self, rng):
        image = photo(rng)
        np.testing.assert_array_equal(displayed(image, "last"), image)
        first = np.moveaxis(image, -1, 0)
        np.testing.assert_array_equal(displayed(first, "first"), image)

    @pytest.mark.parametrize("shape", [(8, 6), (8, 6, 1), (1, 8, 6)])
    def test_one_channel_is_gray(self, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        shown = displayed(image, "first" if shape[0] == 1 else "last")
        np.testing.assert_array_equal(shown, np.stack([image.reshape(8, 6)] * 3, axis=-1))

    @pytest.mark.parametrize("channels", [2, 7])
    def test_other_channels_are_shown_as_their_mean(self, rng, channels):
        image = rng.integers(0, 256, (8, 6, channels), dtype=np.uint8)
        expected = np.repeat(image.mean(-1)[..., None], 3, axis=-1)
        np.testing.assert_allclose(displayed(image, "last"), expected, atol=0.5)

    def test_transparency_lies_over_white(self):
        image = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [10, 20, 30, 51]]], np.uint8)
        expected = [[[10, 20, 30], [255, 255, 255], [206, 208, 210]]]
        np.testing.assert_array_equal(displayed(image, "last"), expected)
        np.testing.assert_array_equal(displayed(image / 255, "last"), expected)

    def test_numbers_from_0_to_1_are_as_they_are(self):
        assert displayed(np.array([[0.2, 0.6]], np.float32), "last")[0, :, 0].tolist() == [51, 153]
        assert displayed(np.array([[False, True]]), "last")[0, :, 0].tolist() == [0, 255]

    @pytest.mark.parametrize(
        "image", [np.array([[-3.0, 2.0, 7.0]]), np.array([[100, 2100, 4100]], np.uint16)]
    )
    def test_other_ranges_are_stretched(self, image):
        assert displayed(image, "last")[0, :, 0].tolist() == [0, 128, 255]

    @pytest.mark.parametrize("value", [0.0, 700.0, -5.0])
    def test_a_constant_image_is_displayed(self, value):
        assert np.ptp(displayed(np.full((2, 2, 3), value), "last")) == 0

    def test_missing_pixels_are_displayed(self):
        assert displayed(np.array([[0.0, np.nan, 1.0]]), "last")[0, :, 0].tolist() == [0, 0, 255]

    def test_the_image_is_left_alone(self, rng):
        image = photo(rng)
        before = image.copy()
        displayed(image, "last")[...] = 0
        overlaid(image, np.ones((8, 6), bool))[...] = 0
        np.testing.assert_array_equal(image, before)


class TestOutline:
    def test_it_is_the_border_between_pixels(self, rng):
        inside = rng.random((9, 7)) < 0.5
        padded = np.pad(inside, 1)
        length = np.sum(padded[:, 1:] != padded[:, :-1]) + np.sum(padded[1:] != padded[:-1])
        edges = outline(inside)
        assert np.abs(np.diff(edges, axis=1)).sum() == length
        for (x0, y0), (x1, y1) in edges.astype(int):
            if x0 == x1:  # one side is inside, the other is not
                sides = padded[y0 + 1 : y1 + 1, x0], padded[y0 + 1 : y1 + 1, x0 + 1]
            else:
                sides = padded[y0, x0 + 1 : x1 + 1], padded[y0 + 1, x0 + 1 : x1 + 1]
            assert (sides[0] != sides[1]).all()

    def test_straight_lines_are_one_edge(self):
        assert len(outline(np.ones((50, 40), bool))) == 4

    def test_nothing_has_no_border(self):
        assert outline(np.zeros((3, 3), bool)).shape == (0, 2, 2)

    def test_a_name_stands_inside(self, rng):
        ring = np.ones((9, 9), bool)
        ring[2:7, 2:7] = False
        for inside in (ring, rng.random((9, 9)) < 0.3):
            x, y = inner_point(inside)
            assert inside[int(y), int(x)]


class TestPainting:
    def test_weights_are_blue_and_orange_on_one_scale(self):
        white = np.full((1, 4, 3), 255, np.uint8)
        colors = painted(white, np.array([[0.5, -0.5, 0.0, np.nan]]), 0.5)
        assert [to_hex(color / 255).upper() for color in colors[0, :2]] == [POSITIVE, NEGATIVE]
        assert (colors[0, 2:] == 255).all()

    def test_shrinking_keeps_means_and_segments(self, rng):
        picture = photo(rng, (9, 4))
        small, segments = shrunk(picture, np.arange(36, dtype=np.int32).reshape(9, 4), 5)
        np.testing.assert_allclose(small[1, 1], picture[1:3, 2:4].mean((0, 1)), atol=1)
        np.testing.assert_allclose(small[4, 0], picture[7:9, 0:2].mean((0, 1)), atol=1)
        assert segments.tolist() == [[1, 3], [9, 11], [17, 19], [25, 27], [33, 35]]
        assert shrunk(picture, np.zeros((9, 4), int), 9)[0] is picture

    @pytest.mark.parametrize("size", [(1, 1), (5, 7), (64, 48)])
    def test_png_files_hold_the_pixels(self, rng, size):
        smooth = np.add.outer(np.arange(size[0]), np.arange(size[1]))[..., None] * [1, 2, 3]
        for picture in (photo(rng, size), smooth.astype(np.uint8)):
            read = matplotlib.image.imread(io.BytesIO(png_bytes(picture)))
            np.testing.assert_array_equal(np.round(read * 255), picture)

    def test_photos_are_stored_small(self):
        y, x = np.indices((200, 300))
        smooth = np.stack([y // 2 + x // 3, y, 255 - x // 2], axis=-1).astype(np.uint8)
        assert len(png_bytes(smooth)) < smooth.nbytes / 20


FIGURES = {
    "overlay": lambda picture, **kw: superpixel_overlay(picture, SEGMENTS == 1, **kw),
    "contours": lambda picture, **kw: superpixel_contours(
        picture, SEGMENTS, [1, 2], [3], names=(HOSTILE, HOSTILE), **kw
    ),
    "heat map": lambda picture, **kw: superpixel_heat_map(
        picture, np.array([0.1, -0.3, 0.0, 0.2])[SEGMENTS], unit=HOSTILE, **kw
    ),
    "grid": lambda picture, **kw: picture_grid(
        [picture] * 4, [None, SEGMENTS == 2, None, None], [HOSTILE] * 4, **kw
    ),
}


class TestFigures:
    @pytest.mark.parametrize("kind", FIGURES)
    def test_texts_are_literal_and_inside_the_figure(self, rng, kind):
        figure = FIGURES[kind](photo(rng), title=HOSTILE)
        renderer = rendered(figure)
        texts = [
            text
            for text in figure.findobj(matplotlib.text.Text)
            if HOSTILE in text.get_text().replace("\n", "") and text.get_visible()
        ]
        assert len(texts) >= {"overlay": 1, "contours": 3, "heat map": 2, "grid": 5}[kind]
        width, height = figure.canvas.get_width_height()
        for text in texts:
            assert not text.get_parse_math()
            box = text.get_window_extent(renderer)
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.y1 <= height
        assert figure.axes[0].get_window_extent(renderer).width > 0.25 * width

    @pytest.mark.parametrize("shape", [(80, 240), (240, 240), (240, 80)])
    @pytest.mark.parametrize("kind", FIGURES)
    def test_long_titles_are_not_cut_off(self, rng, kind, shape):
        segments = np.resize(SEGMENTS, shape)
        long = "a class whose name goes on and on for longer than the picture is wide"
        picture = photo(rng, shape)
        figure = {
            "overlay": lambda: superpixel_overlay(picture, segments == 9, title=long),
            "contours": lambda: superpixel_contours(
                picture, segments, [], [], names=(long, long), title=long
            ),
            "heat map": lambda: superpixel_heat_map(picture, segments * 1.0, title=long),
            "grid": lambda: picture_grid([picture] * 3, [None] * 3, [long] * 3),
        }[kind]()
        renderer = rendered(figure)
        width, height = figure.canvas.get_width_height()
        for axes in figure.axes[: 3 if kind == "grid" else 1]:
            title = axes._left_title.get_window_extent(renderer)
            assert 0 <= title.x0 < title.x1 <= width
            assert 0 <= title.y0 < title.y1 <= height
            box = axes.get_window_extent(renderer)
            assert max(box.width / width, box.height / height) > 0.25

    @pytest.mark.parametrize("kind", ["overlay", "contours", "heat map"])
    def test_the_callers_axes_are_used(self, rng, kind):
        axes = Figure().add_subplot()
        assert FIGURES[kind](photo(rng), ax=axes) is axes.figure
        assert axes.get_images()

    def test_contours_are_blue_and_orange_around_their_superpixels(self, rng):
        figure = FIGURES["contours"](photo(rng))
        colors = [to_hex(c.get_color()[0]).upper() for c in figure.axes[0].collections]
        assert colors == ["#FFFFFF", POSITIVE, "#FFFFFF", NEGATIVE]
        _, positive, _, negative = figure.axes[0].collections
        for drawn, group in ((positive, [1, 2]), (negative, [3])):
            expected = np.concatenate([outline(k == SEGMENTS) for k in group]) - 0.5
            np.testing.assert_array_equal(np.array(drawn.get_segments()), expected)
        assert [t.get_text() for t in figure.axes[0].texts] == ["1", "2", "3"]

    def test_contours_of_nothing_are_the_picture(self, rng):
        figure = superpixel_contours(photo(rng), SEGMENTS, [], [])
        rendered(figure)
        assert figure.axes[0].get_legend() is None

    def test_a_heat_map_of_zeros_draws(self, rng):
        figure = superpixel_heat_map(photo(rng), np.zeros((8, 6)))
        rendered(figure)
        assert figure.axes[1].get_ylim() == (-1, 1)

    def test_pixels_of_small_pictures_stay_sharp(self, rng):
        figure = FIGURES["overlay"](photo(rng))
        assert figure.axes[0].get_images()[0].get_interpolation() == "nearest"

    def test_a_grid_wants_a_title_for_each_picture(self, rng):
        with pytest.raises(ValueError, match=r"`titles` .* got 1 pictures, 1 in .*, 2 `titles`"):
            picture_grid([photo(rng)], [None], ["a", "b"])
