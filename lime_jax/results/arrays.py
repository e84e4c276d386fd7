"""The data half of `Explanations`: arrays, and what they say of a row or of all, without views."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np

from lime_jax.models.labels import OutputLabels
from lime_jax.results.importance import Importance
from lime_jax.results.kinds import per_row, register, row_fields, taken
from lime_jax.results.names import FeatureNames
from lime_jax.stages.designs import group_count
from lime_jax.typing import Pytree, Scalar, Support
from lime_jax.views.report.numbers import plural


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExplanationArrays:
    """What explanations of any kind of data hold; `Explanations` says what each field is.

    A class of a kind of its own names it (`kind`), adds fields by `per_row`, or of plain values
    that all rows share, and is then cut, joined, saved, loaded and sent like the others.
    """

    kind: ClassVar[str]
    """What was explained, as files and tables say it."""
    subject: ClassVar[str] = "row"
    """What views call one of what was explained."""
    heads: ClassVar[tuple[str, str]] = ("condition", "this row")
    """What views call a feature and its value."""
    features_by_row: ClassVar[bool] = False
    """Whether feature 3 of one row is not feature 3 of another, and some rows have more."""
    named_by_row: ClassVar[bool] = False
    """Whether a feature has no name but what its condition says, such as a word of a text."""

    coef: np.ndarray = per_row("lf", "weight")
    std_error: np.ndarray = per_row("lf", "std_error", filler=np.nan)
    intercept: np.ndarray = per_row("l", "intercept")
    score: np.ndarray = per_row("l", "score")
    local_pred: np.ndarray = per_row("l", "local_pred")
    prediction: np.ndarray = per_row("o", "prediction")
    held_out_score: np.ndarray = per_row("l", "held_out_score")
    effective_samples: np.ndarray = per_row("", "effective_samples")
    samples_used: np.ndarray = per_row("", "samples_used", is_whole=True)
    labels: np.ndarray = per_row("l", "label_number", is_whole=True)
    values: np.ndarray = per_row("f", "number")
    bins: np.ndarray = per_row("f", "bin", is_whole=True, filler=-1)
    variables: np.ndarray = per_row("f", "variable")
    support: np.ndarray = per_row("f", "support", is_whole=True)
    key_ids: np.ndarray = per_row("", "key_id", is_whole=True)
    row_ids: np.ndarray
    algorithm: str = "lime"
    output_names: tuple[str, ...]
    conditions: tuple[str, ...]
    names: FeatureNames
    method: str
    model_path: str
    output_kind: str
    kernel_width: float
    num_samples: int
    num_replicates: int
    link: str = "identity"
    value_kind: str = "shapley"
    groups: tuple[tuple[str, ...], ...] = ()
    row_names: tuple[str, ...] = ()
    classes: tuple[Any, ...] | None = None

    def __init_subclass__(cls) -> None:
        if "kind" in cls.__dict__:
            register(cls)

    @classmethod
    def of_fit(cls, fit: Pytree, **facts: Any) -> Any:
        """The explanations of a `LinearFit` of some rows, on the host, and of all other facts."""
        return cls(
            coef=fit.coef,
            std_error=fit.std_error,
            intercept=np.asarray(fit.intercept, np.float64),
            score=fit.score,
            held_out_score=fit.score if fit.held_out_score is None else fit.held_out_score,
            local_pred=np.asarray(fit.local_pred, np.float64),
            effective_samples=fit.effective_samples,
            support=fit.support.astype(np.int8),
            **facts,
        )

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.coef)

    def take(self, index: object) -> Any:
        """Some rows.

        Args:
            index: a slice, a mask or an array of numbers.

        Returns:
            Explanations of the same kind.

        Example:
            >>> explanations.take([0, 2]).coef.shape
            (2, 1, 2)
        """
        names = (*row_fields(self), "row_ids")
        return dataclasses.replace(
            self, **{name: taken(getattr(self, name), index) for name in names}
        )

    @property
    def expected_value(self) -> np.ndarray:
        """(rows, labels) the intercept: under KernelSHAP the mean output over the background."""
        return self.intercept

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features."""
        return self.names.columns

    @property
    def present(self) -> np.ndarray:
        """(rows, features) which features a row has: all, unless it is told otherwise."""
        return np.ones(self.values.shape, bool)

    @property
    def never_met(self) -> np.ndarray:
        """(rows, features) values that no training row had: no sample tells what they do."""
        return self.support == Support.NONE

    @property
    def listed(self) -> np.ndarray:
        """(rows, labels, features) what views list: all that is selected, and what was never met.

        Of the latter the weight is not known, and views say NaN; `coef` has 0 there.
        """
        return ~np.isnan(self.std_error) | self.never_met[:, None]

    @property
    def shown(self) -> np.ndarray:
        """(rows,) position in `labels` of the output that views show: the predicted class."""
        if self.output_kind == "value" or self.coef.shape[1] == 0:
            return np.zeros(len(self), np.int64)
        return np.take_along_axis(self.prediction, self.labels, axis=1).argmax(1)

    @property
    def outputs(self) -> OutputLabels:
        """What the model's outputs are called, and which of them a label means."""
        return OutputLabels(self.output_names, self.classes)

    def check_comparable(self) -> None:
        """Refuse to compare features over rows that have features of their own."""
        if self.features_by_row:
            several = plural(self.subject)
            raise ValueError(
                f"`importance` and `pick` compare features over {several}, but each of these "
                f"{several} has features of its own: look at one, such as `explanations[0]`."
            )

    def importance(self, label: Scalar = None) -> Importance:
        """How much each feature matters over the data set.

        Args:
            label: class, name or number of an output; None: of each row the predicted one.

        Returns:
            (features,) mean |weight| over the rows, and its standard error as a sample of rows;
            `interval` gives the ends of 95 % intervals.

        Raises:
            ValueError: if `label` was not explained, there are no rows, or these have features of
                their own.

        Example:
            >>> size, error = explanations.importance()
            >>> size.round(3).tolist()
            [1.331, 1.331]
        """
        self.check_comparable()
        if not len(self):
            raise ValueError("`importance`: expected rows to average over, got none")
        rows = np.arange(len(self))
        position = self.positions(rows, label)
        size = np.abs(self.coef[rows, position]).astype(np.float64)
        return Importance(size.mean(0), size.std(0) / np.sqrt(len(self)))

    def keys(self, by: str) -> tuple[np.ndarray, Sequence[Hashable]]:
        """What the features of each row are, so that rows can be compared.

        Args:
            by: "condition", where features have any, or "feature".

        Returns:
            (rows, features) codes, and what each code stands for.

        Raises:
            ValueError: if rows have features of their own.

        Example:
            >>> explanations.keys("feature")[0][0].tolist()
            [0, 1]
        """
        self.check_comparable()
        features = np.broadcast_to(np.arange(self.values.shape[1]), self.values.shape)
        if by == "feature":
            return features, range(self.values.shape[1])
        first = len(self.conditions)
        codes = np.where(self.bins >= 0, self.bins, first + features)
        return codes, range(first + self.values.shape[1])

    def replicates_of(self, row: int) -> int:
        """Replicates that a row's standard errors come from; 0 where exact.

        Args:
            row: its number.

        Returns:
            Neighboring ones of very many count as one; see `stages.designs.group_count`.

        Example:
            >>> explanations.replicates_of(0)
            8
        """
        if self.algorithm == "kernel_shap":
            used = int(self.samples_used[row])
            players = int((~np.isnan(self.std_error[row])).any(0).sum())
            return 0 if used == 2**players else used // 2  # pairs
        if not self.num_replicates:
            return 0
        size = self.num_samples // self.num_replicates
        return group_count(int(self.samples_used[row]) // size)

    def position(self, row: int, label: Scalar) -> int:
        """Where in `labels` an output of a row is.

        Args:
            row: its number.
            label: class, name or number of an output; None: the predicted class.

        Returns:
            Index into the second axis of `coef`.

        Example:
            >>> explanations.position(0, "prediction")
            0
        """
        return int(self.positions(np.array([row]), label)[0])

    def positions(self, rows: np.ndarray, label: Scalar) -> np.ndarray:
        """`position` in some rows."""
        if label is None:
            return self.shown[rows]
        outputs = self.outputs
        is_label = self.labels[rows] == outputs.number(label, "label")
        lost = np.flatnonzero(~is_label.any(axis=1))
        if lost.size:
            row = int(rows[lost[0]])
            explained = [outputs.label(number) for number in self.labels[row]]
            raise ValueError(
                f"`label`: row {row} has explanations of {explained}, got {label!r}; explain it "
                "with `labels`, or with more `top_labels`"
            )
        return is_label.argmax(axis=1)

    def condition(self, row: int, feature: int) -> str:
        """What the weight of a feature is about, in words.

        Args:
            row: its number.
            feature: its number.

        Returns:
            Such as "worst area > 1160.50"; a value that was never in the training rows says so.

        Example:
            >>> explanations.condition(0, 1)
            'hours <= 1.75'
        """
        text = self._condition(row, feature)
        return f"{text} (never in the training rows)" if self.never_met[row, feature] else text

    def _condition(self, row: int, feature: int) -> str:
        name = self.feature_names[feature]
        if self.bins[row, feature] >= 0 and self.conditions:
            return self.conditions[self.bins[row, feature]]
        if self.is_group(feature):
            return name
        if self.conditions or self.groups or self.names.levels[feature] is not None:
            return f"{name} = {self.value(row, feature)}"
        return name

    def is_group(self, feature: int) -> bool:
        """Whether a feature is a group of several columns, which has no one value."""
        return bool(self.groups) and len(self.groups[feature]) != 1

    def value(self, row: int, feature: int) -> str:
        """The row's own value of a feature, as text.

        Args:
            row: its number.
            feature: its number.

        Returns:
            A level's name or a number; nothing for a group of columns, which has several.

        Example:
            >>> explanations.value(0, 1)
            '1.00'
        """
        return self.value_texts(np.array([row]), feature)[0]

    def value_texts(self, rows: np.ndarray, feature: int) -> list[str]:
        """`value` of some rows."""
        if self.is_group(feature):
            return [""] * len(rows)
        return self.names.display_values(feature, self.values[rows, feature])

    def texts(self, feature: int) -> tuple[np.ndarray, list[str], list[str]]:
        """What `condition` and `value` say of a feature in all rows, each text made once.

        Args:
            feature: its number.

        Returns:
            (rows,) codes, and the condition and the value of each code.

        Example:
            >>> codes, conditions, values = explanations.texts(1)
            >>> values[codes[0]]
            '1.00'
        """
        bits = np.ascontiguousarray(self.values[:, feature], np.float64).view(np.int64)
        _, first, codes = np.unique(bits, return_index=True, return_inverse=True)
        bins = self.bins[first, feature]
        if self.conditions and (bins >= 0).all():
            conditions = [self.conditions[k] for k in bins.tolist()]
        else:
            conditions = [self.condition(row, feature) for row in first.tolist()]
        return codes, conditions, self.value_texts(first, feature)
