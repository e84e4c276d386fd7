"""Images made larger or smaller: along each axis, every new number is a sum of some old ones."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from lime_jax.models.onnx.operators import axes_of, integers, operator
from lime_jax.models.onnx.reader import Node, Value


@operator("Resize")
def _resize(
    node: Node, x: Value, roi: Value = None, scales: Value = None, sizes: Value = None
) -> Value:
    if node.get("antialias", 0) or node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise node.refuse("anti-aliasing, or the old shape of an image, has no JAX form here")
    axes = axes_of(node, None, x.ndim) or tuple(range(x.ndim))
    old = [x.shape[axis] for axis in axes]
    if sizes is not None and np.size(sizes):
        new = list(integers(node, sizes, "sizes"))
        factors = [n / o for n, o in zip(new, old, strict=True)]
    else:
        if not isinstance(scales, np.ndarray):
            raise node.refuse("its scales depend on values of the model's input")
        factors = np.asarray(scales, np.float64).tolist()
        new = [int(np.floor(o * f)) for o, f in zip(old, factors, strict=True)]
    for axis, count, factor in zip(axes, new, factors, strict=True):
        if count != x.shape[axis] or factor != 1:
            x = _along(node, jnp.asarray(x), axis, count, factor)
    return x


@operator("Upsample")
def _upsample(node: Node, x: Value, scales: Value) -> Value:
    mode = (("mode", node.get("mode", "nearest")), ("coordinate_transformation_mode", "asymmetric"))
    old = Node(node.op, node.name, (), (), (*mode, ("nearest_mode", "floor")), node.opset)
    return _resize(old, x, None, scales)


def _along(node: Node, x: Value, axis: int, count: int, factor: float) -> Value:
    """One axis, of `count` numbers afterwards."""
    size = x.shape[axis]
    place = _places(node, size, count, factor)
    mode = node.get("mode", "nearest")
    if mode == "nearest":
        chosen = _NEAREST[node.get("nearest_mode", "round_prefer_floor")](place)
        return jnp.take(x, np.clip(chosen, 0, size - 1).astype(np.int64), axis=axis)
    if mode not in ("linear", "cubic"):
        raise node.refuse(f"mode {mode} has no JAX form here")
    weights = _weights(node, np.clip(place, 0, size - 1) if mode == "linear" else place, size)
    out = jnp.tensordot(x, jnp.asarray(weights.T, x.dtype), axes=(axis, 0), precision="highest")
    return jnp.moveaxis(out, -1, axis)


def _weights(node: Node, place: np.ndarray, size: int) -> np.ndarray:
    """How much of each old number is in each new one, (new, old)."""
    first = np.floor(place).astype(np.int64)
    away = place - first
    if node.get("mode") == "linear":
        near = {0: 1 - away, 1: away}
    else:
        a = node.get("cubic_coeff_a", -0.75)
        near = {k: _cubic(np.abs(away - k), a) for k in (-1, 0, 1, 2)}
    total = np.zeros((len(place), size))
    for k, part in near.items():
        at = first + k
        if node.get("exclude_outside", 0):
            part = np.where((at >= 0) & (at < size), part, 0)
        np.add.at(total, (np.arange(len(place)), np.clip(at, 0, size - 1)), part)
    return total / total.sum(axis=1, keepdims=True)


def _cubic(away: np.ndarray, a: float) -> np.ndarray:
    near = ((a + 2) * away - (a + 3)) * away**2 + 1
    far = ((a * away - 5 * a) * away + 8 * a) * away - 4 * a
    return np.where(away <= 1, near, np.where(away < 2, far, 0))


def _places(node: Node, size: int, count: int, factor: float) -> np.ndarray:
    """Where the new numbers are among the old ones."""
    k, mode = np.arange(count), node.get("coordinate_transformation_mode", "half_pixel")
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and count > 1):
        return (k + 0.5) / factor - 0.5
    if mode == "pytorch_half_pixel":
        return np.zeros(count)
    if mode == "half_pixel_symmetric":
        wanted = factor * size
        return size / 2 * (1 - count / wanted) + (k + 0.5) / factor - 0.5
    if mode == "align_corners":
        return k * (size - 1) / max(count - 1, 1)
    if mode == "asymmetric":
        return k / factor
    raise node.refuse(f"coordinates by {mode} have no JAX form here")


_NEAREST: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda place: np.ceil(place - 0.5),
    "round_prefer_ceil": lambda place: np.floor(place + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
