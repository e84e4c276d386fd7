"""Explanations of texts as `shap.Explanation`: tokens, and what each adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lime_jax.text.arrays import TextArrays
from lime_jax.typing import Float, Scalar


def shap_texts(explanations: TextArrays, rows: Sequence[int], label: Scalar) -> Any:
    """Some texts, each with tokens of its own."""
    import shap  # pyright: ignore[reportMissingImports]

    values, data = np.empty(len(rows), object), np.empty(len(rows), object)
    base = np.zeros(len(rows))
    for place, row in enumerate(rows):
        position = explanations.position(row, label)
        data[place], values[place] = tokens_of(explanations, row, position)
        base[place] = explanations.intercept[row, position]
    return shap.Explanation(values=values, base_values=base, data=data)


def shap_text(explanations: TextArrays, row: int, label: Scalar) -> Any:
    """One text, as shap's plots of one take it."""
    import shap  # pyright: ignore[reportMissingImports]

    position = explanations.position(row, label)
    data, values = tokens_of(explanations, row, position)
    return shap.Explanation(
        values=values,
        base_values=float(explanations.intercept[row, position]),
        data=data,
    )


def tokens_of(
    explanations: TextArrays, row: int, position: int
) -> tuple[np.ndarray, Float[np.ndarray, " tokens"]]:
    """The text in tokens, each with what follows up to the next, and the value of each.

    What stands before the first piece is a token of its own.
    """
    text, (starts, _, players) = explanations.documents[row], explanations.spans[row]
    weights = explanations.coef[row, position].astype(np.float64)
    values = weights[players] / explanations.values[row, players]
    ends = [*starts[1:].tolist(), len(text)]
    tokens = [text[a:b] for a, b in zip(starts.tolist(), ends, strict=True)] if len(starts) else []
    before = text[: int(starts[0])] if len(starts) else text
    if before:
        tokens, values = [before, *tokens], np.append(0.0, values)
    return np.array(tokens, object), values
