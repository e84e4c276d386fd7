"""The ways to explain rows by samples, be the neighborhood each row's own or that of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax

from lime_jax.engine.adaptive import MOST_SAMPLES, AdaptiveFit, Settled, grow_rows, grow_shared
from lime_jax.engine.asked import of_asked_outputs
from lime_jax.engine.blas_threads import solving
from lime_jax.engine.rows import explain_rows
from lime_jax.engine.shared import sweep_shared
from lime_jax.engine.work import Work
from lime_jax.fits.sweep import make_sweep_method
from lime_jax.typing import Pytree


def explain(work: Work[Any]) -> Pytree:
    """Explain rows.

    Returns:
        Fits with a leading axis of rows, on the host; or what else the method makes of a row.
    """
    return sweep(work, [work.method])[0]


def sweep(work: Work[Any], methods: Sequence[Any]) -> list[Pytree]:
    """Explain rows by several methods, which share samples and model calls.

    Args:
        methods: that differ in the numbers of their leaves only; they share one program.
        work: its method is not looked at; progress is told of rows that all methods are done with.
    """
    work = of_asked_outputs(work)
    with solving(work.domain.sample_size):
        if work.domain.shared:
            return sweep_shared(work, methods)
        if len(methods) == 1:
            return [explain_rows(dataclasses.replace(work, method=methods[0]))]
        fits = explain_rows(dataclasses.replace(work, method=make_sweep_method(methods)))
    return [jax.tree.map(lambda leaf, i=number: leaf[:, i], fits) for number in range(len(methods))]


def explain_until(work: Work[Any], settled: Settled, most: int = MOST_SAMPLES) -> AdaptiveFit:
    """Explain rows with as many samples as they need.

    Args:
        work: with the design of the first size.
        most: samples; also no more than 64 times the first size, or than memory holds where all
            rows share them.
    """
    grow = grow_shared if work.domain.shared else grow_rows
    with solving(work.domain.sample_size):
        return grow(of_asked_outputs(work), settled, most)
