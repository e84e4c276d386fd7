"""A model of images for `lime-jax demo-image`: SqueezeNet, or an ONNX file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from lime_jax.cli.errors import InputError, describe
from lime_jax.cli.files import known_suffix
from lime_jax.typing import PredictFn

if TYPE_CHECKING:
    from lime_jax.models.onnx.runtime import Input, RuntimePredict

_FREE_SIZE = 224  # of a model that takes images of any size
_BATCH = 4  # images at a time: onnxruntime is fastest on few


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A model of images, and the pictures that it takes."""

    predict: PredictFn  # of a batch (images, height, width, 3), RGB from 0 to 255
    size: tuple[int, int]
    name: str
    class_names: tuple[str, ...] | None  # of the outputs; None: numbers
    batch_size: int | None = None  # images at a time, on the host; None: no matter


def load_classifier(path: str | None) -> Classifier:
    """SqueezeNet in JAX, or the model of an ONNX file, which onnxruntime runs on the host.

    A file's model is called as `lime-jax demo-image --help` says; a thousand outputs are ImageNet's
    classes.
    """
    if path is None:
        from lime_jax.examples import imagenet_names, squeezenet
        from lime_jax.examples.squeezenet import IMAGE_SIZE

        size = (IMAGE_SIZE, IMAGE_SIZE)
        return Classifier(squeezenet(), size, "SqueezeNet 1.1", imagenet_names())
    known_suffix(Path(path), (".onnx",), "--model")
    if not Path(path).is_file():
        raise InputError(f"--model: no such file: {path}")
    session = _open(path)
    channels_first, size = _layout(path, session.inputs)
    return _as_classifier(path, session, channels_first, size)


def _open(path: str) -> RuntimePredict:
    from lime_jax.models.onnx.runtime import open_session

    try:
        return open_session(path, None)
    except ImportError:
        raise
    except Exception as error:  # a file can fail to load in any way
        raise InputError(f"--model: cannot load {path} ({describe(error)})") from error


def _layout(path: str, inputs: Sequence[Input]) -> tuple[bool, tuple[int, int]]:
    """Whether the channels come first, and the size; read from the shape of the input."""
    shape = inputs[0].shape if len(inputs) == 1 else None
    if shape is not None and len(shape) == 4 and 3 in (shape[1], shape[3]):
        channels_first = shape[1] == 3
        height, width = shape[2:] if channels_first else shape[1:3]
        return channels_first, (height or _FREE_SIZE, width or _FREE_SIZE)
    listed = ", ".join(f"{entry.name}: {_in_words(entry.shape)}" for entry in inputs)
    raise InputError(
        f"--model: expected one input of RGB images, (images, height, width, 3) or "
        f"(images, 3, height, width), got {listed}"
    )


def _in_words(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "any shape"
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"


def _as_classifier(
    path: str, session: RuntimePredict, channels_first: bool, size: tuple[int, int]
) -> Classifier:
    """The session as a function of channels-last images; tried once, on gray ones."""

    def outputs(images: np.ndarray) -> np.ndarray:
        images = np.asarray(images, np.float32)
        return session(np.moveaxis(images, 3, 1) if channels_first else images)

    try:
        tried = outputs(np.full((1, *size, 3), 127.5, np.float32))
    except Exception as error:  # whatever the runtime says of the model
        raise InputError(
            f"--model: {path} fails on an image of {size[0]} x {size[1]} pixels ({describe(error)})"
        ) from error
    if tried.ndim != 2 or tried.shape[1] < 2 or not np.isfinite(tried).all():
        raise InputError(
            f"--model: expected finite outputs of shape (images, classes), at least two classes; "
            f"{path} returns {tried.shape} for one image"
        )
    is_probability = tried.min() >= 0 and tried.max() <= 1
    names = None
    if tried.shape[1] == 1000:
        from lime_jax.examples import imagenet_names

        names = imagenet_names()
    predict = outputs if is_probability else lambda images: softmax(outputs(images), axis=1)
    return Classifier(predict, size, Path(path).name, names, session.batch or _BATCH)
