"""Operators that move numbers and leave them as they are."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.onnx.operators import axes_of, integers, namespace, operator
from lime_jax.models.onnx.reader import Node, Value


@operator("Identity", "Dropout", "ai.onnx.ml.ZipMap")
def _identity(node: Node, x: Value, ratio: Value = None, training: Value = None) -> Value:
    if training is not None and (not isinstance(training, np.ndarray) or training.any()):
        raise node.refuse("it is in training mode")
    return x


@operator("Cast")
def _cast(node: Node, x: Value) -> Value:
    from onnx import helper

    dtype = helper.tensor_dtype_to_np_dtype(node.get("to"))
    if dtype.kind in "OSU":
        raise node.refuse("text has no JAX form")
    if isinstance(x, np.ndarray):
        return x.astype(dtype)
    return x.astype(jax.dtypes.canonicalize_dtype(dtype))


@operator("CastLike")
def _cast_like(node: Node, x: Value, like: Value) -> Value:
    return x.astype(like.dtype if isinstance(x, np.ndarray) else jnp.asarray(like).dtype)


@operator("Shape")
def _shape(node: Node, x: Value) -> np.ndarray:
    return np.array(x.shape[node.get("start", 0) : node.get("end")], np.int64)


@operator("Size")
def _size(node: Node, x: Value) -> np.ndarray:
    return np.array(x.size, np.int64)


@operator("Reshape")
def _reshape(node: Node, x: Value, shape: Value = None) -> Value:
    sizes = integers(node, node.get("shape") if shape is None else shape, "sizes")
    if not node.get("allowzero", 0):
        sizes = tuple(x.shape[k] if size == 0 else size for k, size in enumerate(sizes))
    return x.reshape(sizes)


@operator("Flatten")
def _flatten(node: Node, x: Value) -> Value:
    axis = node.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(int(np.prod(x.shape[:axis], dtype=np.int64)), -1)


@operator("Squeeze")
def _squeeze(node: Node, x: Value, axes: Value = None) -> Value:
    chosen = axes_of(node, axes, x.ndim)
    return namespace(x).squeeze(x, chosen)


@operator("Unsqueeze")
def _unsqueeze(node: Node, x: Value, axes: Value = None) -> Value:
    places = integers(node, node.get("axes") if axes is None else axes, "axes")
    rank = x.ndim + len(places)
    return namespace(x).expand_dims(x, tuple(axis % rank for axis in places))


@operator("Transpose")
def _transpose(node: Node, x: Value) -> Value:
    return namespace(x).transpose(x, node.get("perm"))


@operator("Expand")
def _expand(node: Node, x: Value, shape: Value) -> Value:
    target = np.broadcast_shapes(x.shape, integers(node, shape, "sizes"))
    return namespace(x).broadcast_to(x, target)


@operator("Tile")
def _tile(node: Node, x: Value, repeats: Value) -> Value:
    return namespace(x).tile(x, integers(node, repeats, "repeats"))


@operator("SequenceConstruct")
def _sequence(node: Node, *values: Value) -> Value:
    """What several models say, side by side: no other operator takes a sequence here."""
    return namespace(*values).concatenate(values, axis=1)


@operator("Concat")
def _concat(node: Node, *values: Value) -> Value:
    return namespace(*values).concatenate(values, axis=node.get("axis"))


@operator("Gather")
def _gather(node: Node, x: Value, indices: Value) -> Value:
    xp, axis = namespace(x, indices), node.get("axis", 0)
    return xp.take(x, xp.where(indices < 0, indices + x.shape[axis], indices), axis=axis)


@operator("GatherND")
def _gather_nd(node: Node, x: Value, indices: Value) -> Value:
    xp, batch, depth = namespace(x, indices), node.get("batch_dims", 0), indices.shape[-1]
    sizes = np.array(x.shape[batch : batch + depth], indices.dtype)
    places = xp.where(indices < 0, indices + sizes, indices)
    ones = [1] * (indices.ndim - 1 - batch)
    # Each example's own number, as what stands before the other indices.
    leading = [
        np.arange(size).reshape([size if axis == k else 1 for k in range(batch)] + ones)
        for axis, size in enumerate(x.shape[:batch])
    ]
    return x[(*leading, *(places[..., k] for k in range(depth)))]


@operator("ai.onnx.ml.ArrayFeatureExtractor")
def _extract(node: Node, x: Value, indices: Value) -> Value:
    xp = namespace(x, indices)
    out = xp.take(x, xp.ravel(indices), axis=-1)
    return out.reshape(1, -1) if x.ndim == 1 else out


@operator("Slice")
def _slice(
    node: Node,
    x: Value,
    starts: Value = None,
    ends: Value = None,
    axes: Value = None,
    steps: Value = None,
) -> Value:
    first = integers(node, node.get("starts") if starts is None else starts, "starts")
    last = integers(node, node.get("ends") if ends is None else ends, "ends")
    chosen = axes_of(node, axes, x.ndim) or tuple(range(len(first)))
    by = (1,) * len(first) if steps is None else integers(node, steps, "steps")
    index = [slice(None)] * x.ndim
    for axis, *bounds in zip(chosen, first, last, by, strict=True):
        index[axis] = slice(*bounds)
    return x[tuple(index)]


@operator("Split")
def _split(node: Node, x: Value, sizes: Value = None) -> tuple[Value, ...]:
    axis, count = node.get("axis", 0), len(node.outputs)
    wanted = node.get("split") if sizes is None else sizes
    if wanted is None:
        most = -(-x.shape[axis] // count)
        lengths = [most] * (count - 1)
    else:
        lengths = integers(node, wanted, "sizes")[:-1]
    return tuple(namespace(x).split(x, [int(end) for end in np.cumsum(lengths)], axis=axis))


@operator("Pad")
def _pad(
    node: Node, x: Value, pads: Value = None, value: Value = None, axes: Value = None
) -> Value:
    amounts = integers(node, node.get("pads") if pads is None else pads, "pads")
    chosen = axes_of(node, axes, x.ndim) or tuple(range(x.ndim))
    if min(amounts, default=0) < 0:
        raise node.refuse("negative pads have no JAX form here")
    widths = [(0, 0)] * x.ndim
    for k, axis in enumerate(chosen):
        widths[axis] = amounts[k], amounts[k + len(chosen)]
    mode = node.get("mode", "constant")
    if mode != "constant":
        return jnp.pad(x, widths, mode=mode)
    value = node.get("value", 0.0) if value is None else value
    return jnp.pad(x, widths, constant_values=jnp.asarray(value, x.dtype).reshape(()))


@operator("ConstantOfShape")
def _constant_of_shape(node: Node, shape: Value) -> np.ndarray:
    value = node.get("value", np.zeros(1, np.float32))
    return np.full(integers(node, shape, "sizes"), value.reshape(()), value.dtype)


@operator("Range")
def _range(node: Node, start: Value, limit: Value, delta: Value) -> np.ndarray:
    bounds = [integers(node, v, "bounds")[0] for v in (start, limit, delta)]
    if any(v.dtype.kind != "i" for v in (start, limit, delta)):
        raise node.refuse("a range of real numbers has no JAX form here")
    return np.arange(*bounds, dtype=start.dtype)
