"""Rows with a neighborhood for each."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np

from lime_jax.engine import budget, programs
from lime_jax.engine.collect import Chunk, chunks, collect
from lime_jax.engine.row_run import RowRun
from lime_jax.engine.work import Rows, Work
from lime_jax.fits.output_scale import OutputScale
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import Method, Pytree


def explain_rows(work: Work[Method]) -> Pytree:
    """Explain rows with a neighborhood for each."""
    run = RowRun(work)
    if not isinstance(work.model, DevicePredict):
        return _explain_rows_on_host(run)
    plan, setting = run.plan(), run.setting

    def fit(part: Rows, count: int) -> Pytree:
        return programs.explain_rows(part, run.devices, setting=setting, count=count, **plan)

    most, threads = max(64, plan["block"]), 1
    if work.calls_no_lapack and work.mesh is None and jax.default_backend() == "cpu":
        weights = work.domain.background_weights
        calls = work.method.design.num_samples * (1 if weights is None else len(weights))
        most, threads = budget.rows_per_thread(calls), min(8, budget.num_cores())
    sizes, at_once = (work.domain.sample_size, work.num_labels), 2 * threads - 1
    return collect(fit, work.rows, run.devices, *sizes, work.progress, most, at_once, threads)


def _explain_rows_on_host(run: RowRun) -> Pytree:
    """Three phases for each chunk of rows: sample, call the model, sum up; then solve."""
    budget.keep_freed_memory()
    groups, devices, rows = run.groups(), run.devices, run.work.rows
    size = budget.rows_per_call(6 * len(groups[0]) * run.bytes_per_unit, most=32)

    def steps() -> Iterator[tuple[Chunk, np.ndarray, Pytree]]:
        for chunk in chunks(rows, devices.round_up(size), devices):
            for group in groups:
                yield chunk, group, run.sample(chunk, group)

    fits, summaries, scale, ahead = [], None, None, steps()
    following = next(ahead)
    while following is not None:
        chunk, group, current = following
        # JAX returns before it is done: the next samples are drawn while the model runs.
        following = next(ahead, None)
        y = run.call(chunk, current)
        scale = run.scale_of(y) if scale is None else scale
        summaries = run.add(chunk, group, current, y, scale, summaries)
        if group is groups[-1]:
            fits.append((run.solve(chunk, summaries), scale, chunk))
            summaries = scale = None
            if run.work.progress is not None:
                run.work.progress(chunk.count)

    def finished(fit: Pytree, scale: OutputScale, chunk: Chunk) -> Pytree:
        return scale.outward(devices.fetch(fit, chunk.count), None)

    return jax.tree.map(lambda *parts: np.concatenate(parts), *(finished(*fit) for fit in fits))
