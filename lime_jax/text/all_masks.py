"""Texts of few players: all masks are asked, so nothing is left to chance.

Weights of masks depend on how many players are kept only. So the Gram matrix has one number on its
diagonal and one beside it, and fits are formulas, in float64 on the host: nothing is compiled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.fits.shapley import log_odds
from lime_jax.stages.kernels import exponential_kernel, inverse_choose, shapley_kernel
from lime_jax.stages.masks import all_subsets
from lime_jax.stages.select import resolve_selection
from lime_jax.typing import Bool, Float, LinearFit, Support, replaced

MOST_ALL = 12
"""Players of which all masks are asked, where the budget allows."""

_FEW = 7
"""Players of which all masks are asked whatever the budget: 128."""

_ALIKE = 1e-12
"""Outputs that differ by less of their size are equal."""


def asks_all(players: int, num_samples: int) -> bool:
    """Whether all masks of so many players are asked."""
    return 0 < players <= _FEW or (0 < players <= MOST_ALL and 2**players <= num_samples)


@dataclasses.dataclass(frozen=True)
class MaskWeights:
    """What masks count by the number of players that they keep, from none to all.

    Attributes:
        of_size: weight of a mask, by how many it keeps.
    """

    of_size: Float[np.ndarray, " sizes"]

    @property
    def players(self) -> int:
        """How many there are."""
        return len(self.of_size) - 1

    @cached_property
    def masks(self) -> Bool[np.ndarray, "masks players"]:
        """All of them."""
        return all_subsets(self.players)

    @cached_property
    def weights(self) -> Float[np.ndarray, " masks"]:
        """Of each mask, adding up to 1."""
        weights = self.of_size[self.masks.sum(1)]
        return weights / (weights.sum() or 1.0)

    @cached_property
    def gram(self) -> tuple[float, float]:
        """Weighted variance of a player, and the covariance of two."""
        first, last = self.masks[:, 0], self.masks[:, -1]
        share = float(self.weights @ first)
        together = float(self.weights @ (first & last))
        return share - share**2, (together - share**2) if self.players > 1 else 0.0


def lime_weights(
    players: int, num_samples: int, distance: str, kernel: Callable[..., Any], width: float
) -> MaskWeights:
    """`lime`'s law of masks times its kernel: the limit of very many samples.

    So many are removed as any other number, at least one; the whole text is one of the samples.
    """
    kept = np.arange(players + 1)
    away = {
        "cosine": 1 - np.sqrt(kept / players),
        "euclidean": np.sqrt(players - kept),
        "manhattan": (players - kept).astype(np.float64),
    }[distance]
    if kernel is exponential_kernel:
        near = np.exp(-0.5 * (away / width) ** 2)
    else:
        near = np.asarray(kernel(jnp.asarray(away), width), np.float64)
    law = (1 - 1 / num_samples) / players * inverse_choose(players)
    law[-1] = 1 / num_samples
    return MaskWeights(law * near)


def lime_fit(
    rule: MaskWeights,
    y: Float[np.ndarray, "masks outputs"],
    feature_selection: str,
    num_features: int | None,
) -> LinearFit:
    """The linear model of all masks, without a penalty: there is no noise that it could steady."""
    mean = rule.weights @ y
    weighted = rule.weights[:, None] * (y - mean)
    along = weighted.T @ rule.masks - np.outer(weighted.sum(0), rule.weights @ rule.masks)
    total = rule.weights @ (y - mean) ** 2
    everything = np.ones(along.shape, bool)
    chosen = everything
    if num_features is not None and num_features < rule.players:
        method = resolve_selection(feature_selection, num_features)
        if method != "none":
            chosen = np.stack([_choose(rule, one, method, num_features) for one in along])
    coef = _solve(rule, along, chosen)
    intercept = mean - coef @ (rule.weights @ rule.masks)
    missed = rule.weights @ (y - intercept - rule.masks @ coef.T) ** 2
    return _fit(coef, chosen, intercept, _share(missed, total, y), 1 / (rule.weights**2).sum())


def _solve(rule: MaskWeights, along: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Least squares on the chosen players of each output; 0 for the others."""
    variance, covariance = rule.gram
    along = np.where(chosen, along, 0.0)
    apart = variance - covariance
    sums = along.sum(1) / (apart + chosen.sum(1) * covariance)
    return np.where(chosen, (along - covariance * sums[:, None]) / apart, 0.0)


def _choose(rule: MaskWeights, along: np.ndarray, method: str, count: int) -> np.ndarray:
    """The players that one output keeps; see `stages.select`."""
    chosen = np.zeros(along.shape, bool)
    if method == "highest_weights":
        coef = _solve(rule, along[None], ~chosen[None])[0]
        chosen[np.argsort(-np.abs(coef), kind="stable")[:count]] = True
        return chosen
    if method == "lasso_path":
        return _on_lasso_path(rule, along, count)
    for _ in range(count):
        tried = chosen | np.eye(len(along), dtype=bool)
        sums = np.broadcast_to(along, tried.shape)
        explained = (_solve(rule, sums, tried) * np.where(tried, sums, 0)).sum(1)
        explained[chosen] = -np.inf
        best = explained.max()  # gains that differ by their rounding are equal; the first wins
        equal = explained >= best - 1e-12 * abs(best)
        chosen[np.argmax(equal)] = True
    return chosen


def _on_lasso_path(rule: MaskWeights, along: np.ndarray, count: int) -> np.ndarray:
    """The last knot with few enough coefficients."""
    from sklearn.linear_model import lars_path_gram

    variance, covariance = rule.gram
    gram = np.full((rule.players, rule.players), covariance)
    np.fill_diagonal(gram, variance)
    if not np.abs(along).max() > 0:
        return np.ones(along.shape, bool)
    _, _, path = lars_path_gram(along, gram, n_samples=1, method="lasso")
    knots = [knot != 0 for knot in path.T]
    return next(knot for knot in reversed(knots) if knot.sum() <= count)


def shapley_fit(rule: MaskWeights, y: Float[np.ndarray, "masks outputs"], link: str) -> LinearFit:
    """Shapley values by their definition; `rule` has the weights of their kernel."""
    worth = y if link == "identity" else log_odds(y)
    players, kept = rule.players, rule.masks.sum(1)
    share = inverse_choose(players)
    joins = share[kept] / np.maximum(kept, 1)  # of a coalition by those in it
    stays = share[kept] / np.maximum(players - kept, 1)
    coef = worth.T @ np.where(rule.masks, joins[:, None], -stays[:, None])
    base = worth[0]
    inside = (kept > 0) & (kept < players)
    weights = np.where(inside, rule.weights, 0)
    weights = weights / max(weights.sum(), 1e-300)
    missed = weights @ (worth - base - rule.masks @ coef.T) ** 2
    total = weights @ (worth - weights @ worth) ** 2
    chosen = np.ones(coef.shape, bool)
    return _fit(coef, chosen, base, _share(missed, total, worth), float(len(y)))


def shapley_weights(players: int) -> MaskWeights:
    """The Shapley kernel, without the empty and the full coalition."""
    return MaskWeights(np.concatenate([[0.0], shapley_kernel(players), [0.0]]))


def _share(missed: np.ndarray, total: np.ndarray, y: np.ndarray) -> np.ndarray:
    """R²; of an output that does not vary 1."""
    constant = total <= (_ALIKE * np.abs(y).max(0)) ** 2
    return np.where(constant, 1.0, 1 - missed / np.where(constant, 1, total))


def _fit(
    coef: np.ndarray, chosen: np.ndarray, intercept: np.ndarray, score: np.ndarray, worth: float
) -> LinearFit:
    """The fit of one text, with a leading axis of one row; errors are 0."""
    dtype = jnp.result_type(float)
    outputs, players = coef.shape
    size = np.abs(coef).max(initial=0) + np.abs(intercept).max(initial=0)
    coef = np.where(np.abs(coef) > _ALIKE * size, coef, 0.0)
    return replaced(
        LinearFit.of_no_rows(outputs, players),
        coef=coef.astype(dtype)[None],
        std_error=np.where(chosen, 0, np.nan).astype(dtype)[None],
        selected=chosen[None],
        intercept=intercept[None],
        score=score.astype(dtype)[None],
        local_pred=(intercept + coef.sum(1))[None],
        effective_samples=np.array([worth], dtype),
        support=np.full((1, players), int(Support.FULL), np.int32),
        held_out_score=score.astype(dtype)[None],
    )


def no_words(outputs: Float[np.ndarray, " labels"]) -> LinearFit:
    """The fit of a text with nothing to hide: what the model says of it."""
    nothing = np.zeros((len(outputs), 0))
    unknown = np.full(len(outputs), np.nan)
    return _fit(nothing, nothing.astype(bool), outputs, unknown, 0.0)
