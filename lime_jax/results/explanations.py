"""`Explanations`: the explanations of a data set, as NumPy arrays on the host."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.data_set import DataSetViews
from lime_jax.results.explanation import Explanation
from lime_jax.views.report.numbers import plural


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Explanations(ExplanationArrays, DataSetViews):
    """The explanations of a data set.

    Attributes:
        coef: (rows, labels, features) weights; 0 where not selected.
        std_error: same shape; 0 where exact, NaN where not selected.
        labels: (rows, labels) number of the output that each explanation is of; they differ by
            row under `top_labels`.
        intercept: (rows, labels) of the surrogate.
        score: (rows, labels) its weighted R²; where exact, NaN if it was not asked for or the
            kernel is too narrow to measure it.
        held_out_score: (rows, labels) R² of the surrogate on samples it was not fitted to; where
            exact, the score; NaN where it was not asked for.
        local_pred: (rows, labels) its value at the row.
        prediction: (rows, outputs) the model's own.
        effective_samples: (rows,) (sum of weights)² / sum of squared weights; where exact, of
            `num_samples` draws. Under KernelSHAP the coalitions; where exact, the background rows.
        samples_used: (rows,) drawn for each row; 0 where exact.
        key_ids: (rows,) 32-bit hashes that the rows' random numbers came from.
        row_ids: (rows,) what the rows are called: the ids they were given, else the index of a
            pandas frame (tuples where it has several levels), else their numbers.
        support: (rows, features) what the samples can say of the row's bins, a `Support`.
        values: (rows, features) the rows as numbers and level codes.
        bins: (rows, features) index into `conditions`; -1 for none.
        variables: (rows, features) the rows' own interpretable variables.
        output_names: of the model's outputs.
        classes: that the outputs are of, as the model knows them; `label` is one of these, or a
            name. None: there are none, and labels are numbers of outputs, or names.
        conditions: text of every bin; empty if the columns were not discretized.
        names: of features and levels.
        method: "exact" or "sampled".
        model_path: "jax" or "host", and why.
        output_kind: "probability", "margin" or "value".
        algorithm: "lime"; or "kernel_shap", "tree_path": then `coef` are Shapley values, and
            `intercept` is the expected value.
        link: of KernelSHAP: "identity", or "logit": values are log-odds.
        value_kind: of KernelSHAP: "shapley" or "banzhaf".
        groups: names of the columns of each feature, where KernelSHAP's features can be groups.
        row_names: what the levels of `row_ids` are called, "" where one has no name; empty if
            `row_ids` count the rows.
        kernel_width: of the proximity kernel, in units of the distance; NaN for KernelSHAP.
        num_samples: of the largest neighborhood.
        num_replicates: of the largest neighborhood, that standard errors come from; 0 where exact.

    Example:
        >>> import numpy as np
        >>> import lime_jax
        >>> X = np.array([[20.0, 1], [30, 2], [40, 3], [50, 4]])
        >>> explainer = lime_jax.TabularExplainer(feature_names=["age", "hours"]).fit(X)
        >>> explanations = explainer.explain(X, lambda batch: batch[:, 0] / 10 + batch[:, 1])
        >>> explanations.coef.shape
        (4, 1, 2)
    """

    kind: ClassVar[str] = "table"
    row_class: ClassVar[type[Explanation]] = Explanation
    """What one row is."""

    def __iter__(self) -> Iterator[Any]:
        """One row after the other."""
        return (self.row_class(self, row) for row in range(len(self)))

    def __getitem__(self, index: object) -> Any:
        """One row for an integer, `Explanations` for a slice, a mask or an array of rows."""
        if isinstance(index, int | np.integer):
            return self.row_class(self, range(len(self))[int(index)])
        return self.take(index)

    def __repr__(self) -> str:
        """What there is, in one line."""
        labels = self.coef.shape[1]
        return (
            f"{type(self).__name__}({len(self)} {plural(self.subject)}, {labels} labels, "
            f"{self._how_many_features()}, {self.method}, model: {self.model_path})"
        )

    def _how_many_features(self) -> str:
        """Features, as `repr` says them."""
        return f"{self.coef.shape[2]} features"

    def _arrays(self) -> Any:
        """Itself: all is in memory."""
        return self

    def _sample(self) -> Any:
        """Itself: all is in memory."""
        return self
