"""One table through `fit` and `explain`."""

from __future__ import annotations

import contextlib
import dataclasses
import traceback
import warnings
from typing import Any

import numpy as np

import lime_jax
from tests.strange_tables import tables


@dataclasses.dataclass(frozen=True)
class Found:
    """What became of a seed: `kind` is "answer", "refused" or "WRONG", `said` the words."""

    seed: int
    kind: str
    said: str = ""
    where: str = ""


def case(seed: int) -> tuple[dict[str, Any], dict[str, Any], Any, Any, Any]:
    """Settings, options of `explain`, the table, its targets, and the rows to explain."""
    rng = np.random.default_rng(seed)
    make = tables.LIBRARIES[rng.integers(len(tables.LIBRARIES))]
    count, width = int(rng.choice([1, 2, 3, 8])), int(rng.integers(1, 4))
    if rng.random() < 0.02:
        count, width = int(rng.integers(0, 2)), int(rng.integers(0, 2))
    state = rng.integers(2**32)
    table = make(np.random.default_rng(state), count, width)
    rows = table[:2]  # of a list, frame or table as of an array
    if rng.random() < 0.2:  # other rows, of the same columns if fortune wills it
        again = np.random.default_rng(state if rng.random() < 0.5 else state + 1)
        rows = make(again, 2, width)[:2]
    settings: dict[str, Any] = {"seed": 1}
    y = None
    kind = rng.integers(10)
    if kind == 0:
        settings["algorithm"] = "kernel_shap"
    elif kind == 1:
        settings["discretizer"] = None
    elif kind == 2:
        settings["discretizer"] = "decile"
    elif kind == 3:
        settings.update(discretizer=None, sample_around_instance=True)
    elif kind == 4:
        settings["discretizer"], y = "entropy", np.arange(count) % 2
    options: dict[str, Any] = {"num_samples": 64, "progress": False}
    if rng.random() < 0.1:
        options["num_features"] = 1
    return settings, options, table, y, rows


def model(batch: Any) -> np.ndarray:
    """Numbers from the size of the batch alone."""
    return np.arange(len(batch)) * 0.37 % 1.0


def run(seed: int) -> Found:
    """Fit and explain; whatever comes but an answer or a named argument is wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        settings, options, table, y, rows = case(seed)
        try:
            explainer = lime_jax.TabularExplainer(**settings).fit(table, y)
            explanations = explainer.explain(rows, model, **options)
            with contextlib.suppress(ImportError):
                explanations.to_pandas()
            explanations[0].as_list()
        except ValueError as error:
            if str(error).startswith("`"):
                return Found(seed, "refused", str(error))
            return _wrong(seed, error)
        except Exception as error:
            return _wrong(seed, error)
    if not np.isfinite(explanations.coef).all():
        return Found(seed, "WRONG", "a weight is not finite")
    return Found(seed, "answer")


def _wrong(seed: int, error: Exception) -> Found:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if "/lime_jax/" in one.filename]
    where = f"{ours[-1].filename.split('/lime_jax/')[-1]}:{ours[-1].lineno}" if ours else ""
    return Found(seed, "WRONG", f"{type(error).__name__}: {error}", where)
