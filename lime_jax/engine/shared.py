"""Rows with one neighborhood for all: drawn once, and seen by each row in its own way."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from lime_jax.engine import programs
from lime_jax.engine.collect import collect
from lime_jax.engine.devices import for_rows
from lime_jax.engine.shared_run import SharedNeighborhood, SharedRun
from lime_jax.engine.typing import HostInputs, HostPredict, Progress, Rows
from lime_jax.fits.output_scale import OutputScale
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import Array, Domain, SharedMethod


def explain_shared(
    key: Array,
    domain: Domain,
    method: SharedMethod,
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: HostInputs,
    neighborhood: SharedNeighborhood,
    batch_size: int | None = None,
    progress: Progress | None = None,
    mesh: Mesh | None = None,
) -> Any:
    """Explain rows with one neighborhood for all.

    Args:
        neighborhood: filled here, and read when it comes back filled.
        mesh: devices that share samples and rows, those of both axes alike; one neighborhood
            belongs to one mesh.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    arguments = (model, rows, host_inputs, neighborhood, batch_size, progress, mesh)
    return sweep_shared(key, domain, [method], *arguments)[0]


def sweep_shared(
    key: Array,
    domain: Domain,
    methods: Sequence[SharedMethod],
    model: DevicePredict[Any] | HostPredict,
    rows: Rows,
    host_inputs: HostInputs,
    neighborhood: SharedNeighborhood,
    batch_size: int | None = None,
    progress: Progress | None = None,
    mesh: Mesh | None = None,
) -> list[Any]:
    """Explain rows by several methods with one neighborhood, and one set of model calls, for all.

    Args:
        methods: that differ in the numbers of their leaves only; they share one program.
        progress: told of the rows that are finished by all methods.
    """
    run = SharedRun(key, domain, methods[0], model, host_inputs, neighborhood, batch_size, mesh)
    retained, outputs = run.draw()
    if neighborhood.layout is None:
        neighborhood.layout = lay_out(methods[0], retained)
    seen = adjust(methods[0], neighborhood.layout, outputs)
    last = len(methods) - 1
    return [
        fit_shared(domain, method, seen, rows, progress if number == last else None, mesh)
        for number, method in enumerate(methods)
    ]


def lay_out(method: SharedMethod, retained: list[Any]) -> Any:
    """Samples as the fits read them."""
    return programs.lay_out(method, retained, _shared_shape(method))


@dataclasses.dataclass(frozen=True)
class SeenSamples:
    """A shared neighborhood with the model's outputs.

    Attributes:
        scale: of the outputs there; None: they are as the model on the device returned them.
    """

    adjusted: Any
    scale: OutputScale | None


def adjust(method: SharedMethod, layout: Any, outputs: list[Any]) -> SeenSamples:
    """A layout with the model's outputs."""
    scale = None
    if isinstance(outputs[0], np.ndarray):
        together = np.concatenate(outputs)
        scale = OutputScale.of_samples(together.reshape(-1, together.shape[-1]))
        outputs = [jnp.asarray(scale.inward(together))]
    return SeenSamples(programs.adjust(method, layout, outputs, _shared_shape(method)), scale)


def _shared_shape(method: SharedMethod) -> tuple[int, int]:
    """Replicates, or groups of them where they are very many; and blocks in each."""
    design = method.design
    return design.num_groups, design.num_replicates // design.num_groups * design.num_blocks


def fit_shared(
    domain: Domain,
    method: SharedMethod,
    seen: SeenSamples,
    rows: Rows,
    progress: Progress | None,
    mesh: Mesh | None = None,
) -> Any:
    """Explain rows by a neighborhood that is drawn.

    Returns:
        Fits with a leading axis of rows, on the host.
    """
    devices = for_rows(mesh)
    given, block = devices.place((domain, method, seen.adjusted)), method.rows_at_once

    def fit(part: Rows, each: int) -> Any:
        return programs.fit_shared((*given, each), part, devices, block=block)

    found = collect(fit, rows, devices, domain.sample_size, progress)
    return found if seen.scale is None else seen.scale.outward(found, rows.labels)
