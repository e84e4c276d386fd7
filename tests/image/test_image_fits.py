"""Images of one shape, and about as many superpixels, share one program; the others have theirs."""

import jax
import numpy as np
import pytest

from lime_jax import ImageExplainer, jax_predict
from lime_jax.engine import budget

pytestmark = pytest.mark.precision

SIZE = (8, 10)


def stripes(count, size=SIZE):
    """`count` stripes from left to right."""
    return np.broadcast_to(np.arange(size[1]) * count // size[1], size)


def image_of(rng, dtype=np.float32, size=SIZE):
    return (200 * rng.random((*size, 3))).astype(dtype)


def first_stripe(images):
    return images[:, :, 0].astype(float).mean((1, 2))


def explain(images, segmentation, model=first_stripe, algorithm="lime", **options):
    explainer = ImageExplainer(algorithm, segmentation, hide=0, alpha=1.0)
    return explainer.explain(images, model, **dict(num_samples=64) | options)


# Of two sizes, two dtypes and several numbers of superpixels.
COUNTS = (3, 1, 5, 4)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    kinds = [(np.float32, SIZE), (np.uint8, (6, 10)), (np.float32, SIZE), (np.float32, SIZE)]
    return [image_of(rng, *kind) for kind in kinds]


@pytest.fixture(scope="module")
def segments(images):
    return [stripes(count, image.shape[:2]) for count, image in zip(COUNTS, images, strict=True)]


@pytest.fixture(scope="module", params=["lime", "kernel_shap"])
def explained(request, images, segments):
    return explain(images, segments, algorithm=request.param)


class TestManyImages:
    def test_each_is_what_it_is_alone(self, explained, images, segments):
        for row, (image, own) in enumerate(zip(images, segments, strict=True)):
            alone = explain(image, own, algorithm=explained.algorithm)
            for name in ("coef", "std_error"):
                found = getattr(explained, name)[row, :, : COUNTS[row]]
                np.testing.assert_allclose(found, getattr(alone, name)[0], rtol=1e-5, atol=1e-5)
            for name in ("intercept", "local_pred", "score", "prediction", "effective_samples"):
                found, expected = getattr(explained, name)[row], getattr(alone, name)[0]
                np.testing.assert_allclose(found, expected, rtol=1e-5)
            for name in ("key_ids", "samples_used", "labels"):
                found, expected = getattr(explained, name)[row], getattr(alone, name)[0]
                np.testing.assert_array_equal(found, expected)

    def test_superpixels_that_an_image_does_not_have_are_masked(self, explained, segments):
        expected = np.arange(5) < np.array(COUNTS)[:, None]
        np.testing.assert_array_equal(explained.feature_mask, expected)
        np.testing.assert_array_equal(np.isnan(explained.std_error[:, 0]), ~expected)
        assert (explained.coef[:, 0][~expected] == 0).all()
        assert (explained.coef[:, 0, 0] != 0).all()
        for row, own in enumerate(segments):
            sizes = np.bincount(own.ravel(), minlength=5)
            np.testing.assert_array_equal(explained.values[row], sizes)

    def test_samples_are_counted_for_each(self, explained):
        lime = explained.algorithm == "lime"
        expected = [64] * 4 if lime else [2**count for count in COUNTS]
        assert explained.samples_used.tolist() == expected
        assert explained.num_samples == max(expected)


def test_images_of_one_shape_share_one_program(rng):
    shapes = []

    @jax_predict
    def model(images):
        shapes.append(images.shape)
        return images[:, :, 0].mean((1, 2))

    explain(image_of(rng), stripes(3), model)
    traced = len(shapes)
    explain(image_of(rng), stripes(5), model)
    assert len(shapes) == traced


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.uint64])
def test_a_host_model_sees_the_very_numbers_of_64_bits(rng, dtype):
    top = np.array(2**60, dtype) if np.dtype(dtype).kind in "iu" else np.pi
    image = (top + rng.integers(0, 9, (*SIZE, 3)) * 1e-9 * (top == np.pi)).astype(dtype)
    image += rng.integers(0, 9, image.shape).astype(dtype)
    seen = []

    def model(images):
        assert images.dtype == dtype
        seen.append(images.copy())
        return images.astype(float).mean((1, 2, 3))

    explain(image, stripes(3), model)
    shown = np.concatenate(seen)[1:]
    assert np.isin(shown, np.append(image.ravel(), np.zeros(1, dtype))).all()
    for part in range(3):
        inside = shown[:, stripes(3) == part]
        is_shown = (inside == image[stripes(3) == part]).all((1, 2))
        assert (is_shown | (inside == 0).all((1, 2))).all()
        assert is_shown.any()
        assert not is_shown.all()


def test_failing_images_are_named(rng):
    images = [image_of(rng), image_of(rng, size=(6, 10)), image_of(rng, size=(6, 10))]

    def model(images):
        if images.shape[1] == 6 and (images == 0).any():
            raise RuntimeError("out of light")
        return images.mean((1, 2, 3))

    with pytest.raises(RuntimeError, match="out of light") as error:
        explain(images, [stripes(3), stripes(3, (6, 10)), stripes(3, (6, 10))], model)
    notes = " ".join(error.value.__notes__)
    assert "images 1, 2 of shape (6, 10, 3) (float32)" in notes
    with pytest.raises(ValueError, match="`num_samples` must be") as error:
        explain(images[0], np.arange(80).reshape(SIZE), algorithm="kernel_shap")
    assert "superpixels of image 0" in " ".join(error.value.__notes__)


class TestMemory:
    def test_host_batches_keep_to_the_budget(self, rng, monkeypatch):
        images, sizes = np.stack([image_of(rng) for _ in range(3)]), []

        def model(batch):
            sizes.append(batch.nbytes)
            return first_stripe(batch)

        whole = explain(images, stripes(9), model, "kernel_shap")
        largest = max(sizes)
        sizes.clear()
        monkeypatch.setattr(budget, "MEMORY_BUDGET", 2**19)
        parts = explain(images, stripes(9), model, "kernel_shap")
        assert max(sizes) <= 2**16 < largest
        np.testing.assert_allclose(parts.coef, whole.coef, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(parts.std_error, whole.std_error, rtol=1e-3, atol=1e-4)

    def test_pictures_are_rendered_a_few_at_a_time_on_the_device(self, rng, monkeypatch):
        images, counts = np.stack([image_of(rng) for _ in range(3)]), []

        @jax_predict
        def model(batch):
            counts.append(len(batch))
            return batch[:, :, 0].mean((1, 2))

        options = dict(algorithm="kernel_shap", num_samples=512)
        whole = explain(images, stripes(9), model, **options)
        assert max(counts) > 64
        counts.clear()
        monkeypatch.setattr(budget, "_CACHED_NUMBERS", 40 * images[0].size)
        few = jax_predict(lambda batch: model(batch))  # another function: another program
        parts = explain(images, stripes(9), few, **options)
        assert 3 <= max(counts) <= 40
        np.testing.assert_allclose(parts.coef, whole.coef, rtol=1e-5, atol=1e-4)


def test_other_sample_counts_of_a_picture_on_the_host_compile_nothing(rng):
    compiled = []

    @jax.monitoring.register_event_duration_secs_listener
    def note(event: str, duration_secs: float, **facts: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(facts)

    picture, segments = image_of(rng, size=(80, 80)), stripes(4, (80, 80))
    assert budget.is_picture(picture.size)
    explain([picture], segments, num_samples=256)
    before = len(compiled)
    explained = explain([picture], segments, num_samples=512)
    assert len(compiled) == before
    # Without padding, and with a program of its own: on the device.
    ours = explain([picture], segments, jax_predict(first_stripe), num_samples=512)
    for name in ("coef", "std_error", "score", "effective_samples"):
        np.testing.assert_allclose(getattr(explained, name), getattr(ours, name), rtol=1e-4)
