"""`LimeTabularExplainer` by our own explainer of tables: all rows in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lime_jax.compat import tables
from lime_jax.compat.explanation import Explanation
from lime_jax.compat.kernels import exponential_kernel
from lime_jax.compat.outputs import called, label_numbers
from lime_jax.compat.packed import is_plain
from lime_jax.compat.scores import LocalPrediction, Score
from lime_jax.compat.table_state import TableExplainer
from lime_jax.compat.table_stats import is_known, stats_of
from lime_jax.compat.tables import Asked
from lime_jax.models.functions import why_on_device
from lime_jax.results.explanations import Explanations
from lime_jax.stages.kernels import METRICS
from lime_jax.tabular import frames
from lime_jax.tabular.explainer import TabularExplainer

_DESIGNS = {"gaussian": "sobol", "lhs": "latin_hypercube"}
_SEEDS = 2**31 - 1


def is_ours(owner: TableExplainer, asked: Asked) -> bool:
    """Whether nothing of somebody else's comes in."""
    base = owner.base
    kernel = getattr(base, "kernel_fn", None)
    is_exponential = getattr(kernel, "func", None) is exponential_kernel
    return (
        is_plain(base)
        and is_exponential
        and asked.model_regressor is None
        and asked.distance_metric in METRICS
        and asked.num_samples > 1
        and (owner.discretizer is None or is_known(owner.discretizer))
        and not owner.draws_otherwise
    )


class EngineTables:
    """The explainer of our own behind one of `lime`'s, made when it is first needed."""

    def __init__(self) -> None:
        self._explainer: TabularExplainer | None = None
        self._discretizer: Any = None

    def explain(
        self, owner: TableExplainer, rows: np.ndarray, predict_fn: object, asked: Asked
    ) -> list[Explanation]:
        """Explanations of all rows."""
        if not len(rows):
            return []
        explainer = self._explainer_of(owner)
        model, first = opened(owner, rows, predict_fn)
        is_class = owner.mode == "classification"
        wanted = asked.labels if is_class and not asked.top_labels else ()
        numbers, _ = label_numbers(wanted, None, first, owner.class_names)
        names = owner.class_names if is_class else None
        fits = names is not None and len(names) == len(first)
        kernel_width = owner.base.kernel_fn.keywords["kernel_width"]
        explainer.set_params(
            mode=owner.mode,
            class_names=list(map(str, names)) if fits and names is not None else None,
            feature_selection=owner.feature_selection,
            kernel_width=float(kernel_width),
            distance=asked.distance_metric,
            design=_DESIGNS[asked.sampling_method],
            seed=seed_of(owner),
        )
        found = explainer.explain(
            rows,
            model,
            num_features=asked.num_features,
            num_samples=asked.num_samples,
            method="auto" if owner.exact else "sampled",
            progress=False,
            **as_asked(model, asked, owner.mode, numbers),
        )
        results = _started(owner, rows, found)
        limits = None if is_class else _limits(explainer, model)
        for k, result in enumerate(results):
            fill(result, found, k, asked, numbers)
            if limits is not None:
                value = result.predicted_value
                result.min_value = min(limits[0], value)
                result.max_value = max(limits[1], value)
                tables.both_signs(result)
            if owner.base.verbose:
                tell(result, found, k)
        return results

    def _explainer_of(self, owner: TableExplainer) -> TabularExplainer:
        if self._explainer is None or self._discretizer is not owner.discretizer:
            stats = stats_of(
                owner.discretizer,
                owner.feature_values,
                owner.feature_frequencies,
                owner.numbers,
            )
            in_bins = owner.discretizer is not None
            explainer = TabularExplainer(
                discretizer="quartile" if in_bins else None,
                sample_around_instance=owner.sample_around_instance and not in_bins,
                feature_names=list(map(str, owner.feature_names)),
            )
            self._explainer, self._discretizer = explainer.fit(stats), owner.discretizer
        return self._explainer


def _limits(explainer: TabularExplainer, model: Any) -> tuple[float, float]:
    """Between what a regression's outputs are: those it gave, or those of some typical rows."""
    if isinstance(model, Converted):
        return model.least, model.most
    rows = frames.decode(explainer.schema_, explainer.learned.samples.typical_rows())
    outputs = np.asarray(model(rows), np.float64)
    return float(outputs.min()), float(outputs.max())


def seed_of(owner: TableExplainer) -> int:
    """A number from the explainer's random state, and from its discretizer's."""
    drawn = int(owner.random_state.randint(_SEEDS))
    other = getattr(owner.discretizer, "random_state", None)
    return drawn if other is None else (drawn + 3 * int(other.randint(_SEEDS))) % _SEEDS


def opened(
    owner: TableExplainer, rows: Any, predict_fn: object, as_it_is: bool = False
) -> tuple[Any, np.ndarray]:
    """The model as it is to be called, and what it says of the first row.

    Samples are so few that most models answer sooner than they are converted and compiled; one
    that is asked for closed forms, or is a JAX function, is handed on `as_it_is`.
    """
    call = called(predict_fn, owner.mode)
    raw = call(rows[:1])
    outputs = owner.checked_outputs(raw, 1)
    as_it_is = as_it_is or owner.exact or why_on_device(call) is not None
    if as_it_is and np.asarray(raw).reshape(1, -1).shape == outputs.shape:
        return call, outputs[0]
    return Converted(owner, call), outputs[0]


class Converted:
    """A model whose outputs are made what they should be, and remembered between which they are."""

    def __init__(self, owner: TableExplainer, model: Callable[..., Any]) -> None:
        self.owner, self.model = owner, model
        self.least, self.most = np.inf, -np.inf

    def __call__(self, rows: Any) -> np.ndarray:
        """(rows, outputs)."""
        owner = self.owner
        count = rows.shape[0]  # also of sparse ones
        outputs = tables.checked_outputs(self.model(rows), count, owner.mode, owner.class_names)
        self.least = min(self.least, float(outputs.min(initial=np.inf)))
        self.most = max(self.most, float(outputs.max(initial=-np.inf)))
        return outputs


def _started(owner: TableExplainer, rows: np.ndarray, found: Explanations) -> list[Explanation]:
    """Explanations of all rows without weights; their bins are looked up together."""
    scaled = (rows - owner.scaler.mean_) / owner.scaler.scale_
    bins = None if owner.discretizer is None else owner.discretizer.discretize(rows)
    results = []
    for k, row in enumerate(rows):
        row_bins = None if bins is None else bins[k]
        started = owner.started(row, found.prediction[k], scaled[k], row_bins)
        started.result = found[k]
        results.append(started)
    return results


def fill(
    result: Explanation, found: Explanations, row: int, asked: Asked, numbers: Sequence[int]
) -> None:
    """The weights of the labels that are asked for."""
    there = found.labels[row].tolist()
    if result.mode == "classification":
        labels = there if asked.top_labels else [n % found.prediction.shape[1] for n in numbers]
        result.top_labels = list(labels) if asked.top_labels else None
    else:
        labels = [0]
    scores, predictions = {}, {}
    # `lime` fits the highest of `top_labels` last.
    for label in reversed(labels) if asked.top_labels else labels:
        place = there.index(label)
        weights, errors = found.coef[row, place], found.std_error[row, place]
        selected = np.flatnonzero(~np.isnan(errors))
        order = selected[np.argsort(-np.abs(weights[selected]), kind="stable")]
        result.local_exp[label] = [(int(k), float(weights[k])) for k in order]
        result.intercept[label] = float(found.intercept[row, place])
        scores[label] = float(found.score[row, place])
        predictions[label] = float(found.local_pred[row, place])
    if labels:
        result.score, result.local_pred = Score.of(scores), LocalPrediction.of(predictions)


def tell(result: Explanation, found: Explanations, row: int) -> None:
    """What `verbose` prints of each label."""
    for label, local_pred in result.local_pred.items():
        print("Intercept", result.intercept[label])
        print("Prediction_local", np.array([local_pred]))
        print("Right:", found.prediction[row, label])


def as_asked(
    model: Callable[..., object], asked: Asked, mode: str, numbers: Sequence[int]
) -> Mapping[str, Any]:
    """`labels` and `top_labels` of our own explainers, where outputs go by their classes."""
    if mode != "classification":
        return {"labels": None}
    if asked.top_labels:
        return {"top_labels": int(asked.top_labels)}
    owner = getattr(model, "__self__", model)
    classes = getattr(owner, "classes_", None)
    if classes is None:
        return {"labels": list(numbers)}
    try:
        return {"labels": np.asarray(classes)[list(numbers)].tolist()}
    except (IndexError, TypeError):
        return {"labels": None}  # all of them, and some are left out later
