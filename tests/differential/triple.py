"""One triple: made from a seed, explained, and set against the oracles."""

from __future__ import annotations

import dataclasses
import re
import traceback
import warnings
from typing import Any

import numpy as np
from scipy.stats import norm, t

import lime_jax
from tests.differential.itself import largest_difference, weights_both_ways
from tests.differential.lime_oracle import SIZE, lime
from tests.differential.models import Model, make_model
from tests.differential.settings import Settings, make_settings
from tests.differential.shapley_oracle import Shapley, shapley
from tests.differential.tables import ROWS, TRAINING, Table, make_table

FAMILY = 20
"""Seeds whose tables have columns of the same kinds, and whose settings share what compiles."""

EXACT = 1e-5
"""Of the largest weight, where nothing is random."""

FIVE = float(norm.sf(5))
NAMES_ITS_ARGUMENT = re.compile(r"`\w+`")
# Warnings that an explainer is documented to give.
DOCUMENTED = (
    "rest on few samples",
    "should be probabilities",
    "are not settled",
    "float32",
    "were not in the training rows",
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a triple.

    Attributes:
        seed: that makes it again.
        kind: "exact", "sampled", "refused" and an argument, or what is wrong.
        failed: whether it is wrong.
        what: the triple in short.
        detail: numbers, or the message.
    """

    seed: int
    kind: str
    failed: bool
    what: str
    detail: str = ""

    def __str__(self) -> str:
        """One line."""
        return f"{self.seed}: {self.kind}: {self.what}: {self.detail}"


class WrongError(AssertionError):
    """Numbers that do not agree."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail


def make(seed: int) -> tuple[Table, Model, Settings]:
    """The triple of a seed; neighbors are of one family, so that they share compiled programs."""
    kin, rng = np.random.default_rng([seed // FAMILY, 3]), np.random.default_rng([seed, 11])
    table = make_table(kin, rng)
    model = make_model(rng, table)
    return table, model, make_settings(kin, rng, table, model)


def run(seed: int, size: int = SIZE, both_ways: bool = True) -> Result:
    """Explain one triple and judge it.

    Args:
        seed: of the triple.
        size: samples in each replicate of the oracle of LIME.
        both_ways: whether a converted model is also set against itself, as it came.

    Returns:
        What came of it.
    """
    table, model, settings = make(seed)
    what = f"{table} | {model.name} | {settings}"
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            rows = table.rows(np.arange(TRAINING, ROWS))
            explainer, found = _explain(table, model, settings, rows)
            _check_prediction(found, model, rows)
            _check_labels(found, model, settings)
            if settings.explainer.get("algorithm") == "kernel_shap":
                _check_shapley(found, shapley(table, model, settings))
            else:
                _check_lime(found, table, model, settings, explainer.stats_, size)
            if both_ways:
                _check_both_ways(table, model, settings, rows)
        except WrongError as error:
            return Result(seed, error.kind, True, what, error.detail)
        except ValueError as error:
            argument = NAMES_ITS_ARGUMENT.search(str(error))
            if _is_ours(error) and argument:
                return Result(seed, f"refused {argument[0]}", False, what, str(error))
            return Result(seed, *_crash(error), what, _message(error))
        except Exception as error:
            return Result(seed, *_crash(error), what, _message(error))
    return Result(seed, found.method, False, what)


def _explain(table: Table, model: Model, settings: Settings, rows: Any) -> tuple[Any, Any]:
    options = dict(settings.call)
    explainer = lime_jax.TabularExplainer(**settings.explainer)
    explainer.fit(table.rows(np.arange(settings.fitted)), sample_weight=settings.sample_weight)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            found = explainer.explain(rows, model.handed, **options)
        except ValueError as error:
            if options["method"] != "exact" or "`method`" not in str(error):
                raise
            found = explainer.explain(rows, model.handed, **{**options, "method": "auto"})
    for warning in given:
        text = str(warning.message)
        known = any(part in text for part in DOCUMENTED)
        if "lime_jax" in str(warning.filename) and not known:
            raise WrongError("warning", f"{warning.category.__name__}: {text[:200]}")
    return explainer, found


def _is_ours(error: Exception) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return "lime_jax" in frames[-1].filename


def _crash(error: Exception) -> tuple[str, bool]:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/lime_jax/" in frame.filename]
    where = f"{ours[-1].filename.rpartition('/')[2]}" if ours else "oracle"
    return f"{type(error).__name__} in {where}", True


def _message(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{error} at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}"[:300]


def _check_prediction(found: Any, model: Model, rows: Any) -> None:
    expected = model.ask(rows)
    got = np.asarray(found.prediction, np.float64)
    if got.shape != expected.shape:
        raise WrongError("prediction shape", f"{got.shape}, the model's own {expected.shape}")
    off = np.abs(got - expected).max()
    if not off <= 2e-6 * np.abs(expected).max():
        raise WrongError(
            "prediction", f"off by {off:.3g} of {np.abs(expected).max():.3g} ({found.model_path})"
        )


def _check_labels(found: Any, model: Model, settings: Settings) -> None:
    """A label is a class: the output explained is that of the class asked for."""
    if "labels" in settings.call and found.prediction.shape[1] == len(model.classes or ()):
        asked = [list(model.classes or ()).index(label) for label in settings.call["labels"]]
        if np.asarray(found.labels).tolist() != [asked] * len(found):
            raise WrongError(
                "labels",
                f"{settings.call['labels']} of {model.classes}: explained "
                f"{np.asarray(found.labels)[0].tolist()}",
            )


def _check_shapley(found: Any, truth: Shapley) -> None:
    coef = np.asarray(found.coef, np.float64)
    labels = np.asarray(found.labels)[:, :, None]
    expected = np.take_along_axis(truth.values, labels, axis=1)
    base = np.take_along_axis(truth.base, labels[:, :, 0], axis=1)
    if coef.shape != expected.shape:
        raise WrongError("shape", f"{coef.shape}, expected {expected.shape}")
    scale = np.abs(truth.values).max()
    least = EXACT * scale + truth.resolution + _noise(truth)
    _check_base(found, base, least + (2e-6 if _on_device(found) else 1e-9) * truth.size)
    _check_sum(found, least + (EXACT if _on_device(found) else 2e-7) * truth.size)
    claimed = np.nan_to_num(np.asarray(found.std_error, np.float64))
    allowed = np.full(coef.shape, least)
    if found.num_replicates:
        free = max(found.num_replicates - coef.shape[2], 1)
        missed = np.take_along_axis(_not_additive(truth), labels[..., 0], 1)[:, :, None]
        allowed = allowed + np.maximum(float(t.isf(FIVE, free)) * claimed, missed)
    _judge(f"shapley {found.method}", found, coef, expected, allowed, scale)


def _check_both_ways(table: Table, model: Model, settings: Settings, rows: Any) -> None:
    """A converted model gives the weights that it gives as it came."""
    both = weights_both_ways(table, model, settings, rows)
    if both is None:
        return
    off, allowed = largest_difference(both)
    if not off <= allowed:
        raise WrongError(
            f"converted {settings.explainer.get('algorithm', 'lime')}",
            f"weights off by {off:.3g}, allowed {allowed:.3g} ({both[0].model_path})",
        )


def _noise(truth: Any) -> float:
    """What sums of outputs leave over, where these are all the same and nothing else is to see."""
    return (1e-12 if truth.spread > 0 else 1e-7) * truth.size


def _on_device(found: Any) -> bool:
    return found.model_path.startswith("jax")


def _not_additive(truth: Shapley) -> np.ndarray:
    """(rows, outputs) what no sum of columns explains: a few coalitions may not show it."""
    players = truth.values.shape[2]
    shown = (np.arange(2**players)[:, None] >> np.arange(players)[::-1]) & 1
    additive = truth.base[:, None] + np.einsum("cp,rop->rco", shown, truth.values)
    return np.abs(truth.worth - additive).max(axis=1)


def _check_sum(found: Any, allowed: float) -> None:
    """The surrogate says at the row what its parts add up to; KernelSHAP: what the model says."""
    parts = np.asarray(found.coef, np.float64) * np.asarray(found.variables, np.float64)[:, None]
    total = np.asarray(found.intercept, np.float64) + parts.sum(axis=2)
    expected = np.asarray(found.local_pred, np.float64)
    if found.algorithm == "kernel_shap":
        expected = np.take_along_axis(found.prediction, np.asarray(found.labels), axis=1)
        if found.link == "logit":
            shares = np.clip(expected, 1e-6, 1 - 1e-6)
            expected = np.log(shares / (1 - shares))
    off = np.abs(total - expected).max()
    if not off <= allowed:
        raise WrongError("sum", f"off by {off:.3g}, allowed {allowed:.3g} ({found.model_path})")


def _check_base(found: Any, expected: np.ndarray, allowed: float) -> None:
    off = np.abs(np.asarray(found.intercept, np.float64) - expected).max()
    if not off <= allowed:
        raise WrongError(
            f"intercept {found.method}",
            f"off by {off:.3g}, allowed {allowed:.3g} ({found.model_path})",
        )


def _check_lime(
    found: Any, table: Table, model: Model, settings: Settings, stats: Any, size: int
) -> None:
    exact = found.method == "exact"
    kept_labels = ~np.isnan(np.asarray(found.std_error, np.float64))
    outputs = found.prediction.shape[1]
    kept = np.zeros((len(found), outputs, kept_labels.shape[2]), bool)
    labels = np.asarray(found.labels)
    for place in range(len(found)):
        kept[place, labels[place]] = kept_labels[place]
    used = float("inf") if exact else float(found.num_samples)
    truths = lime(table, model, settings, stats, kept, used, size)
    score = np.asarray(found.score, np.float64)
    if np.nanmax(score, initial=0) > 1 + 1e-5:
        raise WrongError("score above 1", f"{np.nanmax(score):.6g}")
    for place, truth in enumerate(truths):
        chosen = labels[place]
        coef = np.asarray(found.coef, np.float64)[place]
        expected = truth.coef[chosen]
        scale = max(np.abs(truth.coef).max(), 1e-3 * truth.spread)
        # What alpha takes off depends on the weight of the samples, which is random itself.
        least = (EXACT if exact else 5e-4) * scale + truth.resolution + _noise(truth)
        # A step of the model that hardly any sample is beyond shows in none, or in one too many.
        least = least + 3 * truth.spread / truth.drawn
        allowed = least + float(t.isf(FIVE, 7)) * truth.coef_error[chosen]
        claimed = np.nan_to_num(np.asarray(found.std_error, np.float64)[place])
        _check_sum(found[[place]], least + 2e-7 * truth.size)
        if exact:
            off = np.abs(np.asarray(found.intercept)[place] - truth.intercept[chosen])
            error = float(t.isf(FIVE, 7)) * truth.intercept_error[chosen]
            if not (off <= least + error + 2e-6 * truth.size).all():
                raise WrongError(
                    "intercept of lime exact", f"off by {off.max():.3g} of {scale:.3g}"
                )
        else:
            allowed = allowed + 6 * truth.spread / found.num_samples * np.isfinite(truth.drawn)
            own = allowed + 5 * truth.sample_error[chosen] / np.sqrt(found.num_samples)
            told = allowed + float(t.isf(FIVE, max(found.num_replicates - 1, 1))) * claimed
            rare = np.asarray(found.support)[place] != 0
            rare = rare & (np.asarray(found.support)[place] != _full())
            allowed = np.where(rare, own, np.minimum(own, told))
        _judge(f"lime {found.method}", found, coef, expected, allowed, scale)


def _full() -> int:
    from lime_jax.typing import Support

    return int(Support.FULL)


def _judge(
    kind: str, found: Any, coef: np.ndarray, expected: np.ndarray, allowed: Any, scale: float
) -> None:
    off = np.abs(coef - expected)
    wrong = ~(off <= allowed)
    if wrong.any():
        worst = np.unravel_index(np.argmax(np.where(wrong, off, -1)), off.shape)
        path = "jax" if _on_device(found) else "host"
        raise WrongError(
            f"{kind} on {path}",
            f"{int(wrong.sum())} of {off.size} weights, worst off by {off[worst]:.3g} of "
            f"{scale:.3g}: {coef[worst]:.6g}, expected {expected[worst]:.6g} +- "
            f"{np.broadcast_to(allowed, off.shape)[worst]:.2g} ({found.model_path})",
        )
