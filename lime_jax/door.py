"""What is checked at the door of an explainer: columns on the way in, fits on the way out."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from lime_jax import frames
from lime_jax.typing import LinearFit


def as_list(names: Any) -> list[Any]:
    """Names or numbers of columns, from any sequence, also an array or an index."""
    return names.tolist() if hasattr(names, "tolist") else list(names)


def column_number(schema: frames.Schema, column: int | str, argument: str) -> int:
    """The number of a column.

    Args:
        schema: of the table.
        column: its name or number.
        argument: that named it.

    Returns:
        Its number.

    Raises:
        ValueError: if there is none.
    """
    if isinstance(column, str) and column in schema.columns:
        return schema.columns.index(column)
    if not isinstance(column, str) and int(column) in range(len(schema.columns)):
        return int(column)
    raise ValueError(
        f"`{argument}`: expected names or numbers of the {len(schema.columns)} columns, "
        f"got {column!r}"
    )


def check_fit(
    fit: LinearFit, num_samples: int, is_exact: bool, hidden_error: Exception | None
) -> None:
    """Refuse what is not finite, and warn where a sampled fit rests on few samples.

    Args:
        fit: with a leading axis of rows.
        num_samples: of each neighborhood.
        is_exact: whether there were no samples.
        hidden_error: an exception of the model that could not leave a callback.

    Raises:
        ValueError: naming the row.
    """
    finite = np.isfinite(fit.coef).all(axis=(1, 2)) & np.isfinite(fit.intercept).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        where = "around" if is_exact else "on the samples of"
        raise ValueError(
            f"`model`: its outputs {where} row {row} are not all finite numbers; "
            "check that it accepts values that do not occur together in the training rows"
        ) from hidden_error
    features = fit.coef.shape[2]
    few = np.flatnonzero(fit.effective_samples < min(features + 2, num_samples / 10))
    if few.size and not is_exact:
        least = float(fit.effective_samples[few].min())
        warnings.warn(
            f"the kernel is so narrow that {few.size} of {len(fit.coef)} rows rest on few samples "
            f"(effective sample size down to {least:.3g}, {features} features); use a larger "
            "`kernel_width` or more `num_samples`",
            UserWarning,
            stacklevel=4,
        )
