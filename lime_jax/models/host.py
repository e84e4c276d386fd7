"""The bridge for a host model inside somebody's own jit; the only place of `jax.pure_callback`."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.models.functions import jax_predict
from lime_jax.typing import AnyArray, Array


def host_predict(
    fn: Callable[[np.ndarray], object], num_outputs: int | None = None
) -> Callable[[Array], Array]:
    """Make a function of a NumPy batch callable from inside `jit` and `vmap`.

    The explainers do not need it: they call host models outside the jitted program. An exception
    may not leave a callback, so a batch whose call fails comes back as NaN, and the exception is
    kept as the attribute `error` of the returned function.

    Args:
        fn: `(samples, features) -> (samples,)` or `(samples, num_outputs)`; deterministic.
        num_outputs: number of columns it returns; None: one output, without a column axis.

    Returns:
        A JAX function of the batch, marked by `jax_predict`.

    Example:
        >>> double = host_predict(lambda batch: 2 * batch[:, 0])
        >>> jax.jit(double)(jnp.ones((3, 1)))
        Array([2., 2., 2.], dtype=float32)
    """

    def on_host(inputs: AnyArray) -> np.ndarray:
        batch = np.asarray(inputs)
        *lead, size, width = batch.shape
        shape = (*lead, size) if num_outputs is None else (*lead, size, num_outputs)
        try:
            outputs = np.asarray(fn(batch.reshape(-1, width)), batch.dtype)
            return outputs.reshape(shape)
        except Exception as error:
            setattr(predict, "error", error)  # noqa: B010 (a function has no such field)
            return np.full(shape, np.nan, batch.dtype)

    def predict(inputs: Array) -> Array:
        inputs = jnp.asarray(inputs, jnp.result_type(float))
        shape = inputs.shape[:1] if num_outputs is None else (inputs.shape[0], num_outputs)
        result = jax.ShapeDtypeStruct(shape, inputs.dtype)
        return jax.pure_callback(on_host, result, inputs, vmap_method="broadcast_all")

    return jax_predict(predict)
