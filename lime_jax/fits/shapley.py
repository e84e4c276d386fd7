"""KernelSHAP: Shapley values from the outputs of coalitions of players.

The coalitions do not depend on the row, so neither does the rule that makes Shapley values of
their outputs: it is worked out once, on the host. A row is left with a few matrix products.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.fits.shapley_rules import prediction_rule, regression_rule
from lime_jax.placing import placed
from lime_jax.stages.coalition_units import ShapleyDesign, make_shapley_design
from lime_jax.stages.coalitions import shapley_coalitions
from lime_jax.typing import (
    Array,
    Bool,
    Coordinates,
    Float,
    Index,
    Int,
    Key,
    LinearFit,
    View,
    pytree,
    static,
)

LINKS = ("identity", "logit")

MOST_PLAYERS = 3000
"""With twice as many pairs, which are predicted together: half a minute, and 3 GB."""

MOST_COALITIONS = 2**17
"""Their left-out errors are 400 MB on the device."""

LOGIT_MARGIN = 1e-6
"""Probabilities are moved this far away from 0 and 1 before the logit."""


@pytree
class ShapleyMethod:
    """KernelSHAP on coalitions that all rows share; see `Method`. Made by `make_shapley_method`.

    Attributes:
        masks: of the coalitions, each followed by its complement; the first two are no player
            and all players.
        weights: of the pairs in the score, adding up to 1; 0 for the first.
        pairs: numbers of the pairs in each part; see `ShapleyRule`.
        influence: of half the difference of each pair on each Shapley value.
        leverage: of each pair on its own fitted value.
        left_out: what makes the errors of pairs that the others predict; None: all coalitions
            are there.
        uncertainty: of each Shapley value by the error of each pair; None likewise.
        equal_share: 1 / number of players for a player, 0 for a padded column.
        link: "identity" or "logit", of the averaged output.
    """

    design: ShapleyDesign
    masks: Bool[Array, "units samples players"]
    weights: Float[Array, " all_pairs"]
    pairs: Int[Array, "parts pairs"]
    influence: Float[Array, "parts pairs players"]
    leverage: Float[Array, "parts pairs"]
    left_out: Float[Array, "parts pairs pairs"] | None
    uncertainty: Float[Array, "parts pairs players"] | None
    equal_share: Float[Array, " players"]
    link: str = static(default="identity")

    def draws(
        self, key: Key[Array, ""], replicate: Index, block: Index
    ) -> Bool[Array, "samples players"]:
        """Coalitions of one unit."""
        del key, block
        return self.masks[replicate]

    def summarize(
        self, view: View, y: Float[Array, "samples outputs"]
    ) -> Float[Array, "samples outputs"]:
        """What the fit needs of the coalitions of one unit."""
        del view
        return y if self.link == "identity" else log_odds(y)

    def merge(
        self, first: Float[Array, "samples outputs"], second: Float[Array, "samples outputs"]
    ) -> Float[Array, "samples outputs"]:
        """Outputs of one unit, which one of the two has not met."""
        return first + second

    def solve(
        self, summaries: Float[Array, "units samples outputs"], coordinates: Coordinates
    ) -> LinearFit:
        """The explanation: `coef` are Shapley values, which add `intercept` up to `local_pred`.

        These are the outputs of no and of all players. `std_error` is of the coalitions that were
        drawn, from the errors of pairs that the others predict; 0 where all are there. `score` is
        the R² under the Shapley kernel, without the empty and the full coalition, and
        `held_out_score` leaves each pair out once; `effective_samples` is the number of coalitions.
        """
        return self.fit_of(self.values(summaries), coordinates)

    def fit_of(self, values: CoalitionValues, coordinates: Coordinates) -> LinearFit:
        """The explanation in the coordinates of a row."""
        coef, std_error = values.coef, jnp.sqrt(values.variance)
        varies = jnp.broadcast_to(coordinates.varies, (coef.shape[0], *coordinates.varies.shape))
        return LinearFit(
            coef=jnp.where(varies, coef[:, coordinates.variable], 0),
            std_error=jnp.where(varies, std_error[:, coordinates.variable], jnp.nan),
            selected=varies,
            intercept=values.base,
            score=values.score(values.missed),
            local_pred=values.whole,
            effective_samples=jnp.asarray(self.design.num_samples, coef.dtype),
            support=coordinates.support,
            held_out_score=values.score(values.missed_left_out),
        )

    def values(self, summaries: Float[Array, "units samples outputs"]) -> CoalitionValues:
        """Shapley values of all outputs, and how well they fit the coalitions."""
        y = summaries.reshape(-1, 2, summaries.shape[-1])
        base, whole = y[0]
        half = ((y[:, 0] - y[:, 1]) / 2)[self.pairs]
        coef = _sum("pqo,pqf->of", half, self.influence)
        coef = coef + (whole - base - coef.sum(1))[:, None] * self.equal_share
        inside = self.masks.reshape(*y.shape[:2], -1)[:, 0][self.pairs] - jnp.asarray(0.5, y.dtype)
        residual = half - _sum("pqf,of->pqo", inside, coef)
        even = ((y[:, 0] - base + y[:, 1] - whole) / 2)[self.pairs]
        weights = self.weights[self.pairs][:, :, None]
        mean = (weights * even).sum((0, 1))
        missed = missed_left_out = _missed(weights, even, residual)
        variance = jnp.zeros_like(coef)
        if self.left_out is not None and self.uncertainty is not None:
            left_out = _sum("pqr,pro->pqo", self.left_out, half)
            variance = _sum("pqo,pqf->of", left_out**2, self.uncertainty**2)
            residual = residual + self.leverage[:, :, None] * left_out
            missed_left_out = _missed(weights, even, residual)
        return CoalitionValues(
            coef=coef,
            variance=variance,
            base=base,
            whole=whole,
            total=(weights * (half**2 + (even - mean) ** 2)).sum((0, 1)),
            missed=missed,
            missed_left_out=missed_left_out,
            noise=8 * jnp.finfo(y.dtype).eps * jnp.abs(y).max((0, 1)),  # of a difference of outputs
        )


@pytree
class CoalitionValues:
    """Shapley values from the outputs of coalitions.

    Attributes:
        variance: of `coef`, by the coalitions that were drawn.
        base: output of no player; `whole` that of all.
        total: sum of squares of the outputs about their mean, under the Shapley kernel.
        missed: of the errors of the values; `missed_left_out` where each pair was left out once.
        noise: that rounding leaves in a difference of outputs.
    """

    coef: Float[Array, "outputs players"]
    variance: Float[Array, "outputs players"]
    base: Float[Array, " outputs"]
    whole: Float[Array, " outputs"]
    total: Float[Array, " outputs"]
    missed: Float[Array, " outputs"]
    missed_left_out: Float[Array, " outputs"]
    noise: Float[Array, " outputs"]

    def score(self, missed: Float[Array, " outputs"]) -> Float[Array, " outputs"]:
        """R² of the coalitions; 1 where nothing but rounding is to be explained."""
        constant = self.total <= self.noise**2
        return jnp.where(constant, 1.0, 1 - missed / jnp.where(constant, 1, self.total))


def _missed(weights: Array, even: Array, residual: Array) -> Array:
    """Sum of squared errors: those of a pair are `even` plus and minus `residual`."""
    return (weights * (residual**2 + even**2)).sum((0, 1))


def log_odds(y: Any) -> Any:
    """Log-odds, kept `LOGIT_MARGIN` away from 0 and 1; NaN for what is no probability.

    Example:
        >>> log_odds(np.array([0.5, 1.5])).tolist()
        [0.0, nan]
    """
    xp = np if isinstance(y, np.ndarray) else jnp
    y = xp.where((y < -LOGIT_MARGIN) | (y > 1 + LOGIT_MARGIN), xp.nan, y)
    nearest = LOGIT_MARGIN / 16  # 32 bits would round 1 less the margin by some of its percents
    y = xp.clip(y, nearest, 1 - nearest)
    most = np.log1p(-LOGIT_MARGIN) - np.log(LOGIT_MARGIN)
    return xp.clip(xp.log(y) - xp.log1p(-y), -most, most)


def make_shapley_method(
    key: Key[Array, ""],
    num_players: int,
    num_samples: int | str = "auto",
    link: str = "identity",
    width: int | None = None,
) -> ShapleyMethod:
    """Choose the coalitions, and work out all that does not depend on the model.

    `num_samples` are as in `make_shapley_design`. `link` is the scale on which the values add up.
    `width`, at least `num_players`, is of the masks, whose columns beyond are False: explanations
    of few and many players run one program.
    """
    if link not in LINKS:
        known = " or ".join(f'"{known}"' for known in LINKS)
        raise ValueError(f"`link` must be {known}, got {link!r}.")
    design = make_shapley_design(num_players, num_samples)
    width = num_players if width is None else width
    if width < num_players:
        raise ValueError(
            f"`width` must be at least `num_players` ({num_players}), got {width}: it is the "
            "number of columns that the masks are padded to."
        )
    complete = design.num_samples == 2**num_players
    if not complete:
        _check_size(num_players, design.num_samples)
    coalitions = shapley_coalitions(key, num_players, design.num_samples)
    rule = (regression_rule if complete else prediction_rule)(coalitions)
    inside = coalitions.masks[::2][rule.pairs] - 0.5
    equal_share = np.full(num_players, 1 / num_players)
    masks = _widen(coalitions.masks, width)

    def leaf(array: np.ndarray | None) -> Any:
        return None if array is None else placed(array, jnp.result_type(float))

    return ShapleyMethod(
        design=design,
        masks=placed(masks.reshape(design.num_replicates, design.block_size, width)),
        weights=leaf(2 * coalitions.weights),
        pairs=placed(rule.pairs, jnp.int32),
        influence=leaf(_widen(rule.influence, width)),
        leverage=leaf((rule.influence * inside).sum(-1)),
        left_out=leaf(rule.left_out),
        uncertainty=leaf(None if rule.uncertainty is None else _widen(rule.uncertainty, width)),
        equal_share=leaf(_widen(equal_share, width)),
        link=link,
    )


def _widen(array: np.ndarray, width: int) -> np.ndarray:
    """Zeros after the last axis."""
    return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])])


def _sum(subscripts: str, a: Array, b: Array) -> Array:
    return jnp.einsum(subscripts, a, b, precision="highest")


def _check_size(num_players: int, num_samples: int) -> None:
    """Refuse what would take minutes and gigabytes before the model is called once."""
    if num_players > MOST_PLAYERS:
        raise ValueError(
            f"`num_samples`: sampled Shapley values are of at most {MOST_PLAYERS:,} players, got "
            f"{num_players:,}; let some play together (`groups`, or larger superpixels)"
        )
    if num_samples > MOST_COALITIONS:
        raise ValueError(
            f"`num_samples`: expected at most {MOST_COALITIONS:,} coalitions, got {num_samples:,}"
        )
