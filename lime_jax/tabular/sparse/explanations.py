"""`SparseExplanations`: of sparse rows, whose features are each row's own non-zeros."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from lime_jax.masked.arrays import MaskedArrays
from lime_jax.results.explanation import Explanation
from lime_jax.results.explanations import Explanations
from lime_jax.results.kinds import per_row
from lime_jax.results.names import number_text
from lime_jax.typing import Scalar


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SparseExplanation(Explanation):
    """The explanation of one sparse row.

    Example:
        >>> from scipy import sparse
        >>> import lime_jax
        >>> X = sparse.csr_array([[0, 2.0, 1.0], [3.0, 0, 0]])
        >>> explainer = lime_jax.TabularExplainer(feature_names=["a", "b", "c"]).fit(X)
        >>> row = explainer.explain(X, lambda rows: rows @ np.array([1.0, 2.0, 3.0]))[0]
        >>> [(name, round(weight, 3)) for name, weight in row.as_list()], row.method
        ([('b', 4.0), ('c', 3.0)], 'exact')
    """

    explanations: SparseArrays

    @property
    def method(self) -> str:
        """How this row was explained: "exact" where all masks were asked, else "sampled"."""
        return "exact" if self.explanations.asked_all(self.row) else "sampled"


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SparseArrays(MaskedArrays):
    """What explanations of sparse rows hold; `SparseExplanations` says what each field is."""

    heads: ClassVar[tuple[str, str]] = ("column", "value")

    columns: np.ndarray = per_row("f", "column", is_whole=True, filler=-1)
    column_names: tuple[str, ...] = ()

    def keys(self, by: str) -> tuple[np.ndarray, range]:
        """The columns of each row's non-zeros, by which rows can be compared.

        Args:
            by: not looked at: the features of sparse rows are columns.

        Returns:
            (rows, features) numbers of columns, and all of these.

        Example:
            >>> from scipy import sparse
            >>> X = sparse.csr_array([[0, 2.0], [3.0, 0]])
            >>> explainer = lime_jax.TabularExplainer().fit(X)
            >>> explainer.explain(X, lambda rows: rows @ np.ones(2)).keys("feature")[0].tolist()
            [[1], [0]]
        """
        del by
        return np.maximum(self.columns, 0), range(len(self.column_names))

    @property
    def present(self) -> np.ndarray:
        """(rows, features) which non-zeros each row has."""
        return self.columns >= 0

    def _condition(self, row: int, feature: int) -> str:
        column = int(self.columns[row, feature])
        return self.column_names[column] if column >= 0 else ""

    def value_texts(self, rows: np.ndarray, feature: int) -> list[str]:
        """The numbers themselves, as text."""
        values = self.values[rows, feature].tolist()
        return [number_text(value, 0 if value == round(value) else 2) for value in values]

    def texts(self, feature: int) -> tuple[np.ndarray, list[str], list[str]]:
        """The column that a feature is in each row, and its number.

        Args:
            feature: its number.

        Returns:
            (rows,) codes, and the column's name and the number for each code.

        Example:
            >>> from scipy import sparse
            >>> import lime_jax
            >>> X = sparse.csr_array([[0, 2.0], [3.0, 0]])
            >>> found = lime_jax.TabularExplainer().fit(X).explain(X, lambda rows: rows.sum(1))
            >>> found.texts(0)[1:]
            (['1', '0'], ['2', '3'])
        """
        rows = np.arange(len(self))
        conditions = [self._condition(row, feature) for row in rows.tolist()]
        return rows, conditions, self.value_texts(rows, feature)


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SparseExplanations(SparseArrays, Explanations):
    """The explanations of sparse rows; the features are each row's own non-zeros.

    As `Explanations`, where `values` are the numbers themselves, and `std_error` is NaN where a row
    has fewer non-zeros than others.

    Attributes:
        columns: (rows, features) which column of the matrix each is; -1: there is none.
        column_names: of all columns of the matrix.

    Example:
        >>> from scipy import sparse
        >>> import lime_jax
        >>> X = sparse.csr_array([[0, 2.0, 1.0], [3.0, 0, 0]])
        >>> explainer = lime_jax.TabularExplainer().fit(X)
        >>> explanations = explainer.explain(X, lambda rows: rows @ np.array([1.0, 2.0, 3.0]))
        >>> explanations.columns.tolist()
        [[1, 2], [0, -1]]
    """

    kind: ClassVar[str] = "sparse row"
    row_class: ClassVar[type[Explanation]] = SparseExplanation

    def _how_many_features(self) -> str:
        return f"{self.present.sum(1).max(initial=0)} of {len(self.column_names):,} columns at most"

    def to_csr(self, label: Scalar = None) -> Any:
        """The weights where they stand in the matrix.

        Args:
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            A `scipy.sparse.csr_array` (rows, columns).

        Raises:
            ValueError: if `label` was not explained.

        Example:
            >>> from scipy import sparse
            >>> import lime_jax
            >>> X = sparse.csr_array([[0, 2.0], [3.0, 0]])
            >>> found = lime_jax.TabularExplainer().fit(X).explain(X, lambda rows: rows.sum(1))
            >>> found.to_csr().toarray().round(3).tolist()
            [[0.0, 2.0], [3.0, 0.0]]
        """
        from scipy import sparse

        rows = np.arange(len(self))
        weights = self.coef[rows, self.positions(rows, label)]
        row, feature = np.nonzero(self.present)
        entries = (weights[row, feature], (row, self.columns[row, feature]))
        return sparse.csr_array(entries, shape=(len(self), len(self.column_names)))
