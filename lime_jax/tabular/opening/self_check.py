"""A converted model against itself, before anything is built on it: where the two differ, and why.

What this finds is a mistake here, or a model that is not as its library usually makes it; the model
then runs on the host, and this says which value of which column the two take differently.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from lime_jax.models.outputs import as_outputs
from lime_jax.tabular import frames
from lime_jax.tabular.opening.opened import OpenedModel

_SLACK = 1e-5  # of the largest output
_SMALL = 1e-3  # of the largest one of all: outputs that are always smaller need not be so right
_MOST_COLUMNS = 1000  # that are tried one by one
_MOST_NAMED = 3


def difference_from_itself(
    model: OpenedModel,
    values: Float64[np.ndarray, "rows features"],
    possible: Sequence[Float64[np.ndarray, "_ features"]] = (),
    answers: Float64[np.ndarray, "rows outputs"] | None = None,
) -> str:
    """What a converted model says that it did not say before it was converted.

    Args:
        model: that has a form on the device and one on the host.
        possible: rows that samples may be; the model may refuse them.
        answers: what it says on the host of `values`; None: it is asked.

    Returns:
        Words on the first difference, with the columns that make it; empty if there is none.
    """
    rows, outputs = [values], [_on_host(model, values) if answers is None else answers]
    for some in possible:
        try:
            found = _on_host(model, some, outputs[0].shape[1])
        except Exception:  # whatever a stranger's model raises of rows that nobody gave
            continue
        # As it was asked: a level that stands for two values is one of them.
        rows.append(frames.encode(model.schema, frames.decode(model.schema, some)))
        outputs.append(found)
    asked, expected = np.concatenate(rows), np.concatenate(outputs)
    try:
        converted = model.converted_rows(asked)
    except ValueError:
        return "in JAX its outputs are not all finite"
    if converted.shape != expected.shape:
        return f"in JAX it has {converted.shape[1]} outputs in place of {expected.shape[1]}"
    size = np.abs(expected).max(0)
    scale = np.maximum(size, _SMALL * size.max())
    off = _differs(converted, expected, scale)
    if not off.any():
        return ""
    row = int(np.flatnonzero(off)[0])
    output = int(np.argmax(np.abs(converted[row] - expected[row])))
    said = f"{converted[row, output]:.6g} in place of {expected[row, output]:.6g}"
    return f"in JAX it predicts {said}{_where(model, asked[row], asked[~off], scale)}"


def _on_host(model: OpenedModel, values: np.ndarray, count: int | None = None) -> np.ndarray:
    call = model.host
    assert call is not None
    return as_outputs(call(frames.decode(model.schema, values)), len(values), count)


def _differs(one: np.ndarray, other: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(rows,) whether outputs are not the same but for rounding."""
    slack = _SLACK * np.maximum(scale, np.finfo(np.float32).tiny)
    return np.asarray((np.abs(one - other) > slack).any(axis=1))


def _where(model: OpenedModel, bad: np.ndarray, good: np.ndarray, scale: np.ndarray) -> str:
    """The columns whose values make the difference: it goes where they have those of a good row."""
    if not len(good) or len(bad) > _MOST_COLUMNS:
        return ""
    nearest = good[np.argmin((good != bad).sum(axis=1))]
    columns = np.flatnonzero((nearest != bad) & ~(np.isnan(nearest) & np.isnan(bad)))
    tried = np.repeat(bad[None], len(columns), axis=0)
    tried[np.arange(len(columns)), columns] = nearest[columns]
    try:
        off = _differs(model.converted_rows(tried), _on_host(model, tried), scale)
    except Exception:  # whatever a stranger's model raises of rows that nobody gave
        return ""
    named = [
        f"{model.schema.columns[k]} = {model.schema.names.display_value(int(k), float(bad[k]))}"
        for k in columns[~off][:_MOST_NAMED]
    ]
    return f" where {', '.join(named)}" if named else ""
