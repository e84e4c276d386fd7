"""From the outputs of coalitions to Shapley values: linear rules, made on the host in float64.

A Shapley value depends on a coalition and its complement by the difference of the two only. Half
of it is an odd function of signs (1 for a player inside, -1 for one outside): a sum of slopes, of
products of three signs, of five, and so on. KernelSHAP fits the slopes and averages the rest out;
here the products are predicted too, which leaves less to chance.

Measured, as RMSE to exact values over that of `shap.KernelExplainer(l1_reg=False)` with the same
2,048 coalitions and 10 background rows: 0.40 for the breast-cancer forest (regression alone: 0.87),
0.33 for one of 15 columns (0.94), 0.32 for one of 60 (0.72), 0.62 for boosted trees (0.77). Against
regression alone on 1,024 of 2**14 coalitions: a maximum 0.16, a neural network 0.64, a vote 0.6; a
game of random numbers 1.15, the worst that was found.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from lime_jax.stages.coalitions import ShapleyCoalitions
from lime_jax.stages.kernels import inverse_choose
from lime_jax.typing import Bool, Float, Int

_VARIANCE = {3: 1.0, 5: 0.3}
"""Prior variance of the products of three and five signs."""

_REST = 0.3
"""Prior variance of the rest, independent from coalition to coalition."""

_PART = 1536  # pairs whose differences are predicted together, at least; fewer are one part


@dataclasses.dataclass(frozen=True)
class ShapleyRule:
    """Shapley values as a linear function of half the differences of pairs.

    Attributes:
        pairs: numbers of the pairs in each part; every part starts with pair 0, no player and
            all players. Short parts are filled up with pairs that have no influence.
        influence: of each pair on each Shapley value.
        left_out: error of each pair's half difference when the others of its part predict it, as
            a linear function of them all; None: nothing was drawn, so nothing is unknown.
        uncertainty: of each Shapley value, as the root of a mean square for each pair's error.
    """

    pairs: Int[np.ndarray, "parts pairs"]
    influence: Float[np.ndarray, "parts pairs players"]
    left_out: Float[np.ndarray, "parts pairs pairs"] | None
    uncertainty: Float[np.ndarray, "parts pairs players"] | None


def regression_rule(coalitions: ShapleyCoalitions) -> ShapleyRule:
    """KernelSHAP: the weighted regression, exact where all coalitions are there.

    The slopes add up to what all players are worth together; this is eliminated, not weighted.
    """
    inside = coalitions.masks[::2] - 0.5
    num_pairs, num_players = inside.shape
    weighted = inside * coalitions.weights[:, None]
    gram = inside.T @ weighted
    ones = np.full((num_players, num_players), 1 / num_players)
    project = np.eye(num_players) - ones
    scale = np.trace(gram) / num_players or 1.0
    inverse = np.linalg.inv(project @ gram @ project + scale * ones) - ones / scale
    influence = weighted @ inverse
    influence[0] = 2 * (inverse @ gram.sum(1) - 1) / num_players
    return ShapleyRule(np.arange(num_pairs)[None], influence[None], None, None)


def prediction_rule(coalitions: ShapleyCoalitions, smallest_part: int = _PART) -> ShapleyRule:
    """Predict the Shapley values, and regress what the prediction misses.

    The prediction is the best linear unbiased one for free slopes and a random rest: products of
    three and of five signs have the variances 1 and 0.3, shared out among all products of the
    order, and what is left has 0.3. Each pair is also predicted from the others of its part; the
    regression of these errors estimates, on the coalitions that are not there, how much the
    prediction is off. So a wrong prior costs precision, but no bias. Standard errors are those of
    the regression. Very many pairs are dealt to parts of all sizes alike, of which the rule is the
    mean. Sources: universal kriging (Matheron, 1969) with the covariances of a game's Shapley
    values; the difference estimator of survey sampling (Särndal, Swensson and Wretman, 1992).
    """
    num_pairs, num_players = coalitions.masks[::2].shape
    parts = max(1, (num_pairs - 1) // max(smallest_part, 2 * num_players))
    length = 1 + -(-(num_pairs - 1) // parts)
    regression = regression_rule(coalitions).influence[0]
    pairs = np.zeros((parts, length), np.int32)
    influence = np.zeros((parts, length, num_players))
    uncertainty = np.zeros((parts, length, num_players))
    left_out = np.zeros((parts, length, length))
    for part in range(parts):
        numbers = np.append(0, np.arange(1 + part, num_pairs, parts))
        count = len(numbers)
        predicted, errors = _predict_values(coalitions.masks[::2][numbers])
        missing = coalitions.left_out_share[numbers][:, None]
        unknown = np.where(numbers[:, None] > 0, 1 - (1 - missing) / parts, 0)
        pairs[part, :count] = numbers
        left_out[part, :count, :count] = errors
        influence[part, :count] = predicted / parts + errors.T @ (unknown * regression[numbers])
        uncertainty[part, :count] = np.sqrt(missing) * np.abs(regression[numbers])
    return ShapleyRule(pairs, influence, left_out, uncertainty)


def _predict_values(
    masks: Bool[np.ndarray, "pairs players"],
) -> tuple[Float[np.ndarray, "pairs players"], Float[np.ndarray, "pairs pairs"]]:
    """Influence and left-out errors of one part."""
    num_pairs, num_players = masks.shape
    signs = 2.0 * masks - 1
    size = masks.sum(1, keepdims=True)
    covariance = _REST * np.eye(num_pairs)
    # The Shapley values of a game that is 1 for one coalition, -1 for its complement, else 0.
    share = np.where(masks, 1 / np.maximum(size, 1), -1 / np.maximum(num_players - size, 1))
    with_values = 2 * _REST * share * inverse_choose(num_players)[size]
    alike, others = signs @ signs.T, signs.sum(1, keepdims=True) - signs
    for order, variance in _VARIANCE.items():
        if order <= num_players:
            each = variance / math.comb(num_players, order)
            covariance += each * sum_of_products(alike, num_players, order)
            # Of a product's two units, each of its players has an equal part.
            rest = sum_of_products(others, num_players - 1, order - 1)
            with_values += each * 2 / order * signs * rest
    precision = np.linalg.inv(covariance)
    along = precision @ signs
    slopes = np.linalg.solve(signs.T @ along, along.T)
    precision -= along @ slopes
    influence = 2 * slopes.T + precision @ with_values
    return influence, precision / np.diagonal(precision)[:, None]


def sum_of_products(
    total: Float[np.ndarray, "*shape"], count: int, order: int
) -> Float[np.ndarray, "*shape"]:
    """Sum of all products of `order` different ones among `count` signs of a total.

    The elementary symmetric polynomial, a Krawtchouk polynomial of the number of -1s.

    Example:
        >>> sum_of_products(np.array([1.0, 3.0]), count=3, order=2).tolist()
        [-1.0, 3.0]
    """
    before, current = np.zeros_like(total), np.ones_like(total)
    for step in range(1, order + 1):
        following = (total * current - (count - step + 2) * before) / step
        before, current = current, following
    return current
