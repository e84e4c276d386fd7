"""Series: `compat.RecurrentTabularExplainer` against `lime`'s, and what `SeriesExplainer` takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.clock import Watched, median_seconds, seconds
from benchmarks.peer import lime_series_explainer
from benchmarks.record import Record
from lime_jax import SeriesExplainer, jax_predict
from lime_jax.compat.lime_tabular import RecurrentTabularExplainer

NAMES = ("a", "b", "c", "d")
HOW = (
    "Normal series of 200 steps and 4 features, 500 of them to learn from, a logistic model of all "
    "numbers; quartiles, 10 features, 5,000 samples (ours 5,120, with standard errors)"
)


def records(quick: bool) -> Iterator[Record]:
    steps, count, repeats = (6, 2, 1) if quick else (200, 64, 3)
    options = {"num_samples": 64} if quick else {}
    rng = np.random.default_rng(0)
    series = rng.normal(size=(30 if quick else 500, steps, len(NAMES)))
    slopes = rng.normal(size=(steps, len(NAMES))) / np.sqrt(steps)
    on_host, on_device = _models(slopes)
    settings = {"feature_names": NAMES, "class_names": ["no", "yes"]}
    explainer = RecurrentTabularExplainer(series, **settings)
    limes = lime_series_explainer(series, **settings)
    peer = median_seconds(lambda: limes.explain_instance(series[0], on_host, **options), repeats)
    rows = series[:count]
    what = f"series of {steps} steps, 4 features"
    for name, some, model, target in (
        (f"compat, {count} {what}, in one call", rows, on_host, 100),
        (f"compat, {count} {what}, in one call, JAX model", rows, on_device, 100),
    ):
        time = _seconds(lambda s=some, m=model: explainer.explain_instances(s, m, **options))
        yield _record(name, time / len(some), peer, target)
    yield from _alone(explainer, limes, rows, on_host, what, repeats, options)
    of_series = SeriesExplainer(segments=10)
    for which, model in (("", on_host), (", JAX model", on_device)):
        time = _seconds(lambda m=model: of_series.explain(rows, m, **options))
        name = f"SeriesExplainer, 10 segments, {count} {what}{which}"
        yield _record(name, time / count, peer, None)


def _alone(
    explainer: Any,
    limes: Any,
    rows: np.ndarray,
    model: Any,
    what: str,
    repeats: int,
    options: dict[str, int],
) -> Iterator[Record]:
    """One series a call: the same numbers, and the time that the model has no part in."""
    wholes, owns = [], []
    for one in (explainer, limes):
        watched = Watched(model)

        def explain(one: Any = one, watched: Any = watched) -> None:
            one.explain_instance(rows[0], watched, **options)

        explain()
        watched.seconds = 0.0
        took = [seconds(explain) for _ in range(repeats)]
        wholes.append(sum(took) / repeats)
        owns.append((sum(took) - watched.seconds) / repeats)
    for name, (ours, peer) in (
        (f"compat, one of the {what}", wholes),
        (f"compat, one of the {what}, time beyond the model's own", owns),
    ):
        how = f"The same numbers and 5,000 samples of the same series and models. {repeats} calls."
        yield Record(name, ours, peer, peer / ours, "s", how)


def _models(slopes: np.ndarray) -> tuple[Any, Any]:
    """One model, on the host and on the device."""
    import jax
    import jax.numpy as jnp

    def on_host(batch: np.ndarray) -> np.ndarray:
        chance = 1 / (1 + np.exp(-np.tensordot(batch, slopes, 2)))
        return np.stack([1 - chance, chance], axis=1)

    @jax_predict
    def on_device(batch: Any) -> Any:
        chance = jax.nn.sigmoid(jnp.tensordot(batch, jnp.asarray(slopes, batch.dtype), 2))
        return jnp.stack([1 - chance, chance], axis=1)

    return on_host, on_device


def _seconds(ours: Any) -> float:
    """Warm."""
    ours()
    return median_seconds(ours, 3)


def _record(name: str, time: float, peer: float, target: float | None) -> Record:
    how = f"{HOW}. Medians of 3."
    ours, theirs = 1 / time, 1 / peer
    return Record(name, ours, theirs, ours / theirs, "series/s", how, at_least=target)
