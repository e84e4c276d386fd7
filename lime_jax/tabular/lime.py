"""LIME for tables: what `TabularExplainer` does under `algorithm="lime"`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from lime_jax.arguments import as_list, column_number, column_numbers
from lime_jax.fits.settled import warn_unsettled
from lime_jax.front.call import Outcome
from lime_jax.front.options import ExplainOptions
from lime_jax.models.predict import Model
from lime_jax.models.structure import Structure
from lime_jax.tabular import exact, frames
from lime_jax.tabular.call import TableRequest
from lime_jax.tabular.conditions import bin_conditions, interval_conditions
from lime_jax.tabular.config import TabularConfig, kernel_width_of
from lime_jax.tabular.exact_fits import exact_fits, route_of, without_vague_scores
from lime_jax.tabular.fits import (
    Task,
    ask_of_samples,
    row_variables,
    sampled_fits,
    settled_fit,
    travelling,
)
from lime_jax.tabular.learn import fit_tabular
from lime_jax.tabular.opening.sample_facts import SampleFacts, sample_facts
from lime_jax.tabular.prepared import Prepared
from lime_jax.tabular.settings import LimeSettings
from lime_jax.tabular.slices import joined, slices
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import Column, LinearFit, Table, replaced

DEFAULT_NUM_SAMPLES = 4096

_ALL = slice(None)
_Seen: TypeAlias = tuple[np.ndarray | None, np.ndarray]
"""Bins of rows, if they are shown, and interpretable variables."""


@dataclasses.dataclass(frozen=True)
class LimePlan:
    """One call's choices.

    Attributes:
        configs: one for each kernel width; they differ in nothing else.
    """

    configs: tuple[TabularConfig, ...]
    seed: int


@dataclasses.dataclass
class TabularLime:
    """A table that LIME has learned.

    Attributes:
        display: its names, as explanations keep them.
        conditions: text of every bin, then of the intervals of those that are single values.
        neighborhoods: that earlier calls have drawn.
        facts: what is known of the samples, by the device's precision.
        prepared: domains and methods of earlier calls.
    """

    schema: frames.Schema
    stats: TabularStats
    conditions: tuple[str, ...]
    neighborhoods: dict[Any, Any] = dataclasses.field(default_factory=dict, compare=False)
    facts: dict[Any, SampleFacts] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prepared = Prepared(self.stats)

    @classmethod
    def learn(
        cls, settings: LimeSettings, X: Table, y: Column | None, sample_weight: Column | None
    ) -> TabularLime:
        """Learn a table; see `TabularExplainer.fit`."""
        if isinstance(X, TabularStats):
            schema, stats = _schema_of(X, settings.feature_names), X
        else:
            schema = settings.learn_schema(X)
            discretizer = settings.discretizer
            if isinstance(discretizer, Mapping):
                discretizer = {
                    column_number(schema.columns, k, "discretizer"): v
                    for k, v in discretizer.items()
                }
            stats = fit_tabular(
                frames.encode(schema, X),
                discretizer=discretizer,
                categorical_features=np.flatnonzero(schema.categorical).tolist(),
                integer_columns=dict(enumerate(schema.steps)),
                y=y,
                sample_weight=sample_weight,
            )
        texts = bin_conditions(stats, schema) + interval_conditions(stats, schema)
        learned = cls(schema, stats, texts)
        # Settings that do not go together are refused here, not later.
        learned.plan(settings, ExplainOptions(num_samples=2), [settings.kernel_width])
        return learned

    @property
    def samples(self) -> SampleFacts:
        """What is known of the samples."""
        precision = jnp.result_type(float)
        if precision not in self.facts:
            self.facts[precision] = sample_facts(self.stats)
        return self.facts[precision]

    def plan(
        self,
        settings: LimeSettings,
        options: ExplainOptions,
        widths: Sequence[float | int | None],
    ) -> LimePlan:
        """The configurations that the settings name, one for each kernel width."""
        discretized = settings.discretizer is not None
        encoding = settings.encoding or ("same_bin" if discretized else "standardized")
        if not discretized and encoding != "standardized":
            raise ValueError(
                f"`encoding`: {encoding!r} needs bins, but `discretizer` is None; "
                "choose 'standardized' or a discretizer"
            )
        features = None
        if settings.features is not None:
            named = as_list(settings.features)
            features = tuple(column_numbers(self.schema.columns, named, "features"))
        sampling = "bins" if discretized else "normal"
        config = TabularConfig(
            alpha=float(settings.alpha),
            num_samples=options.first_size(DEFAULT_NUM_SAMPLES),
            sampling="around" if settings.sample_around_instance else sampling,
            encoding=encoding,
            distance_space=settings.distance_space or "encoded",
            distance=settings.distance,
            kernel=settings.kernel,
            feature_selection=settings.feature_selection,
            design=settings.design,
            num_features=options.num_features,
            features=features,
            held_out_score=options.held_out_score,
        )
        configs = tuple(replaced(config, kernel_width=width) for width in widths)
        for config in configs:
            self.prepared.method(config)
        return LimePlan(configs, settings.seed)

    def check_rows(self, plan: LimePlan, values: np.ndarray) -> None:
        """Refuse rows that these choices cannot explain."""
        self._check_missing(plan.configs[0], values)
        self._check_held(plan.configs[0], values)

    def why_not_exact(self, plan: LimePlan, structure: Structure | None) -> str:
        """Why there is no closed form; empty if there is one."""
        return exact.why_not(structure, self.stats, plan.configs[0])

    def refuse(self, why_not_exact: str) -> None:
        """Samples explain what has no closed form."""

    def explain(self, plan: LimePlan, request: TableRequest) -> list[Outcome]:
        """Explain rows: an outcome for every configuration."""
        if request.is_exact and len(request.values):
            return self._explain_exactly(plan, request)
        options, model, task = request.options, request.model, self._task(plan, request)
        used: np.ndarray | None = None
        if len(request.values) == 0:
            none = LinearFit.of_no_rows(request.labels.shape[1], request.values.shape[1])
            fits = [none] * len(plan.configs)
        elif options.num_samples == "auto":
            top, tolerance = options.num_features or 10, options.tolerance
            found = settled_fit(task, model, request.both_add_up, tolerance, top)
            warn_unsettled(found.settled, found.num_samples, tolerance)
            fits, used = [found.fit], found.num_samples
        else:
            fits = sampled_fits(task, model, request.both_add_up)
        seen = self._seen(task)
        return [
            self._outcome(config, request, fit, seen, used)
            for config, fit in zip(plan.configs, fits, strict=True)
        ]

    def _explain_exactly(self, plan: LimePlan, request: TableRequest) -> list[Outcome]:
        """Explain rows slice by slice, by one route: beside results, one slice is in memory."""
        options, model, count = request.options, request.model, len(request.values)
        asked = options.effective_num_samples, options.score
        route = route_of(plan.configs, model, count, options.mesh)

        def parts() -> Iterator[tuple[_Seen, list[LinearFit]]]:
            for some in slices(count, request.values.shape[1] * request.labels.shape[1]):
                task = self._task(plan, request, some)
                yield self._seen(task), exact_fits(task, model, route, *asked)

        seen, fits = joined(parts(), count)
        if options.score:
            fits = without_vague_scores(fits, plan.configs, model)
        return [
            dataclasses.replace(self._outcome(config, request, fit, seen), route=str(route))
            for config, fit in zip(plan.configs, fits, strict=True)
        ]

    def ask(self, plan: LimePlan, request: TableRequest) -> None:
        """Have a model on the host answer for the samples that all rows share."""
        ask_of_samples(self._task(plan, request), request.model, request.both_add_up)

    def _task(self, plan: LimePlan, request: TableRequest, some: slice = _ALL) -> Task:
        options = request.options
        return Task.of(
            self.prepared,
            plan.configs,
            request.values[some],
            seed=plan.seed,
            ids=request.ids[some],
            labels=request.labels[some],
            batch_size=options.batch_size,
            tick=request.tick,
            neighborhoods=self.neighborhoods,
            mesh=options.mesh,
            held_tests=self._held_tests(plan.configs[0], request.model.model),
            promise=request.promise,
        )

    def _seen(self, task: Task) -> _Seen:
        """What is shown of rows beside their fits."""
        in_bins = task.config.encoding != "standardized"
        variables = row_variables(task.stats, task.centered, in_bins)
        return (self._texts_of(task) if in_bins else None), variables

    def _outcome(
        self,
        config: TabularConfig,
        request: TableRequest,
        fit: LinearFit,
        seen: _Seen,
        used: np.ndarray | None = None,
    ) -> Outcome:
        (bins, variables), is_exact = seen, request.is_exact
        method = self.prepared.linear(config)
        design = method.design
        if used is None:
            used = np.full(len(request.values), 0 if is_exact else design.num_samples)
        elif len(used):
            growth = int(used.max()) // design.num_samples
            design = design.with_replicates(growth * design.num_replicates)
        return Outcome(
            fit=fit,
            names=request.model.schema.names,  # with the rows' own levels, if there are any
            values=request.values,
            samples_used=used,
            bins=bins,
            variables=variables,
            conditions=() if bins is None else self.conditions,
            kernel_width=float(kernel_width_of(self.stats, config)),
            num_samples=design.num_samples,
            num_replicates=0 if is_exact else design.num_replicates,
            enough=min(fit.coef.shape[2] + 2, design.num_samples / 10),
        )

    def _texts_of(self, task: Task) -> np.ndarray:
        """(rows, features) the condition of each bin; a value next to a spike has the interval."""
        stats = self.stats
        if not stats.is_spike.any():
            return task.bins
        beside = (task.bins >= 0) & stats.is_spike[task.bins]
        beside &= task.values != stats.bin_value[task.bins]
        interval = stats.num_bins + np.cumsum(stats.is_spike) - 1
        return np.where(beside, interval[task.bins], task.bins).astype(np.int32)

    def note_of(self, error: Exception) -> str:
        """What may be behind an error of the model on samples; empty if nothing is known."""
        names = [self.schema.columns[k] for k in self.stats.whole_columns]
        if not names or ("unknown categor" not in str(error) and "finite" not in str(error)):
            return ""
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return (
            f"whole numbers of {', '.join(map(repr, names[:5]))}{more} were sampled that the "
            "training rows may not have; name columns of codes in `categorical_features`"
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without what is only kept to save time, but for what few numbers say."""
        return {**self.__dict__, "neighborhoods": travelling(self.neighborhoods), "facts": {}}

    def _held_tests(self, config: TabularConfig, model: Model) -> dict[int, np.ndarray]:
        """Thresholds of columns that keep x's own numbers, for samples that the device draws."""
        if config.features is None or model.on_columns is None:
            return {}
        tests = model.on_columns.columns.thresholds()
        return {k: known for k, known in tests.items() if k not in config.features}

    def _check_missing(self, config: TabularConfig, values: np.ndarray) -> None:
        in_bins = config.sampling == "bins" and config.encoding != "standardized"
        if in_bins and config.distance_space == "encoded":
            return
        numeric = ~self.stats.categorical
        in_training = (self.stats.missing_bin >= 0) & numeric
        bad = np.flatnonzero(in_training | (np.isnan(values).any(axis=0) & numeric))
        if bad.size:
            where = "the training rows" if in_training[bad[0]] else "`X`"
            raise ValueError(
                f"`X`: column {self.schema.columns[bad[0]]!r} has missing values in {where}, "
                "which need bins: use a discretizer, without `sample_around_instance` and "
                "standardized distances, or fill them in"
            )

    def _check_held(self, config: TabularConfig, values: np.ndarray) -> None:
        if config.features is None:
            return
        held = ~np.isin(np.arange(values.shape[1]), config.features)
        known = np.array([len(levels or ()) for levels in self.schema.levels])
        is_new = (values < 0) | (values >= known)
        unseen = np.argwhere(is_new & self.stats.categorical & held)
        if unseen.size:
            row, column = unseen[0]
            raise ValueError(
                f"`features`: row {row} of `X` holds a level of {self.schema.columns[column]!r} "
                "that `fit` did not see, and a column that is held fixed has to keep it; add the "
                "column to `features`, or fit with that level"
            )


def _schema_of(
    stats: TabularStats, feature_names: Sequence[str] | np.ndarray | None
) -> frames.Schema:
    """Names for statistics that came without rows."""
    count = stats.num_features
    names = tuple(map(str, range(count) if feature_names is None else feature_names))
    if len(names) != count:
        raise ValueError(f"`feature_names`: expected {count} names, got {len(names)}")
    first = stats.offsets[:-1]
    levels = [
        tuple((stats.bin_mean + stats.center[stats.bin_feature])[a:b].tolist()) if c else None
        for a, b, c in zip(first, stats.offsets[1:], stats.categorical, strict=True)
    ]
    return frames.Schema("array", names, tuple(map(bool, stats.categorical)), tuple(levels))
