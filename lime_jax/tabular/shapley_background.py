"""What Shapley values of a table are sampled from: coalitions, and the rows of a background."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float64

from lime_jax import engine
from lime_jax.fits.shapley import ShapleyMethod, make_shapley_method
from lime_jax.fits.spread_shapley import SpreadShapleyMethod, spread_over
from lime_jax.models.structure import Additive, TreeSum
from lime_jax.placing import placed
from lime_jax.stages.coalition_units import (
    ShapleyDesign,
    make_shapley_design,
    spread_coalitions,
)
from lime_jax.tabular.background import (
    BackgroundDomain,
    RowsDomain,
    host_inputs,
    host_row_inputs,
)
from lime_jax.tabular.call import TableRequest
from lime_jax.tabular.exact.route import tests_are_apart
from lime_jax.tabular.exact.shapley import shapley_why_not
from lime_jax.tabular.exact.shapley.all_coalitions import MOST_PLAYERS, MOST_SUMS
from lime_jax.tabular.exact.shapley.passes import are_few
from lime_jax.tabular.opening.opened import OpenedModel
from lime_jax.tabular.players import Players
from lime_jax.typing import Domain, Pytree

_MOST_MASKS = 2**27
"""Flags of all coalitions of all background rows."""

_MOST_SPREAD = 512
"""Background rows with coalitions of their own. One rule serves them all, and what it misses is the
same for each: of 1,000 rows it is as large as what they miss apart, and no error would say so."""


@dataclasses.dataclass(frozen=True)
class ShapPlan:
    """One call's choices.

    Attributes:
        num_samples: that was asked for; the design says how many coalitions there are.
        link: between the mean of the model's outputs and their explanation.
        spread: whether every background row has coalitions of its own.
    """

    design: ShapleyDesign
    num_samples: int | str
    link: str
    seed: int
    spread: bool = dataclasses.field(default=False, kw_only=True)

    @property
    def facts(self) -> Hashable:
        """What the coalitions are a function of."""
        return self.seed, self.num_samples, self.link, self.spread, jnp.result_type(float)


@dataclasses.dataclass(frozen=True)
class Coalitions:
    """What a model is asked about, of all background rows together or of each by itself.

    Attributes:
        host_inputs: of rows and samples, in float64.
    """

    domain: Domain
    method: ShapleyMethod | SpreadShapleyMethod
    host_inputs: Callable[[np.ndarray, Pytree], np.ndarray]


_Plan = TypeVar("_Plan", bound=ShapPlan)


@dataclasses.dataclass
class Background:
    """The rows that hidden columns take their values from, and who plays.

    Attributes:
        rows: (background, features) encoded.
        weights: of the rows; they add up to 1.
        players: columns, or groups of them.
        categorical: which columns have levels.
        methods: the last one, by what it depends on.
    """

    rows: Float64[np.ndarray, "background features"]
    weights: Float64[np.ndarray, " background"]
    players: Players
    categorical: Bool[np.ndarray, " features"]
    methods: dict[Hashable, ShapleyMethod | SpreadShapleyMethod] = dataclasses.field(
        default_factory=dict
    )

    def __len__(self) -> int:
        return len(self.rows)

    def method(self, plan: ShapPlan) -> ShapleyMethod:
        """The coalitions and their fit, made when they are needed, kept for the next call."""
        found = self.methods.get(plan.facts)
        if not isinstance(found, ShapleyMethod):
            key, _ = engine.keys_of(plan.seed)
            found = make_shapley_method(key, len(self.players), plan.num_samples, plan.link)
            self.methods = {plan.facts: found}
        return found

    def spread_method(self, plan: ShapPlan) -> SpreadShapleyMethod:
        """The same for coalitions of each background row that counts."""
        found = self.methods.get(plan.facts)
        if not isinstance(found, SpreadShapleyMethod):
            key, of_rows = engine.keys_of(plan.seed)
            one = make_shapley_method(key, len(self.players), plan.num_samples)
            found = spread_over(one, self.weights[self.weights > 0], of_rows)
            self.methods = {plan.facts: found}
        return found

    def listed(self, plan: _Plan, request: TableRequest) -> _Plan:
        """The plan with all coalitions, where those of few players are as quick as samples."""
        count = len(self.players)
        if plan.num_samples != "auto" or count > MOST_PLAYERS or not self.lists_all(request):
            return plan
        design = make_shapley_design(count, 2**count)
        return dataclasses.replace(plan, design=design, num_samples=2**count)

    def lists_all(self, request: TableRequest) -> bool:
        """Whether a formula has what a model says of all coalitions: a function of a few trees."""
        linked, tables = request.model.linked, request.model.tables
        trees = None if linked is None else linked.structure
        if request.is_exact or request.options.mesh or not isinstance(trees, TreeSum):
            return False
        if "lists all" not in tables:
            tables["lists all"] = self._lists_all(trees)
        return tables["lists all"]

    def _lists_all(self, trees: TreeSum) -> bool:
        rows, players = len(self), len(self.players)
        if players > MOST_PLAYERS + 3 or trees.num_outputs * rows << players > MOST_SUMS:
            return False
        return (
            are_few(trees.num_leaves, rows, players)
            and tests_are_apart(trees)
            and not shapley_why_not(trees, len(self.categorical), self.categorical)
        )

    def spread(self, plan: _Plan, model: OpenedModel) -> _Plan:
        """The plan with coalitions of each background row, where they say more of a model.

        The model is a known one, so it takes rows one by one; no formula has the outputs of its
        coalitions; not all coalitions are asked for; and the outputs' mean itself is explained.
        """
        players, rows = len(self.players), int((self.weights > 0).sum())
        by_formula = model.structure is not None or (
            model.linked is not None and isinstance(model.linked.structure, Additive)
        )
        if model.host is None or by_formula or plan.link != "identity":
            return plan
        if not 2 <= rows <= _MOST_SPREAD:
            return plan
        if plan.design.num_samples == 2**players:
            return plan
        count = plan.num_samples
        if isinstance(count, str):
            count = spread_coalitions(players, 1 / float((self.weights**2).sum()))
        design = make_shapley_design(players, count)
        if design.num_samples * rows * players > _MOST_MASKS:
            return plan
        return dataclasses.replace(plan, design=design, num_samples=count, spread=True)

    def coalitions(self, rows: np.ndarray, player_of: np.ndarray, plan: ShapPlan) -> Coalitions:
        """What is sampled, of rows as a model's form on the device takes them."""
        float_ = jnp.result_type(float)
        of_players = placed(player_of), len(self.players)
        if plan.spread:
            rows = rows[self.weights > 0]
            domain = RowsDomain(placed(rows, float_), *of_players)
            method, inputs = self.spread_method(plan), host_row_inputs
        else:
            domain = BackgroundDomain(
                placed(rows, float_), placed(self.weights, float_), *of_players
            )
            method, inputs = self.method(plan), host_inputs
        return Coalitions(
            domain, method, lambda values, samples: inputs(values, rows, player_of, samples)
        )

    def __getstate__(self) -> dict[str, object]:
        """Without what is only kept to save time."""
        return {**self.__dict__, "methods": {}}
