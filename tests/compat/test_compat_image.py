"""Explanations of images are `lime`'s numbers where superpixels are the same."""

from __future__ import annotations

import pickle

import lime.lime_image
import numpy as np
import pytest

from lime_jax.compat.lime_image import ImageExplanation, LimeImageExplainer
from lime_jax.compat.wrappers.scikit_image import SegmentationAlgorithm

SEGMENTS = np.kron(np.arange(6).reshape(2, 3), np.ones((4, 4), int))


def quilt(image):
    return SEGMENTS


def bright(images):
    share = np.asarray(images, float)[:, :5, :6].mean((1, 2, 3)) / 300
    return np.stack([1 - share, share, share**2], axis=1)


@pytest.fixture
def image(rng):
    return rng.integers(0, 255, (8, 12, 3)).astype(np.uint8)


OPTIONS = {"segmentation_fn": quilt, "num_samples": 60}


@pytest.mark.parametrize(
    "more",
    [{}, {"hide_color": 0}, {"top_labels": None, "labels": (2,)}, {"num_features": 3}],
    ids=["mean colors", "black", "a label", "few"],
)
@pytest.mark.filterwarnings("ignore:.*tqdm:")
def test_weights_are_those_of_lime(image, more):
    ours, theirs = (
        kind(random_state=2).explain_instance(image, bright, **OPTIONS, **more)
        for kind in (LimeImageExplainer, lime.lime_image.LimeImageExplainer)
    )
    assert ours.local_exp.keys() == theirs.local_exp.keys()
    for label, pairs in theirs.local_exp.items():
        assert [k for k, _ in ours.local_exp[label]] == [k for k, _ in pairs]
        weights = [w for _, w in ours.local_exp[label]]
        np.testing.assert_allclose(weights, [w for _, w in pairs], 0, 1e-15)
        for options in ({}, {"positive_only": False}, {"hide_rest": True, "num_features": 2}):
            for one, other in zip(
                ours.get_image_and_mask(label, **options),
                theirs.get_image_and_mask(label, **options),
                strict=True,
            ):
                assert np.array_equal(one, other)
    assert list(ours.top_labels or ()) == list(getattr(theirs, "top_labels", ()))


def test_superpixels_are_called_by_their_labels(image):
    """Also where these do not count from 0, so that a heat map can be made of them."""
    explainer = LimeImageExplainer(random_state=0)
    found = explainer.explain_instance(
        image, bright, segmentation_fn=lambda image: 10 * SEGMENTS + 5, num_samples=60
    )
    assert {k for k, _ in found.local_exp[1]} == {5, 15, 25, 35, 45, 55}
    heat = np.vectorize(dict(found.local_exp[1]).get)(found.segments)
    assert heat[0, 0] == found.result.heatmap(1)[0, 0]


def test_gray_images_have_three_equal_channels(image):
    seen = []

    def model(images):
        seen.append(images.shape)
        return bright(images)

    LimeImageExplainer().explain_instance(image[..., 0], model, **OPTIONS, batch_size=16)
    assert seen[0] == (16, 8, 12, 3)
    assert seen[-1] == (12, 8, 12, 3)


def test_segmentations_of_today(image):
    for name, options in (
        ("quickshift", {"kernel_size": 2, "max_dist": 20, "random_seed": 1}),
        ("slic", {"n_segments": 5, "start_label": 0}),
        ("felzenszwalb", {"scale": 50, "random_seed": 1}),
    ):
        assert SegmentationAlgorithm(name, **options)(image).shape == (8, 12)
    with pytest.raises(ValueError, match="`n_segment`"):
        SegmentationAlgorithm("slic", n_segment=5)
    with pytest.raises(ValueError, match="`algo_type`"):
        SegmentationAlgorithm("watershed")


def test_many_images(image):
    explainer = LimeImageExplainer(random_state=0)
    found = explainer.explain_instances([image, image[::-1]], bright, **OPTIONS)
    assert [one.image.shape for one in found] == [(8, 12, 3)] * 2
    assert pickle.loads(pickle.dumps(found))[0].local_exp == found[0].local_exp


@pytest.mark.parametrize(
    ("given", "options", "named"),
    [
        (np.zeros(5), {}, "`image`"),
        (np.zeros((8, 13, 3)), {}, "`segmentation_fn`"),
        (np.zeros((8, 12, 3)), {"top_labels": None, "labels": (3,)}, "`labels`"),
    ],
)
def test_bad_images_are_named(given, options, named):
    with pytest.raises(ValueError, match=named):
        LimeImageExplainer().explain_instance(given, bright, **OPTIONS, **options)


def test_bad_masks_are_named():
    explanation = ImageExplanation(np.zeros((2, 2, 3)), np.zeros((2, 2), int))
    with pytest.raises(KeyError, match="`label`"):
        explanation.get_image_and_mask(0)
    explanation.local_exp[0] = []
    with pytest.raises(ValueError, match="`positive_only`"):
        explanation.get_image_and_mask(0, negative_only=True)
