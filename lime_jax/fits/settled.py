"""When an explanation is settled: its weights are known well enough, or their order is."""

from __future__ import annotations

import numpy as np

from lime_jax.fits.intervals import interval_factor
from lime_jax.typing import Pytree
from lime_jax.warn import warn


def settled(
    fit: Pytree, num_replicates: int, tolerance: float | None = None, top: int = 10
) -> np.ndarray:
    """Which rows' explanations need no more samples.

    A row is settled if of each of its outputs the strongest weights are known: every 95 % interval
    (Student's t, `num_replicates - 1` degrees of freedom) is narrower than the tolerance to either
    side, or else their order is clear, which is when each differs in size from the next by more
    than the 95 % half-width of the difference of two independent weights. Without a tolerance only
    the order counts; weights that are not finite are settled: more samples do not help.
    """
    selected = np.isfinite(fit.std_error)
    size = np.where(selected, np.abs(fit.coef), -1)
    order = np.argsort(-size, axis=-1, kind="stable")[..., : top + 1]
    size, selected, error = (
        np.take_along_axis(a, order, -1) for a in (size, selected, fit.std_error)
    )
    half = interval_factor(num_replicates - 1) * np.where(selected, error, 0)

    gap = size[..., :-1] - size[..., 1:]
    apart = gap > np.hypot(half[..., :-1], half[..., 1:])
    known = (apart | ~selected[..., 1:]).all(-1)
    if tolerance is not None:
        known |= (half[..., :top] < tolerance).all(-1)
    hopeless = ~np.isfinite(fit.coef).all(axis=(1, 2))
    return known.all(-1) | hopeless


def warn_unsettled(
    is_settled: np.ndarray, num_samples: np.ndarray, tolerance: float | None
) -> None:
    """Say how many rows stopped at the largest number of samples."""
    left = int((~is_settled).sum())
    if left:
        within = "" if tolerance is None else f" and intervals are wider than {tolerance:g}"
        warn(
            f"{left} of {len(is_settled)} rows are not settled after {int(num_samples.max()):,} "
            f"samples: the order of their strongest weights is open{within}; see `std_error`, or "
            "choose a larger `tolerance`"
        )
