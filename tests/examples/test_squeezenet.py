"""SqueezeNet is one network, in JAX and in ONNX, and sees what is in the photos."""

import importlib.util
import pickle
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest

from lime_jax.examples import PHOTOS, imagenet_names, load_photo, squeezenet, squeezenet_onnx
from lime_jax.examples.squeezenet import CHANNEL_MEANS
from lime_jax.examples.weights import load_arrays, squeezenet_weights


@pytest.fixture(scope="module")
def photos():
    return np.stack([load_photo(name) for name in PHOTOS])


@pytest.fixture(scope="module")
def network():
    return squeezenet()


@pytest.fixture(scope="module")
def session():
    return onnxruntime.InferenceSession(squeezenet_onnx().SerializeToString())


@pytest.fixture(scope="module")
def probabilities(network, photos):
    return np.asarray(call(network, photos))


call = jax.jit(lambda network, images: network(images))


@pytest.mark.parametrize(("photo", "name"), [("chelsea", "Egyptian cat"), ("coffee", "espresso")])
def test_it_names_what_is_in_the_photo(probabilities, photo, name):
    assert imagenet_names()[probabilities[PHOTOS.index(photo)].argmax()] == name


def test_probabilities_are_probabilities(probabilities):
    assert probabilities.shape == (len(PHOTOS), 1000)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("count", [1, len(PHOTOS)])
def test_onnxruntime_and_jax_agree(session, probabilities, photos, count):
    images = photos[:count].astype(np.float32)
    (theirs,) = session.run(None, {"images": images})
    np.testing.assert_allclose(theirs, probabilities[:count], atol=1e-5)


def test_the_first_layers_are_those_of_the_weights(network, photos):
    """Convolution and pooling in NumPy, blue first, and rounded up: 56 to 28."""
    kernel, bias = squeezenet_weights()["conv1"]
    blue_first = photos[0].astype(float)[:, :, ::-1] - CHANNEL_MEANS[::-1]
    windows = np.lib.stride_tricks.sliding_window_view(blue_first, (3, 3), (0, 1))[::2, ::2]
    expected = np.maximum(np.einsum("hwcij,ijco->hwo", windows, kernel) + bias, 0)
    means = jnp.asarray(CHANNEL_MEANS, jnp.float32)
    x = network._convolve("conv1", photos[:1].astype(np.float32) - means, stride=2)
    np.testing.assert_allclose(x[0], expected, atol=1e-3)


@pytest.mark.parametrize("count", [3, 8])
def test_an_image_has_the_same_answer_in_every_batch(network, probabilities, photos, count):
    batch = np.resize(photos, (count, *photos.shape[1:]))
    np.testing.assert_allclose(
        call(network, batch), np.resize(probabilities, (count, 1000)), atol=1e-6
    )


def test_pixels_may_be_floats(network, probabilities, photos):
    np.testing.assert_allclose(call(network, photos.astype(np.float32)), probabilities, atol=1e-6)


def test_its_weights_are_leaves(network, probabilities, photos):
    darker = jax.tree.map(lambda leaf: 0.5 * np.asarray(leaf), network)
    assert not np.allclose(call(darker, photos), probabilities, atol=1e-3)


def test_reading_the_weights_runs_no_code_of_their_package():
    squeezenet_weights()
    assert not any(name.partition(".")[0] == "ndf" for name in sys.modules)


class Trap:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (Path(self.mark),)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_are_unpickled(protocol):
    arrays = {"a": [np.arange(6.0).reshape(2, 3), np.float32([1])]}
    loaded = load_arrays(pickle.dumps(arrays, protocol))
    jax.tree.map(np.testing.assert_array_equal, loaded, arrays)


def test_a_pickle_with_code_in_it_never_runs(tmp_path):
    content = pickle.dumps({"conv1": [np.zeros(3), Trap(tmp_path / "mark")]})
    with pytest.raises(pickle.UnpicklingError, match="expected NumPy arrays only, got "):
        load_arrays(content)
    assert not (tmp_path / "mark").exists()
    pickle.loads(content)
    assert (tmp_path / "mark").exists()  # so the trap works


@pytest.mark.parametrize("harmful", [print, np.load, getattr, np.lib.format.open_memmap])
def test_a_pickle_can_name_nothing_but_arrays(harmful):
    with pytest.raises(pickle.UnpicklingError, match="expected NumPy arrays only"):
        load_arrays(pickle.dumps([harmful]))


def test_without_its_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"lime_jax\[demo\]"):
        squeezenet()
