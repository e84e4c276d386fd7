"""Random triples of table, model and settings agree with the model's own answers.

`make differential N=10000` runs many more; `python -m tests.differential --seed 7` runs one.
"""

from __future__ import annotations

import jax
import pytest

from tests.differential.triple import run

SEEDS = [pytest.param(k, marks=[pytest.mark.precision] * (k < 100)) for k in range(300)]
"""Tables, steps and thresholds are on the host: a third of them are enough for float64."""

BOTH_WAYS = {*range(60, 80), *range(200, 220)}
"""Two families, whose programs for a model on the host are compiled besides."""


@pytest.fixture(scope="module", autouse=True)
def quick_compiler():
    """Each triple compiles programs that run once: the compiler need not try hard."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(autouse=True)
def few_programs(drop_programs):
    """After each triple."""
    yield
    drop_programs()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_triple_agrees_with_the_models_own_answers(seed: int):
    found = run(seed, both_ways=seed in BOTH_WAYS)
    assert not found.failed, f"python -m tests.differential --seed {found}"
