"""Half widths of 95 % intervals, from standard errors."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit


def interval_factor(degrees_of_freedom: int | None) -> float:
    """By how much to multiply a standard error for a two-sided 95 % interval.

    By Student's t with `replicates - 1` degrees of freedom, or the normal's 1.96 for None.
    """
    if degrees_of_freedom is None:
        return 1.96
    if degrees_of_freedom < 1:
        raise ValueError(
            f"`degrees_of_freedom` should be at least 1 (replicates - 1), "
            f"got {degrees_of_freedom}; pass None for the normal interval."
        )
    return float(stdtrit(degrees_of_freedom, 0.975))


def interval_half_widths(
    std_errors: Float[np.ndarray, " features"], degrees_of_freedom: int | None
) -> Float[np.ndarray, " features"]:
    """Half widths of 95 % intervals, 0 where there is no error or none is known (NaN)."""
    known = np.where(np.isfinite(std_errors), std_errors, 0.0)
    return interval_factor(degrees_of_freedom) * known
