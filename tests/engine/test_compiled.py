"""Programs: the same bits on any number of cores, and no more of them than there is room for."""

from __future__ import annotations

import os
import subprocess
import sys

import jax.numpy as jnp
import pytest

from lime_jax.engine import compiled

# Sums of outputs of trees, moments of a block of samples, and a softmax.
CHILD = """
import sys
import jax
import numpy as np
from lime_jax.engine.compiled import compiled

@compiled(effort=sys.argv[1])
def sums(a, z):
    share = jax.nn.softmax(z).sum(0)
    return a.sum(0), (z * z).sum(0), z.mean(0), z[:512].T @ z[:512], share, a.sum((0, 1))

rng = np.random.default_rng(0)
found = sums(rng.normal(size=(50, 2048, 2)), rng.normal(size=(4096, 20)))
print(b"".join(np.asarray(each).tobytes() for each in found).hex())
"""


def bits(cores, effort):
    environment = os.environ | {"NPROC": str(cores), "JAX_PLATFORMS": "cpu"}
    environment.pop("XLA_FLAGS", None)
    command = [sys.executable, "-c", CHILD, effort]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("effort", ["full", "light", "quick"])
def test_sums_have_the_same_bits_on_one_core_and_on_four(effort):
    assert bits(1, effort) == bits(4, effort)


@pytest.mark.parametrize(("share", "traces"), [(0.6, [1, 1, 2, 2]), (0.0, [1, 2, 3, 4])])
def test_programs_are_dropped_where_they_would_leave_no_memory_maps(monkeypatch, share, traces):
    if not compiled._MAPS.exists():
        pytest.skip("only Linux counts them")
    monkeypatch.setattr(compiled, "_SHARE_OF_MAPS", share)
    seen, found = [], []

    @compiled.compiled()
    def double(x):
        seen.append(x.shape)
        return 2 * x

    for count in (3, 3, 4, 3):
        assert double(jnp.ones(count)).tolist() == [2.0] * count
        found.append(len(seen))
    assert found == traces
