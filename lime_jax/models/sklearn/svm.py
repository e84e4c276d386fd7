"""Support vector machines and kernel ridge regression: sums of kernels."""

from __future__ import annotations

from itertools import combinations
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from lime_jax.models.convert.column_map import put
from lime_jax.models.convert.columns import NotConvertibleError
from lime_jax.models.convert.compose import apply, linear, linked
from lime_jax.models.convert.features import Features
from lime_jax.models.functions import AnyFunction
from lime_jax.models.registry import Converted, register_converter
from lime_jax.models.sklearn.coupling import PairProbabilities, votes
from lime_jax.models.sklearn.distances import float32_center, in_blocks, squared_distances
from lime_jax.models.sklearn.linear import WHY_NO_PROBABILITY
from lime_jax.typing import AnyArray, Array, Estimator, Scalar, pytree, static

KERNELS = ("linear", "rbf", "poly", "sigmoid")

Matrix: TypeAlias = Any
"""An array, or a sparse one, which is refused."""

_LINEAR: dict[str, Any] = dict(
    methods=("predict",),
    exact=("predict",),
    why_not="with another kernel than a linear one it is no sum",
)


@register_converter("sklearn.SVR", "sklearn.NuSVR", **_LINEAR)
def convert_support_regressor(model: Estimator, method: str, features: Features) -> Converted:
    """Support vector regression."""
    return _support_sum(model, model.dual_coef_, model.intercept_, features)


@register_converter(
    *("sklearn.SVC", "sklearn.NuSVC"),
    methods=("decision_function", "predict_proba"),
    exact=("decision_function",),
    why_not=WHY_NO_PROBABILITY,
)
def convert_support_classifier(model: Estimator, method: str, features: Features) -> Converted:
    """Support vector classification: margins of classes or of their pairs, or probabilities."""
    count = len(model.classes_)
    if method == "predict_proba" and not len(model._probA):
        raise NotConvertibleError(f"{type(model).__name__}: it was fitted with probability=False")
    _refuse_sparse(model, model._dual_coef_)
    # libsvm's margins are those of the first class of each pair; scikit-learn turns one alone.
    dual = pair_weights(np.asarray(model._dual_coef_, np.float64), model._n_support)
    intercept = np.asarray(model._intercept_, np.float64)
    if method == "predict_proba":
        pairs = _support_sum(model, dual, intercept, features)
        probabilities = put(PairProbabilities(model._probA, model._probB, count))
        return pairs.then(probabilities, WHY_NO_PROBABILITY)
    if count == 2:
        return _support_sum(model, -dual, -intercept, features)
    pairs = _support_sum(model, dual, intercept, features)
    if model.decision_function_shape == "ovo":
        return pairs
    why = "its margins count votes; decision_function_shape='ovo' with a linear kernel is a sum"
    return linked(pairs, votes, why)


@register_converter("sklearn.KernelRidge", **_LINEAR)
def convert_kernel_ridge(model: Estimator, method: str, features: Features) -> Converted:
    """Kernel ridge regression."""
    dual = np.asarray(model.dual_coef_, np.float64)
    dual = dual.reshape(len(dual), -1).T
    gamma = 1 / len(features) if model.gamma is None else model.gamma
    kernel = "poly" if model.kernel == "polynomial" else model.kernel
    numbers = (gamma, model.coef0, model.degree)
    return _kernel_sum(model, kernel, model.X_fit_, dual, np.zeros(len(dual)), numbers, features)


def _support_sum(
    model: Estimator, dual: Matrix, intercept: AnyArray, features: Features
) -> Converted:
    numbers = (model._gamma, model.coef0, model.degree)
    points = model.support_vectors_
    return _kernel_sum(model, model.kernel, points, dual, intercept, numbers, features)


def _kernel_sum(
    model: Estimator,
    kernel: str | AnyFunction,
    points: Matrix,
    dual: Matrix,
    intercept: AnyArray,
    numbers: tuple[Scalar, Scalar, Scalar],
    features: Features,
) -> Converted:
    kind = type(model).__name__
    if not isinstance(kernel, str) or kernel not in KERNELS:
        raise NotConvertibleError(
            f"{kind}: its kernel is {kernel if isinstance(kernel, str) else 'a function'}; "
            f"expected one of {', '.join(KERNELS)}"
        )
    _refuse_sparse(model, points)
    points, dual = np.asarray(points, np.float64), np.asarray(dual, np.float64)
    if kernel == "linear":
        return linear(dual @ points, np.asarray(intercept, np.float64), features)
    if kernel == "rbf":
        center = float32_center(points)
        points, features = points - center, features.then("subtract", center)
    gamma, coef0, degree = numbers
    degree = int(degree) if float(degree).is_integer() else float(degree)  # whole: multiplied out
    arrays = (points, dual.T, np.asarray(intercept), np.float64(gamma), np.float64(coef0))
    return apply(KernelSum(*arrays, kernel=kernel, degree=degree), features)


def _refuse_sparse(model: Estimator, array: Matrix) -> None:
    if hasattr(array, "toarray"):
        raise NotConvertibleError(f"{type(model).__name__}: it was fitted on a sparse matrix")


def pair_weights(dual: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Weights of the support vectors for each pair of classes, from libsvm's compact table."""
    if len(dual) == 1:
        return dual
    ends = np.cumsum(support)
    rows = []
    for i, j in combinations(range(len(support)), 2):
        row = np.zeros(dual.shape[1])
        of_i = slice(ends[i] - support[i], ends[i])
        of_j = slice(ends[j] - support[j], ends[j])
        row[of_i], row[of_j] = dual[j - 1, of_i], dual[i, of_j]
        rows.append(row)
    return np.stack(rows)


@pytree
class KernelSum:
    """A weighted sum of kernels between a row and some points."""

    points: AnyArray
    weights: Any
    intercept: AnyArray
    gamma: Any
    coef0: Any
    kernel: str = static()  # one of `KERNELS` but "linear"
    degree: int | float = static()

    def __call__(self, inputs: AnyArray) -> Array:
        """(samples, columns) -> (samples, outputs)."""
        return in_blocks(self._block, inputs, len(self.points))

    def _block(self, inputs: AnyArray) -> Array:
        if self.kernel == "rbf":
            values = jnp.exp(-self.gamma * squared_distances(inputs, self.points))
        else:
            inner = jnp.matmul(inputs, self.points.T, precision="highest")
            inner = self.gamma * inner + self.coef0
            values = jnp.tanh(inner) if self.kernel == "sigmoid" else inner**self.degree
        return jnp.matmul(values, self.weights, precision="highest") + self.intercept
