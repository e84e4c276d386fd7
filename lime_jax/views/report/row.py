"""What a report says about one explained row."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from lime_jax.arguments import check_one_of
from lime_jax.views.report.numbers import Number, significant


@dataclasses.dataclass(frozen=True)
class RowReport:
    """One explained row and output, in names and numbers.

    Attributes:
        label: the explained class or output; its prediction is looked up by this name.
        conditions: one text per feature, such as "worst area > 1160.50".
        weights: one per feature, in units of the output.
        std_errors: one per feature, in the same units; 0 or NaN: no interval.
        score: R² of the surrogate; NaN if unknown.
        effective_samples: (sum of weights)² / sum of squared weights; NaN if unknown.
        num_samples: drawn for this explanation; 0 if none.
        degrees_of_freedom: of Student's t for the intervals; None: 1.96 standard errors.
        subject: what is explained, such as "row" or "image".
        heads: what a feature and its value are called.
        algorithm: "lime"; of all others the weights are Shapley values, the intercept is the
            expected value, and samples are coalitions.
        link: "identity", or "logit": weights are in log-odds.
        value_kind: "shapley", or "banzhaf": the weights are Banzhaf values.
    """

    title: str
    label: str
    prediction: Sequence[tuple[str, Number]]
    conditions: Sequence[str]
    values: Sequence[str]
    weights: Sequence[Number]
    std_errors: Sequence[Number]
    intercept: Number
    score: Number
    local_pred: Number
    effective_samples: Number
    num_samples: Number
    method: str
    notes: tuple[str, ...] = ()
    degrees_of_freedom: int | None = None
    subject: str = "row"
    heads: tuple[str, str] = ("condition", "this row")
    algorithm: str = "lime"
    link: str = "identity"
    value_kind: str = "shapley"

    def __post_init__(self) -> None:
        for argument in ("values", "weights", "std_errors"):
            if len(getattr(self, argument)) != len(self.conditions):
                raise ValueError(
                    f"`{argument}` should have one entry per condition ({len(self.conditions)}), "
                    f"got {len(getattr(self, argument))}."
                )
        check_one_of("method", self.method, ("exact", "sampled"))

    @property
    def model_output(self) -> Number | None:
        """The model's value for the explained output, None if it is not among the predictions."""
        return dict(self.prediction).get(self.label)

    @property
    def is_probability(self) -> bool:
        """Whether the predictions are probabilities that sum to 1."""
        values = [value for _, value in self.prediction]
        in_range = all(0 <= value <= 1 for value in values)
        return bool(values) and in_range and math.isclose(sum(values), 1, abs_tol=1e-3)


@dataclasses.dataclass(frozen=True)
class OutputWeights:
    """The weights of one output.

    Attributes:
        conditions: one text per feature.
        half_widths: of the weights' intervals; 0: none.
        local_pred: what the surrogate predicts; NaN if unknown.
        score: R² of the surrogate; NaN if unknown.
    """

    name: str
    conditions: Sequence[str]
    weights: Sequence[float]
    half_widths: Sequence[float]
    local_pred: float = math.nan
    score: float = math.nan


@dataclasses.dataclass(frozen=True)
class OutputsReport:
    """One explained instance with several outputs, and what its kind of data shows of it.

    Attributes:
        prediction: names and numbers; none: they are not shown.
        shown: HTML, such as a table or a text.
    """

    prediction: Sequence[tuple[str, Number]]
    outputs: Sequence[OutputWeights]
    shown: str = ""

    @property
    def title(self) -> str:
        """What the model says, or whose weights there are."""
        if len(self.prediction) == 1:
            return f"The model says {significant(self.prediction[0][1])}"
        if self.prediction:
            return f"The model says {self.highest}"
        return "Weights for " + (", ".join(output.name for output in self.outputs) or "no output")

    @property
    def highest(self) -> str:
        """The name of the largest of the predictions."""
        return max(self.prediction, key=lambda pair: pair[1])[0]

    @property
    def is_probability(self) -> bool:
        """Whether the predictions are probabilities that sum to 1."""
        values = [value for _, value in self.prediction]
        return all(0 <= v <= 1 for v in values) and math.isclose(sum(values), 1, abs_tol=1e-3)
