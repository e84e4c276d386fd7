"""The fits of a table's rows: in closed form, from one neighborhood, or each from its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from lime_jax import engine
from lime_jax.engine import AdaptiveFit
from lime_jax.engine.work import Predictor, RowNumbers
from lime_jax.fits.independent import IndependentMethod
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.output_scale import OutputScale
from lime_jax.fits.settled import settled
from lime_jax.fits.surrogate_score import SurrogateDomain, Surrogates, SurrogateScore
from lime_jax.fits.variance import MatchedVariance
from lime_jax.models.convert.columns import NumberColumn
from lime_jax.models.convert.inputs import DeviceTable
from lime_jax.models.predict import DevicePredict
from lime_jax.models.structure import Structure, TreeSum
from lime_jax.models.trees.thresholds import on_their_side
from lime_jax.tabular import exact
from lime_jax.tabular.config import WIDE_COLUMN, TabularConfig, kernel_width_of
from lime_jax.tabular.domain import TabularDomain, TabularInstance, encode_rows, host_inputs
from lime_jax.tabular.exact.asked import of_asked_outputs
from lime_jax.tabular.exact.route import Route, route
from lime_jax.tabular.opening.opened import OpenedModel
from lime_jax.tabular.opening.sample_facts import sample_facts
from lime_jax.tabular.opening.two_outputs import mirrored
from lime_jax.tabular.prepared import Prepared
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import (
    AnyArray,
    Array,
    ClosedForm,
    LinearFit,
    PredictFn,
    Pytree,
    Sampler,
    pytree,
    replaced,
)
from lime_jax.warn import warn

SCORE_SAMPLES = 2048
"""Samples that an exact explanation's R² measures the variance of the model with."""

_FEW = 64


@dataclasses.dataclass(frozen=True)
class Task:
    """Rows to explain, and how.

    Attributes:
        prepared: domains and methods of the table.
        configs: the choices; they differ in the kernel width only.
        bins: (rows, features) their flat bins.
        centered: (rows, features) values minus the columns' `center`.
        labels: (rows, labels) outputs to explain.
        batch_size: largest batch of a host model.
        neighborhoods: what earlier tasks have drawn, by method; filled here.
        mesh: devices that share the work; None: JAX's default one.
        held_tests: of columns that are held, by number, what a model compares them with.
    """

    prepared: Prepared
    configs: tuple[TabularConfig, ...]
    seed: int
    values: np.ndarray
    bins: np.ndarray
    centered: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    batch_size: int | None
    tick: Callable[[int], None] | None
    neighborhoods: dict[type, tuple[tuple[object, ...], engine.SharedNeighborhood]]
    mesh: Mesh | None = None
    held_tests: Mapping[int, np.ndarray] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        configs: Sequence[TabularConfig],
        values: np.ndarray,
        **others: Any,
    ) -> Task:
        """The task for some rows.

        Args:
            configs: the choices; they differ in the kernel width only.

        Returns:
            The task, with rows as the engine takes them.
        """
        bins, centered = encode_rows(prepared.stats, values)
        return cls(prepared, tuple(configs), values=values, bins=bins, centered=centered, **others)

    @property
    def stats(self) -> TabularStats:
        """Of the table."""
        return self.prepared.stats

    @property
    def domain(self) -> TabularDomain:
        """What a sample is."""
        return self.prepared.domain(self.config)

    @property
    def config(self) -> TabularConfig:
        """What all configurations agree on."""
        return self.configs[0]

    def methods(self) -> list[LinearMethod | IndependentMethod]:
        """One for each configuration."""
        return [self.prepared.method(config) for config in self.configs]

    def rows(self, labels: np.ndarray, in_units: bool = True) -> engine.Rows:
        """The rows as the engine takes them.

        Args:
            in_units: whether a model on the device sees held columns in their own units, as those
                of samples; else relative to `center`.
        """
        float_ = jnp.result_type(float)
        centered = self.centered.astype(float_)
        for column, thresholds in self.held_tests.items():
            values, center = self.values[:, column], float(self.stats.center[column])
            centered[:, column] = on_their_side(values, thresholds, center, float_, added=in_units)
        instances = TabularInstance(self.bins, centered)
        return engine.Rows(instances, self.ids, labels.astype(np.int32))


def sampled_fits(task: Task, model: OpenedModel, both_add_up: bool) -> list[LinearFit]:
    """Fits from samples, one set of model calls for all.

    Returns:
        For every configuration, fits with a leading axis of rows.
    """

    def run(target: Predictor, labels: np.ndarray, count: int | None) -> list[LinearFit]:
        return _run(task, task.methods(), target, task.rows(labels), count)

    return mirrored(
        run, model, task.labels, both_add_up, lambda fits, back: [back(f) for f in fits]
    )


def settled_fit(
    task: Task, model: OpenedModel, both_add_up: bool, tolerance: float | None, top: int
) -> AdaptiveFit:
    """Fits from as many samples as each row needs.

    Returns:
        Fits with a leading axis of rows, and what they took.
    """
    [method] = task.methods()
    if tolerance is not None and model.scale is not None:
        tolerance /= float(model.scale.unit[0])
    enough = partial(settled, tolerance=tolerance, top=top)

    def run(target: Predictor, labels: np.ndarray, count: int | None) -> AdaptiveFit:
        return engine.explain_until(_work(task, method, target, task.rows(labels), count), enough)

    def both(found: AdaptiveFit, back: Callable[[LinearFit], LinearFit]) -> AdaptiveFit:
        return AdaptiveFit(back(found.fit), found.num_samples, found.num_replicates, found.settled)

    return mirrored(run, model, task.labels, both_add_up, both)


def exact_fits(
    task: Task,
    model: OpenedModel,
    route: Route,
    effective_num_samples: int | None,
    score: bool,
) -> list[LinearFit]:
    """Fits in closed form.

    Args:
        model: and the tables that were built of it; filled here.
        route: see `route_of`.

    Returns:
        For every configuration, fits with a leading axis of rows; no standard errors.
    """
    config, stats, structure = task.config, task.stats, model.structure
    assert structure is not None
    precision = jnp.result_type(float)
    if precision not in model.tables:
        model.tables[precision] = exact.relative_outputs(structure, stats.center, stats.scale)
    near, scale = model.tables[precision]
    variances: list[Any] = [None] * len(task.configs)
    measured = score and isinstance(structure, TreeSum)
    target = None
    if measured:
        target = model.tables.get(("seen", precision)) or _seen_by_samples(task, model, near, scale)
    if isinstance(target, DevicePredict):
        model.tables["seen", precision] = target  # known by itself in the next call
    count = near.num_outputs
    if target is not None and _matched(task):
        variances = _output_variances(task, target, count, model)
    formula, fits = _by_passes if route.one_by_one else _by_tables, []
    for config, variance in zip(task.configs, variances, strict=True):
        form, rows = formula(task, config, near, model, effective_num_samples)
        tick = task.tick if config is task.configs[-1] else None
        fits.append(engine.explain_exact(form, rows, variance, tick, task.mesh))
    if target is not None and not _matched(task):
        scores = _surrogate_scores(task, target, count, fits)
        fits = [replaced(fit, score=one) for fit, one in zip(fits, scores, strict=True)]
    if measured:
        fits = [_without_vague_scores(*each) for each in zip(fits, task.configs, strict=True)]
    return [scale.outward(fit, task.labels) for fit in fits]


_Formula = tuple[ClosedForm, engine.Rows]


def _by_tables(
    task: Task, config: TabularConfig, near: Structure, model: OpenedModel, effective: int | None
) -> _Formula:
    """A closed form from tables that serve any number of rows."""
    facts = (config.sampling, config.encoding, config.distance_space, config.features)
    near, labels, outputs = of_asked_outputs(near, task.labels)
    facts = (*facts, jnp.result_type(float), outputs is None)
    if facts not in model.tables or model.tables[facts][0] != outputs:
        model.tables[facts] = outputs, exact.make_tables(near, task.stats, config), {}
    _, tables, forms = model.tables[facts]
    make = partial(exact.make_closed_form, near, task.stats, config, effective, tables)
    form = task.prepared.made(effective, config, make, forms)
    return form, task.rows(labels, in_units=False)


def _by_passes(
    task: Task, config: TabularConfig, near: Structure, model: OpenedModel, effective: int | None
) -> _Formula:
    """A closed form of few rows, from a pass over the trees for each."""
    assert isinstance(near, TreeSum)
    facts = ("passes", config.features)
    if facts not in model.tables:
        model.tables[facts] = exact.passes_of(near, task.stats, config)
    rows = task.rows(task.labels, in_units=False)
    width = float(kernel_width_of(task.stats, config))
    given = rows.instances, task.values, width, task.labels
    rows = dataclasses.replace(rows, instances=exact.sum_rows(model.tables[facts], *given))
    make = partial(exact.make_setting, task.stats, config, effective)
    return exact.PassForm(task.prepared.made(("setting", effective), config, make)), rows


def route_of(task: Task, model: OpenedModel) -> Route:
    """Whether passes over the trees or tables of their boxes are to explain these rows."""
    trees, config = model.structure, task.config
    rows = len(task.values) * len(task.configs)
    if config.sampling != "bins" or task.mesh is not None or not isinstance(trees, TreeSum):
        return Route(0, rows, 0)
    return route(trees, rows, model.tables)


def _seen_by_samples(
    task: Task, model: OpenedModel, near: Structure, scale: OutputScale
) -> Predictor:
    """What says of samples what `near` does; outputs that are not far are the model's own."""
    if not model.on_device:
        return lambda inputs: (model(inputs) - scale.origin) / scale.unit
    if exact.is_far(near, scale):
        assert isinstance(near, TreeSum)
        columns = [NumberColumn(k) for k in range(near.num_features)]
        spikes = DeviceTable(sample_facts(task.stats).spikes)
        return DevicePredict(spikes.trees(near, columns))
    origin = scale.origin.astype(jnp.result_type(float))
    return DevicePredict(_LessOrigin(model.on_codes(), origin))


@pytree
class _LessOrigin:
    """A model on the device, less the origin of its outputs."""

    model: PredictFn
    origin: AnyArray

    def __call__(self, inputs: Array) -> Array:
        return self.model(inputs) - self.origin


def _without_vague_scores(fit: LinearFit, config: TabularConfig) -> LinearFit:
    """No R² where the kernel is so narrow that few of the samples count."""
    effective = SCORE_SAMPLES * fit.effective_samples / config.num_samples
    vague = np.asarray(effective < _FEW)
    if vague.any():
        warn(
            f"the kernel is so narrow that the R² of {int(vague.sum())} of {len(vague)} rows is "
            "not known (NaN); the weights are exact all the same; `method='sampled'` measures "
            "both with more samples",
        )
    return replaced(fit, score=np.where(vague[:, None], np.nan, fit.score))


def _matched(task: Task) -> bool:
    """Whether the weight of a sample is a function of how many of x's bins it shares."""
    config = task.config
    by_bins = (config.sampling, config.encoding, config.distance_space)
    return by_bins == ("bins", "same_bin", "encoded") and task.domain.shared


def _output_variances(task: Task, target: Predictor, count: int, model: OpenedModel) -> list[Any]:
    """How much the outputs vary in each row's neighborhood, (rows, labels) for every width."""
    stats, quiet = task.stats, _to_score(task)

    def method(config: TabularConfig) -> MatchedVariance:
        few = (np.diff(stats.offsets) <= WIDE_COLUMN)[stats.bin_feature]
        facts = (stats.offsets, stats.probability, stats.bin_feature, np.flatnonzero(few))
        linear = task.prepared.linear(config)
        return MatchedVariance(linear, *facts, max_bins=stats.max_bins)

    methods = [
        task.prepared.made("variance", config, partial(method, config)) for config in quiet.configs
    ]
    said = model.tables.setdefault(("said", _facts_of_neighborhood(quiet)), {})
    return _run(quiet, methods, target, task.rows(task.labels), count, said=said)


def _surrogate_scores(
    task: Task, target: Predictor, count: int, fits: Sequence[LinearFit]
) -> list[Any]:
    """R² of the fits on samples of each row's neighborhood, (rows, labels) for every width."""
    quiet = _to_score(task)
    methods = [
        SurrogateScore(task.prepared.linear(config), number)
        for number, config in enumerate(quiet.configs)
    ]
    rows = task.rows(task.labels)
    coef, intercept = (
        np.stack([getattr(fit, name) for fit in fits], 1) for name in ("coef", "intercept")
    )
    seen = replaced(rows, instances=Surrogates(rows.instances, coef, intercept))
    return _run(quiet, methods, target, seen, count, SurrogateDomain(task.domain))


def _to_score(task: Task) -> Task:
    configs = tuple(dataclasses.replace(c, num_samples=SCORE_SAMPLES) for c in task.configs)
    return dataclasses.replace(task, configs=configs, tick=None)


def _run(
    task: Task,
    methods: Sequence[Sampler],
    target: Predictor,
    rows: engine.Rows,
    count: int | None,
    domain: SurrogateDomain | None = None,
    said: dict[int, AnyArray] | None = None,
) -> list[Any]:
    work = _work(task, methods[0], target, rows, count)
    said = {} if said is None else said
    work = dataclasses.replace(work, domain=domain or task.domain, said=said)
    return engine.sweep(work, methods)


def _work(
    task: Task, method: Sampler, target: Predictor, rows: engine.Rows, count: int | None
) -> engine.Work[Any]:
    """What the engine is asked for."""
    return engine.Work(
        task.seed,
        task.domain,
        method,
        target,
        rows,
        _host_inputs(task),
        task.batch_size,
        task.tick,
        task.mesh,
        _neighborhood(task, type(method)),
        count,
    )


def _host_inputs(task: Task) -> engine.HostInputs:
    """Makes a host model's inputs of samples; columns that are held keep their very values."""
    perturbed = np.asarray(task.domain.perturbed)

    def inputs_of(samples: Pytree, numbers: RowNumbers) -> np.ndarray:
        made = host_inputs(task.stats, samples, sampling=task.config.sampling)
        if numbers is None or perturbed.all():
            return made
        return np.where(perturbed, made, task.values[numbers][:, None, None, :])

    return inputs_of


def _neighborhood(task: Task, method: type) -> engine.SharedNeighborhood:
    """The last shared neighborhood of this kind, if it is the one that is asked for."""
    facts = _facts_of_neighborhood(task)
    kept = task.neighborhoods.get(method)
    if kept is None or kept[0] != facts:
        kept = task.neighborhoods[method] = (facts, engine.SharedNeighborhood())
    return kept[1]


def _facts_of_neighborhood(task: Task) -> tuple[object, ...]:
    config = task.config
    facts = (task.seed, config.num_samples, config.sampling, config.design)
    return (*facts, jnp.result_type(float), task.mesh)


def row_variables(stats: TabularStats, centered: np.ndarray, in_bins: bool) -> np.ndarray:
    """The rows' own interpretable variables."""
    if in_bins:
        return np.ones(centered.shape, np.float32)
    units = np.where(stats.categorical, 1.0, (centered - stats.mean) / stats.scale)
    return units.astype(np.float32)
