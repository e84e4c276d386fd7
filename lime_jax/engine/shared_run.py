"""Draws of a shared neighborhood, and the model's outputs for them."""

from __future__ import annotations

import numpy as np

from lime_jax.engine import budget, programs
from lime_jax.engine.device_calls import predict_samples
from lime_jax.engine.devices import for_rows
from lime_jax.engine.host_calls import call_in_batches
from lime_jax.engine.one_row import units_of
from lime_jax.engine.work import Work
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import AnyArray, Pytree, SharedMethod


def draw_shared(work: Work[SharedMethod], skip: int = 0) -> tuple[list[Pytree], list[AnyArray]]:
    """Draw replicates, and call the model on them; all devices of a mesh keep all samples.

    Args:
        skip: 0: draw the replicates of the design. Else how many there are by now, a multiple of
            the design's: as many again are drawn, and not kept.

    Returns:
        By group of units: what the fits need of the samples, and the outputs. The former are left
        out where the neighborhood has its layout already.
    """
    design, drawn = work.method.design, work.neighborhood
    units = units_of(design)
    bytes_per_unit = 64 * design.block_size * work.domain.sample_size
    at_once = budget.units_per_call(len(units), bytes_per_unit)
    keep = not skip and len(units) * bytes_per_unit // 8 <= budget.KEPT_NEIGHBORHOOD
    if skip:
        units = units_of(design, skip) + np.array([skip, 0], np.int32)
    few = design.num_samples * work.domain.sample_size <= budget.FEW_NUMBERS
    effort = "quick" if few else "full"
    retained, outputs, all_said = [], [], {} if work.said is None else work.said
    for number, group in enumerate(units.reshape(-1, at_once, 2)):
        drawn_now = None if skip else drawn.samples.get(number)
        if drawn_now is None:
            setting = work.key, work.domain, work.method, group
            drawn_now = programs.sample_units(*setting, for_rows(work.mesh), effort=effort)
        samples, needed = drawn_now
        said = all_said.get(number) if keep else None
        outputs.append(_predict(work, samples, number, keep, effort) if said is None else said)
        if keep:
            drawn.samples[number], all_said[number] = drawn_now, outputs[-1]
        if drawn.layout is None:
            retained.append(needed)
    return retained, outputs


def _predict(
    work: Work[SharedMethod], samples: Pytree, number: int, keep: bool, effort: str
) -> AnyArray:
    """The model's outputs for a group of units; a host model's inputs are kept if asked for."""
    if isinstance(work.model, DevicePredict):
        if work.model.by_rows and work.mesh is None and work.domain.background_weights is None:
            return predict_samples(work.model, work.domain, samples, effort)
        return programs.predict_units(work.model, work.domain, samples, for_rows(work.mesh))
    cache = work.neighborhood.inputs
    inputs = cache.get(number) if keep else None
    inputs = work.host_inputs(samples, None) if inputs is None else inputs
    if keep:
        inputs.flags.writeable = False
        cache[number] = inputs
    what = "the neighborhood that all rows share"
    return call_in_batches(work.model, inputs, 2, work.batch_size, what)
