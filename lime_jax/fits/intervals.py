"""Half widths of 95 % intervals, from standard errors."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

__all__ = ["interval_factor", "interval_half_widths"]


def interval_factor(degrees_of_freedom: int | None) -> float:
    """By how much to multiply a standard error for a two-sided 95 % interval.

    Args:
        degrees_of_freedom: of Student's t (replicates - 1); None for the normal's 1.96.

    Example:
        >>> round(interval_factor(7), 3), interval_factor(None)
        (2.365, 1.96)
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
    """Half widths of 95 % intervals, 0 where there is no error or none is known (NaN).

    Example:
        >>> interval_half_widths(np.array([0.5, np.nan, 0.0]), None).tolist()
        [0.98, 0.0, 0.0]
    """
    known = np.where(np.isfinite(std_errors), std_errors, 0.0)
    return interval_factor(degrees_of_freedom) * known
