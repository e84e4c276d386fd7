"""What an explainer asks of its algorithm: rows, a model that was opened, and the options."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lime_jax.front.options import ExplainOptions
from lime_jax.tabular.opening.kept_model import KeptModel
from lime_jax.tabular.opening.table_model import TableModel


@dataclasses.dataclass(frozen=True)
class Request:
    """Rows of a table to explain, and what is known before they are.

    Attributes:
        settings: of the explainer, by name.
        X: the rows, as they came.
        labels: (rows, labels) outputs to explain.
        kept: the model, and what was made of it earlier.
        model: the same, as it is called with tables.
        both_add_up: whether its outputs are two probabilities.
        is_exact: whether the closed form is to be taken.
    """

    settings: Mapping[str, Any]
    options: ExplainOptions
    X: Any
    values: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    kept: KeptModel
    model: TableModel
    both_add_up: bool
    is_exact: bool
    tick: Callable[[int], None] | None
