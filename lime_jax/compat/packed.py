"""Fits to samples as our own explanations, with standard errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lime_jax.compat.lime_base import ALPHA, LimeBase
from lime_jax.compat.scores import LocalPrediction, Score
from lime_jax.compat.weighted import WeightedData
from lime_jax.results.explanation import Explanation
from lime_jax.results.explanations import Explanations
from lime_jax.results.names import FeatureNames


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """A neighborhood and what the model says of it; the first sample is what is explained.

    Attributes:
        data: (samples, columns).
        outputs: (samples, outputs).
        distances: (samples,) from the first one.
    """

    data: Any
    outputs: np.ndarray
    distances: np.ndarray


def explain_labels(
    explanation: Any, base: Any, samples: Samples, labels: Sequence[int], **options: object
) -> None:
    """Fill in an explanation, label by label, by whatever `base` does."""
    scores, predictions = {}, {}

    def explain() -> None:
        for label in labels:
            found = base.explain_instance_with_data(
                samples.data, samples.outputs, samples.distances, label, **options
            )
            explanation.intercept[label], explanation.local_exp[label] = found[:2]
            scores[label] = float(found[2])
            predictions[label] = float(np.asarray(found[3]).reshape(-1)[0])

    if isinstance(base, LimeBase):
        with base._sharing(samples.data, np.asarray(base.kernel_fn(samples.distances))):
            explain()
    else:
        explain()
    if labels:
        explanation.score = Score.of(scores)
        explanation.local_pred = LocalPrediction.of(predictions)


def is_plain(base: object) -> bool:
    """Whether explanations are ridges that nobody has changed."""
    changed = {"explain_instance_with_data", "feature_selection", "forward_selection"}
    return type(base) is LimeBase and not changed & set(vars(base))


def packed(
    kind: type[Explanations],
    explanation: Any,
    base: Any,
    samples: Samples,
    facts: Mapping[str, Any],
    regressor: Any = None,
) -> Explanation | None:
    """An explanation of samples as one of our own, which knows its errors.

    Those of weights that a regressor or `base` of somebody else's found are those of least squares.

    Args:
        facts: of the kind of data, and `values`, `names`, `output_names`, `output_kind`.
        regressor: that found the weights; None: `base` did.

    Returns:
        None where weights are of something else than columns of the samples.
    """
    labels, (count, columns) = list(explanation.local_exp), samples.data.shape
    if not labels or not _are_columns(explanation, columns):
        return None
    weights = np.asarray(getattr(base, "kernel_fn", np.ones_like)(samples.distances), np.float64)
    alpha = ALPHA if regressor is None and is_plain(base) else 0.0
    coef, errors = _with_errors(explanation, samples, weights, alpha)
    by_label = {
        "intercept": explanation.intercept,
        "score": explanation.score,
        "local_pred": explanation.local_pred,
    }
    facts = {
        "bins": np.full((1, columns), -1, np.int32),
        "support": np.zeros((1, columns), np.int8),
        "conditions": (),
        **facts,
    }
    arrays = kind(
        coef=coef,
        std_error=errors,
        **{
            name: np.array([[float(numbers[label]) for label in labels]])
            for name, numbers in by_label.items()
        },
        held_out_score=np.full((1, len(labels)), np.nan),
        prediction=samples.outputs[:1],
        effective_samples=np.array([weights.sum() ** 2 / (weights**2).sum()]),
        samples_used=np.array([count]),
        labels=np.array([labels], np.int64) % samples.outputs.shape[1],
        variables=np.asarray(samples.data[:1], np.float32),
        key_ids=np.zeros(1, np.uint32),
        row_ids=np.zeros(1, np.int64),
        method="sampled",
        model_path="host: called as `lime` calls it",
        kernel_width=_width_of(base),
        num_samples=count,
        num_replicates=0,
        **facts,
    )
    return arrays[0]


def _are_columns(explanation: Any, columns: int) -> bool:
    """Whether what weights are of are numbers of columns."""
    features = [pair[0] for pairs in explanation.local_exp.values() for pair in pairs]
    return all(isinstance(k, int | np.integer) and 0 <= k < columns for k in features)


def _with_errors(
    explanation: Any, samples: Samples, weights: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """(1, labels, columns) weights, 0 where not selected, and their errors, NaN there."""
    shape = 1, len(explanation.local_exp), samples.data.shape[1]
    coef, errors = np.zeros(shape), np.full(shape, np.nan)
    data = WeightedData(samples.data, weights)
    for place, (label, pairs) in enumerate(explanation.local_exp.items()):
        used = np.array([feature for feature, _ in pairs], np.int64)
        coef[0, place, used] = found = np.array([weight for _, weight in pairs], np.float64)
        some, outputs = data.columns(used), samples.outputs[:, label]
        errors[0, place, used] = some.std_errors(outputs, found, alpha)
    return coef, errors


def names_of(noun: str, count: int) -> FeatureNames:
    """Features by number."""
    return FeatureNames(tuple(f"{noun} {number}" for number in range(count)))


def output_kind_of(outputs: np.ndarray) -> str:
    """What outputs are: probabilities of all classes, or other numbers."""
    in_range = bool(((outputs >= 0) & (outputs <= 1)).all())
    return "probability" if in_range and np.allclose(outputs.sum(1), 1, atol=1e-5) else "value"


def _width_of(base: LimeBase) -> float:
    words = getattr(getattr(base, "kernel_fn", None), "keywords", {})
    return float(words.get("kernel_width") or float("nan"))
