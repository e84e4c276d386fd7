"""What the numbers mean, in plain words."""

from __future__ import annotations

import math

from lime_jax.report.numbers import count, r_squared, significant
from lime_jax.report.row import RowReport

__all__ = ["legend", "reading"]


def reading(report: RowReport) -> str:
    """How far to trust the weights: surrogate against model, R², and where they come from.

    Args:
        report: the row.

    Returns:
        Two or three sentences, plain text.

    Example:
        >>> row = RowReport("row 0", "yes", [("yes", 0.12)], ["a > 1"], ["2"], [0.1], [0.0],
        ...     0.3, 0.35, 0.39, float("nan"), 0, "exact")
        >>> print(reading(row)[:79])
        The surrogate predicts 0.390 where the model says 0.120; R² 0.35: the weights e
    """
    return f"{_agreement(report)} {_origin(report)}"


def _agreement(report: RowReport) -> str:
    model = report.model_output
    sentence = f"The surrogate predicts {significant(report.local_pred)}"
    if model is not None:
        sentence += f" where the model says {significant(model)}"
    if not math.isfinite(report.score):
        return sentence + "."
    if report.score >= 0.9:
        verdict = "the weights follow the model closely around this row."
    elif report.score >= 0.5:
        verdict = "the weights give the main trend around this row, not every detail."
    else:
        verdict = (
            "the weights explain less than half of how the model varies around this row; read "
            "them as average effects, not as a formula for this prediction."
        )
    return f"{sentence}; R² {r_squared(report.score)}: {verdict}"


def _origin(report: RowReport) -> str:
    if report.method == "exact":
        return "They are exact: a closed form gives them, without sampling noise."
    samples = f"They are estimated from {count(report.num_samples)} samples"
    effective = report.effective_samples
    if math.isfinite(effective):
        samples += f", worth {count(effective)} equally weighted ones"
    return samples + "."


def legend(label: str, has_intervals: bool) -> tuple[str, str, str]:
    """The words beside the chart: what raises, what lowers, and what the whiskers are.

    Args:
        label: the explained output.
        has_intervals: whether any bar has one.

    Returns:
        Three plain texts.

    Example:
        >>> legend("yes", True)
        ('raises yes', 'lowers yes', 'whiskers: 95 % interval')
    """
    return f"raises {label}", f"lowers {label}", "whiskers: 95 % interval" if has_intervals else ""
