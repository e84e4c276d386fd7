"""One call of `TabularExplainer.explain`: its rows, and what an algorithm has to say of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from lime_jax.front import call
from lime_jax.front.options import ExplainOptions
from lime_jax.front.row_ids import row_ids
from lime_jax.models.structure import Structure
from lime_jax.results.explanations import Explanations
from lime_jax.results.interactions import InteractionExplanations
from lime_jax.tabular import frames
from lime_jax.tabular.opening.open_model import RecentModels
from lime_jax.tabular.opening.opened import OpenedModel
from lime_jax.tabular.opening.resolution import scale_of, warn_if_far
from lime_jax.tabular.opening.sample_facts import SampleFacts
from lime_jax.typing import LinearFit, ModelLike, Table

Settings = TypeVar("Settings", contravariant=True)
Plan = TypeVar("Plan")


@dataclasses.dataclass(frozen=True)
class TableRequest(call.Request):
    """What an algorithm is asked for.

    Attributes:
        values: (rows, features) the rows as numbers and level codes.
        model: that was opened for this table.
    """

    values: np.ndarray = dataclasses.field(kw_only=True)
    model: OpenedModel = dataclasses.field(kw_only=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairedOutcome(call.Outcome):
    """A fit of all rows, with the interactions of pairs of features.

    Attributes:
        pair_values: (rows, labels, pairs) what the two features of a pair change together.
        pairs: numbers of both features.
    """

    pair_values: np.ndarray
    pairs: tuple[tuple[int, int], ...]


@runtime_checkable
class Algorithm(Protocol[Settings, Plan]):
    """A table that an algorithm has learned, and how it explains rows."""

    @property
    def schema(self) -> frames.Schema:
        """Of the table."""
        ...

    @property
    def samples(self) -> SampleFacts:
        """What is known of the samples before a model sees them."""
        ...

    def plan(
        self, settings: Settings, options: ExplainOptions, widths: Sequence[float | int | None]
    ) -> Plan:
        """The choices of one call; refuses what does not go together."""
        ...

    def check_rows(self, plan: Plan, values: np.ndarray) -> None:
        """Refuse rows that these choices cannot explain."""
        ...

    def why_not_exact(self, plan: Plan, structure: Structure | None) -> str:
        """Why there is no closed form; empty if there is one."""
        ...

    def refuse(self, why_not_exact: str) -> None:
        """Refuse a model without a closed form, where samples do not explain it either."""
        ...

    def explain(self, plan: Plan, request: TableRequest) -> list[call.Outcome]:
        """Explain rows: an outcome for each kernel width."""
        ...

    def note_of(self, error: Exception) -> str:
        """What may be behind an error of the model on samples; empty if nothing is known."""
        ...


class TableCall(call.Call[OpenedModel, Explanations]):
    """Rows of a table, to be explained by one algorithm.

    Args:
        recent_models: that the explainer opened.
    """

    def __init__(
        self,
        explainer: call.CommonSettings,
        algorithm: Algorithm[Any, Plan],
        plan: Plan,
        X: Table,
        recent_models: RecentModels,
    ) -> None:
        self.explainer, self.algorithm, self.plan = explainer, algorithm, plan
        self.X = frames.as_rows(algorithm.schema, X)
        # Content is the same whatever other rows there are.
        self.content = self.values = frames.encode(algorithm.schema, self.X)
        self.schema = frames.with_levels_of(algorithm.schema, self.X, self.values)
        if self.schema is not algorithm.schema:
            self.values = frames.encode(self.schema, self.X)
        self.recent_models = recent_models
        algorithm.check_rows(plan, self.values)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    def content_ids(self) -> np.ndarray:
        """A hash of each row's content."""
        return row_ids(self.content)

    def open_model(self, model: ModelLike) -> OpenedModel:
        """See what a model is, or recognize the last one."""
        output, samples = self.explainer.output, self.algorithm.samples
        return self.recent_models.open(model, output, self.schema, self.values, samples)

    def why_not_exact(self, model: OpenedModel) -> str:
        """Why there is no closed form; empty if there is one."""
        why = model.model.why_not_exact
        if model.structure is not None:
            why = self.algorithm.why_not_exact(self.plan, model.structure)
        if why:
            self.algorithm.refuse(why)
        return why

    def predict(self, model: OpenedModel, batch_size: int | None) -> np.ndarray:
        """The model's outputs for the rows; of a JAX model their unit is noted."""
        if not len(self):
            known = (self.explainer.class_names, model.model.class_names, ("prediction",))
            return np.zeros((0, len(next(names for names in known if names is not None))))
        prediction = model.predict_rows(self.X, self.values, batch_size)
        if model.is_jax:
            warn_if_far(model, prediction, self.algorithm.samples.typical_rows)
            if self.explainer.link != "logit":
                model.scale = scale_of(prediction)
        return prediction

    def fit(self, model: OpenedModel, request: call.Request) -> list[call.Outcome]:
        """Explain the rows: an outcome for each kernel width."""
        return self.algorithm.explain(self.plan, self.table_request(model, request))

    def table_request(self, model: OpenedModel, request: call.Request) -> TableRequest:
        """What the algorithm is asked for."""
        return TableRequest(**vars(request), values=self.values, model=model)

    def pack(self, fit: LinearFit, **fields: object) -> Explanations:
        """The explanations."""
        kind = InteractionExplanations if "pairs" in fields else Explanations
        return kind.of_fit(fit, **fields)

    def note_of(self, error: Exception) -> str:
        """What may be behind an error of the model on samples; empty if nothing is known."""
        return self.algorithm.note_of(error)
