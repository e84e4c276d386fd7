"""Exact values of rows in blocks, and what pairs of players change together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import jax.numpy as jnp
import numpy as np

from lime_jax.front.call import Outcome
from lime_jax.models.structure import TreeSum
from lime_jax.tabular.call import PairedOutcome, TableRequest
from lime_jax.tabular.exact.asked import of_asked_outputs
from lime_jax.tabular.exact.relative_outputs import relative_outputs
from lime_jax.tabular.exact.shapley.blocks import ShapleyBlocks, shapley_blocks
from lime_jax.tabular.exact.shapley.paths import PathValues
from lime_jax.tabular.exact.shapley.terms import Value
from lime_jax.tabular.players import Players
from lime_jax.tabular.shapley_background import Background, ShapPlan
from lime_jax.typing import LinearFit, replaced


@dataclasses.dataclass(frozen=True)
class ValuePlan(ShapPlan):
    """One call's choices, and what is asked for.

    Attributes:
        value: "shapley" or "banzhaf".
        interactions: whether those of pairs are wanted; `max_pairs` of them, or None: all.
    """

    value: Value = "shapley"
    interactions: bool = False
    max_pairs: int | None = None

    @property
    def is_for_sums(self) -> bool:
        """Whether what is wanted is known of sums of trees or of columns only."""
        return self.interactions or self.value != "shapley"


@dataclasses.dataclass(frozen=True, eq=False)
class PairedFit:
    """A fit of all rows, and the values (rows, labels, pairs) of pairs of players."""

    fit: LinearFit
    pair_values: np.ndarray
    pairs: tuple[tuple[int, int], ...]

    def plus(self, other: LinearFit) -> PairedFit:
        """With the values of what is added to the model, and has no interactions."""
        names = ("coef", "intercept", "local_pred")
        sums = {name: getattr(self.fit, name) + getattr(other, name) for name in names}
        return dataclasses.replace(self, fit=replaced(self.fit, **sums))

    def outcome(self, players: Players, request: TableRequest, **facts: Any) -> Outcome:
        """What explanations say of the players; without pairs where there can be none.

        Args:
            **facts: the fields of `Outcome` that do not follow from the rest; `interactions`:
                whether those are asked for.
        """
        columns, interactions = request.model.schema.columns, facts.pop("interactions")
        facts |= dict(
            fit=self.fit,
            names=players.feature_names(request.model.schema.names),
            values=players.values_of(request.values),
            groups=tuple(tuple(columns[k] for k in group) for group in players.columns),
        )
        if not interactions:
            return Outcome(**facts)
        return PairedOutcome(**facts, pair_values=self.pair_values, pairs=self.pairs)


def by_subtrees(background: Background, plan: ValuePlan, request: TableRequest) -> PairedFit | None:
    """Explanations of a sum of trees, in NumPy; None where the path to a leaf is too long."""
    players, wanted = background.players, (plan.interactions, plan.max_pairs)

    def make(trees: TreeSum) -> ShapleyBlocks | None:
        arguments = background.rows, background.weights, players.player_of, len(players)
        return shapley_blocks(trees, *arguments, plan.value, *wanted)

    return by_blocks(request, make, ("subtrees", (plan.value, *wanted)))


def by_blocks(
    request: TableRequest,
    make: Callable[[TreeSum], ShapleyBlocks | PathValues | None],
    kind: tuple[str, Hashable],
) -> PairedFit | None:
    """Explanations of a sum of trees from blocks, which the next call has; None: there are none.

    Args:
        kind: of the blocks, and what they depend on.
    """
    structure, tables, (slot, wanted) = request.model.structure, request.model.tables, kind
    if not request.is_exact or not isinstance(structure, TreeSum):
        return None
    trees, labels, outputs = of_asked_outputs(structure, request.labels)
    facts = jnp.result_type(float), outputs, wanted
    if slot not in tables or tables[slot][0] != facts:
        none = np.zeros(trees.num_features)
        near, scale = relative_outputs(trees, none, none)
        assert isinstance(near, TreeSum)
        tables[slot] = facts, make(near), scale
    _, blocks, scale = tables[slot]
    if blocks is None:
        return None
    fit, together = blocks.explain(request.values, labels, request.tick)
    if together.size and (scale.unit != 1).any():
        together *= scale.unit[labels][..., None].astype(together.dtype)
    fit = scale.outward(fit, labels)
    pairs = tuple(map(tuple, blocks.pairs.tolist()))
    return PairedFit(replaced(fit, held_out_score=fit.score), together, pairs)
