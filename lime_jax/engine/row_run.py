"""Draws of rows with neighborhoods of their own, and their summaries."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from jax.sharding import Mesh

from lime_jax.engine import budget, programs
from lime_jax.engine.devices import Devices, for_rows, for_samples
from lime_jax.engine.host_calls import call_on_samples
from lime_jax.engine.one_row import units_of
from lime_jax.engine.typing import HostPredict, Rows
from lime_jax.fits.output_scale import OutputScale
from lime_jax.fits.shapley import ShapleyMethod, log_odds
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import Array, Domain, Method


@dataclasses.dataclass
class RowRun:
    """All that the summaries of rows with neighborhoods of their own are a function of.

    Attributes:
        key: that rows fold their ids into.
        method: what to draw, how to weigh and fit.
        host_inputs: makes a host model's inputs of the samples of some rows.
        batch_size: largest batch of a host model.
        mesh: whose devices share the rows, and samples over its second axis; but a row's samples
            for a host model are drawn and summed up by one device.
    """

    key: Array
    domain: Domain
    method: Method
    model: DevicePredict[Any] | HostPredict
    host_inputs: Callable[[Any, Any], np.ndarray]
    batch_size: int | None
    mesh: Mesh | None = None

    @cached_property
    def devices(self) -> Devices:
        """Which device has which rows, and samples."""
        on_device = isinstance(self.model, DevicePredict)
        return for_samples(self.mesh) if on_device else for_rows(self.mesh)

    @cached_property
    def given(self) -> tuple[Any, ...]:
        """What all rows share, where it is needed."""
        model, method = self.model if isinstance(self.model, DevicePredict) else None, self.method
        if self.takes_log_odds:
            method = dataclasses.replace(method, link="identity")  # pyright: ignore[reportArgumentType]
        return self.devices.place((self.key, self.domain, method, model))

    @property
    def takes_log_odds(self) -> bool:
        """Whether those of a host model's outputs are taken here: 64 bits hold what is near 1."""
        method, on_device = self.method, isinstance(self.model, DevicePredict)
        return isinstance(method, ShapleyMethod) and method.link == "logit" and not on_device

    @property
    def rows_at_once(self) -> int:
        """Rows that `summarize` should be called with."""
        summary = 64 * 8 * self.domain.sample_size**2  # of 64 groups of replicates
        if isinstance(self.model, DevicePredict):
            most = max(64, self.plan()["block"])
            return self.devices.num_rows * budget.rows_per_call(summary, most)
        return self.devices.round_up(budget.rows_per_call(summary, most=32))

    def plan(self) -> dict[str, int]:
        """Rows in a block, and units at once, of a model on the device."""
        design = self.method.design
        replicates = -(-design.num_replicates // self.devices.num_samples)
        size, sample_bytes = design.block_size, 64 * self.domain.sample_size
        own = replicates * design.num_blocks * size
        at_once = budget.samples_at_once(own, size, sample_bytes)
        block = budget.rows_per_block(at_once, at_once * sample_bytes)
        return {"block": block, "units_at_once": at_once // size}

    def groups(self) -> list[np.ndarray]:
        """Units of each row that are in memory together, of a model on the host."""
        units = units_of(self.method.design)
        at_once = budget.units_per_call(len(units), self.devices.num_rows * self.bytes_per_unit)
        return list(units.reshape(-1, at_once, 2))

    @property
    def bytes_per_unit(self) -> int:
        """Of one row, of a model on the host."""
        return 40 * self.method.design.block_size * self.domain.sample_size

    def summarize(
        self,
        rows: Rows,
        count: int,
        skip: int,
        which: np.ndarray,
        scale: OutputScale | None = None,
    ) -> tuple[Any, OutputScale | None]:
        """Draw the replicates of the design for some rows, and sum them up.

        Args:
            skip: replicates of each row that came before; these are the next.
            which: numbers of the rows, for the inputs of a host model.
            scale: of a host model's outputs in the replicates before; None: there were none.

        Returns:
            Summaries (rows, replicates, ...), and the scale of the outputs in them; None: they
            are as the model on the device returned them.
        """
        part, each = self.devices.place_rows(rows), self.devices.rows_each(count)
        if isinstance(self.model, DevicePredict):
            given = (*self.given, each, skip)
            return programs.sum_rows(given, part, self.devices, **self.plan()), None
        summaries = None
        for group in self.groups():
            samples = self.sample(part, each, group + np.array([skip, 0], np.int32))
            y = self.call(samples, count, which, "samples of rows")
            scale = self.scale_of(y) if scale is None else scale
            summaries = self.add(part, each, group, samples, y, scale, summaries)
        return summaries, scale

    def sample(self, part: Rows, each: int, units: np.ndarray) -> Any:
        """Samples for a model on the host; `part` is where `devices` put it."""
        key, domain, method, _ = self.given
        return programs.sample_rows((key, domain, method, units, each), part, self.devices)

    def call(self, samples: Any, count: int, which: Any, what: str) -> np.ndarray:
        """A host model's outputs for samples of rows, (rows, units, samples, outputs)."""

        def inputs_of(some: Any) -> Any:
            return self.host_inputs(some, which)

        given = (self.model, self.domain, inputs_of, self.devices.fetch(samples, count))
        outputs = call_on_samples(*given, self.batch_size, what)
        return log_odds(outputs) if self.takes_log_odds else outputs

    def scale_of(self, y: np.ndarray) -> OutputScale:
        """The scale of outputs, from each row's own first unit: no other row has a say in it."""
        return OutputScale.of_samples(y[:, 0])

    def add(
        self,
        part: Rows,
        each: int,
        units: np.ndarray,
        samples: Any,
        y: np.ndarray,
        scale: OutputScale,
        summaries: Any,
    ) -> Any:
        """Summaries of earlier units and these; the rows that pad the others get zeros."""
        _, domain, method, _ = self.given
        moved = scale.inward(y.reshape(len(y), -1, y.shape[-1])).reshape(y.shape)
        padding = np.zeros((len(part) - len(y), *y.shape[1:]), moved.dtype)
        seen = self.devices.place_rows(np.concatenate([moved, padding]))
        rows = (part.instances, samples, seen, summaries)
        return programs.summarize_rows((domain, method, units, each), rows, self.devices)

    def solve(self, summaries: Any, scale: OutputScale | None, rows: Rows, count: int) -> Any:
        """Fits of the first rows from their summaries, on the host."""
        part = self.devices.place_rows(rows)
        found = self.devices.fetch(self.solve_placed(summaries, part, count), count)
        return found if scale is None else scale.outward(found, rows.labels[:count])

    def solve_placed(self, summaries: Any, part: Rows, count: int) -> Any:
        """The same where the devices have it, of the outputs as they were summed up."""
        _, domain, method, _ = self.given
        given = (domain, method, self.devices.rows_each(count))
        return programs.solve_rows(given, (part, summaries), self.devices)

    def merge_pairs(self, summaries: Any) -> Any:
        """Summaries with neighboring replicates together, half as many."""
        return programs.merge_pairs(self.given[2], summaries, self.devices)

    def take(self, summaries: Any, index: np.ndarray) -> Any:
        """Summaries of some of the rows, or of some of them twice."""
        return programs.take_rows(summaries, self.devices.places_of(index), self.devices)
