"""`lime.discretize`: bins of numeric columns, their names, and samples of them as `lime` draws."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from lime_jax.compat.cut_normal import drawn_in_bins

_DEEPEST = 3
"""Levels of the tree that finds bins by entropy."""
_MORE = 1e-11
"""Added to the standard deviation of a bin."""


class BaseDiscretizer:
    """Bins of the numeric columns of a table; a subclass says where they end, in `bins`.

    Args:
        data: (rows, columns) numbers.
        categorical_features: numbers of the columns that are left alone.
        feature_names: of all columns.
        labels: (rows,) for bins that look at them.
        random_state: of `undiscretize`.
        data_stats: "means", "stds", "mins" and "maxs" by column, in place of those of `data`.

    Attributes:
        names: by column, what each bin is called.
        lambdas: by column, a function of numbers that returns their bins.
        means, stds, mins, maxs: by column, of each bin.

    Example:
        >>> halves = QuartileDiscretizer(np.arange(9.0)[:, None], [], ["age"])
        >>> halves.names[0][0], halves.discretize(np.array([3.0])).tolist()
        ('age <= 2.00', [1.0])
    """

    def __init__(
        self,
        data: np.ndarray,
        categorical_features: Sequence[int],
        feature_names: Sequence[str],
        labels: object = None,
        random_state: object = None,
        data_stats: Mapping[str, Any] | None = None,
    ) -> None:
        self.to_discretize = [k for k in range(data.shape[1]) if k not in categorical_features]
        self.data_stats = data_stats
        self.random_state = check_random_state(random_state)
        self.names: dict[int, list[str]] = {}
        self.lambdas: dict[int, Any] = {}
        known = data_stats or {}
        self.means: Any = known.get("means", {})
        self.stds: Any = known.get("stds", {})
        self.mins: Any = known.get("mins", {})
        self.maxs: Any = known.get("maxs", {})
        edges = [np.unique(ends) for ends in self.bins(data, labels)]
        for feature, ends in zip(self.to_discretize, edges, strict=False):
            self.names[feature] = bin_names(str(feature_names[feature]), ends)
            self.lambdas[feature] = partial(np.searchsorted, ends)
            if not data_stats:
                self._measure(feature, data[:, feature], ends)

    def _measure(self, feature: int, values: np.ndarray, ends: np.ndarray) -> None:
        """Keep what the numbers in each bin are like."""
        inside = [values[np.searchsorted(ends, values) == k] for k in range(len(ends) + 1)]
        self.means[feature] = [members.mean() if len(members) else 0 for members in inside]
        self.stds[feature] = [(members.std() if len(members) else 0) + _MORE for members in inside]
        self.mins[feature] = [values.min(), *ends.tolist()]
        self.maxs[feature] = [*ends.tolist(), values.max()]

    def bins(self, data: np.ndarray, labels: object) -> list[np.ndarray]:
        """Where the bins of each column of `to_discretize` end; a subclass says it.

        Args:
            data: (rows, columns).
            labels: (rows,) or None.

        Returns:
            For each column the inner ends of its bins.
        """
        raise NotImplementedError("`bins`: a discretizer has to say where its bins end")

    def discretize(self, data: np.ndarray) -> np.ndarray:
        """Numbers of bins in place of numbers.

        Args:
            data: (rows, columns) or (columns,).

        Returns:
            Of the same shape and type; other columns as they are.
        """
        found = data.copy()
        for feature, bins_of in self.lambdas.items():
            found[..., feature] = np.asarray(bins_of(found[..., feature])).astype(int)
        return found

    def get_undiscretize_values(self, feature: int, values: np.ndarray) -> np.ndarray:
        """Numbers out of bins, by a normal law that is cut off at their ends.

        Args:
            feature: number of the column.
            values: numbers of bins.

        Returns:
            Of the same shape; of a bin of one number, that number.
        """
        limits = (self.mins, self.maxs, self.means, self.stds)
        ends = (np.asarray(of[feature], np.float64) for of in limits)
        return drawn_in_bins(self.random_state, values, *ends)

    def undiscretize(self, data: np.ndarray) -> np.ndarray:
        """Numbers in place of numbers of bins.

        Args:
            data: (rows, columns) or (columns,).

        Returns:
            Of the same shape and type; other columns as they are.
        """
        found = data.copy()
        self._undiscretize_in_place(found)
        return found

    def _undiscretize_in_place(self, found: np.ndarray) -> None:
        for feature in self.means:
            codes = np.atleast_1d(found[..., feature].astype(int))
            numbers = self.get_undiscretize_values(feature, codes)
            found[..., feature] = numbers if found.ndim > 1 else numbers[0]


def undiscretize(discretizer: Any, rows: np.ndarray) -> None:
    """Put numbers in place of numbers of bins, in an array that nobody else holds."""
    if getattr(type(discretizer), "undiscretize", None) is BaseDiscretizer.undiscretize:
        discretizer._undiscretize_in_place(rows)
    else:
        rows[:] = discretizer.undiscretize(rows)


class StatsDiscretizer(BaseDiscretizer):
    """Bins that somebody else has measured: `data_stats` has also "bins", the ends by column."""

    def bins(self, data: np.ndarray, labels: Any) -> list[np.ndarray]:
        """The ends that were given."""
        known = (self.data_stats or {}).get("bins") or {}
        missing = [k for k in self.to_discretize if known.get(k) is None]
        if missing and known:
            raise ValueError(
                f"`training_data_stats`: expected 'bins' of every numeric column, got none of "
                f"column {missing[0]}"
            )
        return [np.array(known[k], np.float64) for k in self.to_discretize if k in known]


class _Percentiles(BaseDiscretizer):
    """Bins of equally many rows."""

    shares: tuple[int, ...]

    def __init__(
        self,
        data: np.ndarray,
        categorical_features: Sequence[int],
        feature_names: Sequence[str],
        labels: object = None,
        random_state: object = None,
    ) -> None:
        super().__init__(data, categorical_features, feature_names, labels, random_state)

    def bins(self, data: np.ndarray, labels: object) -> list[np.ndarray]:
        """Percentiles of each column."""
        return [np.percentile(data[:, feature], self.shares) for feature in self.to_discretize]


class QuartileDiscretizer(_Percentiles):
    """Four bins of equally many rows."""

    shares = (25, 50, 75)


class DecileDiscretizer(_Percentiles):
    """Ten bins of equally many rows."""

    shares = (10, 20, 30, 40, 50, 60, 70, 80, 90)


class EntropyDiscretizer(BaseDiscretizer):
    """Up to eight bins that tell the labels apart, as a tree of one column finds them."""

    def __init__(
        self,
        data: np.ndarray,
        categorical_features: Sequence[int],
        feature_names: Sequence[str],
        labels: object = None,
        random_state: object = None,
    ) -> None:
        if labels is None:
            raise ValueError("`labels`: expected a label of each row for bins by entropy, got None")
        super().__init__(data, categorical_features, feature_names, labels, random_state)

    def bins(self, data: np.ndarray, labels: object) -> list[np.ndarray]:
        """Thresholds of a tree for each column, or its median where the tree has none."""
        from sklearn.tree import DecisionTreeClassifier

        found = []
        for feature in self.to_discretize:
            tree = DecisionTreeClassifier(
                criterion="entropy", max_depth=_DEEPEST, random_state=self.random_state
            )
            tree.fit(data[:, [feature]], labels)
            ends = tree.tree_.threshold[tree.tree_.children_left >= 0]
            found.append(np.sort(ends) if len(ends) else np.array([np.median(data[:, feature])]))
        return found


def bin_names(name: str, ends: np.ndarray) -> list[str]:
    """What the bins of a column are called.

    Example:
        >>> bin_names("age", np.array([20.0, 40.0]))
        ['age <= 20.00', '20.00 < age <= 40.00', 'age > 40.00']
    """
    if not len(ends):
        return [name]
    texts = [f"{end:.2f}" for end in ends]
    between = [f"{low} < {name} <= {high}" for low, high in itertools.pairwise(texts)]
    return [f"{name} <= {texts[0]}", *between, f"{name} > {texts[-1]}"]


_BY_NAME = {
    "quartile": QuartileDiscretizer,
    "decile": DecileDiscretizer,
    "entropy": EntropyDiscretizer,
}


def discretizer_of(
    asked: object,
    data: np.ndarray,
    categorical_features: Sequence[int],
    feature_names: Sequence[object],
    labels: object,
    random_state: object,
    data_stats: Mapping[str, object] | None,
) -> Any:
    """The discretizer that an explainer is asked for; of somebody else's rows, that of these."""
    names = list(map(str, feature_names))
    if data_stats:
        return StatsDiscretizer(
            data, categorical_features, names, labels, random_state, data_stats=data_stats
        )
    if isinstance(asked, str) and asked in _BY_NAME:
        return _BY_NAME[asked](data, categorical_features, names, labels, random_state)
    if hasattr(asked, "discretize") and hasattr(asked, "undiscretize"):
        return asked
    raise ValueError(
        f"`discretizer`: expected 'quartile', 'decile', 'entropy' or a discretizer, got {asked!r}"
    )
