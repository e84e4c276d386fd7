"""How `LimeTabularExplainer` works: what is asked of it, what it shows, and its samples."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse

from lime_jax.arguments import check_one_of, check_whole
from lime_jax.compat.explanation import DomainMapper, Explanation
from lime_jax.compat.outputs import as_matrix
from lime_jax.views.report import text_table

SAMPLINGS = ("gaussian", "lhs")


@dataclasses.dataclass(frozen=True)
class Asked:
    """The arguments of `explain_instance`, as there."""

    labels: Any
    top_labels: int | None
    num_features: int
    num_samples: int
    distance_metric: Any
    model_regressor: Any
    sampling_method: str

    def __post_init__(self) -> None:
        for name in ("num_features", "num_samples"):
            check_whole(name, getattr(self, name))
        check_one_of("sampling_method", self.sampling_method, SAMPLINGS)


class TableDomainMapper(DomainMapper):
    """Names of columns, or of their bins, in place of numbers.

    Args:
        feature_names: of all columns; "color=red" of one with levels.
        feature_values: of the row, as text.
        scaled_row: the row in units of the columns' scale.
        categorical_features: numbers of columns with levels or bins.
        discretized_feature_names: of the row's bins; None: there are none.
        feature_indexes: of a sparse row, the columns that are not zero.
    """

    def __init__(
        self,
        feature_names: Any,
        feature_values: Any,
        scaled_row: Any,
        categorical_features: Any,
        discretized_feature_names: Any = None,
        feature_indexes: Any = None,
    ) -> None:
        self.exp_feature_names = feature_names
        self.discretized_feature_names = discretized_feature_names
        self.feature_names = feature_names
        self.feature_values = feature_values
        self.feature_indexes = feature_indexes
        self.scaled_row = scaled_row
        is_sparse = scipy.sparse.issparse(scaled_row)
        self.all_categorical = not is_sparse and len(categorical_features) == len(scaled_row)
        self.categorical_features = categorical_features

    def map_exp_ids(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, exp: Any
    ) -> list[tuple[str, float]]:
        """Names and weights.

        Args:
            exp: pairs of column and weight.

        Returns:
            Pairs of name and weight; names are those of bins where there are bins.
        """
        names = self.discretized_feature_names
        names = self.exp_feature_names if names is None else names
        return [(names[pair[0]], pair[1]) for pair in exp]

    def visualize_instance_html(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        exp: Any,
        label: Any,
        div_name: Any,
        exp_object_name: Any,
        show_table: Any = True,
        show_all: Any = False,
    ) -> str:
        """The row's values as a table.

        Args:
            exp: pairs of column and weight.
            label: number of the output.
            div_name: not looked at.
            exp_object_name: not looked at.
            show_table: whether to show it.
            show_all: whether to show all columns, not those of the explanation only.

        Returns:
            HTML.
        """
        if not show_table:
            return ""
        indexes = self.feature_indexes
        if indexes is None:
            values = dict(enumerate(self.feature_values))
        else:
            values = dict(zip(map(int, indexes), self.feature_values, strict=True))
        explained = [int(pair[0]) for pair in exp]
        shown = list(values) if show_all else explained
        rows = [(str(self.exp_feature_names[k]), str(values.get(k, "0"))) for k in shown]
        return text_table(("feature", "value"), rows)


def two_decimals(values: Any) -> list[str]:
    """Numbers as `lime` shows them.

    Example:
        >>> two_decimals([1, 0.005])
        ['1.00', '0.01']
    """
    return [f"{value:.2f}" for value in values]


def checked_outputs(raw: Any, count: int, mode: str, class_names: object) -> np.ndarray:
    """What a model of tables returned, as (rows, outputs); of a regression the first output."""
    values = as_matrix(raw, count, "predict_fn", class_names if mode == "classification" else None)
    if mode != "classification":
        return values[:, :1]
    if np.ndim(raw) == 1 and values.shape[1] == 1:
        raise ValueError(
            "`predict_fn`: expected a score of each class for every row, such as predict_proba "
            "returns, got one number; for numbers use mode='regression', and for the probability "
            "of the second of two classes name both in `class_names`"
        )
    return values


def both_signs(found: Explanation) -> None:
    """Of a regression, label 1 is the output and label 0 its opposite."""
    found.intercept[1] = found.intercept[0]
    found.local_exp[1] = list(found.local_exp[0])
    found.local_exp[0] = [(feature, -weight) for feature, weight in found.local_exp[1]]


def as_table(data: Any) -> Any:
    """(rows, columns) numbers."""
    if scipy.sparse.issparse(data):
        return data.tocsr()
    try:
        table = np.asarray(data, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`training_data`: expected numbers, levels as whole numbers; text is for "
            f"lime_jax.TabularExplainer, or for an encoder first ({error})"
        ) from error
    if table.ndim != 2:
        raise ValueError(f"`training_data`: expected (rows, columns), got shape {table.shape}")
    return table
