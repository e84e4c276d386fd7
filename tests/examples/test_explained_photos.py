"""LIME and KernelSHAP find the cat and the cup where a person drew them."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image, ImageDraw

from lime_jax import ImageExplainer
from lime_jax.examples import imagenet_names, load_photo, squeezenet, squeezenet_onnx

# Polygons (x, y) drawn by hand around the cat and the cup, in pixels of `load_photo`.
OUTLINES = json.loads((Path(__file__).parent / "outlines.json").read_text())
CLASSES = {"chelsea": "Egyptian cat", "coffee": "espresso"}
SAMPLES = 192


def inside(photo):
    mask = Image.new("1", (227, 227))
    ImageDraw.Draw(mask).polygon([tuple(point) for point in OUTLINES[photo]], fill=1)
    return np.asarray(mask)


def share_inside(explanation, label, mask):
    """Of the positive weights, each spread evenly over its superpixel's pixels."""
    segments = explanation.segments
    weights = np.maximum(explanation.heatmap(label), 0) / np.bincount(segments.ravel())[segments]
    return weights[mask].sum() / weights.sum()


@pytest.fixture(scope="module", params=["lime", "kernel_shap"])
def explained(request):
    photos = np.stack([load_photo(photo) for photo in CLASSES])
    explainer = ImageExplainer(request.param, class_names=imagenet_names(), seed=0)
    return explainer.explain(photos, squeezenet(), top_labels=1, num_samples=SAMPLES)


@pytest.mark.parametrize("row", [0, 1])
def test_the_weight_lies_where_the_thing_is(explained, row):
    photo, name = list(CLASSES.items())[row]
    label = imagenet_names().index(name)
    mask = inside(photo)
    assert explained[row].available_labels() == [label]
    share = share_inside(explained[row], label, mask)
    assert share > 0.6
    assert share > mask.mean()  # the cat fills 90 % of its photo, the cup 31 %


def test_onnxruntime_gives_the_same_weights():
    session = onnxruntime.InferenceSession(squeezenet_onnx().SerializeToString())

    def predict(images):
        return session.run(None, {"images": images.astype(np.float32)})[0]

    explainer = ImageExplainer(segmentation="grid", cell_size=57.0)
    fused, hosted = (
        explainer.explain(load_photo("coffee"), model, top_labels=3, num_samples=64, batch_size=4)
        for model in (squeezenet(), predict)
    )
    np.testing.assert_array_equal(hosted.labels, fused.labels)
    np.testing.assert_allclose(hosted.coef, fused.coef, atol=1e-5)
