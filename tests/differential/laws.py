"""The law of a sample's columns: bins by their frequencies, truncated normals inside them.

The edges are the explainer's; frequencies, moments and limits are worked out here, in NumPy and
SciPy, from the training rows.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from tests.differential.tables import TRAINING, Table


@dataclasses.dataclass(frozen=True)
class Law:
    """Bins of one column, and how samples are made in them.

    Attributes:
        edges: between the bins of numbers; None: the bins are levels.
        mass: of each bin; that of missing numbers comes last, if there are any.
        cell: a training row whose cell is what the bin holds, -1 where it holds several values.
        mean: of each bin's numbers.
        std: likewise.
        lower: smallest number of the bin.
        upper: largest.
        middle: mean of the column.
        scale: standard deviation of the column, 1 where that is 0.
        step: what samples are multiples of, 1 for whole numbers; 0: of nothing.
        bin_of: bin of every row of the table, -1 where there is none.
    """

    edges: np.ndarray | None
    mass: np.ndarray
    cell: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    middle: float
    scale: float
    step: float
    bin_of: np.ndarray

    @property
    def is_discrete(self) -> bool:
        """Whether each bin holds one value."""
        return bool((self.cell >= 0).all())

    @property
    def is_by_frequency(self) -> bool:
        """Whether a column is drawn from its values whatever the sampling."""
        several = len(np.unique(self.cell[self.mass > 0])) > 1
        return self.edges is None or (self.is_discrete and several)


def law_of(table: Table, column: int, stats: Any) -> Law:
    """The law of a column.

    Args:
        table: its training rows make the law.
        column: its number.
        stats: of the explainer, for the edges.

    Returns:
        The law.
    """
    if table.categorical[column]:
        return _levels(table.columns[column].values)
    first, last = int(stats.offsets[column]), int(stats.offsets[column + 1])
    values = table.columns[column].values
    known = np.unique(values[:TRAINING][~np.isnan(values[:TRAINING])])
    has_missing = int(np.isnan(values[:TRAINING]).any())
    edges = np.asarray(stats.upper_edge[first : last - 1 - has_missing]) + stats.center[column]
    return _numbers(table, column, _snapped(edges, known), _step_of(stats, column))


def _step_of(stats: Any, column: int) -> float:
    return float(stats.step[column]) if hasattr(stats, "step") else 0.0


def _snapped(edges: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Edges that are training values but for the rounding of a difference, made so."""
    if not len(known):
        return edges
    place = np.clip(np.searchsorted(known, edges), 1, max(len(known) - 1, 1))
    around = known[np.minimum(np.stack([place - 1, place]), len(known) - 1)]
    nearest = np.where(np.abs(around[0] - edges) <= np.abs(around[1] - edges), around[0], around[1])
    return np.where(np.abs(nearest - edges) <= 4 * np.spacing(np.abs(nearest)), nearest, edges)


def _levels(values: np.ndarray) -> Law:
    keys = [None if value is None or value != value else value for value in values.tolist()]
    found = dict.fromkeys(keys[:TRAINING])
    cell = np.array([keys.index(level) for level in found])
    mass = np.array([keys[:TRAINING].count(level) for level in found]) / TRAINING
    number = {level: n for n, level in enumerate(found)}
    bin_of = np.array([number.get(key, -1) for key in keys])
    zero = np.zeros(len(cell))
    return Law(None, mass, cell, zero, zero, zero, zero, 0.0, 1.0, 0.0, bin_of)


def _numbers(table: Table, column: int, edges: np.ndarray, step: float) -> Law:
    values = table.columns[column].values
    training = values[:TRAINING]
    present = training[~np.isnan(training)]
    codes = np.searchsorted(edges, present, side="left")
    bins = len(edges) + 1
    mass, mean, std = np.zeros(bins), np.zeros(bins), np.zeros(bins)
    cell = np.full(bins, -1)
    for b in range(bins):
        inside = present[codes == b]
        mass[b] = len(inside) / TRAINING
        if len(inside):
            mean[b], std[b] = inside[0] + (inside - inside[0]).mean(), inside.std()
            if np.ptp(inside) == 0:
                cell[b], std[b] = np.flatnonzero(training == inside[0])[0], 0.0
        else:
            cell[b] = 0  # is never drawn
    low, high = (present.min(), present.max()) if len(present) else (0.0, 0.0)
    first, last = edges, edges
    if step > 0:  # the first number above an edge, and the last one that is not
        first = step * (np.floor(edges / step) + 1)
        last = first - step
    lower, upper = np.append(low, first), np.append(last, high)
    bin_of = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="left"))
    missing = np.isnan(training)
    if missing.any():
        mass = np.append(mass, missing.mean())
        cell = np.append(cell, np.flatnonzero(missing)[0])
        mean, std, lower, upper = (np.append(a, np.nan) for a in (mean, std, lower, upper))
        bin_of = np.where(np.isnan(values), bins, bin_of)
    bin_of = np.where((bin_of >= 0) & (mass[bin_of] > 0), bin_of, -1)
    spread = present.std() if len(present) and np.ptp(present) > 0 else 0.0
    middle = present[0] + (present - present[0]).mean() if len(present) else 0.0
    scale = spread if spread > 0 else 1.0
    return Law(edges, mass, cell, mean, std, lower, upper, middle, scale, step, bin_of)


def draw(law: Law, uniforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bins and numbers of samples from the bins; NaN where a bin's value is that of a cell.

    Args:
        law: of the column.
        uniforms: in (0, 1).

    Returns:
        Bins, and numbers.
    """
    cumulative = np.cumsum(law.mass)
    cumulative[np.flatnonzero(law.mass)[-1] :] = 1.0
    bins = np.searchsorted(cumulative, uniforms, side="left")
    rest = (uniforms - (cumulative[bins] - law.mass[bins])) / law.mass[bins]
    values = np.full(len(bins), np.nan)
    wide = law.cell[bins] < 0
    mean, std = law.mean[bins][wide], law.std[bins][wide]
    low, high = law.lower[bins][wide], law.upper[bins][wide]
    # The law of a whole number ends half a step outside.
    start, stop = (ndtr((ends - mean) / std) for ends in (low - law.step / 2, high + law.step / 2))
    level = start + np.clip(rest[wide], 1e-12, 1 - 1e-12) * (stop - start)
    inside = stepped(law, mean + std * ndtri(level))
    # Bins do not hold their lower edge, but for the first one.
    is_open = (bins[wide] > 0) & (law.step == 0)
    values[wide] = np.clip(inside, np.where(is_open, np.nextafter(low, np.inf), low), high)
    return bins, values


def around(law: Law, middle: float, uniforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bins and numbers of samples that are normal, as wide as the column.

    Args:
        law: of the column.
        middle: their mean.
        uniforms: in (0, 1).

    Returns:
        Bins, and numbers.
    """
    values = stepped(law, middle + law.scale * ndtri(uniforms))
    if law.step > 0:
        values = np.clip(values, np.nanmin(law.lower), np.nanmax(law.upper))
    assert law.edges is not None
    return np.searchsorted(law.edges, values, side="left"), values


def stepped(law: Law, values: np.ndarray) -> np.ndarray:
    """The nearest multiples of the column's step."""
    return np.round(values / law.step) * law.step if law.step > 0 else values
