"""Path-dependent values: what `TabularExplainer` does under `algorithm="tree_path"`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float64

from lime_jax.front.call import Outcome
from lime_jax.front.options import ExplainOptions
from lime_jax.models.structure import Structure, TreeSum
from lime_jax.tabular import frames
from lime_jax.tabular.call import TableRequest
from lime_jax.tabular.exact.shapley import shapley_why_not
from lime_jax.tabular.exact.shapley.blocks import ShapleyBlocks
from lime_jax.tabular.exact.shapley.paths import PathValues, path_tables
from lime_jax.tabular.exact.shapley.subtrees import LONGEST_PATH
from lime_jax.tabular.exact.shapley.terms import Value
from lime_jax.tabular.kernel_shap import refuse_options_of_lime
from lime_jax.tabular.opening.sample_facts import SampleFacts
from lime_jax.tabular.players import Players, make_players
from lime_jax.tabular.settings import PathSettings
from lime_jax.tabular.stats import TabularStats
from lime_jax.tabular.subtree_fits import PairedFit, by_blocks
from lime_jax.typing import Column, Table

_TYPICAL_ROWS = 64


@dataclasses.dataclass(frozen=True)
class PathPlan:
    """One call's choices.

    Attributes:
        value: "shapley" or "banzhaf".
        interactions: whether those of pairs are wanted.
    """

    value: Value
    interactions: bool


@dataclasses.dataclass
class TabularTreePath:
    """The columns of a table, and a few of its rows; there is no background.

    Attributes:
        typical: rows of the table, encoded.
        missing: columns with missing numbers.
    """

    schema: frames.Schema
    players: Players
    typical: Float64[np.ndarray, "rows features"]
    missing: Bool[np.ndarray, " features"]

    stats: ClassVar[None] = None
    """There are no bins."""

    @classmethod
    def learn(
        cls, settings: PathSettings, X: Table, y: Column | None, sample_weight: Column | None
    ) -> TabularTreePath:
        """Learn the columns; see `TabularExplainer.fit`."""
        for name, argument in (("y", y), ("sample_weight", sample_weight)):
            if argument is not None:
                raise ValueError(
                    f"`{name}`: path-dependent values take the weights of training rows from the "
                    "trees; leave it out"
                )
        if isinstance(X, TabularStats):
            raise ValueError("`X`: expected some rows of the table, got `TabularStats`")
        if frames.num_rows(X) == 0:
            raise ValueError("`X`: expected at least one row, got none")
        schema = settings.learn_schema(X)
        values = frames.encode(schema, X)
        missing = np.isnan(values).any(axis=0) & ~np.array(schema.categorical, bool)
        players = make_players(schema, settings.groups, settings.features)
        return cls(schema, players, values[:: -(-len(values) // _TYPICAL_ROWS)], missing)

    @property
    def samples(self) -> SampleFacts:
        """There are none; the rows to explain are like those of `fit`."""
        return SampleFacts(self.missing, typical_rows=lambda: self.typical)

    def plan(
        self,
        settings: PathSettings,
        options: ExplainOptions,
        widths: Sequence[float | int | None],
    ) -> PathPlan:
        """The choices that settings and options name."""
        settings.check_value()
        refuse_options_of_lime(options, widths)
        if options.method == "sampled":
            raise ValueError(
                "`method`: path-dependent values are exact; expected 'auto' or 'exact', got "
                "'sampled'"
            )
        if options.num_samples is not None:
            raise ValueError("`num_samples`: path-dependent values are exact; leave it out")
        return PathPlan(settings.value, settings.interactions)  # pyright: ignore[reportArgumentType]

    def check_rows(self, plan: PathPlan, values: np.ndarray) -> None:
        """All rows can be explained."""

    def why_not_exact(self, plan: PathPlan, structure: Structure | None) -> str:
        """Why there are no such values; empty if there are."""
        if not isinstance(structure, TreeSum):
            return "the model is not a sum of trees"
        if structure.cover is None:
            return "its trees do not say how many training rows came to each node"
        categorical = np.array(self.schema.categorical, bool)
        return shapley_why_not(structure, len(categorical), categorical)

    def refuse(self, why_not_exact: str) -> None:
        """Refuse a model that has none: samples say nothing of its trees."""
        raise ValueError(
            "`model`: algorithm='tree_path' explains sums of trees by the training rows at each of "
            f"their nodes, but {why_not_exact}; use algorithm='kernel_shap'"
        )

    def explain(self, plan: PathPlan, request: TableRequest) -> list[Outcome]:
        """Explain rows: one outcome."""
        rows = len(request.values)
        outcome = self._paired(plan, request).outcome(
            self.players,
            request,
            interactions=plan.interactions,
            samples_used=np.zeros(rows, np.int64),
            num_samples=0,
            num_replicates=0,
            value_kind=plan.value,
        )
        return [outcome]

    def _paired(self, plan: PathPlan, request: TableRequest) -> PairedFit:
        game = self.players.player_of, len(self.players), plan.value

        def make(trees: TreeSum) -> ShapleyBlocks | PathValues | None:
            return (
                path_tables(trees, *game, True) if plan.interactions else PathValues(trees, *game)
            )

        paired = by_blocks(request, make, ("paths", (plan.value, plan.interactions)))
        if paired is None:
            raise ValueError(
                f"`interactions`: some path to a leaf tests more than {LONGEST_PATH} features; "
                "take a model of shallower trees, or `groups`"
            )
        return paired

    def note_of(self, error: Exception) -> str:
        """Nothing: the model is asked about the rows alone."""
        del error
        return ""
