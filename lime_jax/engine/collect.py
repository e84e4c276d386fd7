"""Rows in chunks of one shape, and their fits on the host."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import jax
import numpy as np

from lime_jax.engine import budget
from lime_jax.engine.devices import Devices
from lime_jax.engine.work import Progress, Rows
from lime_jax.typing import Pytree


@dataclasses.dataclass(frozen=True, eq=False)
class Chunk:
    """Rows that are worked on together.

    Attributes:
        rows: where `devices` put them; padded.
        count: how many there are without padding.
        most: how many of them one device has, at most.
        numbers: of the rows among all.
    """

    rows: Rows
    count: int
    most: int
    numbers: slice | np.ndarray

    @classmethod
    def of(cls, rows: Rows, numbers: slice | np.ndarray, count: int, devices: Devices) -> Chunk:
        """The chunk of rows that are padded to its size."""
        return cls(devices.place_rows(rows), count, devices.rows_each(count), numbers)


def chunks(rows: Rows, size: int, devices: Devices) -> Iterator[Chunk]:
    """Rows in chunks of one shape, on their devices; the last is padded with its first row."""
    for start in range(0, len(rows), size):
        stop = min(start + size, len(rows))
        index = np.full(size, start)
        index[: stop - start] = np.arange(start, stop)
        yield Chunk.of(take_rows(rows, index), slice(start, stop), stop - start, devices)


def take_rows(rows: Rows, index: np.ndarray) -> Rows:
    """Some of the rows, or some of them twice."""
    return jax.tree.map(lambda leaf: leaf[index], rows)


def collect(
    fit: Callable[[Rows, int], Pytree],
    rows: Rows,
    devices: Devices,
    row_size: int,
    num_labels: int,
    progress: Progress | None,
    most: int = 1024,
    at_once: int = 1,
    threads: int = 1,
) -> Pytree:
    """Fits of all rows on the host, in chunks of one shape, of which some may run side by side."""
    bytes_per_row = 64 * row_size * (1 + 8 * num_labels)
    size = devices.num_rows * budget.rows_per_call(at_once * bytes_per_row, most)
    fits: list[Pytree] = []
    running: list[tuple[Pytree | Future[Pytree], int]] = []

    def finish() -> None:
        fit, count = running.pop(0)
        fits.append(devices.fetch(fit.result() if isinstance(fit, Future) else fit, count))
        if progress is not None:
            progress(count)

    def whole(part: Rows, each: int) -> Pytree:
        return jax.block_until_ready(fit(part, each))

    with ThreadPoolExecutor(threads) as pool:
        # JAX keeps what a `with` changes for its own thread only: then there is one thread.
        several = threads > 1 and pool.submit(_settings).result() == _settings()
        for chunk in chunks(rows, size, devices):
            arguments = chunk.rows, chunk.most
            one = pool.submit(whole, *arguments) if several else fit(*arguments)
            running.append((one, chunk.count))
            if len(running) == at_once:
                finish()
        while running:
            finish()
    return jax.tree.map(lambda *parts: np.concatenate(parts), *fits)


def _settings() -> tuple[object, ...]:
    """What JAX compiles by, in this thread."""
    names = ("enable_x64", "default_matmul_precision", "default_device", "debug_nans")
    return tuple(getattr(jax.config, f"jax_{name}") for name in names)
