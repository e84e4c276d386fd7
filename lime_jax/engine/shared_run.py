"""Draws of a shared neighborhood, and the model's outputs for them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jax.sharding import Mesh

from lime_jax.engine import budget, programs
from lime_jax.engine.devices import for_rows
from lime_jax.engine.host_calls import call_in_batches
from lime_jax.engine.one_row import units_of
from lime_jax.engine.typing import HostInputs, HostPredict
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import Array, Domain, SharedMethod


@dataclasses.dataclass
class SharedNeighborhood:
    """What was drawn for a shared neighborhood, so that the next call need not draw it again.

    Attributes:
        samples: by group of units, as far as they are small enough to keep.
        layout: of the samples, as the fits read them.
    """

    samples: dict[int, Any] = dataclasses.field(default_factory=dict)
    inputs: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    layout: Any = None


@dataclasses.dataclass
class SharedRun:
    """All that the samples of a shared neighborhood, and the model's outputs, are a function of.

    Attributes:
        host_inputs: makes a host model's inputs of samples.
        neighborhood: filled here, and read when it comes back filled.
        batch_size: largest batch of a host model.
        mesh: whose devices share samples and model calls; they all keep all samples.
    """

    key: Array
    domain: Domain
    method: SharedMethod
    model: DevicePredict[Any] | HostPredict
    host_inputs: HostInputs
    neighborhood: SharedNeighborhood
    batch_size: int | None
    mesh: Mesh | None = None

    def draw(self, skip: int = 0) -> tuple[list[Any], list[Any]]:
        """Draw replicates, and call the model on them.

        Args:
            skip: 0: draw the replicates of the design. Else how many there are by now, a multiple
                of the design's: as many again are drawn, and not kept.

        Returns:
            By group of units: what the fits need of the samples, and the outputs. The former are
            left out where the neighborhood has its layout already.
        """
        design, layout = self.method.design, self.neighborhood.layout
        units = units_of(design)
        bytes_per_unit = 64 * design.block_size * self.domain.sample_size
        at_once = budget.units_per_call(len(units), bytes_per_unit)
        keep = not skip and len(units) * bytes_per_unit // 8 <= budget.KEPT_NEIGHBORHOOD
        if skip:
            units = units_of(design.with_replicates(skip)) + np.array([skip, 0], np.int32)
        retained, outputs = [], []
        for number, group in enumerate(units.reshape(-1, at_once, 2)):
            samples = None if skip else self.neighborhood.samples.get(number)
            if samples is None:
                given = (self.key, self.domain, self.method)
                samples = programs.sample_units(given, group, for_rows(self.mesh))
            outputs.append(self._predict(samples, number, keep))
            if keep:
                self.neighborhood.samples[number] = samples
            if layout is None:
                retained.append(self.method.retain(samples))
        return retained, outputs

    def _predict(self, samples: Any, number: int, keep: bool) -> Any:
        if isinstance(self.model, DevicePredict):
            return programs.predict_units((self.model, self.domain), samples, for_rows(self.mesh))
        inputs = self.neighborhood.inputs.get(number) if keep else None
        inputs = self.host_inputs(samples) if inputs is None else inputs
        if keep:
            inputs.flags.writeable = False
            self.neighborhood.inputs[number] = inputs
        what = "the neighborhood that all rows share"
        return call_in_batches(self.model, inputs, 2, self.batch_size, what)
