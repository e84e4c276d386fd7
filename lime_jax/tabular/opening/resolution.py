"""Whether 32 bits hold how a model's outputs differ, and what is done where they do not.

A converted model whose outputs are far from 0 is asked on the host. A JAX function of the user's
has only what it returned; that it cannot be told apart is said.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax import engine
from lime_jax.fits.output_scale import OutputScale, power_of_two
from lime_jax.models.predict import Model
from lime_jax.tabular.opening.opened import OpenedModel
from lime_jax.tabular.opening.sample_facts import TypicalRows
from lime_jax.warn import warn

_STEPS = 1e4
"""A spread of so many steps of the device's precision loses nothing that matters."""

_ROUNDING = 4
"""So many steps of 64 bits are no spread: equal outputs, of another row of a batch of the model."""

_ALIKE, _FAR = 2.0**-6, 100.0
"""Predictions that are this much alike, or the only one if it is this large, are looked into."""

_ORDINARY = 2.0**30
"""Squares of numbers up to here, and down to the inverse, are numbers in 32 bits."""


def needs_resolution() -> bool:
    """Whether the device's precision may be too coarse for outputs."""
    return jnp.result_type(float) == np.float32


def on_host_if_far(model: Model, outputs: Float64[np.ndarray, "samples outputs"]) -> Model:
    """A converted model, as samples should see it.

    Args:
        outputs: that it has for rows like the samples, whatever rows are to be explained.

    Returns:
        The model on the host, if its outputs are far from 0, very small or very large; else the
        same.
    """
    if model.host is None or model.path == "host":
        return model
    if model.output_kind == "probability" and model.exclusive and outputs.shape[1] == 2:
        outputs = outputs[:, 1:]  # of two probabilities the first is the second's mirror image
    if not _is_blurred(outputs) and _unit(outputs) == 1:
        return model
    return model.on_host("float32 does not hold how its outputs differ")


def warn_if_far(
    model: OpenedModel,
    prediction: Float64[np.ndarray, "rows outputs"],
    typical_rows: TypicalRows | None,
) -> None:
    """Say that float32 does not hold how the outputs of a JAX function differ."""
    if typical_rows is None or not needs_resolution() or not _look_alike(prediction):
        return
    typical = typical_rows()
    raw = engine.predict_rows(model.on_codes(), typical.astype(np.float32))
    outputs = np.asarray(raw, np.float64).reshape(len(typical), -1)
    equal = (np.ptp(outputs, 0) == 0) & (np.abs(outputs).min(0) > _FAR * _STEPS)
    if not _is_blurred(outputs) and not equal.any():
        return
    warn(
        "the model's outputs are so far from 0 that float32 does not hold how they differ "
        f"(they are about {outputs[0, 0]:.6g}): let it return differences from a constant, or "
        "set JAX_ENABLE_X64=1",
    )


def scale_of(prediction: Float64[np.ndarray, "rows outputs"]) -> OutputScale | None:
    """The unit that outputs of a model on the device are explained in.

    Returns:
        A power of two, so that it changes no digit; None: their own, where squares are numbers.
    """
    unit = _unit(prediction)
    if unit == 1:
        return None
    return OutputScale(np.zeros(prediction.shape[1]), np.full(prediction.shape[1], unit))


def _look_alike(prediction: np.ndarray) -> bool:
    """Whether predictions are much alike, or there is one that is large."""
    if not prediction.size:
        return False
    largest, spread = np.abs(prediction).max(0), np.ptp(prediction, 0)
    return bool(((spread < _ALIKE * largest) & ((spread > 0) | (largest >= _FAR))).any())


def _is_blurred(outputs: np.ndarray) -> bool:
    """Whether the spread of an output is few steps of 32 bits, and more than its own rounding."""
    size, spread = np.abs(outputs).max(0), np.ptp(outputs, 0)
    step, rounding = np.finfo(np.float32).eps, _ROUNDING * np.finfo(np.float64).eps
    return bool(((spread > rounding * size) & (spread < _STEPS * float(step) * size)).any())


def _unit(outputs: np.ndarray) -> float:
    largest = float(power_of_two(np.abs(outputs).max(keepdims=True, initial=0)).ravel()[0])
    return 1.0 if 1 / _ORDINARY <= largest <= _ORDINARY else largest
