"""KernelSHAP for tables: what `TabularExplainer` does under `algorithm="kernel_shap"`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import numpy as np

from lime_jax.arguments import check_one_of
from lime_jax.fits.shapley import LINKS
from lime_jax.front.call import Outcome
from lime_jax.front.options import ExplainOptions
from lime_jax.models.structure import MixedSum, Structure, TreeSum
from lime_jax.stages.coalition_units import make_shapley_design
from lime_jax.tabular import frames
from lime_jax.tabular.background_rows import learn_background
from lime_jax.tabular.call import TableRequest
from lime_jax.tabular.exact.shapley import shapley_why_not
from lime_jax.tabular.exact.shapley.subtrees import LONGEST_PATH
from lime_jax.tabular.opening.sample_facts import SampleFacts
from lime_jax.tabular.players import make_players
from lime_jax.tabular.settings import ShapSettings
from lime_jax.tabular.shapley_background import Background
from lime_jax.tabular.shapley_fits import ShapTask
from lime_jax.tabular.stats import TabularStats
from lime_jax.tabular.subtree_fits import PairedFit, ValuePlan, by_subtrees
from lime_jax.typing import Column, LinearFit, Table
from lime_jax.warn import warn

MANY_ROWS = 2000
"""A background of more rows deserves a warning."""

_WANTED = "`value`", "`interactions`"
_ONLY_SUMS = (
    "are known exactly of sums of trees or of columns, and not estimated from samples; leave it "
    'out, or explain the margin of a boosted model (`output="margin"`)'
)


@dataclasses.dataclass
class TabularShap:
    """A background that KernelSHAP has learned."""

    schema: frames.Schema
    background: Background

    stats: ClassVar[None] = None
    """There are no bins."""

    @classmethod
    def learn(
        cls, settings: ShapSettings, X: Table, y: Column | None, sample_weight: Column | None
    ) -> TabularShap:
        """Learn a background; see `TabularExplainer.fit`."""
        if y is not None:
            raise ValueError("`y`: KernelSHAP needs no classes; leave it out")
        if isinstance(X, TabularStats):
            raise ValueError("`X`: KernelSHAP needs the rows of its background, not `TabularStats`")
        if frames.num_rows(X) == 0:
            raise ValueError("`X`: expected at least one background row, got none")
        schema = settings.learn_schema(X)
        categorical = np.array(schema.categorical, bool)
        values = frames.encode(schema, X)
        rows, weights = learn_background(
            values, categorical, sample_weight, settings.summarize, settings.seed
        )
        players = make_players(schema, settings.groups, settings.features)
        learned = cls(schema, Background(rows, weights, players, categorical))
        learned.plan(settings, ExplainOptions(), [None])
        return learned

    @property
    def samples(self) -> SampleFacts:
        """What is known of the samples: all their numbers are those of rows."""
        rows = self.background.rows
        return SampleFacts(
            np.isnan(rows).any(axis=0) & ~self.background.categorical,
            typical_rows=lambda: rows[:: -(-len(rows) // 64)],
        )

    def plan(
        self,
        settings: ShapSettings,
        options: ExplainOptions,
        widths: Sequence[float | int | None],
    ) -> ValuePlan:
        """The choices that settings and options name."""
        link = settings.link
        check_one_of("link", link, LINKS)
        refuse_options_of_lime(options, widths)
        settings.check_value()
        num_samples: Any = "auto" if options.num_samples is None else options.num_samples
        design = make_shapley_design(len(self.background.players), num_samples)
        wanted = settings.value, settings.interactions, settings.max_pairs
        return ValuePlan(design, num_samples, link, settings.seed, *wanted)  # pyright: ignore[reportArgumentType]

    def check_rows(self, plan: ValuePlan, values: np.ndarray) -> None:
        """All rows can be explained."""

    def why_not_exact(self, plan: ValuePlan, structure: Structure | None) -> str:
        """Why there is no closed form; empty if there is one."""
        categorical = self.background.categorical
        return shapley_why_not(structure, len(categorical), categorical, plan.link)

    def refuse(self, why_not_exact: str) -> None:
        """Samples explain what has no closed form."""

    def explain(self, plan: ValuePlan, request: TableRequest) -> list[Outcome]:
        """Explain rows: one outcome."""
        plan = self.background.listed(plan, request)
        plan = self.background.spread(plan, request.model)
        players, design = self.background.players, plan.design
        self._warn_of_work(request)
        task = ShapTask(self.background, plan, request)
        paired = self._paired(task, plan)
        used = 0 if request.is_exact else design.num_samples
        nothing_left = request.is_exact or design.num_samples == 2 ** len(players)
        outcome = paired.outcome(
            players,
            request,
            interactions=plan.interactions,
            samples_used=np.full(len(request.values), used),
            num_samples=design.num_samples,
            num_replicates=0 if nothing_left else design.num_groups,
            value_kind=plan.value,
            route="" if plan.is_for_sums else str(task.route),
        )
        return [outcome]

    def _paired(self, task: ShapTask, plan: ValuePlan) -> PairedFit:
        """The fit of all rows, and the values of pairs of players: none where columns add up."""
        request = task.request
        structure = request.model.structure
        if request.is_exact and isinstance(structure, MixedSum):
            trees, columns = (
                dataclasses.replace(request, model=request.model.of_part(part), tick=tick)
                for part, tick in ((structure.trees, request.tick), (structure.columns, None))
            )
            of_columns = self._paired(dataclasses.replace(task, request=columns), plan)
            of_trees = self._paired(dataclasses.replace(task, request=trees), plan)
            return of_trees.plus(of_columns.fit)
        rows, labels = request.labels.shape
        if plan.is_for_sums:
            if not request.is_exact or structure is None:
                raise ValueError(f"{_WANTED[plan.interactions]}: {_ONLY_SUMS}")
            if isinstance(structure, TreeSum):
                paired = by_subtrees(self.background, plan, request)
                if paired is None:
                    raise ValueError(
                        f"{_WANTED[plan.interactions]}: some path to a leaf tests more than "
                        f"{LONGEST_PATH} features; take a model of shallower trees, or `groups`"
                    )
                return paired
        if not rows:
            fit = LinearFit.of_no_rows(labels, len(self.background.players))
        else:
            on_cpu = jax.default_backend() == "cpu" and not request.options.mesh
            few = task.route.one_by_one
            paired = by_subtrees(self.background, plan, request) if on_cpu and not few else None
            if paired is not None:
                return paired
            fit = task.fit()
        return PairedFit(fit, np.zeros((rows, labels, 0), fit.coef.dtype), ())

    def note_of(self, error: Exception) -> str:
        """Nothing: every value of a sample is a real one."""
        del error
        return ""

    def _warn_of_work(self, request: TableRequest) -> None:
        has_tables = request.is_exact and request.model.structure is not None
        if len(self.background) > MANY_ROWS and not has_tables:
            warn(
                f"the background has {len(self.background):,} rows, and each costs time and "
                "memory; `summarize=200` lets 200 rows stand for them"
            )


def refuse_options_of_lime(options: ExplainOptions, widths: Sequence[float | int | None]) -> None:
    """Refuse what Shapley values have no use for."""
    if len(widths) != 1 or widths[0] is not None:
        raise ValueError("`kernel_width`: KernelSHAP's kernel has no width")
    for name in ("num_features", "tolerance", "effective_num_samples"):
        if getattr(options, name) is not None:
            raise ValueError(
                f"`{name}`: belongs to LIME; Shapley values are of all features, and add "
                "up to the prediction (views show as many as you ask for)"
            )
