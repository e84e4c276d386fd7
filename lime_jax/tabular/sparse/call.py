"""One call of `TabularExplainer.explain` with sparse rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from lime_jax.front import call
from lime_jax.front.explainer import ExplainerLike
from lime_jax.front.options import ExplainOptions
from lime_jax.masked.fits import mask_fits
from lime_jax.results.explanations import Explanations
from lime_jax.tabular.sparse.explanations import SparseExplanations
from lime_jax.tabular.sparse.fits import SparseTask
from lime_jax.tabular.sparse.model import SparseModel, open_sparse_model
from lime_jax.tabular.sparse.rows import SparseTable, as_csr, by_player, content_of, is_sparse
from lime_jax.tabular.sparse.settings import check_options, sparse_settings
from lime_jax.typing import LinearFit, ModelLike, Table

MOST_PLAYERS = 3000
"""That a linear model can be fitted to; also of Shapley values."""


class SparseCall(call.Call[SparseModel, SparseExplanations]):
    """Sparse rows to be explained."""

    def __init__(
        self, explainer: call.CommonSettings, table: SparseTable, settings: Any, X: Table
    ) -> None:
        self.explainer, self.table, self.settings, self.X = explainer, table, settings, X
        self.matrix = as_csr(X if is_sparse(X) else sparse.csr_array(np.atleast_2d(X)))
        count, columns = self.matrix.shape
        if not count:
            raise ValueError("`X`: expected some rows, got none")
        if columns != len(table.column_names):
            raise ValueError(
                f"`X`: expected {len(table.column_names)} columns as in `fit`, got {columns}"
            )
        self.players = np.diff(self.matrix.indptr).astype(np.int64)
        most = int(self.players.max(initial=0))
        if most > MOST_PLAYERS:
            raise ValueError(
                f"`X`: row {int(self.players.argmax())} has {most:,} non-zeros, and an explanation "
                f"is of {MOST_PLAYERS:,} at most; hide columns together, or pass fewer"
            )
        self.prediction = np.zeros((count, 0))

    def __len__(self) -> int:
        """Number of rows."""
        return self.matrix.shape[0]

    def content_ids(self) -> np.ndarray:
        """A hash of each row's content."""
        return content_of(self.matrix)

    def open_model(self, model: ModelLike) -> SparseModel:
        """See what a model is, and call it with sparse rows."""
        return open_sparse_model(model, self.explainer.output)

    def why_not_exact(self, model: SparseModel) -> str:
        """Why outputs are not sums over non-zeros."""
        if self.explainer.link != "identity":
            return f"the weights are on the scale of a {self.explainer.link}"
        return model.rows.why_not_linear

    def predict(self, model: SparseModel, batch_size: int | None) -> np.ndarray:
        """The model's outputs for the rows."""
        del batch_size
        self.prediction = model(self.matrix.copy())
        return self.prediction

    def fit(self, model: SparseModel, request: call.Request) -> list[call.Outcome]:
        """Explain the rows: one outcome."""
        task = SparseTask(
            self.settings, model, self.players, self.prediction, request, self.matrix, self.table
        )
        values = self._by_player(self.matrix.data.astype(np.float64), 0.0)
        return [mask_fits(task, values, self._by_player(np.ones(self.matrix.nnz), 0.0))]

    def pack(self, fit: LinearFit, **fields: Any) -> SparseExplanations:
        """The explanations, with the columns that they are of."""
        columns = self._by_player(self.matrix.indices.astype(np.int64), -1)
        names = self.table.column_names
        return SparseExplanations.of_fit(fit, **fields, columns=columns, column_names=names)

    def _by_player(self, values: np.ndarray, filler: float | int) -> np.ndarray:
        return by_player(self.matrix, int(self.players.max(initial=0)), values, filler)


def learn_sparse(explainer: ExplainerLike, X: Table) -> SparseTable:
    """The columns of a sparse matrix, and its rows if they are the background."""
    sparse_settings(explainer)
    rows, names = as_csr(X), explainer.feature_names
    count, columns = rows.shape
    if not count or not columns:
        raise ValueError(f"`X`: expected rows and columns to learn from, got shape {rows.shape}")
    named = tuple(map(str, range(columns) if names is None else names))
    if len(named) != columns:
        raise ValueError(f"`feature_names`: expected {columns} names, got {len(named)}")
    if explainer.algorithm == "lime" or not rows.nnz:
        return SparseTable(named)
    return SparseTable(named, rows, np.full(count, 1 / count))


def explain_sparse(
    explainer: ExplainerLike,
    table: SparseTable,
    X: Table,
    model: ModelLike,
    options: ExplainOptions,
    widths: Sequence[float | int | None],
) -> list[Explanations]:
    """Explain sparse rows, or dense ones as such."""
    if len(widths) > 1:
        raise ValueError("`kernel_width`: sparse rows are explained under one width a call")
    settings = sparse_settings(explainer)
    check_options(settings, options)
    found = call.explain(SparseCall(explainer, table, settings, X), model, options)
    return list(found)
