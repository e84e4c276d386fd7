"""Noise of weights of words against `lime`'s at equal samples, and whether error bars tell it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.stats import t as student_t

from benchmarks.record import Record, smaller
from lime_jax import TextExplainer

SPLIT = r"\W+"


def records(text: str, model: Any, quick: bool) -> Iterator[Record]:
    """Of one text, for its highest class; the truth is the mean of long runs."""
    seeds, runs, long = (2, 2, 2**13) if quick else (100, 8, 2**19)
    samples = 512 if quick else 5120
    label = int(model.predict_proba([text])[0].argmax())
    truth = np.mean([_ours(text, model, label, 10_000 + k, long)[0] for k in range(runs)], axis=0)
    found = [_ours(text, model, label, seed, samples) for seed in range(seeds)]
    coef, errors = (np.stack(part) for part in list(zip(*found, strict=True))[:2])
    replicates = found[0][2]
    peer = np.stack([_limes(text, model, label, seed, samples) for seed in range(seeds // 2)])
    ours, limes = (float(np.sqrt(((one - truth) ** 2).mean())) for one in (coef, peer))
    words = len(truth)
    how = (
        f"Root mean square error of the weights of {words} words over {seeds} seeds (`lime`: "
        f"{seeds // 2}) at {samples:,} samples; the truth is the mean of {runs} runs of {long:,}. "
    )
    spread = float(np.sqrt(1 / (2 * words * len(peer))))  # of the ratio, by chance
    how += f"By chance the ratio is off by {spread:.1%}."
    name = f"LIME text, {words} words"
    yield smaller(f"{name}: error at equal samples", ours, limes, "", how, 1 + 2 * spread)
    within = np.abs(coef - truth) <= student_t.ppf(0.975, replicates - 1) * errors
    covered = 100 * float(within.mean())
    how = f"Of {within.size:,} weights, from {replicates} replicates; the same runs."
    yield Record(
        f"{name}: 95 % intervals that hold the truth",
        *(covered, None, covered, "%", how),
        at_least=93,
        at_most=97,
    )


def _ours(
    text: str, model: Any, label: int, seed: int, samples: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Weights, standard errors, and replicates."""
    explainer = TextExplainer(split=SPLIT, seed=seed)
    found = explainer.explain(text, model, labels=[label], num_samples=samples)
    return found.coef[0, 0], found.std_error[0, 0], found.num_replicates


def _limes(text: str, model: Any, label: int, seed: int, samples: int) -> np.ndarray:
    """`lime`'s weights, of the same words in the same order: of their first places."""
    from lime.lime_text import LimeTextExplainer

    explained = LimeTextExplainer(random_state=seed).explain_instance(
        text, model.predict_proba, labels=[label], num_features=10**6, num_samples=samples
    )
    found = dict(explained.local_exp[label])
    return np.array([found[k] for k in range(len(found))])
