"""The sampled fits of a table's rows: from one neighborhood, or each from its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from lime_jax import engine
from lime_jax.engine import AdaptiveFit
from lime_jax.engine.work import Predictor, RowNumbers
from lime_jax.fits.independent import IndependentMethod
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.settled import settled
from lime_jax.fits.surrogate_score import SurrogateDomain
from lime_jax.models.predict import DevicePredict
from lime_jax.models.trees.thresholds import on_their_side
from lime_jax.tabular.alike import alike
from lime_jax.tabular.config import TabularConfig
from lime_jax.tabular.domain import TabularDomain, TabularInstance, encode_rows, host_inputs
from lime_jax.tabular.opening.opened import OpenedModel
from lime_jax.tabular.opening.two_outputs import mirrored
from lime_jax.tabular.prepared import Prepared
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import (
    AnyArray,
    LinearFit,
    Pytree,
    Sampler,
    replaced,
)


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
        promise: by which a model is known to be the last one again; None: it may have changed.
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
    promise: bytes | None = None

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

    @property
    def is_padded(self) -> bool:
        """Whether domain and methods are of the padded table."""
        return self.prepared.is_padded(self.config)

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
        if self.is_padded:
            instances = self.prepared.padded.instances(instances)
        return engine.Rows(instances, self.ids, labels.astype(np.int32))

    def padded_rows(self, labels: np.ndarray) -> engine.Rows:
        """Rows as closed forms take them: of the padded table, relative to `center`."""
        rows = self.rows(labels, in_units=False)
        if self.is_padded:
            return rows
        return replaced(rows, instances=self.prepared.padded.instances(rows.instances))

    @property
    def plain_instances(self) -> TabularInstance:
        """The rows without what is added."""
        return TabularInstance(self.bins, self.centered)

    def of_different_rows(self) -> tuple[Task, Callable[[LinearFit], LinearFit]]:
        """The task for rows that differ in what their fits depend on, and fits of all rows."""
        config, rows = self.config, None
        by_bins = config.encoding != "standardized" and config.distance_space == "encoded"
        if by_bins and config.sampling == "bins" and self.domain.shared:
            rows = alike(self.bins, self.labels)
        if rows is None:
            return self, lambda fit: fit
        some, kind = rows
        names = "values", "bins", "centered", "ids", "labels"
        parts: dict[str, Any] = {name: getattr(self, name)[some] for name in names}
        if self.tick is not None:
            self.tick(len(kind) - len(some))
        return dataclasses.replace(self, **parts), lambda fit: jax.tree.map(lambda a: a[kind], fit)


def sampled_fits(task: Task, model: OpenedModel, both_add_up: bool) -> list[LinearFit]:
    """Fits from samples, one set of model calls for all.

    Returns:
        For every configuration, fits with a leading axis of rows.
    """
    task, of_all = task.of_different_rows()

    def run(target: Predictor, labels: np.ndarray, count: int | None) -> list[LinearFit]:
        target, methods = _of_own_columns(task, model, target), task.methods()
        said = _said(task, methods[0], model, count)
        fits = run_methods(task, methods, target, task.rows(labels), count, said=said)
        return [_of_table(task, fit) for fit in fits]

    fits = mirrored(
        run, model, task.labels, both_add_up, lambda fits, back: [back(f) for f in fits]
    )
    return [of_all(fit) for fit in fits]


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
        target = _of_own_columns(task, model, target)
        work = _work(task, method, target, task.rows(labels), count)
        work = dataclasses.replace(work, said=_said(task, method, model, count))
        found = engine.explain_until(work, enough)
        return dataclasses.replace(found, fit=_of_table(task, found.fit))

    def both(found: AdaptiveFit, back: Callable[[LinearFit], LinearFit]) -> AdaptiveFit:
        return AdaptiveFit(back(found.fit), found.num_samples, found.num_replicates, found.settled)

    return mirrored(run, model, task.labels, both_add_up, both)


def ask_of_samples(task: Task, model: OpenedModel, both_add_up: bool) -> None:
    """Have a model on the host answer for the shared neighborhood, by its promise for all calls."""
    if model.on_device:
        return

    def run(target: Predictor, labels: np.ndarray, count: int | None) -> None:
        method = task.methods()[0]
        work = _work(task, method, target, task.rows(labels), count)
        engine.draw_shared(dataclasses.replace(work, said=_said(task, method, model, count)))

    mirrored(run, model, task.labels, both_add_up, lambda none, _: none)


def travelling(
    neighborhoods: Mapping[type, tuple[tuple[object, ...], engine.SharedNeighborhood]],
) -> dict[type, tuple[tuple[object, ...], engine.SharedNeighborhood]]:
    """Of neighborhoods, what a copy of the explainer takes to another process."""
    return {
        method: (facts, neighborhood)
        for method, (facts, neighborhood) in neighborhoods.items()
        if neighborhood.travels and facts[-1] is None  # a mesh stays where its devices are
    }


def _said(
    task: Task, method: Sampler, model: OpenedModel, count: int | None
) -> dict[int, AnyArray] | None:
    """What a model on the host has said of the shared neighborhood, if it is the same by promise.

    With as many outputs: of two that add up to 1, one may have been asked for.
    """
    if task.promise is None or model.on_device:
        return None
    facts = model.model.output_kind, model.schema.levels
    asked = (task.promise, *facts, count)
    return _neighborhood(task, type(method)).said_by(asked)


def _of_own_columns(task: Task, model: OpenedModel, target: Predictor) -> Predictor:
    """A model that sees the columns that the table has; a converted one looks at no others."""
    if not (task.is_padded and model.is_jax and isinstance(target, DevicePredict)):
        return target
    return model.made_from(target, task.prepared.padded.of_own_columns)


def _of_table(task: Task, fit: LinearFit) -> LinearFit:
    """Fits of the columns that the table has."""
    return task.prepared.padded.cut(fit) if task.is_padded else fit


def run_methods(
    task: Task,
    methods: Sequence[Sampler],
    target: Predictor,
    rows: engine.Rows,
    count: int | None,
    domain: SurrogateDomain | None = None,
    said: dict[int, AnyArray] | None = None,
    effort: str | None = None,
) -> list[Any]:
    """What each method finds, with one neighborhood for all where rows share one."""
    work = _work(task, methods[0], target, rows, count)
    work = dataclasses.replace(work, domain=domain or task.domain, said=said, effort=effort)
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
        count = task.stats.num_features
        drawn = jax.tree.map(lambda leaf: np.asarray(leaf)[..., :count], samples)
        made = host_inputs(task.stats, drawn, sampling=task.config.sampling)
        if numbers is None or perturbed.all():
            return made
        return np.where(perturbed, made, task.values[numbers][:, None, None, :])

    return inputs_of


def _neighborhood(task: Task, method: type) -> engine.SharedNeighborhood:
    """The last shared neighborhood of this kind, if it is the one that is asked for."""
    facts = facts_of_neighborhood(task)
    cached = task.neighborhoods.get(method)
    if cached is None or cached[0] != facts:
        cached = task.neighborhoods[method] = (facts, engine.SharedNeighborhood())
    return cached[1]


def facts_of_neighborhood(task: Task) -> tuple[object, ...]:
    """All that the samples of a shared neighborhood depend on."""
    config = task.config
    facts = (task.seed, config.num_samples, config.sampling, config.design)
    return (*facts, jax.default_backend(), jnp.result_type(float), task.mesh)


def row_variables(stats: TabularStats, centered: np.ndarray, in_bins: bool) -> np.ndarray:
    """The rows' own interpretable variables."""
    if in_bins:
        return np.ones(centered.shape, np.float32)
    units = np.where(stats.categorical, 1.0, (centered - stats.mean) / stats.scale)
    return units.astype(np.float32)
