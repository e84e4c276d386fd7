"""Samples of a table under LIME's laws: drawn by Sobol points, or all there are."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
from scipy.stats import qmc

from tests.differential.laws import Law, around, draw
from tests.differential.tables import Table

MOST_COMBINATIONS = 4000


@dataclasses.dataclass(frozen=True)
class Samples:
    """Samples, (samples, features).

    Attributes:
        bins: of each column.
        values: in the columns' units, NaN where `cells` says.
        cells: rows of the table whose cell it is; -1: `values` is it.
        mass: (samples,) that each one stands for; adds up to 1.
        replicates: how many independent parts of equal size there are; 0: nothing is random.
    """

    bins: np.ndarray
    values: np.ndarray
    cells: np.ndarray
    mass: np.ndarray
    replicates: int


def all_combinations(laws: list[Law], perturbed: np.ndarray, row: int) -> Samples | None:
    """Every combination of bins that hold one value each; None if there are too many or others.

    Args:
        laws: of the columns.
        perturbed: (features,) which vary; others keep the row's cell.
        row: that is explained.

    Returns:
        The samples.
    """
    if not all(law.is_discrete for law, varies in zip(laws, perturbed, strict=True) if varies):
        return None
    choices = [
        np.flatnonzero(law.mass) if varies else np.array([-1])
        for law, varies in zip(laws, perturbed, strict=True)
    ]
    if np.prod([len(c) for c in choices]) > MOST_COMBINATIONS:
        return None
    bins = np.array(list(itertools.product(*choices)), np.int64)
    mass, cells = np.ones(len(bins)), np.full(bins.shape, row)
    for k, law in enumerate(laws):
        if perturbed[k]:
            mass = mass * law.mass[bins[:, k]]
            cells[:, k] = law.cell[bins[:, k]]
        else:
            bins[:, k] = law.bin_of[row]
    return Samples(bins, np.full(bins.shape, np.nan), cells, mass / mass.sum(), 0)


def drawn(
    laws: list[Law],
    perturbed: np.ndarray,
    row: int,
    x: np.ndarray,
    sampling: str,
    replicates: int,
    size: int,
    seed: int,
) -> Samples:
    """Scrambled Sobol points in independent replicates.

    Args:
        laws: of the columns.
        perturbed: (features,) which vary; others keep the row's cell.
        row: that is explained.
        x: (features,) its numbers.
        sampling: "bins", "normal" or "around".
        replicates: how many.
        size: points of each, a power of two.
        seed: of the scrambling.

    Returns:
        The samples.
    """
    parts = [
        qmc.Sobol(len(laws), seed=np.random.default_rng([seed, part])).random(size)
        for part in range(replicates)
    ]
    uniforms = np.clip(np.concatenate(parts), 1e-9, 1 - 1e-9)
    count = len(uniforms)
    bins, values = np.empty(uniforms.shape, np.int64), np.empty(uniforms.shape)
    cells = np.full(uniforms.shape, -1)
    for k, law in enumerate(laws):
        if not perturbed[k]:
            bins[:, k], values[:, k], cells[:, k] = law.bin_of[row], np.nan, row
        elif sampling == "bins" or law.is_by_frequency:
            bins[:, k], values[:, k] = draw(law, uniforms[:, k])
            cells[:, k] = law.cell[bins[:, k]]
        else:
            middle = law.middle if sampling == "normal" else x[k]
            bins[:, k], values[:, k] = around(law, middle, uniforms[:, k])
    return Samples(bins, values, cells, np.full(count, 1 / count), replicates)


def numbers_of(samples: Samples, table: Table) -> np.ndarray:
    """(samples, features) the numbers of numeric columns, also those that are cells."""
    out = samples.values.copy()
    for k, column in enumerate(table.columns):
        if column.values.dtype != object:
            known = samples.cells[:, k] >= 0
            out[known, k] = column.values[samples.cells[known, k]]
    return out


def native(samples: Samples, table: Table) -> Any:
    """The samples as a table of the same type."""
    if (samples.cells >= 0).all():
        return table.cells(samples.cells)
    numbers = numbers_of(samples, table)
    columns = {}
    for k, name in enumerate(table.names):
        if (samples.cells[:, k] >= 0).all():
            columns[name] = table.take(k, samples.cells[:, k])
        else:
            columns[name] = table.numbers(k, numbers[:, k])
    return table.frame(columns)
