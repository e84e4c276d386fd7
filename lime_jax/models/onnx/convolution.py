"""Convolutions and pooling, for any number of spatial axes, channels first."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.onnx.operators import operator
from lime_jax.models.onnx.reader import Node, Value

Padding = list[tuple[int, int]]

_GROUPS = 16
"""Groups that are convolved one after the other; more of them take the compiler too long."""


@operator("Conv")
def _conv(node: Node, x: Value, weights: Value, bias: Value = None) -> Value:
    spatial = x.ndim - 2
    strides = node.get("strides", (1,) * spatial)
    dilations = node.get("dilations", (1,) * spatial)
    padding = _padding(node, x.shape[2:], weights.shape[2:], strides, dilations)

    def convolve(x: Value, weights: Value, groups: int = 1) -> Value:
        return jax.lax.conv_general_dilated(
            x,
            weights,
            strides,
            padding,
            rhs_dilation=dilations,
            feature_group_count=groups,
            precision="highest",
        )

    groups = node.get("group", 1)
    if 1 < groups <= _GROUPS and jax.default_backend() == "cpu":
        # XLA's loop for groups takes more than twice as long there.
        parts = map(convolve, jnp.split(x, groups, 1), jnp.split(weights, groups))
        out = jnp.concatenate(list(parts), 1)
    else:
        out = convolve(x, weights, groups)
    return out if bias is None else out + bias.reshape(-1, *[1] * spatial)


@operator("ConvTranspose")
def _transposed(node: Node, x: Value, weights: Value, bias: Value = None) -> Value:
    spatial, groups = x.ndim - 2, node.get("group", 1)
    strides = node.get("strides", (1,) * spatial)
    dilations = node.get("dilations", (1,) * spatial)
    reach = [d * (k - 1) for d, k in zip(dilations, weights.shape[2:], strict=True)]
    padding = [
        (r - low, r - high + more)
        for r, (low, high, more) in zip(reach, _cut(node, x, strides, reach), strict=True)
    ]

    def spread(x: Value, weights: Value) -> Value:
        turned = jnp.flip(jnp.swapaxes(weights, 0, 1), tuple(range(2, x.ndim)))
        return jax.lax.conv_general_dilated(
            x,
            turned,
            (1,) * spatial,
            padding,
            lhs_dilation=strides,
            rhs_dilation=dilations,
            precision="highest",
        )

    parts = map(spread, jnp.split(x, groups, 1), jnp.split(weights, groups))
    out = jnp.concatenate(list(parts), 1)
    return out if bias is None else out + bias.reshape(-1, *[1] * spatial)


def _cut(
    node: Node, x: Value, strides: Sequence[int], reach: Sequence[int]
) -> list[tuple[int, int, int]]:
    """What is cut off before and behind each axis of the whole, and what is added behind it."""
    spatial = x.ndim - 2
    more = node.get("output_padding", (0,) * spatial)
    mode, wanted = node.get("auto_pad", "NOTSET"), node.get("output_shape")
    if mode in ("NOTSET", "VALID") and not wanted:
        pads = node.get("pads", (0,) * (2 * spatial))
        return list(zip(pads[:spatial], pads[spatial:], more, strict=True))
    cut = []
    for k, (stride, width) in enumerate(zip(strides, reach, strict=True)):
        size = x.shape[2 + k]
        target = wanted[len(wanted) - spatial + k] if wanted else size * stride
        total = max(0, stride * (size - 1) + more[k] + width + 1 - target)
        less, rest = total // 2, total - total // 2
        cut.append((less, rest, more[k]) if mode == "SAME_UPPER" else (rest, less, more[k]))
    return cut


@operator("MaxPool")
def _max_pool(node: Node, x: Value) -> Value:
    if len(node.outputs) > 1 and node.outputs[1]:
        raise node.refuse("indices of the largest values have no JAX form here")
    strides, dilations, padding, extra = _window(node, x)
    padding = [(low, high + more) for (low, high), more in zip(padding, extra, strict=True)]
    return jax.lax.reduce_window(
        x,
        -jnp.inf,
        jax.lax.max,
        (1, 1, *node.get("kernel_shape")),
        (1, 1, *strides),
        [(0, 0), (0, 0), *padding],
        window_dilation=(1, 1, *dilations),
    )


@operator("AveragePool")
def _average_pool(node: Node, x: Value) -> Value:
    strides, dilations, padding, extra = _window(node, x)

    def total(values: Value, around: Padding) -> Value:
        return jax.lax.reduce_window(
            values,
            0.0,
            jax.lax.add,
            (1, 1, *node.get("kernel_shape")),
            (1, 1, *strides),
            [(0, 0), (0, 0), *around],
            window_dilation=(1, 1, *dilations),
        )

    beyond = [(0, more) for more in extra]
    around = [(low, high + more) for (low, high), (_, more) in zip(padding, beyond, strict=True)]
    counted = jnp.ones((1, 1, *x.shape[2:]), x.dtype)
    if node.get("count_include_pad", 0):
        counted = jnp.pad(counted, [(0, 0), (0, 0), *padding], constant_values=1)
        return total(x, around) / total(counted, beyond)
    return total(x, around) / total(counted, around)


@operator("GlobalAveragePool")
def _global_average_pool(node: Node, x: Value) -> Value:
    return x.mean(tuple(range(2, x.ndim)), keepdims=True)


@operator("GlobalMaxPool")
def _global_max_pool(node: Node, x: Value) -> Value:
    return x.max(tuple(range(2, x.ndim)), keepdims=True)


def _window(node: Node, x: Value) -> tuple[Sequence[int], Sequence[int], Padding, list[int]]:
    """Strides, dilations, padding, and what `ceil_mode` adds at the end."""
    kernel = node.get("kernel_shape")
    strides = node.get("strides", (1,) * len(kernel))
    dilations = node.get("dilations", (1,) * len(kernel))
    padding = _padding(node, x.shape[2:], kernel, strides, dilations)
    extra = [0] * len(kernel)
    if node.get("ceil_mode", 0):
        for k, (low, high) in enumerate(padding):
            reach = dilations[k] * (kernel[k] - 1) + 1
            size = x.shape[2 + k]
            windows = math.ceil((size + low + high - reach) / strides[k]) + 1
            if (windows - 1) * strides[k] >= size + low:
                windows -= 1  # a window may not start behind the end
            extra[k] = max(0, (windows - 1) * strides[k] + reach - size - low - high)
    return strides, dilations, padding, extra


def _padding(
    node: Node,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> Padding:
    """Numbers to add before and behind each spatial axis."""
    mode, spatial = node.get("auto_pad", "NOTSET"), len(sizes)
    if mode == "NOTSET":
        pads = node.get("pads", (0,) * (2 * spatial))
        return list(zip(pads[:spatial], pads[spatial:], strict=True))
    if mode == "VALID":
        return [(0, 0)] * spatial
    padding = []
    for size, width, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        windows = -(-size // stride)
        total = max(0, (windows - 1) * stride + dilation * (width - 1) + 1 - size)
        less, more = total // 2, total - total // 2
        padding.append((less, more) if mode == "SAME_UPPER" else (more, less))
    return padding


@operator("LRN")
def _local_response_normalization(node: Node, x: Value) -> Value:
    size = node.get("size")
    before, behind = (size - 1) // 2, size // 2
    window = np.ones(x.ndim, int)
    window[1] = size
    padding = [(0, 0), (before, behind)] + [(0, 0)] * (x.ndim - 2)
    ones = (1,) * x.ndim
    total = jax.lax.reduce_window(x * x, 0.0, jax.lax.add, tuple(window), ones, padding)
    scale = node.get("bias", 1.0) + node.get("alpha", 1e-4) / size * total
    return x * scale ** -node.get("beta", 0.75)
