"""Rows with a neighborhood for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from lime_jax.engine import budget, programs
from lime_jax.engine.collect import chunks, collect
from lime_jax.engine.row_run import RowRun
from lime_jax.engine.typing import HostPredict, Progress, Rows
from lime_jax.fits.output_scale import OutputScale
from lime_jax.fits.sweep import make_sweep_method
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import Array, Domain, Method


def explain_rows(
    key: Array,
    domain: Domain,
    method: Method,
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: Callable[[Any, Any], np.ndarray],
    batch_size: int | None = None,
    progress: Progress | None = None,
    side_by_side: bool = False,
    mesh: Mesh | None = None,
) -> Any:
    """Explain rows with a neighborhood for each.

    Args:
        host_inputs: makes a host model's inputs of the samples of a slice of rows.
        side_by_side: whether several rows may be worked on by several threads of a CPU. Not where
            method or model call LAPACK: two such programs can wait for each other for ever.
        mesh: devices that share the work: rows over the first axis, samples over the second.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    run = RowRun(key, domain, method, model, host_inputs, batch_size, mesh)
    if not isinstance(model, DevicePredict):
        return _explain_rows_on_host(run, rows, progress)
    plan, given = run.plan(), run.given

    def fit(part: Rows, each: int) -> Any:
        return programs.explain_rows((*given, each), part, run.devices, **plan)

    most, threads = max(64, plan["block"]), 1
    if side_by_side and mesh is None and jax.default_backend() == "cpu":
        weights = domain.background_weights
        calls = method.design.num_samples * (1 if weights is None else len(weights))
        most, threads = budget.rows_per_thread(calls), min(8, budget.num_cores())
    size, at_once = domain.sample_size, 2 * threads - 1
    return collect(fit, rows, run.devices, size, progress, most, at_once, threads)


def sweep_rows(
    key: Array,
    domain: Domain,
    methods: Sequence[Method],
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: Callable[[Any, Any], np.ndarray],
    batch_size: int | None = None,
    progress: Progress | None = None,
    mesh: Mesh | None = None,
) -> list[Any]:
    """Explain rows by several methods, which share each row's neighborhood and its model calls.

    Args:
        methods: that differ in the numbers of their leaves only; they share one program.
    """
    method = make_sweep_method(methods)
    ends = (batch_size, progress)
    fits = explain_rows(key, domain, method, model, rows, host_inputs, *ends, mesh=mesh)
    return [jax.tree.map(lambda leaf, i=number: leaf[:, i], fits) for number in range(len(methods))]


def _explain_rows_on_host(run: RowRun, rows: Rows, progress: Progress | None) -> Any:
    """Three phases for each chunk of rows: sample, call the model, sum up; then solve."""
    budget.keep_freed_memory()
    groups, devices = run.groups(), run.devices
    chunk = budget.rows_per_call(6 * len(groups[0]) * run.bytes_per_unit, most=32)
    chunk = devices.round_up(chunk)

    def steps() -> Iterator[tuple[Any, ...]]:
        for part, count, taken in chunks(rows, chunk, devices):
            for group in groups:
                yield part, count, taken, group, run.sample(part, devices.rows_each(count), group)

    fits, summaries, scale, ahead = [], None, None, steps()
    following = next(ahead)
    while following is not None:
        part, count, taken, group, current = following
        # JAX returns before it is done: the next samples are drawn while the model runs.
        following = next(ahead, None)
        what = f"samples of rows {taken.start} to {taken.stop - 1}"
        y = run.call(current, count, taken, what)
        scale = run.scale_of(y) if scale is None else scale
        summaries = run.add(part, devices.rows_each(count), group, current, y, scale, summaries)
        if group is groups[-1]:
            fits.append((run.solve_placed(summaries, part, count), scale, taken))
            summaries = scale = None
            if progress is not None:
                progress(count)

    def finished(fit: Any, scale: OutputScale, taken: slice) -> Any:
        labels = None if rows.labels is None else rows.labels[taken]
        return scale.outward(devices.fetch(fit, taken.stop - taken.start), labels)

    return jax.tree.map(lambda *parts: np.concatenate(parts), *(finished(*fit) for fit in fits))
