"""A model of images: batches of one size and dtype, outputs in order, errors that show shapes."""

import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from lime_jax import jax_predict
from lime_jax.image.model import ImageModel
from lime_jax.models.opening import as_predict_fn


def image_model(model, channel_axis="last"):
    return ImageModel(as_predict_fn(model), channel_axis, model)


def images_of(rng, sizes=((4, 5), (6, 5), (4, 5), (4, 5), (6, 5)), dtype=np.float32):
    return [(100 * rng.random((*size, 3))).astype(dtype) for size in sizes]


def means(images):
    return np.stack([images.mean((1, 2, 3)), images.max((1, 2, 3))], axis=1)


def expected_of(images):
    return np.concatenate([means(image[None].astype(np.float64)) for image in images])


@pytest.mark.parametrize(("batch_size", "most"), [(None, 3), (2, 2), (1, 1)])
def test_images_of_several_sizes_keep_their_order(rng, batch_size, most):
    images, batches = images_of(rng), []

    def model(batch):
        batches.append(batch.shape)
        return means(batch)

    prediction = image_model(model).predict_images(images, batch_size)
    np.testing.assert_allclose(prediction, expected_of(images), rtol=1e-6)
    assert max(shape[0] for shape in batches) == most
    assert {shape[1:] for shape in batches} == {(4, 5, 3), (6, 5, 3)}


def test_dtypes_are_not_mixed(rng):
    images = [image.astype(t) for image in images_of(rng) for t in (np.uint8, np.float64)]
    seen = []

    def model(batch):
        seen.append(batch.dtype.name)
        return means(batch.astype(np.float64))

    prediction = image_model(model).predict_images(images, None)
    np.testing.assert_allclose(prediction, expected_of(images))
    assert sorted(seen) == ["float64", "float64", "uint8", "uint8"]


def test_a_jax_model_is_called_on_the_device(rng):
    images = images_of(rng)
    model = image_model(jax_predict(lambda x: jnp.stack([x.mean((1, 2, 3)), x.max((1, 2, 3))], 1)))
    assert model.on_device
    np.testing.assert_allclose(model.predict_images(images, 1), expected_of(images), rtol=1e-5)


def test_a_model_may_write_into_its_batch(rng):
    images = images_of(rng)
    before = [image.copy() for image in images]

    def model(batch):
        batch *= 0
        return batch.sum((1, 2, 3))

    image_model(model).predict_images(images, None)
    for image, kept in zip(images, before, strict=True):
        np.testing.assert_array_equal(image, kept)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (lambda x: x, r"expected outputs of shape \(3,\) or \(3, outputs\).* got \(3, 4, 5, 3\)"),
        (lambda x: x.mean((1, 2, 3))[:-1], r"for 3 inputs, got \(2,\)"),
        (lambda x: np.full(len(x), np.nan), "expected finite outputs"),
        (lambda x: ["cat"] * len(x), "expected numbers"),
        (lambda x: x.mean((1, 2))[:, : x.shape[1] - 3], r"expected 1 outputs .* got 3"),
    ],
)
def test_outputs_that_are_no_outputs_are_refused(rng, model, expected):
    with pytest.raises(ValueError, match=f"`model`: .*{expected}") as error:
        image_model(model).predict_images(images_of(rng), None)
    assert "called with images of shape" in error.value.__notes__[-1]


def wrong(images):
    raise RuntimeError("the layer wants something else")


def pooling(batch="batch"):
    """A graph of channels first: the mean of each channel."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["means"]),
    ]
    shapes = {"images": [batch, 3, 8, 6], "means": [batch, 3]}
    infos = [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in shapes.items()]
    graph = helper.make_graph(nodes, "pooling", infos[:1], infos[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


class Net:
    """As far as it matters here, a Keras model."""

    input_shape = (None, 8, 6, 3)

    def __call__(self, images):
        return wrong(images)

    def classify(self, images):
        return wrong(images)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (onnxruntime.InferenceSession(pooling().SerializeToString()), "('batch', 3, 8, 6)"),
        (onnxruntime.InferenceSession(pooling(2).SerializeToString()), "(2, 3, 8, 6)"),
        (pooling(), "('batch', 3, 8, 6)"),
        (Net(), "(None, 8, 6, 3)"),
        (Net().classify, "(None, 8, 6, 3)"),
        (wrong, None),
    ],
    ids=["session", "session of two", "graph", "network", "method", "function"],
)
def test_the_error_shows_the_shapes_sent_and_expected(rng, model, expected):
    opened = image_model(model)
    assert opened.expected == expected
    if isinstance(model, type(pooling())):
        return
    with pytest.raises(Exception, match=r"Got|else") as error:
        opened.predict_images(images_of(rng), None)
    [note] = [note for note in error.value.__notes__ if "images of shape" in note]
    assert "images of shape (3, 4, 5, 3) (float32)" in note
    assert ("the model expects" in note) == (expected is not None)
    assert expected is None or expected in note


@pytest.mark.parametrize(
    ("shape", "channel_axis", "hint"),
    [
        ((3, 8, 8), "last", 'pass "first" if its channels come first'),
        ((8, 8, 3), "first", 'pass "last" if its channels come last'),
        ((8, 8, 3), "last", None),
    ],
)
def test_channels_that_seem_to_be_elsewhere_are_pointed_at(shape, channel_axis, hint):
    with pytest.raises(RuntimeError) as error:
        image_model(wrong, channel_axis).predict_images([np.zeros(shape)], None)
    assert ("channel_axis" in error.value.__notes__[-1]) == (hint is not None)
    assert hint is None or hint in error.value.__notes__[-1]
