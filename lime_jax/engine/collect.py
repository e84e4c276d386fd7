"""Rows in chunks of one shape, and their fits on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from lime_jax.engine import budget
from lime_jax.engine.devices import Devices
from lime_jax.engine.typing import Progress, Rows


def chunks(rows: Rows, size: int, devices: Devices) -> Iterator[tuple[Rows, int, slice]]:
    """Rows in chunks of one shape, on their devices; the last is padded with its first row."""
    for start in range(0, len(rows), size):
        stop = min(start + size, len(rows))
        index = np.full(size, start)
        index[: stop - start] = np.arange(start, stop)
        part = jax.tree.map(lambda leaf, i=index: leaf[i], rows)
        yield devices.place_rows(part), stop - start, slice(start, stop)


def collect(
    fit: Callable[[Rows, int], Any],
    rows: Rows,
    devices: Devices,
    row_size: int,
    progress: Progress | None,
    most: int = 1024,
    at_once: int = 1,
    threads: int = 1,
) -> Any:
    """Fits of all rows on the host, in chunks of one shape, of which some may run side by side."""
    bytes_per_row = 64 * row_size * (1 + 8 * rows.labels.shape[1])
    chunk = devices.num_rows * budget.rows_per_call(at_once * bytes_per_row, most)
    fits: list[Any] = []
    running: list[tuple[Any, int]] = []

    def finish() -> None:
        fit, count = running.pop(0)
        fits.append(devices.fetch(fit.result() if isinstance(fit, Future) else fit, count))
        if progress is not None:
            progress(count)

    def whole(part: Rows, each: int) -> Any:
        return jax.block_until_ready(fit(part, each))

    with ThreadPoolExecutor(threads) as pool:
        # JAX keeps what a `with` changes for its own thread only: then there is one thread.
        several = threads > 1 and pool.submit(_settings).result() == _settings()
        for part, count, _ in chunks(rows, chunk, devices):
            each = devices.rows_each(count)
            one: Any = pool.submit(whole, part, each) if several else fit(part, each)
            running.append((one, count))
            if len(running) == at_once:
                finish()
        while running:
            finish()
    return jax.tree.map(lambda *parts: np.concatenate(parts), *fits)


def _settings() -> tuple[Any, ...]:
    """What JAX compiles by, in this thread."""
    names = ("enable_x64", "default_matmul_precision", "default_device", "debug_nans")
    return tuple(getattr(jax.config, f"jax_{name}") for name in names)
