"""As many samples as each row needs: replicates are added until its explanation is settled.

The first replicates are those of an ordinary run, the next double them, and so on. Nothing is
drawn twice: uniforms are a function of the key and the replicate's number. Each row stops by
itself, with the fit of the first size at which it is settled, so its answer does not depend on
the other rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from lime_jax.engine import budget
from lime_jax.engine.collect import Chunk, take_rows
from lime_jax.engine.row_run import RowRun
from lime_jax.engine.shared import adjust, fit_shared, lay_out
from lime_jax.engine.shared_run import draw_shared
from lime_jax.engine.work import Work
from lime_jax.stages.designs import Design
from lime_jax.typing import LinearFit, Method, Pytree, SharedMethod, pytree

MOST_SAMPLES = 2**18
"""Of a row; by then errors are an eighth of those of 4,096 samples."""

Settled = Callable[[LinearFit, int], np.ndarray]
"""Fits of rows and the number of replicates of their errors, to (rows,) bool."""


@pytree
class AdaptiveFit:
    """Explanations of rows that had as many samples as they needed.

    Attributes:
        fit: with a leading axis of rows, on the host.
        num_replicates: (rows,) that its standard errors come from.
        settled: (rows,) False where the largest number of samples was not enough.
    """

    fit: LinearFit
    num_samples: Pytree
    num_replicates: Pytree
    settled: Pytree


def grow_shared(work: Work[SharedMethod], settled: Settled, most: int) -> AdaptiveFit:
    """Explain rows with one neighborhood for all, which grows until every row is settled."""
    design = _first_design(work)
    in_memory = budget.MEMORY_BUDGET // (64 * work.domain.sample_size)
    most = min(most, in_memory, 64 * design.num_samples)
    # The layout of the first size is not kept: the samples are needed for the next ones.
    first = dataclasses.replace(work.neighborhood, layout=None)
    work, progress = dataclasses.replace(work, neighborhood=first, progress=None), work.progress
    retained, outputs = draw_shared(work)
    result, left, method = None, np.arange(len(work.rows)), work.method
    while True:
        seen = adjust(method, lay_out(method, retained), outputs)
        rows = take_rows(work.rows, left)
        fit = fit_shared(dataclasses.replace(work, method=method, rows=rows), seen)
        before = len(left)
        result, left = _enter(result, left, fit, design, settled)
        if progress is not None:
            progress(before - len(left))
        if not len(left) or 2 * design.num_samples > most:
            break
        samples, y = draw_shared(work, skip=design.num_replicates)
        retained, outputs = retained + samples, outputs + y
        design = design.with_replicates(2 * design.num_replicates)
        method = dataclasses.replace(method, design=design)  # pyright: ignore[reportArgumentType]
    if progress is not None and len(left):
        progress(len(left))
    return result


def grow_rows(work: Work[Method], settled: Settled, most: int) -> AdaptiveFit:
    """Explain rows with a neighborhood for each, which grows until the row is settled."""
    run, count, parts = RowRun(work), len(work.rows), []
    for start in range(0, count, run.rows_at_once):
        numbers = np.arange(start, min(start + run.rows_at_once, count))
        parts.append(_chunk_until(run, numbers, settled, most))
        if work.progress is not None:
            work.progress(len(numbers))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def _chunk_until(run: RowRun, numbers: np.ndarray, settled: Settled, most: int) -> AdaptiveFit:
    """As many rows as are worked on at once; the summaries of those that are not settled grow."""
    design, size = _first_design(run.work), run.rows_at_once
    most = min(most, 64 * design.num_samples)
    step, together = design.num_replicates, 1  # replicates at once, and in one summary
    result, left, parts, starts = None, np.arange(len(numbers)), [], range(0, step, step)
    scale = None
    while True:
        rows = take_rows(run.work.rows, numbers[_padded(left, size)])
        chunk = Chunk.of(rows, numbers[left], len(left), run.devices)
        for start in starts:
            new, scale = run.summarize(chunk, start, scale)
            parts.append(_merged(run, new, together))
        summaries = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, 1), *parts)
        fit = run.devices.fetch(run.solve(chunk, summaries), len(left))
        if scale is not None:
            fit = scale.outward(fit, None)
        before = left
        result, left = _enter(result, left, fit, design, settled)
        if not len(left) or 2 * design.num_samples > most:
            return result
        places = np.searchsorted(before, left)
        scale = None if scale is None else scale.take(places)
        summaries = run.take(summaries, _padded(places, size))
        starts = range(design.num_replicates, 2 * design.num_replicates, step)
        design = design.with_replicates(2 * design.num_replicates)
        earlier, together = together, design.num_replicates // design.num_groups
        parts = [_merged(run, summaries, together // earlier)]


def _first_design(work: Work[Method] | Work[SharedMethod]) -> Design:
    """The design of the first size; each batch of replicates then fills whole groups."""
    design = work.method.design
    assert isinstance(design, Design)
    if design.num_replicates & (design.num_replicates - 1):
        raise ValueError(
            "`method`: expected a design whose replicates are a power of two, got "
            f"{design.num_replicates}"
        )
    return design


def _merged(run: RowRun, summaries: Pytree, together: int) -> Pytree:
    """Summaries of so many neighbors as one."""
    for _ in range(together.bit_length() - 1):
        summaries = run.merge_pairs(summaries)
    return summaries


def _padded(index: np.ndarray, size: int) -> np.ndarray:
    return np.append(index, np.repeat(index[:1], size - len(index)))


def _enter(
    result: AdaptiveFit | None, left: np.ndarray, fit: LinearFit, design: Design, settled: Settled
) -> tuple[AdaptiveFit, np.ndarray]:
    """The fits of the rows that were left, in their places; and the rows that are left now."""
    done = settled(fit, design.num_groups)
    num_samples, num_groups = (
        np.full(len(left), number) for number in (design.num_samples, design.num_groups)
    )
    new = AdaptiveFit(fit, num_samples, num_groups, done)
    result = jax.tree.map(np.array, new) if result is None else result
    assert result is not None

    def put(whole: np.ndarray, part: np.ndarray) -> np.ndarray:
        whole = whole.astype(np.result_type(whole, part), copy=False)
        whole[left] = part
        return whole

    return jax.tree.map(put, result, new), left[~done]
