"""LIME's limit: a weighted ridge regression on samples, through the model's own answer."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.differential.laws import Law, law_of
from tests.differential.models import Model
from tests.differential.samples import Samples, all_combinations, drawn, native, numbers_of
from tests.differential.settings import Settings
from tests.differential.shapley_oracle import resolution_of
from tests.differential.tables import ROWS, TRAINING, Table

REPLICATES, SIZE = 8, 1024


@dataclasses.dataclass(frozen=True)
class Lime:
    """What LIME has to say of one row, for features that are kept.

    Attributes:
        coef: (outputs, features), 0 where not kept.
        coef_error: its own standard error; 0 where nothing was random.
        sample_error: (outputs, features) standard error of one independent sample's influence.
        intercept: (outputs,).
        intercept_error: its own standard error.
        drawn: random samples that it rests on; inf: all there are.
        spread: of the outputs.
        size: the largest output.
        resolution: of the model's own outputs, where they are 32-bit numbers.
    """

    coef: np.ndarray
    coef_error: np.ndarray
    sample_error: np.ndarray
    intercept: np.ndarray
    intercept_error: np.ndarray
    drawn: float
    spread: float
    size: float
    resolution: float


@dataclasses.dataclass(frozen=True)
class Choices:
    """The settings that make a LIME."""

    sampling: str
    encoding: str
    distance_space: str
    distance: str
    width: float
    alpha: float
    perturbed: np.ndarray


def choices_of(settings: Settings, count: int) -> Choices:
    """The settings, with what stands in for those that were left out."""
    s = settings.explainer
    discretized = s.get("discretizer", "quartile") is not None
    around = s.get("sample_around_instance", False)
    perturbed = np.isin(np.arange(count), s.get("features", range(count)))
    return Choices(
        "around" if around else "bins" if discretized else "normal",
        s.get("encoding") or ("same_bin" if discretized else "standardized"),
        s.get("distance_space") or "encoded",
        s.get("distance", "euclidean"),
        s.get("kernel_width") or 0.75 * count**0.5,
        s.get("alpha", 1.0),
        perturbed,
    )


def lime(
    table: Table,
    model: Model,
    settings: Settings,
    stats: Any,
    kept: np.ndarray,
    num_samples: float,
    size: int = SIZE,
) -> list[Lime]:
    """LIME's limit for every explained row.

    Args:
        table: the table.
        model: that is asked.
        settings: the settings.
        stats: of the explainer, for the edges of its bins.
        kept: (rows, outputs, features) of the surrogates.
        num_samples: whose shrinkage by alpha is wanted; inf: none.
        size: samples in each of the replicates.

    Returns:
        One for each row.
    """
    count = len(table.columns)
    chosen = choices_of(settings, count)
    laws = [law_of(table, k, stats) for k in range(count)]
    x = np.stack(
        [
            c.values[TRAINING:] if c.values.dtype != object else np.zeros(ROWS - TRAINING)
            for c in table.columns
        ],
        axis=1,
    ).astype(np.float64)
    found, shared = [], None
    for place, row in enumerate(range(TRAINING, ROWS)):
        if shared is None or chosen.sampling == "around" or not chosen.perturbed.all():
            samples = None
            if chosen.sampling == "bins":
                samples = all_combinations(laws, chosen.perturbed, row)
            if samples is None:
                samples = drawn(
                    laws, chosen.perturbed, row, x[place], chosen.sampling, REPLICATES, size, row
                )
            shared = samples, model.ask(native(samples, table)), numbers_of(samples, table)
        found.append(_fit(laws, chosen, *shared, row, x[place], kept[place], num_samples))
    return found


def _fit(
    laws: list[Law],
    chosen: Choices,
    samples: Samples,
    y: np.ndarray,
    numbers: np.ndarray,
    row: int,
    x: np.ndarray,
    kept: np.ndarray,
    num_samples: float,
) -> Lime:
    z, origin, feature = variables(laws, chosen.encoding, samples.bins, numbers, row, x)
    points, center = z, origin
    if chosen.distance_space == "standardized" and chosen.encoding != "standardized":
        points, center, _ = variables(laws, "standardized", samples.bins, numbers, row, x)
    kernel = np.exp(-0.5 * (distances(points, center, chosen.distance) / chosen.width) ** 2)
    own = own_variables(laws, chosen.encoding, feature, row)
    # Outputs relative to one of them: what is left has all its digits.
    reference = y[0]
    target = y - reference
    parts = np.arange(len(y)) * max(samples.replicates, 1) // len(y)
    facts = (kept, feature, chosen.alpha / num_samples, own)
    whole = _solve(z, target, samples.mass, kernel, *facts)
    mass = samples.mass * _grown(samples.replicates)
    left_out = [
        _solve(z[parts != r], target[parts != r], mass[parts != r], kernel[parts != r], *facts)
        for r in range(samples.replicates)
    ]
    coef, intercept, influence = whole
    errors = [np.zeros_like(coef), np.zeros_like(intercept)]
    if left_out:
        r = samples.replicates
        for n in range(2):
            parts_n = np.stack([part[n] for part in left_out])
            errors[n] = np.sqrt((r - 1) / r * ((parts_n - parts_n.mean(0)) ** 2).sum(0))
    return Lime(
        coef,
        errors[0],
        influence,
        intercept + reference,
        errors[1],
        float(len(y)) if samples.replicates else np.inf,
        float(np.ptp(target, axis=0).max()),
        float(np.abs(y).max()),
        resolution_of(y),
    )


def _grown(replicates: int) -> float:
    """What weights of all but one replicate are to be multiplied with, to add up as before."""
    return replicates / (replicates - 1) if replicates > 1 else 1.0


def variables(
    laws: list[Law], encoding: str, bins: np.ndarray, numbers: np.ndarray, row: int, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interpretable variables of samples and of the row, and the feature of each."""
    parts, origins, features = [], [], []
    for k, law in enumerate(laws):
        mine = law.bin_of[row]
        if encoding == "one_hot":
            columns = [(bins[:, k] == b) * 1.0 for b in range(len(law.mass))]
            own = [float(b == mine) for b in range(len(law.mass))]
        elif encoding == "same_bin" or law.edges is None:
            columns, own = [((bins[:, k] == mine) & (mine >= 0)) * 1.0], [1.0]
        else:
            columns = [(numbers[:, k] - law.middle) / law.scale]
            own = [(x[k] - law.middle) / law.scale]
        parts += columns
        origins += own
        features += [k] * len(columns)
    return np.stack(parts, axis=1), np.array(origins), np.array(features)


def own_variables(laws: list[Law], encoding: str, feature: np.ndarray, row: int) -> np.ndarray:
    """(features,) the variable whose coefficient is the feature's weight; -1: there is none."""
    own = []
    for k, law in enumerate(laws):
        first, mine = int(np.flatnonzero(feature == k)[0]), int(law.bin_of[row])
        if encoding == "one_hot":
            own.append(first + mine if mine >= 0 else -1)
        else:
            plain = encoding == "standardized" and law.edges is not None
            own.append(first if mine >= 0 or plain else -1)
    return np.array(own)


def distances(points: np.ndarray, center: np.ndarray, metric: str) -> np.ndarray:
    """As scikit-learn has them."""
    if metric == "cosine":
        lengths = np.linalg.norm(points, axis=1) * np.linalg.norm(center)
        cosine = points @ center / np.where(lengths > 0, lengths, 1)
        return np.clip(1 - cosine, 0, 2)
    if metric == "manhattan":
        return np.abs(points - center).sum(axis=1)
    return np.sqrt(((points - center) ** 2).sum(axis=1))


def _solve(
    z: np.ndarray,
    y: np.ndarray,
    mass: np.ndarray,
    kernel: np.ndarray,
    kept: np.ndarray,
    feature: np.ndarray,
    alpha: float,
    own: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients and intercepts of each output, and the spread of one sample's influence."""
    weight = mass * kernel
    share = weight / weight.sum()
    mean_z, mean_y = share @ z, share @ y
    centered, target = z - mean_z, y - mean_y
    outputs, features = kept.shape
    coef, influence = np.zeros((outputs, features)), np.zeros((outputs, features))
    intercept = mean_y.copy()
    varies = share @ centered**2 > 1e-12
    has = own >= 0
    for c in range(outputs):
        used = kept[c][feature] & (own[feature] >= 0) & varies
        if not used.any():
            continue
        x = centered[:, used]
        weighted = x * weight[:, None]
        gram = weighted.T @ x
        inverse = np.linalg.inv(gram + max(alpha, 1e-13 * gram.max()) * np.eye(len(gram)))
        beta = inverse @ (weighted.T @ target[:, c])
        residual = kernel * (target[:, c] - x @ beta)
        full, errors = np.zeros(len(feature)), np.zeros(len(feature))
        full[used] = beta
        errors[used] = np.sqrt(mass @ ((x @ inverse) * residual[:, None]) ** 2)
        coef[c, has], influence[c, has] = full[own[has]], errors[own[has]]
        intercept[c] = mean_y[c] - full @ mean_z
    return coef * kept, intercept, influence * kept
