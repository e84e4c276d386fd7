"""What is checked at the door of an explainer: settings on the way in, fits on the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from lime_jax.arguments import check_one_of, check_whole
from lime_jax.typing import LinearFit
from lime_jax.warn import warn


def check_seed(seed: object) -> None:
    """Refuse what is not a seed."""
    check_whole("seed", seed, 0, 2**32 - 1)


def check_choices(explainer: object, known: Mapping[str, Sequence[object]]) -> None:
    """Refuse settings that are none of their choices."""
    for name, choices in known.items():
        check_one_of(name, getattr(explainer, name), choices)


@contextmanager
def errors_noted(note_of: Callable[[Exception], str]) -> Iterator[None]:
    """Add what may be behind them to errors that pass."""
    try:
        yield
    except Exception as error:
        note = note_of(error)
        if note:
            error.add_note(note)
        raise


def check_fit(
    fit: LinearFit,
    enough: float | int | np.ndarray,
    is_exact: bool,
    hidden_error: Exception | None,
    link: str = "identity",
) -> None:
    """Refuse what is not finite, and warn where a sampled fit rests on few samples.

    `hidden_error` is an exception of the model that could not leave a callback.
    """
    finite = np.isfinite(fit.coef).all(axis=(1, 2)) & np.isfinite(fit.intercept).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        where = "around" if is_exact else "on the samples of"
        raise ValueError(
            f"`model`: its outputs {where} row {row} are not all "
            + ("probabilities, which link='logit' needs; " if link == "logit" else "finite; ")
            + "check that it accepts values that do not occur together in the data"
        ) from hidden_error
    few = np.flatnonzero(fit.effective_samples < enough)
    if few.size and not is_exact:
        least = float(fit.effective_samples[few].min())
        warn(
            f"the kernel is so narrow, or `num_samples` so few, that {few.size} of {len(fit.coef)} "
            f"rows rest on few samples (effective sample size down to {least:.3g}, "
            f"{fit.coef.shape[2]} features); use a larger `kernel_width` or more `num_samples`"
        )
