"""A converted model against itself on the very samples: as it came, it gives the same weights.

Both ways draw the same samples, so that nothing is left to chance: no standard error hides a sample
that the converted model takes for another one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import lime_jax
from tests.differential.models import Model
from tests.differential.settings import Settings
from tests.differential.tables import Table

SAME = 5e-6
"""Of the spread of the outputs: what 32 bits leave of sums of many numbers."""


def weights_both_ways(
    table: Table, model: Model, settings: Settings, rows: Any
) -> tuple[Any, Any, float] | None:
    """Explanations of the converted model and of the model as it came, by the same samples.

    Args:
        table: that is explained.
        model: that may be converted.
        settings: how; all outputs are explained, by all features.
        rows: of the table.

    Returns:
        Both, and the spread of the outputs in the samples; None: it is not converted.
    """
    choices = {k: v for k, v in settings.explainer.items() if k not in ("output", "link")}
    training = table.rows(np.arange(settings.fitted))
    samples = settings.call.get("num_samples")
    options = {"method": "sampled", **({} if samples is None else {"num_samples": samples})}
    outputs: list[np.ndarray] = []

    def as_it_came(batch: Any) -> np.ndarray:
        outputs.append(model.ask(batch))
        return outputs[-1]

    def explain(asked: Any, **more: Any) -> Any:
        explainer = lime_jax.TabularExplainer(**choices, **more)
        explainer.fit(training, sample_weight=settings.sample_weight)
        return explainer.explain(rows, asked, **options)

    converted = explain(model.handed, output=model.output)
    if not converted.model_path.startswith("jax"):
        return None
    return converted, explain(as_it_came), float(np.ptp(np.concatenate(outputs), axis=0).max())


def largest_difference(both: tuple[Any, Any, float]) -> tuple[float, float]:
    """How far the weights of both ways are from one another, and may be."""
    converted, as_it_came, spread = both
    off = np.abs(np.asarray(converted.coef, np.float64) - np.asarray(as_it_came.coef, np.float64))
    return float(off.max()), SAME * spread + 5e-7 * float(np.abs(as_it_came.prediction).max())
