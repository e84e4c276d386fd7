"""Few players: all masks are asked, so nothing is left to chance.

Weights of masks depend on how many players are kept only. So the Gram matrix has one number on its
diagonal and one beside it, and fits are formulas, in float64 on the host: nothing is compiled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property, lru_cache

import jax.numpy as jnp
import numpy as np

from lime_jax.fits.shapley import log_odds
from lime_jax.masked.lime import distance_of_share
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
class Gram:
    """Weighted moments of masks whose players are all alike.

    Attributes:
        share: weighted mean of a player.
        variance: of a player.
        covariance: of two players.
    """

    share: float
    variance: float
    covariance: float

    @classmethod
    def of_sizes(cls, mass: Float[np.ndarray, " sizes"]) -> Gram:
        """From what all masks that keep so many players weigh together."""
        sizes, players = np.arange(len(mass)), len(mass) - 1
        mass = mass / (mass.sum() or 1.0)
        share = float(mass @ sizes) / players
        pairs = float(mass @ (sizes * (sizes - 1.0))) / max(players * (players - 1), 1)
        return cls(share, share - share**2, pairs - share**2 if players > 1 else 0.0)


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
    def gram(self) -> Gram:
        """How players vary, and vary together."""
        return Gram.of_sizes(self.of_size / inverse_choose(self.players))


def lime_weights(masses: Float[np.ndarray, " sizes"]) -> MaskWeights:
    """The weights of masks from those of all together that keep so many."""
    return MaskWeights(masses * inverse_choose(len(masses) - 1))


def lime_masses(
    players: int,
    num_samples: int,
    distance: str,
    kernel: Callable[..., object],
    width: float,
    relative: bool = False,
) -> Float[np.ndarray, " sizes"]:
    """The weight of all masks together that keep so many, from none to all.

    `lime`'s law of masks times its kernel, the limit of very many samples: so many are hidden as
    any other number, at least one; the whole instance is one of the samples.
    """
    sizes = np.arange(players + 1)
    away = distance_of_share(sizes / players, 1 if relative else players, distance, np)
    if kernel is exponential_kernel:
        near = np.exp(-0.5 * (away / width) ** 2)
    else:
        near = np.asarray(kernel(jnp.asarray(away), width), np.float64)
    law = np.full(players + 1, (1 - 1 / num_samples) / players)
    law[-1] = 1 / num_samples
    return law * near


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
    coef, chosen = _fit_chosen(rule.gram, along, feature_selection, num_features)
    intercept = mean - coef @ (rule.weights @ rule.masks)
    missed = rule.weights @ (y - intercept - rule.masks @ coef.T) ** 2
    return _fit(coef, chosen, intercept, _share(missed, total, y), 1 / (rule.weights**2).sum())


def linear_fit(
    gram: Gram,
    base: Float[np.ndarray, " outputs"],
    slopes: Float[np.ndarray, "outputs players"],
    feature_selection: str,
    num_features: int | None,
) -> LinearFit:
    """What masks say of outputs that are linear in them: the slopes, without any sample."""
    apart = gram.variance - gram.covariance
    along = apart * slopes + gram.covariance * slopes.sum(1, keepdims=True)
    coef, chosen = slopes, np.ones(slopes.shape, bool)
    if num_features is not None and num_features < slopes.shape[1]:
        coef, chosen = _fit_chosen(gram, along, feature_selection, num_features)
    intercept = base + gram.share * (slopes - coef).sum(1)
    total, explained = (slopes * along).sum(1), (coef * along).sum(1)
    varies = total > (_ALIKE * (np.abs(base) + np.abs(slopes).sum(1))) ** 2
    score = np.where(varies, explained / np.where(varies, total, 1), 1.0)
    return _fit(coef, chosen, intercept, score, 0.0)


def _fit_chosen(
    gram: Gram, along: np.ndarray, feature_selection: str, num_features: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of each output on the players that it keeps, and which these are."""
    chosen = np.ones(along.shape, bool)
    if num_features is not None and num_features < along.shape[1]:
        method = resolve_selection(feature_selection, num_features)
        if method != "none":
            chosen = np.stack([_choose(gram, one, method, num_features) for one in along])
    return _solve(gram, along, chosen), chosen


def _solve(gram: Gram, along: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Least squares on the chosen players of each output; 0 for the others."""
    along = np.where(chosen, along, 0.0)
    apart = gram.variance - gram.covariance
    sums = along.sum(1) / (apart + chosen.sum(1) * gram.covariance)
    return np.where(chosen, (along - gram.covariance * sums[:, None]) / apart, 0.0)


def _choose(gram: Gram, along: np.ndarray, method: str, count: int) -> np.ndarray:
    """The players that one output keeps; see `stages.select`."""
    chosen = np.zeros(along.shape, bool)
    if method == "highest_weights":
        coef = _solve(gram, along[None], ~chosen[None])[0]
        chosen[np.argsort(-np.abs(coef), kind="stable")[:count]] = True
        return chosen
    if method == "lasso_path":
        return _on_lasso_path(gram, along, count)
    for _ in range(count):
        tried = chosen | np.eye(len(along), dtype=bool)
        sums = np.broadcast_to(along, tried.shape)
        explained = (_solve(gram, sums, tried) * np.where(tried, sums, 0)).sum(1)
        explained[chosen] = -np.inf
        best = explained.max()  # gains that differ by their rounding are equal; the first wins
        equal = explained >= best - 1e-12 * abs(best)
        chosen[np.argmax(equal)] = True
    return chosen


def _on_lasso_path(gram: Gram, along: np.ndarray, count: int) -> np.ndarray:
    """The last knot with few enough coefficients."""
    from sklearn.linear_model import lars_path_gram

    matrix = np.full((len(along), len(along)), gram.covariance)
    np.fill_diagonal(matrix, gram.variance)
    if not np.abs(along).max() > 0:
        return np.ones(along.shape, bool)
    _, _, path = lars_path_gram(along, matrix, n_samples=1, method="lasso")
    knots = [knot != 0 for knot in path.T]
    return next(knot for knot in reversed(knots) if knot.sum() <= count)


def shapley_fit(rule: MaskWeights, y: Float[np.ndarray, "masks outputs"], link: str) -> LinearFit:
    """Shapley values by their definition; `rule` has the weights of their kernel."""
    worth = y if link == "identity" else log_odds(y)
    players, sizes = rule.players, rule.masks.sum(1)
    share = inverse_choose(players)
    joins = share[sizes] / np.maximum(sizes, 1)  # of a coalition by those in it
    stays = share[sizes] / np.maximum(players - sizes, 1)
    coef = worth.T @ np.where(rule.masks, joins[:, None], -stays[:, None])
    base = worth[0]
    inside = (sizes > 0) & (sizes < players)
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
    """The fit of one instance, with a leading axis of one row; errors are 0."""
    dtype = jnp.result_type(float)
    outputs, players = coef.shape
    size = np.abs(coef).max(initial=0) + np.abs(intercept).max(initial=0)
    coef = np.where(np.abs(coef) > _ALIKE * size, coef, 0.0)
    return replaced(
        _of_no_rows(outputs, players, dtype),
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


@lru_cache(maxsize=64)
def _of_no_rows(outputs: int, players: int, dtype: object) -> LinearFit:
    """To be filled: of instances one by one, each with a fit of its own."""
    del dtype  # as JAX has it now
    return LinearFit.of_no_rows(outputs, players)


def no_players(outputs: Float[np.ndarray, " labels"]) -> LinearFit:
    """The fit of an instance with nothing to hide: what the model says of it."""
    nothing = np.zeros((len(outputs), 0))
    unknown = np.full(len(outputs), np.nan)
    return _fit(nothing, nothing.astype(bool), outputs, unknown, 0.0)
