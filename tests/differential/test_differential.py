"""Random triples of table, model and settings agree with the model's own answers.

`make differential N=10000` runs many more; `python -m tests.differential --seed 7` runs one.
"""

from __future__ import annotations

import gc
from pathlib import Path

import jax
import pytest

from tests.differential.triple import run

SEEDS = [pytest.param(k, marks=[pytest.mark.precision] * (k < 100)) for k in range(300)]
"""Tables, steps and thresholds are on the host: a third of them are enough for float64."""
MANY_MAPS = 30_000


@pytest.fixture(scope="module", autouse=True)
def quick_compiler():
    """Each triple compiles programs that run once: the compiler need not try hard."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(autouse=True)
def few_maps():
    """Drop compiled programs before Linux runs out of memory maps for them."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and len(maps.read_bytes().splitlines()) > MANY_MAPS:
        jax.clear_caches()
        gc.collect()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_triple_agrees_with_the_models_own_answers(seed: int):
    found = run(seed)
    assert not found.failed, f"python -m tests.differential --seed {found}"
