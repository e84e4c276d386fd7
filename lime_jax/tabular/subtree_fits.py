"""Exact values of rows from tables of subtrees, and what pairs of players change together."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np

from lime_jax.models.structure import TreeSum
from lime_jax.tabular.call import TableRequest
from lime_jax.tabular.exact.asked import of_asked_outputs
from lime_jax.tabular.exact.relative_outputs import relative_outputs
from lime_jax.tabular.exact.shapley.blocks import shapley_blocks
from lime_jax.tabular.exact.shapley.terms import Value
from lime_jax.tabular.shapley_fits import Background, ShapPlan
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


def by_subtrees(background: Background, plan: ValuePlan, request: TableRequest) -> PairedFit | None:
    """Explanations of a sum of trees, in NumPy; None where the path to a leaf is too long."""
    structure, tables = request.model.structure, request.model.tables
    if not request.is_exact or not isinstance(structure, TreeSum):
        return None
    trees, labels, outputs = of_asked_outputs(structure, request.labels)
    wanted = plan.value, plan.interactions, plan.max_pairs
    facts = jnp.result_type(float), outputs, *wanted
    if "subtrees" not in tables or tables["subtrees"][0] != facts:
        none, players = np.zeros(trees.num_features), background.players
        near, scale = relative_outputs(trees, none, none)
        assert isinstance(near, TreeSum)
        given = background.rows, background.weights, players.player_of, len(players)
        tables["subtrees"] = facts, shapley_blocks(near, *given, *wanted), scale
    _, blocks, scale = tables["subtrees"]
    if blocks is None:
        return None
    fit, together = blocks.explain(request.values, labels, request.tick)
    unit = scale.unit[labels][..., None].astype(together.dtype)
    fit = scale.outward(fit, labels)
    pairs = tuple(map(tuple, blocks.sums.pairs.tolist()))
    return PairedFit(replaced(fit, held_out_score=fit.score), together * unit, pairs)
