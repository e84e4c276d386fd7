"""Shared by all tests: precision comes from `JAX_ENABLE_X64`, keys are replayable."""

import gc
import os
from pathlib import Path

import jax
import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("KERAS_BACKEND", "jax")

# JAX traces make and drop many objects: looking for rings among them was a tenth of the time.
gc.set_threshold(100_000, 50, 100)


def pytest_collection_finish():
    """What stands now stands until the end: nothing to look through."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def drop_programs():
    """Drop what was compiled, if there is much of it.

    Each program takes some of the memory maps that Linux allows a process, 65,530 of them; where
    none are left, XLA's compiler ends the process.
    """

    def drop():
        maps = Path("/proc/self/maps")
        if maps.exists() and len(maps.read_bytes().splitlines()) > 30_000:
            jax.clear_caches()
            gc.collect()

    return drop


@pytest.fixture(scope="module", autouse=True)
def few_programs(drop_programs):
    """After each module; where one alone makes many, after each of its tests."""
    yield
    drop_programs()


@pytest.fixture
def x64():
    """Run one test in float64, whatever the precision of the whole run."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def rng():
    """A fixed NumPy generator, so that a failure can be replayed."""
    return np.random.default_rng(20261121)


@pytest.fixture
def key():
    """A fixed JAX key."""
    return jax.random.key(7)
