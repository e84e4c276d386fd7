"""The kernel that explainers have unless they are given another, and the width of any."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np


def exponential_kernel(distances: Any, kernel_width: Any) -> Any:
    """The root of a Gaussian of the distances.

    Example:
        >>> float(exponential_kernel(0.0, 1.0))
        1.0
    """
    return np.sqrt(np.exp(-(distances**2) / kernel_width**2))


def kernel_of(kernel: Callable[..., object] | None, kernel_width: object) -> partial[Any]:
    """A function of distances, which can be pickled where the kernel can."""
    return partial(exponential_kernel if kernel is None else kernel, kernel_width=kernel_width)
