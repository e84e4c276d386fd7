"""How many rows, samples and units go into memory together: all sizes come from one budget."""

from __future__ import annotations

import os

import jax
import numpy as np

MEMORY_BUDGET = 512 * 2**20
"""Bytes of temporaries that an explanation may use, above its inputs and results."""

KEPT_NEIGHBORHOOD = MEMORY_BUDGET // 8
"""A shared neighborhood up to this many bytes is kept for the next call."""

TRAVELS = 2**20
"""What a model said of a shared neighborhood, up to this many bytes, goes along where its explainer
is sent."""

FEW_NUMBERS = 2**20
"""Numbers in a neighborhood: to make up to so many, once for all rows, takes next to no time, with
however little effort that was compiled."""

MANY_NUMBERS = 2**20
"""Numbers of a model: to look up some of so many takes the time that memory takes, with however
much effort that was compiled."""

_CACHED_SAMPLES = 8192
"""On a CPU, samples worked on at once: about what its caches hold."""

_CACHED_NUMBERS = 2**19
"""On a CPU, numbers that a model is called with at once: SqueezeNet on 3 images takes 5.7 ms each,
on 27 of them 10.5 ms."""

_A_PICTURE = 2**14
"""Numbers in a sample from which on it counts as a picture."""


def rows_per_call(bytes_per_row: int, most: int = 1024) -> int:
    """Rows that one call of a jitted program takes, in and out.

    Returns:
        At least 1. It depends on shapes only, so a ragged last call is padded, not compiled anew.

    Example:
        >>> rows_per_call(1000), rows_per_call(10**8)
        (1024, 2)
    """
    return max(1, min(most, MEMORY_BUDGET // 2 // max(bytes_per_row, 1)))


def rows_per_block(samples_per_row: int, bytes_per_row: int) -> int:
    """Rows of a call that are worked on together.

    Returns:
        What fits the caches of a CPU, or the memory budget of any other device.

    Example:
        >>> rows_per_block(4096, 10**6) >= 1
        True
    """
    fits = max(1, MEMORY_BUDGET // 2 // max(bytes_per_row, 1))
    if jax.default_backend() == "cpu":
        return min(fits, max(1, _CACHED_SAMPLES // samples_per_row))
    return fits


def rows_of_formulas(in_cache: int, bytes_per_row: int, most: int = 1024) -> int:
    """Rows of a closed form that are worked on together; on a CPU so many as its caches hold."""
    if jax.default_backend() == "cpu":
        return max(1, in_cache)
    return rows_per_call(bytes_per_row, most)


def samples_at_once(num_samples: int, block_size: int, bytes_per_sample: int) -> int:
    """Samples of one row that are in memory together, where the model runs on the device.

    Example:
        >>> 4096 % samples_at_once(4096, 512, 64) == 0
        True
    """
    if jax.default_backend() == "cpu":
        budget, bytes_per_sample = _CACHED_SAMPLES, 1
    else:
        budget = MEMORY_BUDGET // 4
    return block_size * units_per_call(
        num_samples // block_size, bytes_per_sample * block_size, budget
    )


def num_cores() -> int:
    """Cores that this process may take.

    Workers that share a machine are told so by the environment's `NPROC`, which XLA obeys too, or
    are bound to cores of their own: the machine may have many more.

    Example:
        >>> num_cores() >= 1
        True
    """
    told = os.environ.get("NPROC", "")
    if told.isdigit():
        return max(1, int(told))
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def rows_per_thread(calls_per_row: int) -> int:
    """Rows of a chunk where several threads work on chunks.

    Args:
        calls_per_row: inputs that a model is called on for one row.

    Returns:
        So few that all threads have work, so many that handing them out costs little.

    Example:
        >>> rows_per_thread(210_800), rows_per_thread(4096)
        (1, 64)
    """
    return max(1, min(64, 2**18 // calls_per_row))


def samples_per_prediction(sample_size: int, inputs_each: int = 1) -> int:
    """Samples that a JAX model is called on together.

    Example:
        >>> samples_per_prediction(30), samples_per_prediction(10**9)
        (8192, 1)
    """
    if jax.default_backend() == "cpu":
        rows, numbers = _CACHED_SAMPLES if inputs_each == 1 else 2**11, _CACHED_NUMBERS
    else:
        rows, numbers = 2**24, MEMORY_BUDGET // 64
    return max(1, min(rows // inputs_each, numbers // sample_size))


def numbers_per_host_call(sample_size: int) -> int:
    """Numbers that are made for a host model together.

    Returns:
        8 bytes each, and as much again where the model's own table is made of them. Larger batches
        would be new pages of memory every time. Pictures come a few at a time, while they are in a
        CPU's cache: 224 x 224 pixels in batches of 4 take a third of the time of 16.

    Example:
        >>> numbers_per_host_call(30), numbers_per_host_call(150_528)
        (4194304, 1048576)
    """
    return MEMORY_BUDGET // (512 if is_picture(sample_size) else 128)


def is_picture(sample_size: int) -> bool:
    """Whether a sample has so many numbers that a model takes far longer than all around it.

    Example:
        >>> is_picture(30), is_picture(150_528)
        (False, True)
    """
    return sample_size >= _A_PICTURE


def keep_freed_memory() -> None:
    """Have batches of inputs reuse the memory of those before them.

    glibc gives blocks back to the system if they are larger than any that was freed before, up to
    32 MiB, and every page of the next batch would be new: that takes longer than filling them.
    So one such block is freed here, which was never written to.
    """
    np.empty(31 * 2**20, np.uint8)


def units_per_call(num_units: int, bytes_per_unit: int, budget: int | None = None) -> int:
    """Units of samples that are in memory together.

    Returns:
        A divisor of `num_units`, so that every group has one shape.

    Example:
        >>> units_per_call(8, 1000), units_per_call(12, 10**6, budget=5 * 10**6)
        (8, 4)
    """
    budget = MEMORY_BUDGET // 4 if budget is None else budget
    most = max(1, budget // max(bytes_per_unit, 1))
    return max(n for n in range(1, num_units + 1) if num_units % n == 0 and n <= most)
