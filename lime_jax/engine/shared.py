"""Rows with one neighborhood for all: drawn once, and seen by each row in its own way."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np

from lime_jax.engine import budget, programs
from lime_jax.engine.collect import collect
from lime_jax.engine.devices import for_rows
from lime_jax.engine.shared_run import draw_shared
from lime_jax.engine.work import Rows, Work
from lime_jax.fits.output_scale import OutputScale
from lime_jax.models.predict import DevicePredict
from lime_jax.placing import placed
from lime_jax.typing import AnyArray, Pytree, SharedMethod


def sweep_shared(work: Work[SharedMethod], methods: Sequence[SharedMethod]) -> list[Pytree]:
    """Explain rows by several methods, with one neighborhood and one set of model calls for all."""
    seen, fits = _see(work, methods[0]), []
    for number, method in enumerate(methods):
        progress = work.progress if number == len(methods) - 1 else None
        fits.append(fit_shared(dataclasses.replace(work, method=method, progress=progress), seen))
    return fits


def _see(work: Work[SharedMethod], method: SharedMethod) -> SeenSamples:
    """The neighborhood with the model's outputs; of the same model as last time, the same ones."""
    drawn = work.neighborhood
    lasting = work.model if isinstance(work.model, DevicePredict) else work.said
    known = None if lasting is None else drawn.seen_by(lasting)
    if known is not None:
        return known
    retained, outputs = draw_shared(work)
    if drawn.layout is None:
        drawn.layout = lay_out(method, retained)
    seen = adjust(method, drawn.layout, outputs)
    if lasting is not None:
        drawn.keep_seen(lasting, seen, sum(leaf.nbytes for leaf in jax.tree.leaves(seen.adjusted)))
    return seen


def lay_out(method: SharedMethod, retained: list[Pytree]) -> Pytree:
    """Samples as the fits read them."""
    effort = "quick" if _are_few(retained) else "full"
    return programs.lay_out(method, retained, _shared_shape(method), effort=effort)


def _are_few(arrays: list[Pytree]) -> bool:
    return sum(leaf.size for leaf in jax.tree.leaves(arrays)) <= budget.FEW_NUMBERS


@dataclasses.dataclass(frozen=True)
class SeenSamples:
    """A shared neighborhood with the model's outputs.

    Attributes:
        scale: of the outputs there; None: they are as the model on the device returned them.
    """

    adjusted: Pytree
    scale: OutputScale | None


def adjust(method: SharedMethod, layout: Pytree, outputs: Sequence[AnyArray]) -> SeenSamples:
    """A layout with the model's outputs."""
    scale = None
    if isinstance(outputs[0], np.ndarray):
        together = np.concatenate(outputs)
        scale = OutputScale.of_samples(together.reshape(-1, together.shape[-1]))
        outputs = [placed(scale.inward(together))]
    shape, few = _shared_shape(method), _are_few([layout, outputs])
    adjusted = programs.adjust(method, layout, outputs, shape, effort="quick" if few else None)
    return SeenSamples(adjusted, scale)


def _shared_shape(method: SharedMethod) -> tuple[int, int]:
    """Replicates, or groups of them where they are very many; and blocks in each."""
    design = method.design
    return design.num_groups, design.num_replicates // design.num_groups * design.num_blocks


def fit_shared(work: Work[SharedMethod], seen: SeenSamples) -> Pytree:
    """Explain rows by a neighborhood that is drawn."""
    devices, block = for_rows(work.mesh), work.method.rows_at_once
    domain, method, adjusted = devices.place((work.domain, work.method, seen.adjusted))
    there = {"domain": domain, "method": method, "adjusted": adjusted, "block": block}
    there["effort"] = work.effort

    def fit(part: Rows, count: int) -> Pytree:
        sums = programs.sum_shared(part, devices, **there, count=count)
        summed = programs.SummedRows(part.instances, sums, part.labels)
        return programs.solve_shared(summed, devices, **there, count=count)

    sizes = work.domain.sample_size, work.num_labels
    found = collect(fit, work.rows, devices, *sizes, work.progress)
    return found if seen.scale is None else seen.scale.outward(found, work.rows.labels)
