"""The limit of infinitely many samples for a logistic model of many independent columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import truncnorm

from benchmarks.cases import Case


def additive_logistic_coefficients(stats: Any, case: Case, x: np.ndarray) -> np.ndarray:
    """Difference of the model's means inside and outside x's bin, under the tilted law.

    The log-odds are a sum over thousands of independent columns, so they are normal to about one
    part in the number of columns; the mean of a logistic function of a normal variable is a
    Gauss-Hermite sum. `stats` are those of `fit_tabular` by quartiles.
    """
    weights = case.weights
    assert weights is not None
    features = len(x)
    mean, variance = _bin_moments(stats)
    p = stats.probability.reshape(features, -1)
    mean, variance = mean.reshape(p.shape), variance.reshape(p.shape)
    edges = (stats.upper_edge.reshape(p.shape) + stats.center[:, None])[:, :-1]
    own = (edges < x[:, None]).sum(1)[:, None] == np.arange(p.shape[1])

    kernel_width = 0.75 * features**0.5
    tilted = p * np.where(own, 1, np.exp(-0.5 / kernel_width**2))
    tilted /= tilted.sum(1, keepdims=True)
    overall = _mixture(tilted, mean, variance)
    total_mean = weights @ overall[0] + case.bias
    total_variance = weights**2 @ overall[1]

    def expected(bins: np.ndarray) -> np.ndarray:
        """Of the model, with one column after the other confined to some bins."""
        inside = _mixture(tilted * bins, mean, variance)
        m = total_mean + weights * (inside[0] - overall[0])
        v = total_variance + weights**2 * (inside[1] - overall[1])
        nodes, mass = np.polynomial.hermite_e.hermegauss(64)
        values = expit(m[:, None] + np.sqrt(v)[:, None] * nodes)
        return values @ mass / mass.sum()

    return expected(own) - expected(~own)


def _mixture(p: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean and variance of each column over its bins."""
    p = p / p.sum(1, keepdims=True)
    middle = (p * mean).sum(1)
    return middle, (p * (variance + (mean - middle[:, None]) ** 2)).sum(1)


def _bin_moments(stats: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the samples of every bin, in the columns' own units."""
    low = (stats.bin_lower - stats.bin_mean) / stats.bin_std
    high = (stats.bin_upper - stats.bin_mean) / stats.bin_std
    mean, variance = truncnorm.stats(low, high, moments="mv")
    center = stats.center[stats.bin_feature]
    return stats.bin_mean + stats.bin_std * mean + center, stats.bin_std**2 * variance
