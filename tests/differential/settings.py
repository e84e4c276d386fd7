"""Settings of an explainer and of one call."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.differential.columns import Generator
from tests.differential.models import Model
from tests.differential.tables import TRAINING, Table

BACKGROUND = 12


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a model is explained.

    Attributes:
        explainer: arguments of `TabularExplainer`.
        call: options of `explain`.
        fitted: number of rows, from the first on, that `fit` is given.
        sample_weight: (fitted,) of these; None: all equal.
    """

    explainer: dict[str, Any]
    call: dict[str, Any]
    fitted: int
    sample_weight: np.ndarray | None = None

    def __str__(self) -> str:
        """In short."""
        weighted = ", weighted" if self.sample_weight is not None else ""
        return f"{self.explainer} {self.call} of {self.fitted} rows{weighted}"


def make_settings(kin: Generator, rng: Generator, table: Table, model: Model) -> Settings:
    """Random settings.

    Args:
        kin: to draw what a family of triples shares: what other programs are compiled for.
        rng: to draw the rest from.
        table: that is explained.
        model: likewise.

    Returns:
        The settings.
    """
    count = len(table.columns)
    shared: dict[str, Any] = {"seed": int(rng.integers(0, 1000))}
    if table.levels:
        shared["categorical_features"] = list(table.levels)
    if model.output is not None:
        shared["output"] = model.output
    if count > 1 and kin.random() < 0.12:
        shared["features"] = sorted(kin.choice(count, int(kin.integers(1, count)), False).tolist())
    lime, kernel_shap = _of_lime(kin, table), _of_kernel_shap(kin, count, shared)
    weight = rng.integers(0, 4, BACKGROUND) + 0.5 if kin.random() < 0.1 else None
    call = _labels(rng, model)
    call["method"] = str(rng.choice(["auto", "sampled", "exact"], p=[0.7, 0.2, 0.1]))
    if rng.random() < 0.33:
        if rng.random() < 0.2:
            lime["kernel_width"] = float(rng.choice([0.8, 1.5, 4.0]))
        if rng.random() < 0.1:
            lime["alpha"] = float(rng.choice([0.0, 20.0]))
        if rng.random() < 0.1:
            call["num_features"] = int(rng.integers(1, count + 1))
        return Settings({**shared, **lime}, {**call, "num_samples": 1024}, TRAINING)
    if rng.random() < (0.3 if model.is_probability else 0.01):
        kernel_shap["link"] = "logit"
    if count > 3 and rng.random() < 0.05:
        call["num_samples"] = 20
    return Settings({**shared, **kernel_shap}, call, BACKGROUND, weight)


def _labels(rng: Generator, model: Model) -> dict[str, Any]:
    chance = rng.random()
    if model.classes is not None and chance < 0.12:
        chosen = model.classes[int(rng.integers(len(model.classes)))]
        return {"labels": [chosen.item() if hasattr(chosen, "item") else chosen]}
    return {"top_labels": 1} if chance < 0.2 else {}


def _of_kernel_shap(kin: Generator, count: int, shared: dict[str, Any]) -> dict[str, Any]:
    chosen: dict[str, Any] = {"algorithm": "kernel_shap"}
    if count > 2 and kin.random() < 0.15 and "features" not in shared:
        chosen["groups"] = [sorted(kin.choice(count, 2, False).tolist())]
    return chosen


def _of_lime(kin: Generator, table: Table) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    chance, plain = kin.random(), kin.random() < 0.4
    if plain or (table.has_missing_numbers and kin.random() < 0.9):  # those need bins
        return chosen
    if chance < 0.15:
        chosen["discretizer"] = "decile"
    elif chance < 0.45:
        chosen["discretizer"] = None
    if kin.random() < 0.25:
        chosen["sample_around_instance"] = True
    if kin.random() < 0.2 and chosen.get("discretizer", "") is not None:
        chosen["encoding"] = str(kin.choice(["one_hot", "standardized"]))
    if kin.random() < 0.12:
        chosen["distance_space"] = "standardized"
    if kin.random() < 0.15:
        chosen["distance"] = str(kin.choice(["manhattan", "cosine"]))
    if kin.random() < 0.2:
        chosen["design"] = str(kin.choice(["iid", "latin_hypercube"]))
    return chosen
