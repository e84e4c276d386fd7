"""Draws of rows with neighborhoods of their own, and their summaries."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import jax
import numpy as np

from lime_jax.engine import budget, programs
from lime_jax.engine.collect import Chunk
from lime_jax.engine.devices import Devices, for_rows, for_samples
from lime_jax.engine.host_calls import call_on_samples
from lime_jax.engine.one_row import units_of
from lime_jax.engine.work import Work
from lime_jax.fits.linear import LinearMethod
from lime_jax.fits.output_scale import OutputScale
from lime_jax.fits.shapley import ShapleyMethod, log_odds
from lime_jax.models.predict import DevicePredict
from lime_jax.typing import Method, Pytree


@dataclasses.dataclass(frozen=True, eq=False)
class RowRun:
    """The steps from rows with neighborhoods of their own to their fits."""

    work: Work[Method]

    @cached_property
    def devices(self) -> Devices:
        """Which device has which rows, and samples."""
        on_device = isinstance(self.work.model, DevicePredict)
        return for_samples(self.work.mesh) if on_device else for_rows(self.work.mesh)

    @cached_property
    def setting(self) -> programs.Setting:
        """What all rows share, where it is needed."""
        work, method = self.work, self.work.method
        model = work.model if isinstance(work.model, DevicePredict) else None
        if self.takes_log_odds:
            method = dataclasses.replace(method, link="identity")  # pyright: ignore[reportArgumentType]
        if self.is_padded:
            # Most of the time is the model's: another number of samples need not compile.
            assert isinstance(method, LinearMethod)
            method = dataclasses.replace(method, design=method.design.padded())
        return self.devices.place(programs.Setting(work.key, work.domain, method, model))

    @property
    def takes_log_odds(self) -> bool:
        """Whether those of a host model's outputs are taken here: 64 bits hold what is near 1."""
        method, on_device = self.work.method, isinstance(self.work.model, DevicePredict)
        return isinstance(method, ShapleyMethod) and method.link == "logit" and not on_device

    @cached_property
    def is_padded(self) -> bool:
        """Whether blocks are padded to one size: those of pictures that a host model sees."""
        on_device = isinstance(self.work.model, DevicePredict)
        is_lime = type(self.work.method) is LinearMethod
        return is_lime and not on_device and budget.is_picture(self.work.domain.sample_size)

    @property
    def effort(self) -> str | None:
        """Of the compiler: next to a model of pictures all else takes no time."""
        return "quick" if self.is_padded else None

    @property
    def rows_at_once(self) -> int:
        """Rows that `summarize` should be called with."""
        summary = 64 * 8 * self.work.domain.sample_size**2  # of 64 groups of replicates
        if isinstance(self.work.model, DevicePredict):
            most = max(64, self.plan()["block"])
            return self.devices.num_rows * budget.rows_per_call(summary, most)
        return self.devices.round_up(budget.rows_per_call(summary, most=32))

    def plan(self) -> dict[str, int]:
        """Rows in a block, and units at once, of a model on the device."""
        design = self.work.method.design
        replicates = -(-design.num_replicates // self.devices.num_samples)
        size, sample_bytes = design.block_size, 64 * self.work.domain.sample_size
        samples = replicates * design.num_blocks * size
        at_once = budget.samples_at_once(samples, size, sample_bytes)
        block = budget.rows_per_block(at_once, at_once * sample_bytes)
        return {"block": block, "units_at_once": at_once // size}

    def groups(self) -> list[np.ndarray]:
        """Units of each row that are in memory together, of a model on the host."""
        units = units_of(self.work.method.design)
        at_once = budget.units_per_call(len(units), self.devices.num_rows * self.bytes_per_unit)
        return list(units.reshape(-1, at_once, 2))

    @property
    def bytes_per_unit(self) -> int:
        """Of one row, of a model on the host."""
        return 40 * self.setting.method.design.block_size * self.work.domain.sample_size

    def summarize(
        self, chunk: Chunk, skip: int, scale: OutputScale | None
    ) -> tuple[Pytree, OutputScale | None]:
        """Draw the replicates of the design for some rows, and sum them up.

        Args:
            skip: replicates of each row that came before; these are the next.
            scale: of a host model's outputs in the replicates before; None: there were none.

        Returns:
            Summaries (rows, replicates, ...), and the scale of the outputs in them; None: they
            are as the model on the device returned them.
        """
        if isinstance(self.work.model, DevicePredict):
            counts = {"skip": skip, "count": chunk.most, **self.plan()}
            return programs.sum_rows(chunk.rows, self.devices, setting=self.setting, **counts), None
        summaries = None
        for group in self.groups():
            samples = self.sample(chunk, group + np.array([skip, 0], np.int32))
            y = self.call(chunk, samples)
            scale = self.scale_of(y) if scale is None else scale
            summaries = self.add(chunk, group, samples, y, scale, summaries)
        return summaries, scale

    def sample(self, chunk: Chunk, units: np.ndarray) -> Pytree:
        """Samples for a model on the host."""
        counts = {"units": units, "count": chunk.most, "effort": self.effort}
        return programs.sample_rows(chunk.rows, self.devices, setting=self.setting, **counts)

    def call(self, chunk: Chunk, samples: Pytree) -> np.ndarray:
        """A host model's outputs for samples of rows, (rows, units, samples, labels)."""
        what, numbers = "samples of rows", chunk.numbers
        if isinstance(numbers, slice):
            what += f" {numbers.start} to {numbers.stop - 1}"
        size = self.work.method.design.block_size
        samples = self.devices.fetch(samples, chunk.count)
        samples = jax.tree.map(lambda leaf: leaf[:, :, :size], samples)
        outputs = call_on_samples(self.work, samples, numbers, what)
        return log_odds(outputs) if self.takes_log_odds else outputs

    def scale_of(self, y: np.ndarray) -> OutputScale:
        """The scale of outputs, from each row's own first unit: no other row has a say in it."""
        return OutputScale.of_samples(y[:, 0])

    def add(
        self,
        chunk: Chunk,
        units: np.ndarray,
        samples: Pytree,
        y: np.ndarray,
        scale: OutputScale,
        summaries: Pytree,
    ) -> Pytree:
        """Summaries of earlier units and these; the rows that pad the others get zeros."""
        moved = scale.inward(y.reshape(len(y), -1, y.shape[-1])).reshape(y.shape)
        more = len(chunk.rows) - len(y), self.setting.method.design.block_size - y.shape[2]
        seen = np.pad(moved, ((0, more[0]), (0, 0), (0, more[1]), (0, 0)))
        seen = self.devices.place_rows(seen)
        called = programs.CalledRows(chunk.rows.instances, samples, seen, summaries)
        counts = {"units": units, "count": chunk.most, "effort": self.effort}
        return programs.summarize_rows(called, self.devices, setting=self.setting, **counts)

    def solve(self, chunk: Chunk, summaries: Pytree) -> Pytree:
        """Fits where the devices have the summaries, of the outputs as they were summed up."""
        summed = programs.SummedRows(chunk.rows.instances, summaries)
        # Without the model: another one solves by the same program.
        setting = dataclasses.replace(self.setting, model=None)
        counts = {"count": chunk.most, "effort": self.effort}
        return programs.solve_rows(summed, self.devices, setting=setting, **counts)

    def merge_pairs(self, summaries: Pytree) -> Pytree:
        """Summaries with neighboring replicates together, half as many."""
        return programs.merge_pairs(summaries, self.devices, method=self.setting.method)

    def take(self, summaries: Pytree, index: np.ndarray) -> Pytree:
        """Summaries of some of the rows, or of some of them twice."""
        return programs.take_rows(summaries, self.devices.places_of(index), self.devices)
