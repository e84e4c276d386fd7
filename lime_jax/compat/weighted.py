"""Weighted least squares in float64: what a linear model needs of samples, made once."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Float64, Int64

_ROUNDING = 1e-12
"""A column that the chosen ones leave less of than this share is their combination."""


class Ridge(NamedTuple):
    """A linear model of some columns."""

    intercept: float
    coef: Float64[np.ndarray, " columns"]
    score: float


@dataclasses.dataclass(frozen=True, eq=False)
class WeightedData:
    """Samples and their weights.

    Attributes:
        data: (samples, columns), an array or a sparse matrix.
        weights: (samples,) not negative.
    """

    data: Any
    weights: Float64[np.ndarray, " samples"]

    @cached_property
    def mean(self) -> Float64[np.ndarray, " columns"]:
        """Weighted mean of the columns."""
        return np.asarray(self.weights @ self.data, np.float64).reshape(-1) / self.weights.sum()

    @cached_property
    def centered(self) -> Float64[np.ndarray, "samples columns"]:
        """Columns without their mean, times the root of the weights."""
        data = self.data.toarray() if scipy.sparse.issparse(self.data) else self.data
        found = data - self.mean
        found *= np.sqrt(self.weights)[:, None]
        return found

    @cached_property
    def gram(self) -> Float64[np.ndarray, "columns columns"]:
        """Weighted products of the columns about their means."""
        return self.centered.T @ self.centered

    def about_mean(self, y: np.ndarray) -> tuple[float, Float64[np.ndarray, " samples"]]:
        """The weighted mean of numbers, and the rest times the root of the weights."""
        mean = float(np.average(y, weights=self.weights))
        return mean, (y - mean) * np.sqrt(self.weights)

    def columns(self, used: np.ndarray) -> WeightedData:
        """The same samples with some of the columns; what is known of all is kept."""
        if len(used) == self.data.shape[1] and np.array_equal(used, np.arange(len(used))):
            return self
        some = WeightedData(self.data[:, used], self.weights)
        if "gram" in vars(self):
            vars(some).update(
                mean=self.mean[used],
                centered=self.centered[:, used],
                gram=self.gram[np.ix_(used, used)],
            )
        return some

    def ridge(self, y: np.ndarray, alpha: float) -> Ridge:
        """The linear model with a penalty on its squared weights, and its weighted R²."""
        mean, rest = self.about_mean(y)
        samples, columns = self.data.shape
        if columns <= samples:
            penalized = self.gram + alpha * np.eye(columns)
            coef = _solve(penalized, self.centered.T @ rest)
        else:  # the same, in as many unknowns as there are samples
            inner = self.centered @ self.centered.T + alpha * np.eye(samples)
            coef = self.centered.T @ _solve(inner, rest)
        missed, total = rest - self.centered @ coef, float(rest @ rest)
        score = 1 - float(missed @ missed) / total if total > 0 else float("nan")
        return Ridge(mean - float(self.mean @ coef), coef, score)

    def std_errors(self, y: np.ndarray, coef: np.ndarray, alpha: float) -> np.ndarray:
        """Of a ridge's weights, whatever the residuals are (White, 1980)."""
        _, rest = self.about_mean(y)
        missed = rest - self.centered @ coef
        penalized = self.gram + alpha * np.eye(len(coef))
        inverse = np.linalg.inv(penalized) if alpha else np.linalg.pinv(penalized, hermitian=True)
        spread = (self.centered * missed[:, None]) @ inverse
        return np.sqrt((spread**2).sum(0))

    def forward(self, y: np.ndarray, count: int) -> Int64[np.ndarray, " chosen"]:
        """Columns that explain most of what the chosen ones leave, one after the other."""
        left, toward = self.gram.copy(), self.centered.T @ self.about_mean(y)[1]
        least = _ROUNDING * np.diagonal(left)
        chosen: list[int] = []
        for _ in range(min(count, len(toward))):
            size = np.diagonal(left)
            is_new = size > least
            gain = np.where(is_new, toward**2 / np.where(is_new, size, 1), 0.0)
            gain[chosen] = -1.0
            best = int(gain.argmax())
            chosen.append(best)
            if is_new[best]:
                line = left[best] / np.sqrt(size[best])
                toward = toward - line * (toward[best] / line[best])
                left -= np.outer(line, line)
        return np.array(chosen, np.int64)


def _solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    try:
        return scipy.linalg.solve(matrix, right, assume_a="pos")
    except (np.linalg.LinAlgError, scipy.linalg.LinAlgWarning):
        return np.linalg.lstsq(matrix, right, rcond=None)[0]
