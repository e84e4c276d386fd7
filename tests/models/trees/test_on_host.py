"""Trees in NumPy: the rule of `TreeSum`, in sums of the device's precision."""

import dataclasses

import numpy as np
import pytest

from lime_jax.models.trees import on_host
from lime_jax.models.trees.on_host import outputs_on_host
from tests.models.trees.tree_oracle import random_inputs, random_trees, walk

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


@pytest.mark.parametrize(("width", "num_outputs"), [(1, 1), (1, 3), (3, 3), (2, 4)])
def test_every_row_gets_what_the_rule_gives(rng, width, num_outputs):
    trees = random_trees(rng, [1, 2, 40, 3, 33] * 20, width=width, num_outputs=num_outputs)
    inputs = random_inputs(rng, 60).astype(np.float64)
    expected, _ = walk(trees, inputs)
    np.testing.assert_allclose(outputs_on_host(trees, inputs, DOUBLE), expected, rtol=1e-12)
    single = outputs_on_host(trees, inputs, SINGLE)
    assert single.dtype == SINGLE
    np.testing.assert_allclose(single, expected, rtol=1e-5, atol=1e-5)


def test_thresholds_are_compared_in_64_bits(rng):
    trees = random_trees(rng, [2], sets=False)
    trees = dataclasses.replace(trees, threshold=np.where(trees.column < 0, np.nan, 0.1))
    on_it = np.full((1, 4), 0.1)
    for inputs in (on_it, np.nextafter(on_it, 1)):
        expected, _ = walk(trees, inputs)
        np.testing.assert_allclose(outputs_on_host(trees, inputs, DOUBLE), expected)


def test_rows_may_be_none_or_come_in_parts_and_trees_may_be_none(rng, monkeypatch):
    trees, inputs = random_trees(rng, [20, 7]), random_inputs(rng, 50).astype(np.float64)
    whole = outputs_on_host(trees, inputs, SINGLE)
    monkeypatch.setattr(on_host, "_AT_ONCE", 16)
    np.testing.assert_array_equal(outputs_on_host(trees, inputs, SINGLE), whole)
    assert outputs_on_host(trees, inputs[:0], SINGLE).shape == (0, 1)
    none = dataclasses.replace(trees, roots=trees.roots[:0], output=trees.output[:0])
    np.testing.assert_array_equal(
        outputs_on_host(none, inputs, DOUBLE), np.tile(none.base, (50, 1))
    )


def test_what_32_bits_do_not_hold_is_lost_here_too(rng):
    trees = random_trees(rng, [1, 1, 1])
    value = np.array([[2.0**30], [1.0], [-(2.0**30)]])
    far = dataclasses.replace(trees, value=value, base=np.zeros(1))
    inputs = random_inputs(rng, 1).astype(np.float64)
    assert outputs_on_host(far, inputs, DOUBLE) == 1
    assert outputs_on_host(far, inputs, SINGLE) == 0
    assert np.isinf(outputs_on_host(dataclasses.replace(far, value=1e39 + value), inputs, SINGLE))
