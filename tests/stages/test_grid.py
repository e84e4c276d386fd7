import jax
import numpy as np
import pytest
from scipy import ndimage

from lime_jax.stages.grid import grid_segments

pytestmark = pytest.mark.precision

SIZES = [(1, 1, 1), (7, 5, 3), (10, 10, 4), (3, 40, 8), (224, 224, 32), (227, 150, 16), (9, 4, 50)]


def test_a_grid_by_hand():
    expected = [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5], [3, 3, 4, 4, 5]]
    np.testing.assert_array_equal(grid_segments(4, 5, 2), expected)


@pytest.mark.parametrize(("height", "width", "cell_size"), SIZES)
def test_cells_are_rectangles_without_slivers(height, width, cell_size):
    segments = np.asarray(grid_segments(height, width, cell_size))
    assert segments.shape == (height, width)
    assert segments.dtype == np.int32
    boxes = ndimage.find_objects(segments + 1)
    assert len(boxes) == segments.max() + 1
    assert None not in boxes  # every number from 0 on is a cell
    for cell, box in enumerate(boxes):
        assert (segments[box] == cell).all()
        for length, side in zip(segments[box].shape, (height, width), strict=True):
            assert length >= min(side, cell_size * 3 // 4)
            assert length <= -(-cell_size * 3 // 2)


@pytest.mark.parametrize(("height", "width", "cell_size"), SIZES)
def test_cells_differ_by_at_most_a_pixel_a_side(height, width, cell_size):
    boxes = ndimage.find_objects(np.asarray(grid_segments(height, width, cell_size)) + 1)
    sides = np.array([[part.stop - part.start for part in box] for box in boxes])
    assert (np.ptp(sides, axis=0) <= 1).all()


def test_it_traces():
    traced = jax.jit(grid_segments, static_argnums=(0, 1, 2))(33, 20, 8)
    np.testing.assert_array_equal(traced, grid_segments(33, 20, 8))
