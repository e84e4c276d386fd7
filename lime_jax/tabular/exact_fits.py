"""The fits of a table's rows in closed form, and how much of the outputs they explain."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from lime_jax import engine
from lime_jax.engine.work import Predictor
from lime_jax.fits.output_scale import OutputScale
from lime_jax.fits.surrogate_score import SurrogateDomain, Surrogates, SurrogateScore
from lime_jax.fits.variance import MatchedVariance
from lime_jax.models.convert.inputs import DeviceTable
from lime_jax.models.convert.sums import predict_sum
from lime_jax.models.predict import DevicePredict
from lime_jax.models.structure import Additive, Structure, TreeSum
from lime_jax.models.trees.on_host import outputs_on_host
from lime_jax.tabular import exact
from lime_jax.tabular.config import TabularConfig, kernel_width_of
from lime_jax.tabular.exact.asked import of_asked_outputs
from lime_jax.tabular.exact.route import Route, one_by_one, route
from lime_jax.tabular.fits import Task, facts_of_neighborhood, run_methods
from lime_jax.tabular.opening.opened import OpenedModel
from lime_jax.tabular.opening.sample_facts import sample_facts
from lime_jax.typing import (
    AnyArray,
    ClosedForm,
    LinearFit,
    pytree,
    replaced,
)
from lime_jax.warn import warn

SCORE_SAMPLES = 2048
"""Samples that an exact explanation's R² measures the variance of the model with."""

_FEW = 64

_TOGETHER = 256
"""Samples that large trees are evaluated on by one thread."""


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
        For every configuration, fits with a leading axis of rows; no standard errors, and vague
        scores as they are.
    """
    task, of_all = task.of_different_rows()
    config, stats, structure = task.config, task.stats, model.structure
    assert structure is not None
    precision = jnp.result_type(float)
    if precision not in model.tables:
        model.tables[precision] = exact.relative_outputs(structure, stats.center, stats.scale)
    near, scale = model.tables[precision]
    variances: list[Any] = [None] * len(task.configs)
    measured = score and not isinstance(structure, Additive)
    target = None
    if measured and route.one_by_one:
        target = partial(_of_trees, near)
    elif measured:
        target = model.tables.get(("seen", precision)) or _seen_by_samples(task, model, near, scale)
    if isinstance(target, DevicePredict):
        model.tables["seen", precision] = target  # known by itself in the next call
    count = near.num_outputs
    with ExitStack() as stack:
        if (route.one_by_one or route.in_blocks) and not _is_prepared(task, model, route):
            pool = stack.enter_context(ThreadPoolExecutor(1))
            pool.submit(_prepare, task, near, model, route)  # while others compile
        if target is not None and _matched(task):
            variances = _output_variances(task, target, count, model, route)
    formula, fits = _by_blocks if route.in_blocks else _by_tables, []
    formula = _by_passes if route.one_by_one else formula
    for config, variance in zip(task.configs, variances, strict=True):
        form, parts = formula(task, config, near, model, effective_num_samples)
        tick = task.tick if config is task.configs[-1] else None
        fits.append(task.prepared.padded.cut(_explain(form, parts, variance, tick, task)))
    if target is not None and not _matched(task):
        scores = _surrogate_scores(task, target, count, fits)
        fits = [replaced(fit, score=one) for fit, one in zip(fits, scores, strict=True)]
    return [of_all(scale.outward(fit, task.labels)) for fit in fits]


_Formula = tuple[ClosedForm, Iterable[engine.Rows]]


def _is_prepared(task: Task, model: OpenedModel, route: Route) -> bool:
    """Whether an earlier call has made what this route needs: a thread would only cost."""
    what = "passes" if route.one_by_one else "blocks"
    return (what, task.config.features) in model.tables


def _prepare(task: Task, near: Structure, model: OpenedModel, route: Route) -> None:
    """What passes over the trees need, on the host; it is kept."""
    if route.one_by_one:
        _passes_of(task, near, None, model)
    elif route.in_blocks:
        near, _, outputs = of_asked_outputs(near, task.labels)
        _block_passes_of(task, near, outputs, model)


def _explain(
    form: ClosedForm,
    parts: Iterable[engine.Rows],
    variance: np.ndarray | None,
    tick: Callable[[int], None] | None,
    task: Task,
) -> LinearFit:
    """Fits of rows that come part by part."""
    fits, start = [], 0
    for rows in parts:
        noise = None if variance is None else variance[start : start + len(rows)]
        effort = "quick" if isinstance(form, exact.PassForm) else None  # nothing is left to do
        fits.append(engine.explain_exact(form, rows, noise, tick, task.mesh, effort))
        start += len(rows)
    return fits[0] if len(fits) == 1 else jax.tree.map(lambda *all_: np.concatenate(all_), *fits)


def _by_tables(
    task: Task, config: TabularConfig, near: Structure, model: OpenedModel, effective: int | None
) -> _Formula:
    """A closed form from tables that serve any number of rows."""
    facts = (config.sampling, config.encoding, config.distance_space, config.features)
    near, labels, outputs = of_asked_outputs(near, task.labels)
    facts = (*facts, jnp.result_type(float), outputs is None)
    if facts not in model.tables or model.tables[facts][0] != outputs:
        padded = task.prepared.padded
        tables = exact.make_tables(padded.structure(near), padded.stats, config)
        model.tables[facts] = outputs, tables
    form = exact.form_of(model.tables[facts][1], _setting(task, config, effective))
    return form, [task.padded_rows(labels)]


def _by_passes(
    task: Task, config: TabularConfig, near: Structure, model: OpenedModel, effective: int | None
) -> _Formula:
    """A closed form of few rows, from a pass over the trees for each."""
    passes = _passes_of(task, near, None, model)
    width = float(kernel_width_of(task.stats, config))
    arguments = task.plain_instances, task.values, width, task.labels
    summed = exact.sum_rows(passes, *arguments)
    rows = _with_sums(task.padded_rows(task.labels), summed)
    return exact.PassForm(_setting(task, config, effective)), [rows]


def _by_blocks(
    task: Task, config: TabularConfig, near: Structure, model: OpenedModel, effective: int | None
) -> _Formula:
    """A closed form of many rows, from passes over the trees for blocks of them."""
    near, labels, outputs = of_asked_outputs(near, task.labels)
    passes = _block_passes_of(task, near, outputs, model)
    every, size, plain = task.padded_rows(labels), passes.rows_at_once, task.plain_instances
    width = float(kernel_width_of(task.stats, config))

    def parts() -> Iterator[engine.Rows]:
        for start in range(0, len(every), size):
            some = slice(start, start + size)
            rows, plain_rows = (
                jax.tree.map(lambda a, i=some: a[i], part) for part in (every, plain)
            )
            summed = exact.sum_blocks(passes, plain_rows, task.values[some], width, labels[some])
            yield _with_sums(rows, summed)

    return exact.PassForm(_setting(task, config, effective)), parts()


def _with_sums(rows: engine.Rows, summed: exact.PassRows) -> engine.Rows:
    """Rows of the padded table with the sums of its own columns."""
    more = rows.instances.bins.shape[1] - summed.coef.shape[2]
    coef = np.pad(summed.coef, ((0, 0), (0, 0), (0, more)))
    return replaced(rows, instances=exact.PassRows(rows.instances, summed.mean, coef))


def _passes_of(
    task: Task, near: Structure, outputs: tuple[int, ...] | None, model: OpenedModel
) -> exact.TreePasses:
    """Splits of the model and shares of the table's bins; of some outputs they are not kept."""
    assert isinstance(near, TreeSum)
    facts = ("passes", task.config.features)
    if outputs is not None or facts not in model.tables:
        passes = exact.passes_of(near, task.stats, task.config)
        if outputs is not None:
            return passes
        model.tables[facts] = passes
    return model.tables[facts]


def _block_passes_of(
    task: Task, near: Structure, outputs: tuple[int, ...] | None, model: OpenedModel
) -> exact.BlockPasses:
    """The same for blocks of rows; of the last outputs that were asked for they are kept."""
    facts = ("blocks", task.config.features)
    if facts not in model.tables or model.tables[facts][0] != outputs:
        passes = _passes_of(task, near, outputs, model)
        model.tables[facts] = outputs, exact.block_passes_of(passes)
    return model.tables[facts][1]


def _setting(task: Task, config: TabularConfig, effective: int | None) -> exact.Setting:
    """What forms depend on besides model and rows."""

    def make() -> exact.Setting:
        # Of the table's own columns, where it is not named.
        named = replaced(config, kernel_width=kernel_width_of(task.stats, config))
        return exact.make_setting(task.prepared.padded.stats, named, effective)

    return task.prepared.made(("setting", effective), config, make)


def route_of(
    configs: Sequence[TabularConfig], model: OpenedModel, num_rows: int, mesh: Mesh | None
) -> Route:
    """Whether passes over the trees or tables of their boxes are to explain these rows."""
    trees, rows = model.structure, num_rows * len(configs)
    if configs[0].sampling != "bins" or mesh is not None or not isinstance(trees, TreeSum):
        return Route(0, rows, 0)
    return route(trees, rows, model.tables, has_blocks=True)


def _seen_by_samples(
    task: Task, model: OpenedModel, near: Structure, scale: OutputScale
) -> Predictor:
    """What says of samples what `near` does; outputs that are not far are the model's own."""
    if not model.on_device:
        return lambda inputs: (model(inputs) - scale.origin) / scale.unit
    if exact.is_far(near, scale):
        spikes = DeviceTable(sample_facts(task.stats).spikes)
        return DevicePredict(predict_sum(near, spikes), by_rows=True)
    origin = scale.origin.astype(jnp.result_type(float))
    return model.on_codes().then(_LessOrigin(origin))


def _of_trees(near: Structure, inputs: np.ndarray) -> np.ndarray:
    """What trees say of samples, where tables of them on the device would serve few rows."""
    assert isinstance(near, TreeSum)
    dtype, starts = np.dtype(jnp.result_type(float)), range(0, len(inputs), _TOGETHER)
    parts = [inputs[start : start + _TOGETHER] for start in starts]
    each = one_by_one(lambda some: outputs_on_host(near, some, dtype), parts)
    return np.concatenate(each).astype(np.float64)


@pytree
class _LessOrigin:
    """Outputs less their origin."""

    origin: AnyArray

    def __call__(self, outputs: AnyArray) -> AnyArray:
        return outputs - self.origin


def without_vague_scores(
    fits: Sequence[LinearFit], configs: Sequence[TabularConfig], model: OpenedModel
) -> list[LinearFit]:
    """Fits whose R², where samples measured it, is known."""
    if isinstance(model.structure, Additive):
        return list(fits)
    return [_without_vague_scores(*each) for each in zip(fits, configs, strict=True)]


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


def _output_variances(
    task: Task, target: Predictor, count: int, model: OpenedModel, route: Route
) -> list[Any]:
    """How much the outputs vary in each row's neighborhood, (rows, labels) for every width."""
    padded, quiet = task.prepared.padded, _to_score(task)
    stats = padded.stats

    def method(config: TabularConfig) -> MatchedVariance:
        facts = (stats.offsets, stats.probability, stats.bin_feature, padded.narrow_bins)
        linear = padded.method(task.prepared.linear(config))
        return MatchedVariance(linear, *facts, max_bins=stats.max_bins)

    methods = [
        task.prepared.made("variance", config, partial(method, config)) for config in quiet.configs
    ]
    facts = "said", route.one_by_one, facts_of_neighborhood(quiet)
    said = model.tables.setdefault(facts, {})
    rows, effort = task.rows(task.labels), "quick" if route.one_by_one else None
    return run_methods(quiet, methods, target, rows, count, said=said, effort=effort)


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
    return run_methods(quiet, methods, target, seen, count, SurrogateDomain(task.domain))


def _to_score(task: Task) -> Task:
    configs = tuple(dataclasses.replace(c, num_samples=SCORE_SAMPLES) for c in task.configs)
    return dataclasses.replace(task, configs=configs, tick=None)
