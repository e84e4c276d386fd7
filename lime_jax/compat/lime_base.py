"""`lime.lime_base`: a sparse linear model of samples, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils import check_random_state

from lime_jax.compat.weighted import WeightedData

ALPHA = 1.0
"""Ridge penalty of explanations."""
_FEW = 6
"""Features up to which "auto" selects them one after the other."""


class LimeBase:
    """Fits explanations to samples; what other kinds of data build on.

    Samples of any origin can be explained. All labels of one neighborhood share its products.

    Args:
        kernel_fn: `distances -> weights`, of NumPy arrays.
        verbose: whether to print the intercept, the local prediction and the model's own.
        random_state: kept for regressors and subclasses; nothing is random here.

    Example:
        >>> data = np.array([[1.0, 1], [0, 1], [1, 0], [0, 0]])
        >>> base = LimeBase(np.exp)
        >>> labels = (3 * data[:, :1] + 0.5)
        >>> distances = np.full(4, 5.0)
        >>> [(k, round(w, 2)) for k, w in base.explain_instance_with_data(
        ...     data, labels, distances, 0, num_features=2)[1]]
        [(0, 2.98), (1, 0.0)]
    """

    def __init__(
        self,
        kernel_fn: Callable[..., Any],
        verbose: bool = False,
        random_state: object = None,
    ) -> None:
        self.kernel_fn = kernel_fn
        self.verbose = verbose
        self.random_state = check_random_state(random_state)
        self._kept: WeightedData | None = None

    @staticmethod
    def generate_lars_path(weighted_data: object, weighted_labels: object) -> tuple[Any, Any]:
        """The lasso path of weighted data.

        Args:
            weighted_data: (samples, columns), times the root of the weights.
            weighted_labels: (samples,) likewise.

        Returns:
            Penalties, and the weights (columns, penalties) at each.
        """
        from sklearn.linear_model import lars_path

        alphas, _, coefs = lars_path(weighted_data, weighted_labels, method="lasso")
        return alphas, coefs

    def forward_selection(
        self, data: object, labels: np.ndarray, weights: np.ndarray, num_features: int
    ) -> np.ndarray:
        """Columns, each the one that adds most to R².

        Args:
            data: (samples, columns).
            labels: (samples,).
            weights: (samples,).
            num_features: how many, at most.

        Returns:
            Numbers of columns, in the order of their choice.
        """
        return self._weighted(data, weights).forward(labels, num_features)

    def feature_selection(
        self, data: Any, labels: np.ndarray, weights: np.ndarray, num_features: int, method: str
    ) -> np.ndarray:
        """The columns that an explanation is of.

        Args:
            data: (samples, columns).
            labels: (samples,).
            weights: (samples,).
            num_features: how many, at most; "none" takes all.
            method: "none", "forward_selection", "highest_weights", "lasso_path" or "auto".

        Returns:
            Numbers of columns.
        """
        if method == "auto":
            method = "forward_selection" if num_features <= _FEW else "highest_weights"
            return self.feature_selection(data, labels, weights, num_features, method)
        if method == "none":
            return np.arange(data.shape[1])
        if method == "forward_selection":
            return self.forward_selection(data, labels, weights, num_features)
        if method == "highest_weights":
            coef = self._weighted(data, weights).ridge(labels, alpha=0.01).coef
            return _highest(coef, data[0], num_features)
        if method == "lasso_path":
            return self._first_on_path(self._weighted(data, weights), labels, num_features)
        raise ValueError(
            "`feature_selection`: expected 'none', 'forward_selection', 'highest_weights', "
            f"'lasso_path' or 'auto', got {method!r}"
        )

    def _first_on_path(self, weighted: WeightedData, labels: np.ndarray, count: int) -> np.ndarray:
        """The columns of the last step of the lasso path that has no more than `count`."""
        _, coefs = self.generate_lars_path(weighted.centered, weighted.about_mean(labels)[1])
        steps = np.asarray(coefs).T
        nonzero = np.arange(weighted.data.shape[1])
        for step in steps[:0:-1]:
            nonzero = step.nonzero()[0]
            if len(nonzero) <= count:
                break
        return nonzero

    def explain_instance_with_data(
        self,
        neighborhood_data: Any,
        neighborhood_labels: np.ndarray,
        distances: np.ndarray,
        label: int,
        num_features: int,
        feature_selection: str = "auto",
        model_regressor: Any = None,
    ) -> tuple[float, list[tuple[int, float]], float, np.ndarray]:
        """Explain one label from samples.

        Args:
            neighborhood_data: (samples, columns), the first row is what is explained.
            neighborhood_labels: (samples, labels) what the model says.
            distances: (samples,) from the first row.
            label: number of the column of the labels.
            num_features: how many columns the explanation has, at most.
            feature_selection: as of `feature_selection`.
            model_regressor: of scikit-learn, with `coef_` and `sample_weight`; None: a ridge.

        Returns:
            Intercept, pairs of column and weight by size, R², and (1,) the local prediction.
        """
        weights = np.asarray(self.kernel_fn(distances))
        labels_column = np.asarray(neighborhood_labels)[:, label]
        with self._sharing(neighborhood_data, weights):
            used = np.asarray(
                self.feature_selection(
                    neighborhood_data, labels_column, weights, num_features, feature_selection
                ),
                np.int64,
            )
            row = neighborhood_data[0, used].reshape(1, -1)
            if model_regressor is None:
                some = self._weighted(neighborhood_data, weights).columns(used)
                intercept, coef, score = some.ridge(labels_column, ALPHA)
                row = row.toarray() if scipy.sparse.issparse(row) else np.asarray(row)
                local_pred = np.asarray(row @ coef + intercept, np.float64).reshape(-1)
            else:
                data = neighborhood_data[:, used]
                model_regressor.fit(data, labels_column, sample_weight=weights)
                intercept, coef = model_regressor.intercept_, model_regressor.coef_
                score = model_regressor.score(data, labels_column, sample_weight=weights)
                local_pred = model_regressor.predict(row)
        if self.verbose:
            print("Intercept", intercept)
            print("Prediction_local", local_pred)
            print("Right:", neighborhood_labels[0, label])
        order = np.argsort(-np.abs(coef), kind="stable")
        pairs = [(int(used[k]), float(coef[k])) for k in order]
        return intercept, pairs, score, local_pred

    @contextmanager
    def _sharing(self, data: object, weights: np.ndarray) -> Iterator[None]:
        """Keep what is worked out of the samples, for the labels that follow."""
        before = self._kept
        self._kept = self._weighted(data, weights)
        try:
            yield
        finally:
            self._kept = before

    def _weighted(self, data: object, weights: np.ndarray) -> WeightedData:
        last = self._kept
        if last is not None and last.data is data and np.array_equal(last.weights, weights):
            return last
        return WeightedData(data, np.asarray(weights, np.float64))

    def __getstate__(self) -> dict[str, Any]:
        """Without what is only kept to save time."""
        return {**self.__dict__, "_kept": None}


def _highest(coef: np.ndarray, row: Any, count: int) -> np.ndarray:
    """Columns whose weight times the row's value is largest; those without any come last."""
    if scipy.sparse.issparse(row):
        row = row.toarray()
    size = np.abs(coef * np.asarray(row).reshape(-1))
    return np.argsort(-size, kind="stable")[:count]
