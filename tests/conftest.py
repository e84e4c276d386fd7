"""Shared by all tests: precision comes from `JAX_ENABLE_X64`, keys are replayable."""

import os

import jax
import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("KERAS_BACKEND", "jax")


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
