"""Rows that share draws, while a model on the device sees each of them in inputs of its own."""

from __future__ import annotations

from typing import Any

import jax

from lime_jax.engine import programs
from lime_jax.engine.asked import of_asked_outputs
from lime_jax.engine.blas_threads import solving
from lime_jax.engine.collect import collect
from lime_jax.engine.devices import Devices, for_rows
from lime_jax.engine.one_row import units_of
from lime_jax.engine.work import Rows, Work
from lime_jax.typing import Pytree

_SIZES = (8, 64)
"""Rows of a chunk, where there are few, and of others: not many have as many players."""


def explain_alike(work: Work[Any], drawn: Rows) -> Pytree:
    """Explain rows whose ids are equal, and whose samples are a function of no more than that.

    Args:
        drawn: one row, as far as samples depend on it.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    with solving(work.domain.sample_size):
        return _explain(of_asked_outputs(work), drawn)


def _explain(work: Work[Any], drawn: Rows) -> Pytree:
    design, method = work.method.design, work.method
    setting = programs.Setting(work.key, work.domain, method)
    counts = {"units": units_of(design), "count": 1, "effort": "light"}
    samples = programs.sample_rows(drawn, Devices(), setting=setting, **counts)
    units = [jax.tree.map(lambda leaf: leaf[0], samples)]
    shape = design.num_replicates, design.num_blocks
    layout = programs.lay_out(method, units, shape, effort="light")
    devices = for_rows(work.mesh)
    domain, method, adjusted = devices.place((work.domain, method, (layout, work.model)))
    there = {"domain": domain, "method": method, "adjusted": adjusted, "effort": "light"}

    def fit(part: Rows, count: int) -> Pytree:
        sums = programs.sum_shared(part, devices, **there, count=count, block=1)
        summed = programs.SummedRows(None, sums, part.labels)
        block = method.rows_at_once
        return programs.solve_shared(summed, devices, **there, count=count, block=block)

    sizes = work.domain.sample_size, work.num_labels
    return collect(
        fit, work.rows, devices, *sizes, work.progress, _SIZES[len(work.rows) > _SIZES[0]]
    )
