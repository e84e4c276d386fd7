"""Classes from their pairs: libsvm's probabilities and scikit-learn's votes."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.typing import AnyArray, Array, Pytree, pytree, static

SMALLEST_PROBABILITY = 1e-7  # of one of two classes, libsvm's


def votes(margins: Array, first_wins: Array | None = None) -> Array:
    """Margins of classes from those of their pairs: votes, and less than half of one for doubt.

    The first of a pair has its vote where the pair's margin is not negative, or where it is said.
    """
    first_wins = margins >= 0 if first_wins is None else first_wins
    count = next(k for k in range(2, 2 + margins.shape[1]) if comb(k, 2) == margins.shape[1])
    first, second = _pairs(count)
    plus, minus = np.eye(count)[first], np.eye(count)[second]
    won = jnp.where(first_wins[:, :, None], plus, minus).sum(axis=1)
    doubt = jnp.matmul(margins, plus - minus, precision="highest")
    return won + doubt / (3 * (jnp.abs(doubt) + 1))


def _pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = zip(*combinations(range(count), 2), strict=True)
    return np.array(first), np.array(second)


@pytree
class PairProbabilities:
    """Probabilities of classes from the margins of their pairs.

    A sigmoid of each margin (Platt 1999) says how two classes share what they have; one set of
    probabilities that fits all shares best is found by libsvm's descent (Wu, Lin and Weng 2004,
    second method), stopped where libsvm stops it.
    """

    slope: Any
    offset: Any
    count: int = static()

    def __call__(self, margins: AnyArray) -> Array:
        """(samples, pairs) -> (samples, classes)."""
        share = jax.nn.sigmoid(-(margins * self.slope + self.offset))
        share = jnp.clip(share, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        first, second = _pairs(self.count)
        shares = jnp.zeros((len(margins), self.count, self.count), share.dtype)
        shares = shares.at[:, first, second].set(share).at[:, second, first].set(1 - share)
        return couple(shares)


def couple(shares: Array) -> Array:
    """Probabilities of classes from those of pairs: in each row the first's if it is one of two."""
    count = shares.shape[1]
    other = jnp.swapaxes(shares, 1, 2)
    diagonal = (other * other).sum(axis=2)
    form = jnp.where(np.eye(count, dtype=bool), diagonal[:, :, None], -other * shares)

    def not_yet(state: Pytree) -> Array:
        step, _, active = state
        return (step < max(100, count)) & active.any()

    def sweep(state: Pytree) -> Any:
        step, p, _ = state
        gradient = jnp.einsum("sij,sj->si", form, p, precision="highest")
        value = (p * gradient).sum(axis=1)
        active = jnp.abs(gradient - value[:, None]).max(axis=1) >= 0.005 / count

        def one_class(t: Pytree, carry: Pytree) -> Any:
            p, gradient, value = carry
            change = (value - gradient[:, t]) / diagonal[:, t]
            scale = 1 + change
            value = (value + change * (change * diagonal[:, t] + 2 * gradient[:, t])) / scale**2
            gradient = (gradient + change[:, None] * form[:, t]) / scale[:, None]
            return p.at[:, t].add(change) / scale[:, None], gradient, value

        moved, _, _ = jax.lax.fori_loop(0, count, one_class, (p, gradient, value))
        return step + 1, jnp.where(active[:, None], moved, p), active

    start = jnp.full(shares.shape[:2], 1 / count, shares.dtype)
    active = jnp.ones(len(shares), bool)
    return jax.lax.while_loop(not_yet, sweep, (0, start, active))[1]
