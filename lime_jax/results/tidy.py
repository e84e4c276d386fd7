"""The tidy table: a line for every row, label and listed feature, the same from every view."""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import numpy as np

from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.row_index import column_names, level_columns

TEXTS = ("label", "feature", "condition", "value")
NUMBERS = ("weight", "std_error", "intercept", "score", "local_pred", "prediction")
"""The last four are of the row and the label."""


Coded: TypeAlias = tuple[np.ndarray, list[str]]
"""Codes, and the text of each code."""


@dataclasses.dataclass(frozen=True)
class TidyLines:
    """The lines of a tidy table: numbers of row and feature, and by column what stands there.

    Numbers that are not known are NaN.
    """

    rows: np.ndarray
    features: np.ndarray
    texts: dict[str, Coded]
    numbers: dict[str, np.ndarray]

    @classmethod
    def of(cls, explanations: ExplanationArrays) -> TidyLines:
        """The lines of explanations."""
        rows, label, features = np.nonzero(explanations.listed)
        output = explanations.labels[rows, label]
        unknown = explanations.never_met[rows, features]
        by_label = (getattr(explanations, name)[rows, label] for name in NUMBERS[2:5])
        columns: list[np.ndarray] = [
            np.where(unknown, np.nan, explanations.coef[rows, label, features]),
            explanations.std_error[rows, label, features],
            *by_label,
            explanations.prediction[rows, output],
        ]
        texts = {
            "label": (output, list(explanations.output_names)),
            **{
                name: (codes[rows, features], of_codes)
                for name, (codes, of_codes) in coded_texts(explanations).items()
            },
        }
        return cls(rows, features, texts, dict(zip(NUMBERS, columns, strict=True)))


def coded_texts(explanations: ExplanationArrays) -> dict[str, Coded]:
    """Names of features, conditions and values: (rows, features) codes, and texts of all codes."""
    conditions: list[str] = []
    values: list[str] = []
    codes = np.empty(explanations.values.shape, np.int64)
    for feature in range(len(explanations.feature_names)):
        of_feature, its_conditions, its_values = explanations.texts(feature)
        codes[:, feature] = of_feature + len(conditions)
        conditions += its_conditions
        values += its_values
    numbers = np.broadcast_to(np.arange(len(explanations.feature_names)), codes.shape)
    features: Coded = (numbers, list(explanations.feature_names))
    if explanations.named_by_row:
        features = (codes, conditions)
    return {"feature": features, "condition": (codes, conditions), "value": (codes, values)}


def tidy_columns(explanations: ExplanationArrays) -> dict[str, np.ndarray]:
    """The tidy table as arrays, with no library but NumPy."""
    lines = TidyLines.of(explanations)
    names = column_names(explanations.row_names, (*TEXTS, *NUMBERS))
    levels = level_columns(explanations.row_ids, explanations.row_names)
    texts = {
        name: np.array(dictionary, object)[codes]
        for name, (codes, dictionary) in lines.texts.items()
    }
    ids = {name: level[lines.rows] for name, level in zip(names, levels, strict=True)}
    return ids | texts | lines.numbers
