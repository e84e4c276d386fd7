"""Noise: errors of the coefficients over many seeds, and whether our own error bars tell them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
from scipy.stats import t as student_t

from benchmarks import cases
from benchmarks.cases import Case
from benchmarks.peer import lime_coefficients, lime_explainer
from benchmarks.record import Record, smaller
from lime_jax import TabularExplainer
from lime_jax.typing import Support


def records(quick: bool) -> Iterator[Record]:
    size = Size(seeds=2, truth_runs=4, truth_samples=2**14) if quick else Size()
    trees = 10 if quick else 100
    forest = cases.breast_cancer_forest(trees)
    binary = cases.binary_logistic()
    mixed = cases.categorical_forest(trees)
    yield noise("breast cancer, random forest", forest, size, target=0.5)
    yield noise("30 binary columns, logistic, balanced", binary, size, target=1.05)
    unbalanced = cases.binary_logistic(mean_log_odds=1.0)
    yield noise("30 binary columns, logistic, unbalanced", unbalanced, size, target=1.05)
    per_row = dataclasses.replace(size, truth_samples=size.truth_samples // 8)
    smooth = cases.logistic(20)
    for name, case, around, runs in (
        ("forest, shared samples", forest, False, size),
        ("logistic, shared samples", smooth, False, size),
        ("30 binary columns, shared samples", binary, False, size),
        ("categorical columns, shared samples", mixed, False, size),
        ("forest, samples around each row", forest, True, per_row),
        ("logistic, samples around each row", smooth, True, per_row),
        ("categorical columns, around each row", mixed, True, per_row),
    ):
        yield from coverage(name, case, runs, around)


@dataclasses.dataclass(frozen=True)
class Size:
    """How much to measure: by default 40 seeds, the truth from 8 million samples."""

    rows: int = 4
    seeds: int = 40
    truth_runs: int = 16
    truth_samples: int = 2**19


@dataclasses.dataclass(frozen=True)
class Truth:
    """Long runs' mean (rows, features), and the mean square of its own error."""

    coef: np.ndarray
    squared_error: float


@functools.cache
def truth_of(case: Case, size: Size, around: bool) -> Truth:
    """Coefficients without noise or shrinkage, from seeds that no measurement uses."""
    seeds = range(10_000, 10_000 + size.truth_runs)
    runs = np.stack([_ours(case, size, s, size.truth_samples, around)[0] for s in seeds])
    return Truth(runs.mean(0), float(runs.var(0, ddof=1).mean() / len(runs)))


def _ours(
    case: Case, size: Size, seed: int, num_samples: int, around: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients and standard errors of the second class, and their support."""
    explainer = TabularExplainer(
        discretizer=None if around else "quartile",
        sample_around_instance=around,
        categorical_features=case.categorical,
        seed=seed,
    ).fit(case.X_train)
    found = explainer.explain(
        case.X_test[: size.rows], case.predict, labels=[1], num_samples=num_samples
    )
    return found.coef[:, 0], found.std_error[:, 0], found.support


def _root_mean_square(errors: np.ndarray, truth: Truth) -> float:
    """RMSE, less what the truth itself is wrong by."""
    return float(np.sqrt((errors**2).mean() - truth.squared_error))


def noise(name: str, case: Case, size: Size, target: float) -> Record:
    """RMSE at 4,096 model calls against lime's at 5,000."""
    truth = truth_of(case, size, around=False)
    ours = np.stack([_ours(case, size, seed, 4096, around=False)[0] for seed in range(size.seeds)])
    theirs = []
    for seed in range(size.seeds):
        explainer = lime_explainer(case, seed, feature_selection="none")
        theirs.append(
            [lime_coefficients(explainer, x, case.predict) for x in case.X_test[: size.rows]]
        )
    return smaller(
        f"noise: {name}",
        _root_mean_square(ours - truth.coef, truth),
        _root_mean_square(np.array(theirs) - truth.coef, truth),
        "RMSE",
        f"RMSE of all {case.X_train.shape[1]} weights, pooled over {size.rows} rows and "
        f"{size.seeds} seeds: ours at 4,096 model calls, lime's at 5,000, all features kept. "
        f"Truth: mean of {size.truth_runs} runs of {size.truth_samples:,} samples with other "
        f"seeds; its own error ({truth.squared_error**0.5:.1e}) is subtracted.",
        target=target,
    )


def coverage(name: str, case: Case, size: Size, around: bool) -> Iterator[Record]:
    """How often 95 % intervals hold the truth, and how the standard error compares with RMSE."""
    truth = truth_of(case, size, around)
    runs = [_ours(case, size, seed, 4096, around) for seed in range(size.seeds)]
    coef, std_error, support = map(np.stack, zip(*runs, strict=True))
    errors = coef - truth.coef
    half_width = student_t.ppf(0.975, 8 - 1) * std_error
    covered = 100 * float((np.abs(errors) <= half_width).mean())
    full = support == Support.FULL
    how = (
        f"4,096 samples in 8 replicates (Student t, 7 degrees of freedom), pooled over "
        f"{size.rows} rows, {size.seeds} seeds and {coef.shape[2]} weights, none left out; "
        f"{(~full).mean():.1%} of them rest on rare levels. Truth: {size.truth_runs} runs of "
        f"{size.truth_samples:,} samples."
    )
    yield Record(
        f"95 % intervals: {name}", covered, None, covered, "%", how, at_least=93, at_most=97
    )
    rmse = _root_mean_square(errors, truth)
    quadratic = float(np.sqrt((std_error**2).mean()))
    by_weight = std_error.mean(0) / np.sqrt((errors**2).mean(0))
    yield Record(
        f"standard error over RMSE: {name}",
        float(std_error.mean()),
        rmse,
        float(std_error.mean()) / rmse,
        "",
        "Mean of the same standard errors over the RMSE of the same weights (in the peer's "
        f"column). Pooled alike, root mean square over root mean square: {quadratic / rmse:.2f}; "
        f"weight by weight, on average: {by_weight.mean():.2f}.",
        at_least=0.9,
        at_most=1.1,
    )
