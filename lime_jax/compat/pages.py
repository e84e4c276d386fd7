"""What an explanation looks like: read from what it holds when it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lime_jax.fits.intervals import interval_half_widths
from lime_jax.optional import require
from lime_jax.views.plots import explanation_bars
from lime_jax.views.plots.canvas import figure_size
from lime_jax.views.report import OutputsReport, OutputWeights, outputs_fragment, outputs_page


def page(explanation: object, labels: object, proba: bool, value: bool, options: object) -> str:
    """A page of its own."""
    return outputs_page(_report(explanation, labels, proba, value, options))


def fragment(explanation: object, labels: object, proba: bool, value: bool, options: object) -> str:
    """For a notebook's rich output."""
    return outputs_fragment(_report(explanation, labels, proba, value, options))


def figure(explanation: Any, label: Any, figsize: object, options: Any) -> Any:
    """Bars of one label, on a figure that pyplot knows."""
    pyplot = require("matplotlib.pyplot", extra="plots", needed_by="a plot")
    pairs = explanation.as_list(label, **options)
    names = [str(name) for name, _ in pairs]
    size = figure_size(names, plot_width=4.6) if figsize is None else figsize
    drawn = pyplot.figure(figsize=size, layout="constrained")
    title = "Local explanation"
    if explanation.mode == "classification":
        title += f" for class {_name_of(explanation, label)}"
    weights = np.array([weight for _, weight in pairs], np.float64)
    explanation_bars(names, weights, None, title=title, ax=drawn.add_subplot())
    return drawn


def _report(explanation: Any, labels: Any, proba: bool, value: bool, options: Any) -> OutputsReport:
    is_class = explanation.mode == "classification"
    if labels is None:
        labels = explanation.available_labels() if is_class else [explanation.dummy_label]
    if not is_class:
        labels = [explanation.dummy_label]
    labels = list(labels)
    shown = ""
    if labels:
        mapper = explanation.domain_mapper
        shown = mapper.visualize_instance_html(
            explanation.local_exp[labels[0]], labels[0], "raw_div", "exp", **options
        )
    return OutputsReport(
        prediction=_prediction(explanation, proba if is_class else value),
        outputs=[_weights_of(explanation, label) for label in labels],
        shown=shown if shown.lstrip().startswith("<") else "",  # no scripts of others
    )


def _name_of(explanation: Any, label: object) -> str:
    if explanation.mode != "classification":
        return "the prediction"
    names = explanation.class_names
    is_number = isinstance(label, int | np.integer)
    if names is None or not is_number or not -len(names) <= label < len(names):
        return str(label)
    return str(names[label])


def _weights_of(explanation: Any, label: Any) -> OutputWeights:
    pairs = explanation.local_exp[label]
    errors = np.array([_error_of(explanation, label, *pair) for pair in pairs], np.float64)
    fitted = label if explanation.mode == "classification" else 0
    freedom = None
    if explanation.result is not None:
        replicates = explanation.result.explanations.replicates_of(explanation.result.row)
        freedom = replicates - 1 if replicates else None
    return OutputWeights(
        name=_name_of(explanation, label),
        conditions=[str(name) for name, _ in explanation.as_list(label)],
        weights=[float(weight) for _, weight in pairs],
        half_widths=interval_half_widths(errors, freedom).tolist(),
        local_pred=_of_label(explanation, explanation.local_pred, fitted),
        score=_of_label(explanation, explanation.score, fitted),
    )


def _error_of(explanation: Any, label: Any, feature: Any, weight: float) -> float:
    """Standard error of a weight that was not edited; 0 where none is known."""
    known, error = explanation.in_result(label, feature)
    return error if known == weight and not np.isnan(error) else 0.0


def _prediction(explanation: Any, wanted: bool) -> list[tuple[str, float]]:
    if not wanted:
        return []
    if explanation.mode != "classification":
        value = explanation.predicted_value
        return [] if value is None else [("the prediction", float(value))]
    if explanation.predict_proba is None:
        return []
    numbers = np.asarray(explanation.predict_proba, np.float64).reshape(-1)
    return [(_name_of(explanation, k), float(p)) for k, p in enumerate(numbers)]


def _of_label(explanation: Any, numbers: object, label: object) -> float:
    """A score or a prediction of one label: by label, or of the only one; NaN if unknown."""
    by_label = getattr(numbers, "by_label", None) or numbers
    if isinstance(by_label, Mapping):
        return float(by_label.get(label, np.nan))
    is_only = len(explanation.local_exp) == 1 or explanation.mode != "classification"
    values = np.asarray(np.nan if numbers is None else numbers, np.float64).reshape(-1)
    return float(values[-1]) if len(values) and is_only else float("nan")
