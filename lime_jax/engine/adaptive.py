"""As many samples as each row needs: replicates are added until its explanation is settled.

The first replicates are those of an ordinary run, the next double them, and so on. Nothing is
drawn twice: uniforms are a function of the key and the replicate's number. Each row stops by
itself, with the fit of the first size at which it is settled, so its answer does not depend on
the other rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from lime_jax import engine
from lime_jax.engine import budget
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import Array, Domain, LinearFit, Method, SharedMethod, pytree

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
    num_samples: Any
    num_replicates: Any
    settled: Any


def explain_shared_until(
    key: Array,
    domain: Domain,
    method: SharedMethod,
    model: DevicePredict[Any] | engine.HostPredict,
    rows: engine.Rows,
    host_inputs: engine.HostInputs,
    neighborhood: engine.SharedNeighborhood,
    settled: Settled,
    batch_size: int | None = None,
    progress: engine.Progress | None = None,
    most: int = MOST_SAMPLES,
    mesh: Mesh | None = None,
) -> AdaptiveFit:
    """Explain rows with one neighborhood for all, which grows until every row is settled.

    Args:
        method: how to weigh and fit, with the design of the first size.
        neighborhood: of the first size; filled here, and read when it comes back filled.
        most: samples; also no more than 64 times the first size or than memory holds.
    """
    run = engine.SharedRun(key, domain, method, model, host_inputs, neighborhood, batch_size, mesh)
    most = _largest(method.design, min(most, budget.MEMORY_BUDGET // (64 * domain.sample_size)))
    # The layout of the first size is not kept: the samples are needed for the next ones.
    run.neighborhood = dataclasses.replace(neighborhood, layout=None)
    retained, outputs = run.draw()
    result, left = None, np.arange(len(rows))
    while True:
        layout = engine.lay_out(method, retained)
        seen = engine.adjust(method, layout, outputs)
        fit = engine.fit_shared(domain, method, seen, _take(rows, left), None, mesh)
        before = len(left)
        result, left = _enter(result, left, fit, method.design, settled)
        if progress is not None:
            progress(before - len(left))
        if not len(left) or 2 * method.design.num_samples > most:
            break
        samples, y = run.draw(skip=method.design.num_replicates)
        retained, outputs = retained + samples, outputs + y
        design = method.design.with_replicates(2 * method.design.num_replicates)
        method = dataclasses.replace(method, design=design)  # pyright: ignore[reportArgumentType]
    if progress is not None and len(left):
        progress(len(left))
    return result


def explain_rows_until(
    key: Array,
    domain: Domain,
    method: Method,
    model: DevicePredict[Any] | engine.HostPredict,
    rows: engine.Rows,
    host_inputs: Callable[[Any, Any], np.ndarray],
    settled: Settled,
    batch_size: int | None = None,
    progress: engine.Progress | None = None,
    most: int = MOST_SAMPLES,
    mesh: Mesh | None = None,
) -> AdaptiveFit:
    """Explain rows with a neighborhood for each, which grows until the row is settled.

    Args:
        method: how to weigh and fit, with the design of the first size.
        host_inputs: makes a host model's inputs of the samples of some rows, whose numbers it is
            given.
        most: samples of a row; also no more than 64 times the first size.
    """
    run = engine.RowRun(key, domain, method, model, host_inputs, batch_size, mesh)
    most, parts = _largest(method.design, most), []
    for start in range(0, len(rows), run.rows_at_once):
        which = np.arange(start, min(start + run.rows_at_once, len(rows)))
        parts.append(_some_rows_until(run, rows, which, settled, most))
        if progress is not None:
            progress(len(which))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def _some_rows_until(
    run: engine.RowRun, rows: engine.Rows, which: np.ndarray, settled: Settled, most: int
) -> AdaptiveFit:
    """As many rows as are worked on at once; the summaries of those that are not settled grow."""
    design, size = run.method.design, run.rows_at_once
    step, together = design.num_replicates, 1  # replicates at once, and in one summary
    result, left, parts, starts = None, np.arange(len(which)), [], range(0, step, step)
    scale = None
    while True:
        some = _take(rows, which[_padded(left, size)])
        for start in starts:
            new, scale = run.summarize(some, len(left), start, which[left], scale)
            parts.append(_merged(run, new, together))
        summaries = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, 1), *parts)
        fit = run.solve(summaries, scale, some, len(left))
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


def _largest(design: Any, most: int) -> int:
    """Samples that a row may have; each batch of replicates then fills whole groups."""
    replicates = design.num_replicates
    if replicates & (replicates - 1):
        raise ValueError(
            f"`method`: expected a design whose replicates are a power of two, got {replicates}"
        )
    return min(most, 64 * design.num_samples)


def _merged(run: engine.RowRun, summaries: Any, together: int) -> Any:
    """Summaries of so many neighbors as one."""
    for _ in range(together.bit_length() - 1):
        summaries = run.merge_pairs(summaries)
    return summaries


def _padded(index: np.ndarray, size: int) -> np.ndarray:
    return np.append(index, np.repeat(index[:1], size - len(index)))


def _take(rows: engine.Rows, index: np.ndarray) -> engine.Rows:
    return jax.tree.map(lambda leaf: leaf[index], rows)


def _enter(
    result: AdaptiveFit | None, left: np.ndarray, fit: LinearFit, design: Any, settled: Settled
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
