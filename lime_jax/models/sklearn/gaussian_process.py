"""Gaussian processes: the mean is a sum of kernels between a row and the training rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import NO_SUM, apply
from lime_jax.models.convert.features import Features
from lime_jax.models.registry import Converted, keep_on_host, register_converter
from lime_jax.models.sklearn.distances import in_blocks, squared_distances
from lime_jax.typing import AnyArray, Array, Estimator, pytree

_TOLERANCE = 2e-6  # of the largest prediction

_Kernel: TypeAlias = Callable[[AnyArray, AnyArray], Array]
"""Of rows and points: (rows, points)."""

keep_on_host(
    "sklearn.GaussianProcessClassifier",
    why="its probabilities are integrals over what it is unsure of",
)


@register_converter("sklearn.GaussianProcessRegressor", methods=("predict",), why_not=NO_SUM)
def convert_regressor(model: Estimator, method: str, features: Features) -> Converted:
    """The mean of the process behind the training rows."""
    if not hasattr(model, "alpha_"):
        raise NotConvertibleError("GaussianProcessRegressor: it was not fitted, and has no columns")
    points = np.asarray(model.X_train_, np.float64)
    weights = np.asarray(model.alpha_, np.float64).reshape(len(points), -1)
    scale, shift = np.atleast_1d(model._y_train_std), np.atleast_1d(model._y_train_mean)
    _refuse_if_rounded(model, points, weights)
    shift = shift + np.zeros(weights.shape[1])
    mean = ProcessMean(points, weights * scale, shift, _kernel(model.kernel_))
    return apply(mean, features)


def _refuse_if_rounded(model: Estimator, points: np.ndarray, weights: np.ndarray) -> None:
    """Weights that cancel leave nothing but rounding errors of the kernels."""
    kernel = model.kernel_(points, points)
    sums = np.abs(kernel @ weights).max(axis=0)
    one = jnp.finfo(jnp.result_type(float)).eps / 3  # of one kernel, as errors go
    error = np.sqrt((kernel**2 @ weights**2).max(axis=0)) * one
    if (error > _TOLERANCE * sums).any():
        raise NotConvertibleError(
            "GaussianProcessRegressor: its weights cancel, beyond the device's precision; with a "
            "larger `alpha`, or a WhiteKernel, they do not"
        )


def _kernel(kernel: Any) -> _Kernel:
    """A fitted kernel as a function of rows and points, that is (rows, points)."""
    kind = type(kernel).__name__
    if kind in ("Sum", "Product"):
        both = _kernel(kernel.k1), _kernel(kernel.k2)
        return Partial(_sum if kind == "Sum" else _product, both)
    if kind == "Exponentiation":
        return Partial(_power, _kernel(kernel.kernel), np.float64(kernel.exponent))
    numbers = {name: np.asarray(v, np.float64) for name, v in _numbers(kernel).items()}
    kinds = {**_KINDS, **{("Matern", nu): fn for nu, fn in _MATERN.items()}}
    key = ("Matern", float(kernel.nu)) if kind == "Matern" else kind
    if key not in kinds:
        raise NotConvertibleError(
            f"GaussianProcessRegressor: its kernel {kernel} has no JAX form here"
        )
    return Partial(kinds[key], numbers)


def _numbers(kernel: Any) -> dict[str, Any]:
    skip = ("_bounds", "nu", "metric", "pairwise_kernels_kwargs", "gamma")
    return {k: v for k, v in kernel.get_params(deep=False).items() if not k.endswith(skip)}


def _sum(both: tuple[_Kernel, _Kernel], inputs: AnyArray, points: AnyArray) -> Array:
    return both[0](inputs, points) + both[1](inputs, points)


def _product(both: tuple[_Kernel, _Kernel], inputs: AnyArray, points: AnyArray) -> Array:
    return both[0](inputs, points) * both[1](inputs, points)


def _power(inner: _Kernel, exponent: AnyArray, inputs: AnyArray, points: AnyArray) -> Array:
    return inner(inputs, points) ** exponent


def _constant(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    return jnp.broadcast_to(numbers["constant_value"], (len(inputs), len(points)))


def _white(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    """Noise of training rows, which no other row shares."""
    return jnp.zeros((len(inputs), len(points)), inputs.dtype)


def _squares(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    return squared_distances(inputs / numbers["length_scale"], points / numbers["length_scale"])


def _gaussian(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    return jnp.exp(-_squares(numbers, inputs, points) / 2)


def _exponential(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    return jnp.exp(-jnp.sqrt(_squares(numbers, inputs, points)))


def _once_smooth(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    away = jnp.sqrt(3 * _squares(numbers, inputs, points))
    return (1 + away) * jnp.exp(-away)


def _twice_smooth(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    away = jnp.sqrt(5 * _squares(numbers, inputs, points))
    return (1 + away + away**2 / 3) * jnp.exp(-away)


def _rational(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    return (1 + _squares(numbers, inputs, points) / (2 * numbers["alpha"])) ** -numbers["alpha"]


def _periodic(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    away = jnp.sqrt(squared_distances(inputs, points))
    wave = jnp.sin(np.pi / numbers["periodicity"] * away) / numbers["length_scale"]
    return jnp.exp(-2 * wave**2)


def _inner(numbers: Mapping[str, AnyArray], inputs: AnyArray, points: AnyArray) -> Array:
    return jnp.matmul(inputs, points.T, precision="highest") + numbers["sigma_0"] ** 2


_MATERN: dict[float, Callable[..., Array]] = {
    **{0.5: _exponential, 1.5: _once_smooth, 2.5: _twice_smooth, np.inf: _gaussian}
}
_KINDS: dict[Any, Callable[..., Array]] = {
    "ConstantKernel": _constant,
    "WhiteKernel": _white,
    "RBF": _gaussian,
    "RationalQuadratic": _rational,
    "ExpSineSquared": _periodic,
    "DotProduct": _inner,
}


@pytree
class ProcessMean:
    """A weighted sum of kernels between a row and some points, plus a constant."""

    points: Any
    weights: Any
    shift: Any
    kernel: Any  # a function of rows and points

    def __call__(self, inputs: AnyArray) -> Array:
        """(samples, columns) -> (samples, outputs)."""
        return in_blocks(self._block, jnp.asarray(inputs), len(self.points))

    def _block(self, inputs: AnyArray) -> Array:
        values = self.kernel(inputs, self.points)
        return jnp.matmul(values, self.weights, precision="highest") + self.shift
