"""The plainest superpixels: a grid of near-square cells."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int32

from lime_jax.typing import Array


def grid_segments(height: int, width: int, cell_size: int) -> Int32[Array, "height width"]:
    """Cut an image into a grid of cells of about `cell_size` by `cell_size` pixels.

    Each side is cut into its length / `cell_size` parts, rounded to a whole number, and parts
    differ by at most one pixel. So the border has no slivers: to the pixel, a part is between
    three quarters and one and a half of `cell_size` long, unless the whole side is shorter.

    Returns:
        Each pixel's cell, 0 to the number of cells - 1, row by row.

    Example:
        >>> grid_segments(4, 7, cell_size=2)
        Array([[0, 0, 1, 1, 2, 2, 3],
               [0, 0, 1, 1, 2, 2, 3],
               [4, 4, 5, 5, 6, 6, 7],
               [4, 4, 5, 5, 6, 6, 7]], dtype=int32)
    """
    rows, columns = _parts(height, cell_size), _parts(width, cell_size)
    return jnp.asarray(rows * (columns[-1] + 1))[:, None] + jnp.asarray(columns)


def _parts(length: int, cell_size: int) -> Int32[np.ndarray, " length"]:
    """The part that each pixel of one side falls into; the longer parts come first."""
    number = max(1, (2 * length + cell_size) // (2 * cell_size))  # nearest, halves up
    part = np.arange(number, dtype=np.int32)
    return np.repeat(part, length // number + (part < length % number))
