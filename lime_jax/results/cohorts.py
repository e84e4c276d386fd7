"""What weights are in groups of rows, and how groups differ, with intervals."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from lime_jax.arguments import is_whole
from lime_jax.results.arrays import ExplanationArrays
from lime_jax.results.groups import MOST_GROUPS, Grouping, check_number
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

    def _number(self, group: object, argument: str) -> int:
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


def cohorts_of(pieces: Iterable[ExplanationArrays], grouping: Grouping, label: Scalar) -> Cohorts:
    """The mean weights of groups of rows, which come a part at a time."""
    sums: dict[str, tuple[Moments, Moments]] = {}
    known: dict[str, int] = {}
    numbers, start, features = [], 0, ()
    for arrays in pieces:
        weights, errors = shown_weights(arrays, label)
        codes, texts = grouping.codes(arrays, start)
        met = np.unique(codes)
        places = np.zeros(len(texts), np.int64)
        for code in met.tolist():
            name = texts[code]
            places[code] = known.setdefault(name, len(known))
            if len(known) > MOST_GROUPS:
                continue  # to say how many there are
            members = codes == code
            if grouping.counted is not None:
                members &= grouping.counted[start : start + len(arrays)]
            found = [Moments.of(w[members], errors[members]) for w in (weights, np.abs(weights))]
            before = sums.get(name)
            if before is not None:
                found = [one.with_more(more) for one, more in zip(before, found, strict=True)]
            sums[name] = found[0], found[1]
        numbers.append(places[codes])
        start += len(arrays)
        features = tuple(map(str, arrays.feature_names))
    check_number(len(known))
    names = grouping.order(list(known))
    turned = np.array([names.index(name) for name in known])
    both = [_estimate(features, [sums[name][k] for name in names]) for k in range(2)]
    counts = np.array([sums[name][0].count for name in names])
    return Cohorts(tuple(names), counts, turned[np.concatenate(numbers)], *both)


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """What is kept of weights of some rows; all but the count is by feature.

    Attributes:
        squares: sum of squared deviations from the mean.
        error: mean of the weights' own standard errors.
    """

    count: int
    mean: np.ndarray
    squares: np.ndarray
    error: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, errors: np.ndarray) -> Moments:
        """Of (rows, features) weights and their errors."""
        if not len(values):
            nothing = np.zeros(values.shape[1])
            return cls(0, nothing, nothing, nothing)
        mean = values.mean(0)
        return cls(len(values), mean, ((values - mean) ** 2).sum(0), errors.mean(0))

    def with_more(self, more: Moments) -> Moments:
        """Of these rows and others (Chan, Golub & LeVeque, 1979)."""
        count = self.count + more.count
        share = more.count / max(count, 1)
        away = more.mean - self.mean
        squares = self.squares + more.squares + away**2 * self.count * share
        error = self.error + (more.error - self.error) * share
        return Moments(count, self.mean + away * share, squares, error)


def _estimate(features: tuple[str, ...], groups: list[Moments]) -> Estimate:
    """Means over rows and their standard errors."""
    counts = np.array([one.count for one in groups])
    means, squares, errors = (
        np.where(counts[:, None] > 0, np.array([getattr(one, name) for one in groups]), np.nan)
        for name in ("mean", "squares", "error")
    )
    free = np.where(counts > 1, counts - 1, np.nan)
    spread = np.sqrt(squares / (free * np.maximum(counts, 1))[:, None])
    return Estimate(features, means, np.hypot(spread, errors), counts - 1)


def shown_weights(arrays: ExplanationArrays, label: Scalar) -> tuple[np.ndarray, np.ndarray]:
    """(rows, features) weights of a label and their standard errors; 0 where not selected."""
    arrays.check_comparable()
    rows = np.arange(len(arrays))
    position = arrays.positions(rows, label)
    weights = arrays.coef[rows, position].astype(np.float64)
    return weights, np.nan_to_num(arrays.std_error[rows, position].astype(np.float64))
