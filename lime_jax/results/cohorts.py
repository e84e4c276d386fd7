"""What weights are in groups of rows, and how groups differ, with intervals."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit

from lime_jax.arguments import is_whole
from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.groups import Groups
from lime_jax.results.importance import Importance
from lime_jax.typing import Scalar
from lime_jax.views.described import cohort_words

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False)
class Estimate:
    """A number for each feature, and what is not known of it.

    Attributes:
        feature_names: of the features.
        value: (..., features).
        std_error: of the same shape; NaN where one row does not tell.
        degrees_of_freedom: (...,) of Student's t.

    Example:
        >>> explanations.cohorts("age").weights.value.shape
        (4, 2)
    """

    feature_names: tuple[str, ...]
    value: np.ndarray
    std_error: np.ndarray
    degrees_of_freedom: np.ndarray

    @property
    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """The ends of 95 % intervals; NaN where one row does not tell."""
        factor = stdtrit(np.maximum(self.degrees_of_freedom, 1), 0.975)
        half = np.asarray(factor)[..., None] * self.std_error
        return self.value - half, self.value + half

    def to_pandas(self) -> pandas.DataFrame:
        """Feature by feature, the largest first; of several groups see `Cohorts.to_pandas`."""
        import pandas

        low, high = self.interval
        columns = {"value": self.value, "std_error": self.std_error, "low": low, "high": high}
        table = pandas.DataFrame({"feature": self.feature_names, **columns})
        return table.iloc[np.argsort(-np.abs(self.value), kind="stable")].reset_index(drop=True)


@dataclasses.dataclass(frozen=True, eq=False)
class Cohorts:
    """Groups of rows and their mean weights.

    Errors are those of a sample of rows, and those of the rows' own weights on top: rows can share
    their samples, so means over rows need not make them smaller.

    Attributes:
        names: of the groups.
        counts: (groups,) rows that means are of.
        groups: (rows,) number of each row's group.
        weights: (groups, features) mean weights.
        sizes: (groups, features) mean |weight|.

    Example:
        >>> cohorts = explanations.cohorts([True, True, False, False])
        >>> cohorts.names, cohorts.counts.tolist()
        (('inside', 'outside'), [2, 2])
    """

    names: tuple[str, ...]
    counts: np.ndarray
    groups: np.ndarray
    weights: Estimate
    sizes: Estimate

    def _number(self, group: Any, argument: str) -> int:
        if isinstance(group, str) and group in self.names:
            return self.names.index(group)
        if is_whole(group) and int(group) in range(len(self.names)):
            return int(group)
        raise ValueError(
            f"`{argument}`: expected a group, one of {', '.join(map(repr, self.names))}, or its "
            f"number, got {group!r}"
        )

    def contrast(self, a: Scalar, b: Scalar) -> Estimate:
        """How mean weights differ between two groups.

        Args:
            a: name or number of a group.
            b: of the other, which is subtracted.

        Returns:
            Differences with errors; degrees of freedom are Welch's.

        Raises:
            ValueError: if there is no such group.

        Example:
            >>> cohorts = explanations.cohorts([True, True, False, False])
            >>> cohorts.contrast("inside", "outside").value.round(1).tolist()
            [-2.7, -2.7]
        """
        first, second = self._number(a, "a"), self._number(b, "b")
        value = self.weights.value[first] - self.weights.value[second]
        variance = self.weights.std_error[[first, second]] ** 2
        freedom = self.weights.degrees_of_freedom[[first, second]]
        total = variance.sum(0)
        parts = (variance**2 / np.maximum(freedom, 1)[:, None]).sum(0)
        # One number for all features, that of the least.
        welch = np.where(parts > 0, total**2 / np.where(parts > 0, parts, 1), np.inf)
        least = np.nanmin(welch, initial=np.inf)
        names = self.weights.feature_names
        return Estimate(names, value, np.sqrt(total), np.asarray(min(least, 1e6)))

    def importance(self) -> dict[str, Importance]:
        """How much each feature matters in each group.

        Returns:
            By name of the group mean |weight| and its standard error; `interval` gives ends.

        Example:
            >>> cohorts = explanations.cohorts([True, True, False, False])
            >>> cohorts.importance()["inside"].size.round(2).tolist()
            [1.33, 1.33]
        """
        return {
            name: Importance(self.sizes.value[k], self.sizes.std_error[k])
            for k, name in enumerate(self.names)
        }

    def to_pandas(self) -> pandas.DataFrame:
        """A line for each group and feature.

        Returns:
            cohort, rows, feature, weight, std_error, low and high.

        Example:
            >>> explanations.cohorts("age").to_pandas().columns[:4].tolist()
            ['cohort', 'rows', 'feature', 'weight']
        """
        import pandas

        features = self.weights.feature_names
        low, high = self.weights.interval
        return pandas.DataFrame(
            {
                "cohort": np.repeat(np.array(self.names, object), len(features)),
                "rows": np.repeat(self.counts, len(features)),
                "feature": np.tile(np.array(features, object), len(self.names)),
                "weight": self.weights.value.reshape(-1),
                "std_error": self.weights.std_error.reshape(-1),
                "low": low.reshape(-1),
                "high": high.reshape(-1),
            }
        )

    def figure(self, max_features: int = 8) -> Figure:
        """Mean weights of each group as bars beside each other, with 95 % intervals.

        Args:
            max_features: how many to show.

        Returns:
            A matplotlib figure; `get_label()` says it in words.

        Raises:
            ImportError: if matplotlib is missing.

        Example:
            >>> figure = explanations.cohorts("age").figure(max_features=2)
            >>> figure.savefig(folder / "cohorts.png")
        """
        from lime_jax.views.plots import cohort_bars

        low, high = self.weights.interval
        names = [f"{name} ({n:,})" for name, n in zip(self.names, self.counts, strict=True)]
        features = list(self.weights.feature_names)
        values, half = self.weights.value, (high - low) / 2
        figure = cohort_bars(features, names, values, half, max_features=max_features)
        figure.set_label(cohort_words(features, names, values, half))
        return figure


def cohorts_of(arrays: ExplanationArrays, groups: Groups, label: Scalar) -> Cohorts:
    """The mean weights of groups of rows."""
    weights, errors = shown_weights(arrays, label)
    count = len(groups.names)
    members = [np.flatnonzero((groups.numbers == k) & groups.counted) for k in range(count)]
    counts = np.array([len(rows) for rows in members])
    names = tuple(map(str, arrays.feature_names))
    both = []
    for values in (weights, np.abs(weights)):
        means, spreads = zip(*(_mean(values[m], errors[m]) for m in members), strict=True)
        both.append(Estimate(names, np.array(means), np.array(spreads), counts - 1))
    return Cohorts(groups.names, counts, groups.numbers, *both)


def _mean(values: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over rows and their standard errors."""
    if not len(values):
        nothing = np.full(values.shape[1], np.nan)
        return nothing, nothing
    spread = np.full(values.shape[1], np.nan)
    if len(values) > 1:
        spread = values.std(0, ddof=1) / np.sqrt(len(values))
    return values.mean(0), np.hypot(spread, errors.mean(0))


def shown_weights(arrays: ExplanationArrays, label: Scalar) -> tuple[np.ndarray, np.ndarray]:
    """(rows, features) weights of a label and their standard errors; 0 where not selected."""
    arrays.check_comparable()
    rows = np.arange(len(arrays))
    position = arrays.positions(rows, label)
    weights = arrays.coef[rows, position].astype(np.float64)
    return weights, np.nan_to_num(arrays.std_error[rows, position].astype(np.float64))
