"""Whether 32 bits hold how a model's outputs differ, and what is done where they do not.

A converted model whose outputs are far from 0 is asked on the host. A JAX function of the user's
has only what it returned; that it cannot be told apart is said.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax import engine, frames
from lime_jax.fits.output_scale import OutputScale, power_of_two
from lime_jax.models.outputs import as_outputs
from lime_jax.models.predict import Model
from lime_jax.table_model import TableModel

_STEPS = 1e4
"""A spread of so many steps of the device's precision loses nothing that matters."""

_ALIKE, _FAR = 2.0**-10, 100.0
"""Predictions that are this much alike, or the only one if it is this large, are looked into."""

_ORDINARY = 2.0**30
"""Squares of numbers up to here, and down to the inverse, are numbers in 32 bits."""


def on_host_if_far(
    model: Model,
    schema: frames.Schema,
    prediction: Float64[np.ndarray, "rows outputs"],
    typical_rows: Callable[[], Float64[np.ndarray, "samples features"]],
) -> Model:
    """The model, as samples should see it.

    Args:
        model: on the device.
        schema: of the table.
        prediction: of the rows to explain.
        typical_rows: makes rows like the samples, encoded, whatever rows are to be explained.

    Returns:
        A converted model on the host, if its outputs are far from 0, very small or very large;
        else the same. A JAX function is warned of.
    """
    if jnp.result_type(float) != np.float32 or not _looks_far(prediction, model.host is not None):
        return model
    typical = typical_rows()
    if model.host is not None:
        outputs = as_outputs(model.host(frames.decode(schema, typical)), len(typical))
        if not _is_blurred(outputs) and _unit(outputs) == 1:
            return model
        reason = f"{model.reason.removesuffix(' converted to JAX')} on the host: "
        reason += "float32 does not hold how its outputs differ"
        return dataclasses.replace(model, predict=model.host, path="host", reason=reason)
    on_codes = TableModel(model, schema).on_codes()
    raw = engine.predict_rows(on_codes, typical.astype(np.float32))
    outputs = as_outputs(raw, len(typical))
    if _is_blurred(outputs) or (np.abs(outputs).min(0) > _FAR * _STEPS).any() & ~np.ptp(outputs):
        warnings.warn(
            "the model's outputs are so far from 0 that float32 does not hold how they differ "
            f"(they are about {outputs[0, 0]:.6g}): let it return differences from a constant, or "
            "set JAX_ENABLE_X64=1",
            UserWarning,
            stacklevel=4,
        )
    return model


def scale_of(prediction: Float64[np.ndarray, "rows outputs"]) -> OutputScale | None:
    """The unit that outputs of a model on the device are explained in.

    Args:
        prediction: of the rows to explain.

    Returns:
        A power of two, so that it changes no digit; None: their own, where squares are numbers.
    """
    unit = _unit(prediction)
    if unit == 1:
        return None
    return OutputScale(np.zeros(prediction.shape[1]), np.full(prediction.shape[1], unit))


def _looks_far(prediction: np.ndarray, converted: bool) -> bool:
    """Whether predictions are much alike, or of an unusual size; no other rows are asked for it."""
    if not prediction.size:
        return False
    largest, spread = np.abs(prediction).max(0), np.ptp(prediction, 0)
    alike = (spread < _ALIKE * largest) & ((spread > 0) | (largest >= _FAR))
    return bool(alike.any() or (converted and _unit(prediction) != 1))


def _is_blurred(outputs: np.ndarray) -> bool:
    """Whether the spread of an output is few steps of 32 bits."""
    size, spread = np.abs(outputs).max(0), np.ptp(outputs, 0)
    step = float(np.finfo(np.float32).eps)
    return bool(((spread > 0) & (spread < _STEPS * step * size)).any())


def _unit(outputs: np.ndarray) -> float:
    largest = float(power_of_two(np.abs(outputs).max(keepdims=True, initial=0)).ravel()[0])
    return 1.0 if 1 / _ORDINARY <= largest <= _ORDINARY else largest
