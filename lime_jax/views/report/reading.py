"""What the numbers mean, in plain words."""

from __future__ import annotations

import math

from lime_jax.views.report.numbers import count, r_squared, significant
from lime_jax.views.report.row import OutputsReport, OutputWeights, RowReport


def reading(report: RowReport) -> str:
    """How far to trust the weights: surrogate against model, R², and where they come from."""
    if report.algorithm != "lime":
        return f"{_sum(report)} {_origin_of_shapley_values(report)}"
    return f"{_agreement(report)} {_origin(report)}"


def _sum(report: RowReport) -> str:
    if report.value_kind == "banzhaf":
        return (
            "The weights are Banzhaf values: what each changes on average, whichever of the others "
            "are shown. They need not add up from the expected value "
            f"{significant(report.intercept)}."
        )
    unit = ", in log-odds" if report.link == "logit" else ""
    return (
        "The weights are Shapley values: each is a fair share of what sets this "
        f"{report.subject} apart. All of them add up from the expected value "
        f"{significant(report.intercept)} to {significant(report.local_pred)}{unit}."
    )


def _origin_of_shapley_values(report: RowReport) -> str:
    if report.method == "exact":
        return "They are exact, without sampling noise."
    if report.degrees_of_freedom is None:
        return f"They come from all {count(report.num_samples)} coalitions, without sampling noise."
    return f"They are estimated from {count(report.num_samples)} coalitions."


def _agreement(report: RowReport) -> str:
    model = report.model_output
    sentence = f"The surrogate predicts {significant(report.local_pred)}"
    if model is not None:
        sentence += f" where the model says {significant(model)}"
    if not math.isfinite(report.score):
        return sentence + "."
    if report.score >= 0.9:
        verdict = f"the weights follow the model closely around this {report.subject}."
    elif report.score >= 0.5:
        verdict = f"the weights give the main trend around this {report.subject}, not every detail."
    else:
        verdict = (
            "the weights explain less than half of how the model varies around this "
            f"{report.subject}; read them as average effects, not as a formula for this prediction."
        )
    return f"{sentence}; R² {r_squared(report.score)}: {verdict}"


def agreement(output: OutputWeights, report: OutputsReport) -> str:
    """What the surrogate of an output says, as far as it is known."""
    parts = []
    if math.isfinite(output.local_pred):
        parts.append(f"The surrogate predicts {significant(output.local_pred)}")
        said = dict(report.prediction).get(output.name)
        parts[0] += "" if said is None else f" where the model says {significant(said)}"
    if math.isfinite(output.score):
        parts.append(f"R² {r_squared(output.score)}")
    return "; ".join(parts) + ("." if parts else "")


def _origin(report: RowReport) -> str:
    if report.method == "exact":
        return "They are exact: no samples were drawn, so there is no sampling noise."
    samples = f"They are estimated from {count(report.num_samples)} samples"
    effective = report.effective_samples
    if math.isfinite(effective):
        samples += f", worth {count(effective)} equally weighted ones"
    return samples + "."


def legend(label: str, has_intervals: bool) -> tuple[str, str, str]:
    """The words beside the chart: what raises, what lowers, and what the whiskers are."""
    return (
        f"raises {label}",
        f"lowers {label}",
        "whiskers:\u00a095\u00a0%\u00a0interval" if has_intervals else "",
    )
