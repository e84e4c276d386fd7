"""All coalitions of a function of a sum of trees, without calling it.

A coalition is in a leaf with a background row if it has the players that the row misses there, all
of A, and none of those that x misses, C. As a polynomial in the players' flags that is the product
of A's times, for each set T in C, the product of T's with sign (-1)^|T|. So each pair of a leaf and
a background row adds its value to 2^|C| sets, and sums over all subsets, a player at a time (Yates,
1937), are what the trees add up to for every coalition. The link of those is all that is left.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from lime_jax.engine.one_row import average_background
from lime_jax.fits.shapley import ShapleyMethod
from lime_jax.tabular.exact.route import one_by_one
from lime_jax.tabular.exact.shapley.coalitions import FormOfOutputs
from lime_jax.tabular.exact.shapley.passes import Pairs, ShapleyPasses
from lime_jax.typing import Array, Float, Int, Pytree, pytree

MOST_PLAYERS = 13
"""By default all coalitions of so many are asked: that takes no longer than samples of them."""

MOST_SUMS = 2**24
"""Of all coalitions, background rows and outputs of one row."""


@dataclasses.dataclass(frozen=True, eq=False)
class TreeMargins:
    """What a sum of trees says of all coalitions with each background row.

    Attributes:
        passes: of the trees and the background.
    """

    passes: ShapleyPasses

    def __call__(
        self, rows: Float64[np.ndarray, "rows features"]
    ) -> Float[np.ndarray, "rows coalitions background sums"]:
        """Those of some rows; the number of a coalition has a bit for each player."""
        passes = self.passes
        count, sums = sum(len(part.weights) for part in passes.parts), len(passes.splits.base)
        found = np.empty((len(rows), 2**passes.num_players, count, sums), jnp.result_type(float))
        one_by_one(self._fill, rows, found)
        return found

    def _fill(
        self,
        x: Float64[np.ndarray, " features"],
        found: Float[np.ndarray, "coalitions background sums"],
    ) -> None:
        start = 0
        for pairs in self.passes.pairs(x):
            stop = start + len(pairs.weights)
            np.add(self._of_part(pairs), self.passes.splits.base, out=found[:, start:stop])
            start = stop

    def _of_part(self, pairs: Pairs) -> Float64[np.ndarray, "coalitions background sums"]:
        passes, rows = self.passes, len(pairs.weights)
        sums = len(passes.splits.base)
        each, cells = rows * sums, (rows * sums) << passes.num_players
        place = (pairs.theirs.astype(np.int64) * rows + pairs.row) * sums
        place, leaf, sign = _expanded(place + passes.output[pairs.leaf], pairs, each)
        total = np.zeros(cells)
        for number, value in enumerate(passes.value):
            total += np.bincount(place + number, sign * value[leaf], cells)
        for player in range(passes.num_players):
            without, within = np.moveaxis(total.reshape(-1, 2, each << player), 1, 0)
            np.add(within, without, out=within)
        return total.reshape(-1, rows, sums)


def _expanded(
    place: Int[np.ndarray, " pairs"], pairs: Pairs, each: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of all sets that pairs add to, and the leaf and the sign of each."""
    missed, leaf, sign = pairs.missed.astype(np.int64), pairs.leaf, np.ones(len(place))
    for player in range(int(missed.max(initial=0)).bit_length()):
        some = np.flatnonzero(missed >> player & 1)
        place = np.concatenate([place, place[some] + (each << player)])
        leaf = np.concatenate([leaf, leaf[some]])
        sign = np.concatenate([sign, -sign[some]])
        missed = np.concatenate([missed, missed[some]])
    return place, leaf, sign


@pytree
class AllCoalitionsForm(FormOfOutputs):
    """KernelSHAP on all coalitions, whose outputs are a link of sums; see `ClosedForm`.

    Attributes:
        method: that the coalitions are of.
        place: number of each of its coalitions, with a bit for each player.
        link: (samples, sums) -> (samples, outputs).
        weights: of the background rows; they add up to 1.
    """

    method: ShapleyMethod
    place: Int[Any, " coalitions"]
    link: Pytree
    weights: Float[Any, " background"]

    @property
    def rows_at_once(self) -> int:
        """See `ClosedForm`."""
        return 1

    def outputs(
        self,
        instances: Float[Array, "rows coalitions background sums"],
        labels: Int[Array, "rows labels"],
    ) -> Float[Array, "rows labels coalitions"]:
        """The link of what the sums are for rows, averaged over the background."""

        def of_row(margins: Array, asked: Array) -> Array:
            outputs = self.link(margins.reshape(-1, margins.shape[-1]))[:, asked]
            return average_background(outputs, self.weights)[self.place].T

        return jax.vmap(of_row)(instances, labels)
