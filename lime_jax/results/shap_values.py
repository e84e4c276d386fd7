"""Explanations as `shap.Explanation`, for shap's plots."""

from __future__ import annotations

from typing import Any

import numpy as np

from lime_jax.results.arrays import ExplanationArrays
from lime_jax.typing import Scalar


def shap_explanation(explanations: ExplanationArrays, label: Scalar) -> Any:
    """Contributions that add up to `local_pred`, of one label or (None) all.

    Values are (rows, features) and base values (rows,) where there is one output, else
    (rows, features, labels) and (rows, labels).
    """
    import shap  # pyright: ignore[reportMissingImports]

    rows, count = np.arange(len(explanations)), explanations.coef.shape[1]
    shown = np.broadcast_to(np.arange(count), (len(explanations), count))
    if label is not None:
        shown = explanations.positions(rows, label)[:, None]
    coef = explanations.coef[rows[:, None], shown]
    base = explanations.intercept[rows[:, None], shown]
    names = np.array(explanations.output_names, object)
    names = names[explanations.labels[rows[:, None], shown]]
    values = np.moveaxis(coef * explanations.variables[:, None], 1, 2)
    same = len(names) > 0 and (names == names[:1]).all()
    outputs: Any = names[0].tolist() if same else names
    if values.shape[2] == 1:
        values, base = values[:, :, 0], base[:, 0]
        outputs = outputs[0] if same else None
    return shap.Explanation(
        values=values,
        base_values=base,
        data=explanations.values,
        display_data=shown_values(explanations),
        feature_names=list(explanations.feature_names),
        output_names=outputs,
    )


def shap_row(explanations: ExplanationArrays, row: int, label: Scalar) -> Any:
    """One row, as shap's plots of one prediction take it."""
    alone = explanations.take([row])
    explanation = shap_explanation(alone, label)[0]
    shown = shown_values(alone, all_digits=True)
    if shown is not None:
        explanation.display_data = shown[0]
    return explanation


def shown_values(explanations: ExplanationArrays, all_digits: bool = False) -> np.ndarray | None:
    """(rows, features) numbers, names of levels and moments; None if all are numbers.

    With `all_digits` also numbers of more than three decimals are text, which shap would cut.
    """
    names = explanations.names
    named = [
        feature
        for feature in range(explanations.values.shape[1])
        if names.levels[feature] is not None
        or names.times[feature]
        or explanations.is_group(feature)
        or (all_digits and names.decimals[feature] > 3)
    ]
    if not named:
        return None
    shown = explanations.values.astype(object)
    for feature in named:
        codes, _, texts = explanations.texts(feature)
        shown[:, feature] = np.array(texts, object)[codes]
    return shown
