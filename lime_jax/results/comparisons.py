"""What can be asked of many explanations together: groups, stability, and their figures."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from lime_jax.arguments import check_whole, column_number
from lime_jax.fits.intervals import interval_half_widths
from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.cohorts import Cohorts, cohorts_of, shown_weights
from lime_jax.results.groups import grouping_by_tree, grouping_of
from lime_jax.results.stability import Stability, stability_of
from lime_jax.typing import Scalar
from lime_jax.views import described

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Comparisons(abc.ABC):
    """Questions about many rows, and figures of them."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of rows."""

    @abc.abstractmethod
    def _arrays(self) -> ExplanationArrays:
        """All of them in memory."""

    @abc.abstractmethod
    def _sample(self) -> ExplanationArrays:
        """Some of them, or none, that say what all have in common."""

    def _pieces(self) -> Iterable[ExplanationArrays]:
        """All of them, a part at a time where they are in parts."""
        return [self._arrays()]

    def cohorts(
        self, by: object, label: Scalar = None, max_depth: int = 2, min_rows: int = 20
    ) -> Cohorts:
        """Mean weights of groups of rows, with 95 % intervals.

        A job's parts are read one after the other, for quarters of a column twice; a tree is found
        with all rows in memory.

        Args:
            by: the name of a column: its bins or levels, or quarters of its numbers;
                "prediction", the predicted class; a mask, or names of groups, with one entry for
                each row; or "tree", groups whose weights differ, found by a shallow tree of the
                values on half of the rows, while means and intervals are those of the other half.
            label: class, name or number of an output; None: of each row the predicted one.
            max_depth: of the tree.
            min_rows: of a group of the tree, among the rows that it is found by.

        Returns:
            The groups; `contrast` and `importance` ask more of them.

        Raises:
            ValueError: if `by` is none of these, or rows have features of their own.

        Example:
            >>> cohorts = explanations.cohorts([True, True, False, False])
            >>> cohorts.weights.value.round(1).tolist()
            [[-1.3, -1.3], [1.3, 1.3]]
        """
        for name, value in (("max_depth", max_depth), ("min_rows", min_rows)):
            check_whole(name, value)
        self._check_rows("cohorts")
        if isinstance(by, str) and by == "tree" and by not in self._sample().feature_names:
            arrays = self._arrays()
            weights, _ = shown_weights(arrays, label)
            grouping = grouping_by_tree(arrays, weights, max_depth, min_rows)
            return cohorts_of([arrays], grouping, label)
        grouping = grouping_of(self._sample(), self._pieces, len(self), by)
        return cohorts_of(self._pieces(), grouping, label)

    def stability(self, k: int = 5, label: Scalar = None) -> Stability:
        """How often each row's strongest features stay the same under another seed.

        From the standard errors of the replicates, without a call of the model: other seeds'
        weights are drawn around those that were found, twice their variance wide, each weight by
        itself. On average over rows that is how often it happens; of two features that are truly
        as strong as each other it says 7 in 10, where it is a coin's toss.

        Args:
            k: how many features are looked at.
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            By row how often these very ones are the strongest again, and the share that is kept;
            1 where weights are exact.

        Raises:
            ValueError: if an argument is not usable, or rows have features of their own.

        Example:
            >>> found = explanations.stability(1)
            >>> bool((found.same == found.overlap).all())
            True
        """
        check_whole("k", k)
        self._check_rows("stability")
        return stability_of(self._pieces(), k, label)

    def beeswarm_figure(self, label: Scalar = None, max_features: int = 10) -> Figure:
        """The weights of all rows, feature by feature, as dots colored by the rows' values.

        Args:
            label: class, name or number of an output; None: of each row the predicted one.
            max_features: how many to show.

        Returns:
            A matplotlib figure; `get_label()` says it in words. Weights within the gray bands are
            about as large as their noise.

        Raises:
            ValueError: if rows have features of their own.
            ImportError: if matplotlib is missing.

        Example:
            >>> explanations.beeswarm_figure().savefig(folder / "beeswarm.png")
        """
        from lime_jax.views.plots import beeswarm

        arrays = self._arrays()
        weights, errors = shown_weights(arrays, label)
        names = list(arrays.feature_names)
        figure = beeswarm(names, weights, errors, arrays.values, max_features=max_features)
        figure.set_label(described.beeswarm_words(names, weights))
        return figure

    def scatter_figure(self, feature: object, label: Scalar = None) -> Figure:
        """The weight of a feature in each row against its value, with 95 % intervals.

        Args:
            feature: its name or number.
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            A matplotlib figure; `get_label()` says it in words.

        Raises:
            ValueError: if there is no such feature, or rows have features of their own.
            ImportError: if matplotlib is missing.

        Example:
            >>> explanations.scatter_figure("age").savefig(folder / "age.png")
        """
        from lime_jax.views.plots import weight_by_value

        arrays = self._arrays()
        number = column_number(arrays.feature_names, feature, "feature")
        weights, errors = shown_weights(arrays, label)
        name, values = arrays.feature_names[number], arrays.values[:, number].astype(np.float64)
        replicates = arrays.num_replicates
        half = interval_half_widths(errors[:, number], replicates - 1 if replicates > 1 else None)
        levels = arrays.names.levels[number]
        if levels is not None:
            values = np.where(values < 0, np.nan, values)
        figure = weight_by_value(name, values, weights[:, number], half, levels)
        figure.set_label(described.dependence_words(name, values, weights[:, number]))
        return figure

    def decision_figure(self, label: Scalar = None, max_features: int = 10) -> Figure:
        """A line for each row that goes from the intercept, weight by weight, to the output.

        Args:
            label: class, name or number of an output; None: of each row the predicted one.
            max_features: how many to show; the others are the first step together.

        Returns:
            A matplotlib figure; `get_label()` says it in words.

        Raises:
            ValueError: if rows have features of their own.
            ImportError: if matplotlib is missing.

        Example:
            >>> explanations.decision_figure().savefig(folder / "decisions.png")
        """
        from lime_jax.views.plots import decision_lines

        arrays = self._arrays()
        weights, errors = shown_weights(arrays, label)
        # What a weight adds in a row: by its interpretable variable.
        weights, errors = weights * arrays.variables, errors * np.abs(arrays.variables)
        rows = np.arange(len(arrays))
        position = arrays.positions(rows, label)
        base = arrays.local_pred[rows, position] - weights.sum(1)
        names = list(arrays.feature_names)
        figure = decision_lines(names, weights, errors, base, max_features=max_features)
        figure.set_label(described.decision_words(names, weights, base))
        return figure

    def _check_rows(self, what: str) -> None:
        if not len(self):
            raise ValueError(f"`{what}`: expected rows to look at, got none")
