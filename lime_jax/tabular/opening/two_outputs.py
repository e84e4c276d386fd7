"""Two probabilities are one number: the second is fitted, the first is its mirror image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np

from lime_jax.engine.work import Predictor
from lime_jax.models.predict import DevicePredict
from lime_jax.tabular.opening.opened import OpenedModel
from lime_jax.typing import AnyArray, LinearFit, pytree, replaced

_T = TypeVar("_T")


class NotMirroredError(Exception):
    """The two outputs of a model do not add up to 1 after all."""


@pytree
class SecondOutput:
    """The second output of a JAX model."""

    def __call__(self, outputs: AnyArray) -> AnyArray:
        """That of a batch."""
        return outputs[:, 1:]


def _second(model: DevicePredict[Any]) -> DevicePredict[Any]:
    return model.then(SecondOutput())


@pytree
class InUnits:
    """Outputs of a JAX model that are very small or very large, in other units.

    Attributes:
        unit: of each, a power of two.
    """

    unit: AnyArray

    def __call__(self, outputs: AnyArray) -> AnyArray:
        """Those of a batch."""
        outputs = jnp.asarray(outputs)
        unit = jnp.asarray(self.unit, outputs.dtype)
        return outputs / (unit if outputs.ndim == 2 else unit[0])


def second_output(model: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """A model's second probability.

    Returns:
        The same function with one output; it raises `NotMirroredError` where the two do not add
        up to 1 to the last digits.
    """

    def call(inputs: np.ndarray) -> np.ndarray:
        outputs = model(inputs)
        if not np.all(np.abs(outputs[:, 0] + outputs[:, 1] - 1) <= 1e-9):
            raise NotMirroredError
        return outputs[:, 1:]

    return call


def mirror_back(fit: LinearFit, labels: np.ndarray) -> LinearFit:
    """Fits of both outputs from fits of the second.

    Args:
        fit: a `LinearFit` of one output, with a leading axis of rows.
        labels: (rows, labels) 0 or 1, the outputs that are asked for.

    Returns:
        A `LinearFit` of these. All that LIME does is linear in the output or, as a choice of
        features, blind to its sign; so this is the fit of the first output, to rounding.
    """
    second = labels == 1
    both = {
        name: np.repeat(getattr(fit, name), labels.shape[1], axis=1)
        for name in ("coef", "std_error", "selected", "intercept", "score", "local_pred")
    }
    if fit.held_out_score is not None:
        both["held_out_score"] = np.repeat(fit.held_out_score, labels.shape[1], axis=1)
    both["coef"] = np.where(second[..., None], both["coef"], -both["coef"])
    for name in ("intercept", "local_pred"):
        both[name] = np.where(second, both[name], 1 - both[name])
    return replaced(fit, **both)


def mirrored(
    run: Callable[[Predictor, np.ndarray, int | None], _T],
    model: OpenedModel,
    labels: np.ndarray,
    both_add_up: bool,
    apply: Callable[[_T, Callable[[LinearFit], LinearFit]], _T],
) -> _T:
    """Both probabilities from the second, unless they turn out not to add up to 1.

    Args:
        run: explains labels of a model as the engine takes it, with so many outputs.
        apply: lets a function of fits work on what `run` returned.
    """
    every, second_only = (labels, model.num_outputs), (np.zeros((len(labels), 1), np.int64), 1)
    if model.on_device:
        scale = model.scale
        if scale is not None:
            found = run(model.on_codes().then(InUnits(scale.unit)), *every)
            return apply(found, lambda fit: scale.outward(fit, labels))
        if not both_add_up or model.host is None:
            return run(model.on_codes(), *every)
        # An estimator's: they add up, and there is no looking at them within the program.
        found = run(model.made_from(model.on_codes(), _second), *second_only)
        return apply(found, lambda fit: mirror_back(fit, labels))
    if not both_add_up:
        return run(model, *every)
    try:
        found = run(second_output(model), *second_only)
    except NotMirroredError:
        return run(model, *every)
    return apply(found, lambda fit: mirror_back(fit, labels))
