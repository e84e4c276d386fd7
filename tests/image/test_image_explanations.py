"""`ImageExplanations` and `ImageExplanation`: `lime`'s views, maps, figures, files and pages."""

import dataclasses
import itertools
import re

import numpy as np
import pytest
from lime.lime_image import ImageExplanation as LimeExplanation

import lime_jax
from lime_jax import ImageExplanations
from lime_jax.results.arrow import LONG_COLUMNS
from lime_jax.results.names import FeatureNames

NAMES = ("cat", "dog & <b>", "eel")
SIZES = [(12, 9), (8, 8), (10, 15)]
COUNTS = [6, 4, 6]


def segments_of(size, count):
    """`count` ragged stripes from left to right."""
    y, x = np.indices(size)
    return np.minimum((x + y % 2) * count // size[1], count - 1).astype(np.int32)


def make(images, segments, weights, **changes):
    """Explanations by hand; `weights` has (labels, superpixels) for each image."""
    rows, labels = len(images), len(weights[0])
    most = max(w.shape[1] for w in weights)
    coef = np.zeros((rows, labels, most), np.float32)
    error = np.full(coef.shape, np.nan, np.float32)
    mask, values = np.zeros((rows, most), bool), np.zeros((rows, most))
    for row, w in enumerate(weights):
        count = w.shape[1]
        coef[row, :, :count], error[row, :, :count], mask[row, :count] = w, 0.01, True
        values[row, :count] = np.bincount(segments[row].ravel(), minlength=count)
    by_label = np.ones((rows, labels))
    fields = dict(
        coef=coef,
        std_error=error,
        labels=np.tile(np.arange(labels), (rows, 1)),
        intercept=0.1 * by_label,
        score=0.83 * by_label,
        held_out_score=0.7 * by_label,
        local_pred=0.71 * by_label,
        prediction=np.tile([0.25, 0.6, 0.15], (rows, 1)),
        effective_samples=np.full(rows, 700.0),
        samples_used=np.full(rows, 1024),
        key_ids=np.arange(rows, dtype=np.uint32),
        row_ids=np.arange(rows),
        support=np.zeros((rows, most), np.int32),
        values=values,
        bins=np.full((rows, most), -1),
        variables=mask.astype(np.float32),
        output_names=NAMES,
        conditions=(),
        names=FeatureNames(tuple(f"superpixel {k}" for k in range(most))),
        method="sampled",
        model_path="jax",
        output_kind="probability",
        kernel_width=0.25,
        num_samples=1024,
        num_replicates=8,
        images=tuple(images),
        segments=tuple(segments),
    )
    return ImageExplanations(**{**fields, **changes})


def batch(layout=(3,), dtype=np.uint8, channel_axis="last", **changes):
    """Three images of several sizes, with weights that differ in size."""
    rng = np.random.default_rng(3)
    images, segments, weights = [], [], []
    for size, count in zip(SIZES, COUNTS, strict=True):
        image = (
            rng.integers(0, 200, (*size, *layout))
            if dtype is not float
            else rng.random(size + layout)
        )
        images.append(
            (np.moveaxis(image, -1, 0) if channel_axis == "first" else image).astype(dtype)
        )
        segments.append(segments_of(size, count))
        signs = rng.choice([-1, 1], (3, count)) * np.linspace(0.1, 0.6, count)
        weights.append(rng.permuted(signs, axis=1))
    return make(images, segments, weights, channel_axis=channel_axis, **changes)


@pytest.fixture(scope="module")
def explanations():
    return batch()


def lime_of(one, label):
    """The same explanation as an object of `lime`, which knows channels last and colors only."""
    image = one.image
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=-1)
    elif one.explanations.channel_axis == "first":
        image = np.moveaxis(image, 0, -1)
    theirs = LimeExplanation(image, one.segments)
    weights = one.explanations.coef[one.row, label][one.explanations.feature_mask[one.row]]
    theirs.local_exp[label] = sorted(
        enumerate(weights), key=lambda pair: abs(pair[1]), reverse=True
    )
    return theirs


class TestImageAndMask:
    @pytest.mark.parametrize(
        ("layout", "dtype", "channel_axis"),
        [
            ((3,), np.uint8, "last"),
            ((), np.uint8, "last"),
            ((4,), np.uint8, "last"),
            ((3,), float, "last"),
            ((7,), np.uint16, "last"),
            ((3,), np.float32, "first"),
        ],
    )
    def test_is_that_of_lime(self, layout, dtype, channel_axis):
        explanations = batch(layout, dtype, channel_axis)
        before = [image.copy() for image in explanations.images]
        options = itertools.product(
            explanations, (0, 2), [(True, False), (False, True), (False, False)], (True, False),
            (1, 3, 10), (0.0, 0.25),
        )  # fmt: skip
        for one, label, (positive, negative), hide_rest, num_features, min_weight in options:
            asked = (label, positive, negative, hide_rest, num_features, min_weight)
            image, mask = one.image_and_mask(*asked)
            expected, expected_mask = lime_of(one, label).get_image_and_mask(*asked)
            assert image.dtype == one.image.dtype
            shown = np.moveaxis(image, 0, -1) if channel_axis == "first" else image
            np.testing.assert_array_equal(shown, expected, err_msg=str(asked))
            np.testing.assert_array_equal(mask, expected_mask, err_msg=str(asked))
            image[...] = 0  # a copy
        for image, kept in zip(explanations.images, before, strict=True):
            np.testing.assert_array_equal(image, kept)

    def test_none_is_the_predicted_class_and_all_superpixels(self, explanations):
        one = explanations[0]
        for first, second in zip(
            one.image_and_mask(num_features=None),
            one.image_and_mask(1, num_features=6),
            strict=True,
        ):
            np.testing.assert_array_equal(first, second)

    def test_a_superpixel_that_was_not_selected_is_never_shown(self):
        error = batch().std_error.copy()
        error[0, :, [1, 4]] = np.nan
        coef = np.where(np.isnan(error), 0, batch().coef)
        one = batch(coef=coef, std_error=error)[0]
        _, mask = one.image_and_mask(positive_only=False, num_features=None)
        assert set(np.unique(one.segments[mask == 0])) == {1, 4}

    def test_both_signs_at_once_exclude_each_other(self, explanations):
        with pytest.raises(ValueError, match=r"`negative_only` and `positive_only`"):
            explanations[0].image_and_mask(negative_only=True)

    def test_an_output_that_was_not_explained_is_named(self, explanations):
        with pytest.raises(ValueError, match=r"`label`: expected numbers .* got 7"):
            explanations[0].image_and_mask(7)


class TestMaps:
    def test_the_heatmap_holds_the_weight_of_each_pixels_superpixel(self, explanations):
        for one in explanations:
            for label in range(3):
                heat = one.heatmap(label)
                assert heat.dtype == np.float64
                for (y, x), k in np.ndenumerate(one.segments):
                    assert heat[y, x] == explanations.coef[one.row, label, k]
            np.testing.assert_array_equal(
                one.std_error_map(), np.full(one.segments.shape, np.float32(0.01))
            )

    @pytest.mark.parametrize(
        ("percentile", "green"),
        [(100, {5}), (80, {5}), (79, {4, 5}), (59, {3, 4, 5}), (0, {2, 3, 4, 5})],
    )
    def test_covered_are_just_the_positive_weights_above_the_percentile(self, percentile, green):
        weights = np.array([[-0.2, -0.1, 0.1, 0.2, 0.3, 0.4]] * 3)
        segments = segments_of((12, 9), 6)
        one = make([np.zeros((12, 9))], [segments], [weights])[0]
        np.testing.assert_array_equal(one.covered(0, percentile), np.isin(segments, list(green)))

    def test_nothing_is_covered_where_nothing_raises_the_output(self):
        one = make([np.zeros((4, 4))], [segments_of((4, 4), 2)], [np.full((3, 2), -0.1)])[0]
        assert not one.covered().any()

    def test_superpixels_of_other_images_do_not_count(self, explanations):
        one = explanations[1]  # has 4 of 6
        weights = explanations.coef[1, 1, :4]
        expected = (weights > np.percentile(weights, 50)) & (weights > 0)
        np.testing.assert_array_equal(one.covered(1, 50), expected[one.segments])

    def test_a_percentile_out_of_range_is_named(self, explanations):
        with pytest.raises(ValueError, match=r"`percentile` should be from 0 to 100, got 101"):
            explanations[0].covered(percentile=101)


class TestBatches:
    def test_rows_are_images(self, explanations):
        assert len(explanations) == 3
        assert [one.image.shape for one in explanations] == [(12, 9, 3), (8, 8, 3), (10, 15, 3)]
        assert explanations[-1].row == 2
        assert repr(explanations) == (
            "ImageExplanations(3 images, 3 labels, 4 to 6 superpixels, sampled, model: jax)"
        )
        assert repr(explanations[0]).startswith("Explanation of image 0, dog & <b>:")

    @pytest.mark.parametrize("index", [slice(1, None), np.array([False, True, True]), [1, 2]])
    def test_a_part_keeps_its_images(self, explanations, index):
        part = explanations[index]
        assert type(part) is ImageExplanations
        assert [one.image.shape for one in part] == [(8, 8, 3), (10, 15, 3)]
        np.testing.assert_array_equal(part[0].heatmap(), explanations[1].heatmap())

    def test_an_image_lists_its_own_superpixels_only(self, explanations):
        assert len(explanations[1].as_list(None)) == 4
        weights = dict(explanations[1].as_list(None, 0))
        assert weights["superpixel 2"] == explanations.coef[1, 0, 2]
        assert set(dict(explanations[1].as_map()[2])) == {0, 1, 2, 3}

    def test_the_table_has_a_line_for_each_superpixel_there_is(self, explanations):
        table = explanations.to_pandas()
        assert list(table) == [*LONG_COLUMNS, "superpixel", "pixels"]
        assert len(table) == 3 * (6 + 4 + 6)
        of_one = table[(table["row_id"] == 1) & (table["label"] == "cat")]
        assert of_one["pixels"].sum() == 64
        np.testing.assert_array_equal(of_one["weight"], explanations.coef[1, 0, :4])
        assert explanations.to_arrow().num_rows == len(table)

    def test_superpixels_are_ranked_over_images_only_if_they_are_the_same(self, explanations):
        for ask in (
            explanations.importance,
            explanations.heat_map_figure,
            explanations.summary_figure,
        ):
            with pytest.raises(ValueError, match="superpixels of their own"):
                ask()
        shared = segments_of((8, 8), 4)
        weights = [np.array([[0.1, -0.2, 0.3, 0.0]] * 3), np.array([[0.3, 0.2, 0.1, 0.0]] * 3)]
        same = make([np.zeros((8, 8))] * 2, [shared] * 2, weights)
        np.testing.assert_allclose(same.importance()[0], [0.2, 0.2, 0.2, 0.0], rtol=1e-6)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"channel_axis": "middle"}, "`channel_axis`: expected one of last, first"),
            ({"images": ()}, r"`images` should have one entry per image \(3\), got 0"),
            ({"segments": (segments_of((9, 12), 6),) * 3}, r"`segments`: image 0 .*\(12, 9\)"),
        ],
    )
    def test_parts_that_do_not_fit_are_named(self, explanations, changes, message):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(explanations, **changes)


class TestFiles:
    def test_everything_comes_back(self, explanations, tmp_path):
        explanations.save(tmp_path / "e.npz")
        back = lime_jax.load(tmp_path / "e.npz")
        assert type(back) is ImageExplanations
        for name, value in vars(explanations).items():
            found = getattr(back, name)
            if isinstance(value, np.ndarray):
                assert found.dtype == value.dtype
                np.testing.assert_array_equal(found, value, err_msg=name)
            elif name in ("images", "segments"):
                for one, other in zip(found, value, strict=True):
                    assert one.dtype == other.dtype
                    np.testing.assert_array_equal(one, other)
            else:
                assert found == value
        assert back.as_html() == explanations.as_html()

    def test_files_need_no_pickle(self, explanations, tmp_path):
        explanations[:2].save(tmp_path / "e.npz")
        with np.load(tmp_path / "e.npz", allow_pickle=False) as file:
            assert file["images_1"].shape == (8, 8, 3)
            assert "images_2" not in file

    def test_no_images_are_an_empty_file(self, explanations, tmp_path):
        explanations[:0].save(tmp_path / "none.npz")
        assert len(lime_jax.load(tmp_path / "none.npz")) == 0

    def test_a_file_that_lost_an_image_is_refused(self, explanations, tmp_path):
        explanations.save(tmp_path / "e.npz")
        with np.load(tmp_path / "e.npz") as file:
            kept = {name: file[name] for name in file if name != "images_1"}
        np.savez(tmp_path / "part.npz", **kept)
        with pytest.raises(ValueError, match=r"`path`: expected a file .*\(images_1 is not"):
            lime_jax.load(tmp_path / "part.npz")


class TestPictures:
    def test_the_overlay_is_green_where_covered(self, explanations):
        one = explanations[0]
        figure = one.plot(0, percentile=50)
        (shown,) = [image.get_array() for image in figure.axes[0].get_images()]
        shown, inside = shown.astype(int), one.covered(0, 50)
        assert inside.any()
        assert np.ptp(shown[~inside], axis=-1).max() == 0  # gray
        before, after = (p[inside, 1] - p[inside, 0] for p in (one.picture.astype(int), shown))
        assert (after > before).all()
        assert figure.axes[0].get_title(loc="left") == "cat: 0.250"

    def test_contours_number_the_strongest_superpixels(self, explanations):
        figure = explanations[0].as_pyplot_figure(4, 2)
        numbers = {int(text.get_text()) for text in figure.axes[0].texts}
        assert numbers == {k for k, _ in explanations[0].as_map(4)[2]}

    def test_the_heat_map_names_its_unit(self, explanations):
        figure = explanations[0].heat_map_figure()
        assert figure.axes[1].get_ylabel() == "weight, in units of the probability"
        limit = np.abs(explanations.coef[0, 1]).max()
        np.testing.assert_allclose(figure.axes[1].get_ylim(), (-limit, limit))

    def test_the_grid_shows_the_most_probable_output_first(self, explanations):
        titles = [axes.get_title(loc="left") for axes in explanations[0].top_labels_figure().axes]
        assert titles == ["image 0", "dog & <b>: 0.600", "cat: 0.250", "eel: 0.150"]

    @pytest.mark.parametrize("view", ["overlay", "contours", "heat map", "top labels"])
    def test_a_view_is_a_png_file(self, explanations, view, tmp_path):
        explanations[1].save_png(tmp_path / "one.png", view=view)
        assert (tmp_path / "one.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"

    def test_another_view_is_refused(self, explanations, tmp_path):
        with pytest.raises(ValueError, match=r"`view` should be one of .* got 'side'"):
            explanations[1].save_png(tmp_path / "one.png", view="side")


class TestPages:
    def test_a_page_holds_pictures_and_numbers(self, explanations, tmp_path):
        explanations[0].save_to_file(tmp_path / "one.html")
        page = (tmp_path / "one.html").read_text()
        assert page.count("<img ") == page.count('src="data:image/png;base64,') == 3
        for words in (
            "image 0: <bdi>dog &amp; &lt;b&gt;</bdi>",
            "The surrogate predicts 0.710 where the model says 0.600; R² 0.83",
            "around this image",
            '<th scope="row">superpixel 5</th>',
            "±0.024",
            "1,024 samples",
            "intercept",
        ):
            assert words in page
        assert not re.search(r"<script|http|@import|url\(|<link", page.lower())

    def test_a_page_of_several_images(self, explanations):
        page = explanations.as_html(rows=(0, 2, 9), title="Pets")
        assert "<h1>Pets</h1>" in page
        assert [f"image {k}: " in page for k in range(3)] == [True, False, True]
        assert page.count("<img ") == 6
        for fact in ("images</dt><dd>3", "algorithm</dt><dd>LIME", "samples</dt><dd>1,024"):
            assert fact in page

    def test_a_notebook_shows_the_pictures(self, explanations):
        shown = explanations[0]._repr_html_()
        assert shown.startswith('<div class="lime-jax">')
        assert shown.count("<img ") == 3

    def test_a_flat_kernel_is_said_where_there_is_a_kernel(self):
        flat = np.full(3, 1000.0)
        assert "nearly flat" in batch(effective_samples=flat)[0].as_html()
        no_kernel = batch(effective_samples=flat, algorithm="kernel_shap")
        assert "nearly flat" not in no_kernel[0].as_html()

    def test_superpixels_that_few_samples_tell_about_are_named(self):
        support = np.ones((3, 6), np.int32)
        assert "superpixel 0, 1, 2, 3; its interval is wide" in batch(support=support)[1].as_html()
