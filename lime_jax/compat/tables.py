"""How `LimeTabularExplainer` works: what is asked of it, what it shows, and its samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse

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
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"`{name}`: expected a positive whole number, got {value!r}")
        if self.sampling_method not in SAMPLINGS:
            raise ValueError(
                f"`sampling_method`: expected one of {', '.join(SAMPLINGS)}, got "
                f"{self.sampling_method!r}"
            )


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


def checked_outputs(raw: Any, count: int, mode: str, class_names: Any) -> np.ndarray:
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


def sparse_samples(
    row: Any, random: np.random.RandomState, count: int
) -> tuple[np.ndarray, Any, np.ndarray]:
    """Masks of what is not zero in a row, the rows under them, and which columns these are.

    Each of the masks keeps every number with a probability that is uniform; the first keeps all.
    """
    columns = np.asarray(row.indices, np.int64)
    masks = random.uniform(size=(count, len(columns))) < random.uniform(size=(count, 1))
    masks[0] = True
    kept = masks.sum(1)
    places = np.broadcast_to(columns, masks.shape)[masks]
    numbers = np.broadcast_to(row.data, masks.shape)[masks]
    ends = np.concatenate([[0], np.cumsum(kept)])
    rows = scipy.sparse.csr_matrix((numbers, places, ends), shape=(count, row.shape[1]))
    return masks.astype(np.float64), rows, columns


def padded(
    pairs: Sequence[tuple[int, float]], columns: np.ndarray, count: int, width: int
) -> list[tuple[int, float]]:
    """Weights by number of column, and zeros of other columns up to `count`, as `lime` lists them.

    Example:
        >>> padded([(0, 0.5)], np.array([2]), 3, 4)
        [(2, 0.5), (0, 0.0), (1, 0.0)]
    """
    found = [(int(columns[number]), weight) for number, weight in pairs]
    taken = set(columns.tolist())
    others = (k for k in range(width) if k not in taken)
    return found + [(k, 0.0) for k, _ in zip(others, range(count - len(found)), strict=False)]


def labels_asked(
    model: Callable[..., Any], asked: Asked, mode: str, numbers: Sequence[int]
) -> Mapping[str, Any]:
    """`labels` and `top_labels` of our own explainers, where outputs go by their classes."""
    if mode != "classification":
        return {"labels": None}
    if asked.top_labels:
        return {"top_labels": int(asked.top_labels)}
    owner = getattr(model, "__self__", model)
    classes = getattr(owner, "classes_", None)
    if classes is None:
        return {"labels": list(numbers)}
    try:
        return {"labels": np.asarray(classes)[list(numbers)].tolist()}
    except (IndexError, TypeError):
        return {"labels": None}  # all of them, and some are left out later


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
