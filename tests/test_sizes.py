"""Sizes: few, no smaller than what they are for, and not much larger."""

import numpy as np
import pytest

from lime_jax.sizes import size_for


@pytest.mark.parametrize(("least", "parts"), [(8, 2), (1, 1), (32, 4)])
def test_sizes_are_few_and_close(least, parts):
    counts = np.arange(1, 5000)
    sizes = np.array([size_for(count, least, parts) for count in counts.tolist()])
    assert (sizes >= counts).all()
    assert (sizes <= np.maximum(least, counts * (1 + 1 / parts))).all()
    assert (np.diff(sizes) >= 0).all()
    assert len(np.unique(sizes)) <= parts * 13 + 1
    assert all(size_for(size, least, parts) == size for size in sizes.tolist())


def test_nothing_takes_no_room():
    assert size_for(0) == 0
