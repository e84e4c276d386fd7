"""SqueezeNet 1.1 for the 1,000 classes of ImageNet, as a JAX function."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lime_jax.examples.weights import squeezenet_weights
from lime_jax.typing import Array, Float, pytree

IMAGE_SIZE = 227
# Subtracted from red, green and blue: the means of ImageNet.
CHANNEL_MEANS = (123.68, 116.779, 103.939)
POOLED = (2, 4, 6)  # the fire modules that a pooling goes before
_BLOCK = 4  # images whose activations fit into a CPU's caches


@pytree
class SqueezeNet:
    """SqueezeNet 1.1 (Iandola et al. 2016) with its preprocessing; its arrays are the leaves.

    Poolings round up, as in the Caffe model that the weights come from. Convolutions have the
    precision of `jax.default_matmul_precision`; on a CPU that is float32.
    """

    # Kernel (height, width, in, out) and bias of every convolution, for RGB images
    layers: dict[str, tuple[Float[Array, "height width in out"], Float[Array, " out"]]]

    def __call__(self, images: object) -> Float[Array, "images 1000"]:
        """Probabilities of the classes of (images, 227, 227, 3), RGB from 0 to 255."""
        images = jnp.asarray(images)
        by_block = lambda images: _in_blocks(self._classify, images)  # noqa: E731
        return lax.platform_dependent(images, cpu=by_block, default=self._classify)

    def _classify(self, images: Array) -> Array:
        x = images.astype(jnp.float32) - jnp.array(CHANNEL_MEANS, jnp.float32)
        x = self._convolve("conv1", x, stride=2)
        for number in range(2, 10):
            x = self._fire(f"fire{number}", _max_pool(x) if number in POOLED else x)
        x = self._convolve("conv10", x)
        return jax.nn.softmax(x.mean((1, 2)))

    def _fire(self, name: str, x: Array) -> Array:
        """Few channels, from which both kinds of kernels make many."""
        squeezed = self._convolve(f"{name}/squeeze1x1", x)
        points = self._convolve(f"{name}/expand1x1", squeezed)
        squares = self._convolve(f"{name}/expand3x3", squeezed, padding="SAME")
        return jnp.concatenate([points, squares], axis=-1)

    def _convolve(self, name: str, x: Array, stride: int = 1, padding: str = "VALID") -> Array:
        kernel, bias = self.layers[name]
        if kernel.shape[:2] == (1, 1):  # as one product it is faster on CPUs
            return jax.nn.relu(jnp.einsum("nhwi,io->nhwo", x, kernel[0, 0]) + bias)
        convolved = lax.conv_general_dilated(
            x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jax.nn.relu(convolved + bias)


def squeezenet() -> SqueezeNet:
    """Load SqueezeNet 1.1 with the weights of the package `ndf`.

    Returns:
        A JAX function of RGB images from 0 to 255.

    Raises:
        ImportError: if `ndf` is not installed.

    Example:
        >>> from lime_jax.examples import imagenet_names, load_photo
        >>> probabilities = squeezenet()(load_photo("coffee")[None])
        >>> imagenet_names()[int(probabilities.argmax())]
        'espresso'
    """
    layers = squeezenet_weights()
    kernel, bias = layers["conv1"]
    layers["conv1"] = np.ascontiguousarray(kernel[:, :, ::-1]), bias  # from BGR to RGB
    return SqueezeNet(jax.tree.map(jnp.asarray, layers))


def _max_pool(x: Array) -> Array:
    """The largest of 3 x 3 every 2; of numbers from 0 up, so the zeros of the padding do not count.

    Slices, because `lax.reduce_window` is slower on CPUs.
    """
    for axis in (1, 2):
        odd = x.shape[axis] % 2
        widths = [(0, 0)] * 4
        widths[axis] = (0, 1 - odd)
        x = jnp.pad(x, widths)
        last = x.shape[axis] - 2
        windows = [lax.slice_in_dim(x, k, last + k, 2, axis) for k in range(3)]
        x = jnp.maximum(jnp.maximum(windows[0], windows[1]), windows[2])
    return x


def _in_blocks(function: Callable[[Array], Array], images: Array) -> Array:
    """The same, a few images at a time; the last block reaches back so that none is smaller."""
    count = len(images)
    if count <= _BLOCK:
        return function(images)
    starts = np.minimum(np.arange(0, count, _BLOCK), count - _BLOCK)
    outputs = lax.map(
        lambda start: function(lax.dynamic_slice_in_dim(images, start, _BLOCK)), jnp.asarray(starts)
    )
    block = np.arange(count) // _BLOCK
    return outputs[block, np.arange(count) - starts[block]]
