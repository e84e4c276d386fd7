"""Exact LIME for a few rows of a sum of trees: one pass up the trees and one down, in NumPy.

Of a split, let g be the share of weighted samples that its node's earlier tests leave of its
column, g_l what goes left of it, s and s_l what of these two is in x's own bin; P the share of
samples that reach the node, V_l and V_r the means of the model below. Then the mean of the model is
that at the roots, and the slope of column k, whose variable is 1 for a share q of the samples,

    β_k = Σ over its splits  P (V_l - V_r) (s_l g - s g_l) / g² / (q (1 - q)).

Only a split that has both x's own bin and others on its sides adds something. It is the sum over
boxes (`trees`) in another order, and needs no boxes, no tables of them, and no compilation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Complex128, Float64, Int

from lime_jax.models.structure import TreeSum
from lime_jax.tabular.config import TabularConfig
from lime_jax.tabular.domain import TabularInstance
from lime_jax.tabular.exact.lime.assemble import assemble
from lime_jax.tabular.exact.lime.columns import Setting, columns_of
from lime_jax.tabular.exact.lime.tables import before_rounding, cdf_in_bin, level_codes
from lime_jax.tabular.exact.route import one_by_one
from lime_jax.tabular.exact.splits import Marks, Splits, splits_of
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import Array, Float, LinearFit, pytree

_CELLS_AT_ONCE = 2**22

_SPLITS_AT_ONCE = 2**14
"""Whose numbers a CPU's caches hold."""

_TINY = 1e-300


@dataclasses.dataclass(frozen=True, eq=False)
class TreePasses:
    """A sum of trees and the bins of a table.

    Attributes:
        mass: share of all samples up to each mark.
        within: of each bin, the mark where it begins, and its shares up to the marks inside.
        code: of each bin, its level.
        missing: share of missing numbers in each column.
        held: columns that keep x's own values.
    """

    splits: Splits
    stats: TabularStats
    mass: Float64[np.ndarray, " marks"]
    within: tuple[tuple[int, np.ndarray], ...]
    code: Int[np.ndarray, " bins"]
    missing: Float64[np.ndarray, " features"]
    held: Bool[np.ndarray, " features"]

    def weights(
        self, bins: Int[np.ndarray, "*rows features"], width: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of rows' own bins the chance, and what samples weigh there together and elsewhere."""
        p = np.where(bins >= 0, self.stats.probability[bins], 0.0)
        miss = np.exp(-0.5 / width**2)
        weight = p + (1 - p) * miss
        match = np.where(self.held, 1.0, p / weight)
        return p, match, np.where(self.held, 0.0, miss / weight)

    def sums(
        self,
        x: Float64[np.ndarray, " features"],
        bins: Int[np.ndarray, " features"],
        width: float,
        labels: Int[np.ndarray, " labels"],
    ) -> tuple[Float64[np.ndarray, " labels"], Float64[np.ndarray, "labels features"]]:
        """Means and coefficients of some outputs in one row's neighborhood.

        Args:
            bins: the row's flat bins; -1 for none.
            width: of the kernel.
        """
        p, match, other = self.weights(bins, width)
        (in_bins, own_missing), rest = self._own(x, bins), self.mass.copy()
        for k, place in _places(self.splits.marks):
            rest[place] -= p[k] * in_bins[place]
            rest[place] *= other[k]
            in_bins[place] *= match[k]
        own_missing, rest_missing = match * own_missing, other * (self.missing - p * own_missing)
        missing = rest_missing + 1j * own_missing
        mean, slope = _passes(self.splits, rest + 1j * in_bins, missing, labels)
        variance = match * other * (1 - p)
        return mean, np.where(variance > 0, slope / np.where(variance > 0, variance, 1), 0)

    def _own(self, x: np.ndarray, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """In x's own bins: the shares of samples up to the marks, and of missing ones."""
        marks = self.splits.marks
        in_bins, behind = np.zeros(len(marks)), int(marks.first[-1])
        for k, place in _places(marks):
            block, bin_ = in_bins[place], int(bins[k])
            if place.start >= behind:
                last = 8 * marks.sets.shape[1] - 1
                code = min(int(self.code[bin_]), last) if bin_ >= 0 else last
                some = slice(place.start - behind, place.stop - behind)
                block[:] = marks.sets[some, code >> 3] >> (7 - (code & 7)) & 1
            elif self.held[k]:
                block[1:] = x[k] <= marks.thresholds[k][1:]
            elif bin_ >= 0:
                begin, inside = self.within[bin_]
                block[begin : begin + len(inside)] = inside
                block[begin + len(inside) :] = 1
        is_missing = np.where(
            self.held, np.isnan(x), (bins == self.stats.missing_bin) & (bins >= 0)
        )
        return in_bins, is_missing.astype(np.float64)

    def own_at(
        self, k: int, marks: Int[np.ndarray, "*some"], x: float, bin_: int
    ) -> Float64[np.ndarray, "*some"]:
        """In x's own bin of column `k`: the shares of samples up to some of its marks."""
        known, behind = self.splits.marks, int(self.splits.marks.first[-1])
        if marks.size and marks.flat[0] >= behind:
            last = 8 * known.sets.shape[1] - 1
            code = min(int(self.code[bin_]), last) if bin_ >= 0 else last
            packed = known.sets.ravel()[(marks - behind) * known.sets.shape[1] + (code >> 3)]
            return (packed >> np.uint8(7 - (code & 7)) & 1).astype(float)
        place = marks - known.first[k]
        if self.held[k]:
            return ((place > 0) & (x <= known.thresholds[k][place])).astype(float)
        if bin_ < 0:
            return np.zeros(marks.shape)
        begin, inside = self.within[bin_]
        up_to = np.concatenate([[0.0], inside, [1.0]])
        return up_to[np.clip(place - begin + 1, 0, len(inside) + 1)]

    def own_missing(self, k: int, x: float, bin_: int) -> float:
        """The share of missing numbers there."""
        return float(np.isnan(x) if self.held[k] else 0 <= bin_ == self.stats.missing_bin[k])


def passes_of(trees: TreeSum, stats: TabularStats, config: TabularConfig) -> TreePasses:
    """What does not depend on rows or kernel widths.

    Args:
        config: of which only held columns matter: samples come from bins.
    """
    held = config.held_columns(stats.num_features)
    splits = splits_of(trees, held | (stats.missing_bin >= 0))
    marks, mass = splits.marks, np.zeros(len(splits.marks))
    within = [(0, np.zeros(0))] * stats.num_bins
    code = np.concatenate([level_codes(stats, k) for k in range(stats.num_features)])
    for k, place in _places(marks):
        bins = range(int(stats.offsets[k]), int(stats.offsets[k + 1]))
        if place.start >= marks.first[-1]:
            start = place.start - int(marks.first[-1])
            mass[place] = _mass_of_sets(
                marks.sets[start : start + len(mass[place])],
                code[bins.start : bins.stop],
                np.asarray(stats.probability[bins.start : bins.stop], np.float64),
            )
            continue
        known = marks.thresholds[k]
        ends = before_rounding(known, np.full(len(known), k), stats) - stats.center[k]
        for bin_ in bins:
            begin, inside = within[bin_] = cdf_in_bin(ends, stats, bin_)
            mass[place][begin : begin + len(inside)] += stats.probability[bin_] * inside
            mass[place][begin + len(inside) :] += stats.probability[bin_]
    numeric = (stats.missing_bin >= 0) & ~np.asarray(stats.categorical)
    missing = np.where(numeric, stats.probability[stats.missing_bin], 0.0)
    return TreePasses(splits, stats, mass, tuple(within), code, missing, held)


def _places(marks: Marks) -> Iterator[tuple[int, slice]]:
    """The marks of each column that is tested: at thresholds, then of sets."""
    for k in np.flatnonzero(np.diff(marks.first)).tolist():
        yield k, marks.of_column(k)
    behind = int(marks.first[-1])
    for k in np.unique(marks.set_column[1:]).tolist():
        sets = marks.sets_of(k)
        yield k, slice(behind + sets.start, behind + sets.stop)


def _mass_of_sets(packed: np.ndarray, code: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Share of samples whose level is in each set."""
    code = np.minimum(code, 8 * packed.shape[1] - 1)
    parts = np.array_split(packed, -(-len(packed) * 8 * packed.shape[1] // _CELLS_AT_ONCE))
    return np.concatenate([np.unpackbits(part, axis=1)[:, code] @ p for part in parts])


def _passes(
    splits: Splits,
    share: Complex128[np.ndarray, " marks"],
    missing: Complex128[np.ndarray, " features"],
    labels: Int[np.ndarray, " labels"],
) -> tuple[Float64[np.ndarray, " labels"], Float64[np.ndarray, "labels features"]]:
    """Means of outputs, and their slopes times the variances of the variables.

    Args:
        share: of samples elsewhere than in x's own bins up to each mark; as imaginary part of
            those in them, which are read along with it.
        missing: likewise of missing numbers.
    """
    goes_left, tilt = np.empty((2, len(splits)))
    for start in range(0, len(splits), _SPLITS_AT_ONCE):
        some = slice(start, start + _SPLITS_AT_ONCE)
        whole, left = _at_splits(splits, some, share, missing)
        size = np.real(whole) + np.imag(whole) + _TINY  # where nothing comes nothing goes left
        np.divide(np.real(left) + np.imag(left), size, out=goes_left[some])
        # Of a narrow kernel the first is far below the second: their sum would lose its digits.
        more = np.imag(left) * np.real(whole) - np.imag(whole) * np.real(left)
        np.divide(more / size, size, out=tilt[some])
    features, outputs = len(missing), len(splits.base)
    one_of_each = len(splits.value) == outputs
    roots, step = _upwards(splits, goes_left, splits.value[labels] if one_of_each else splits.value)
    weight = _downwards(splits, goes_left) * tilt
    if one_of_each:
        slopes = [np.bincount(splits.column, weight * some, features) for some in step]
        # Sums of nothing are whole numbers to `bincount`: trees may be leaves alone.
        return roots.sum(1) + splits.base[labels], np.stack(slopes).astype(np.float64, copy=False)
    mean, slope = splits.base.copy(), np.zeros(features * outputs)
    place = splits.column * outputs + splits.output[: len(splits)]
    for number, (root, some) in enumerate(zip(roots, step, strict=True)):
        mean += np.bincount(splits.output[len(splits) :] + number, root, outputs)
        slope += np.bincount(place + number, weight * some, len(slope))
    return mean[labels], slope.reshape(features, outputs).T[labels]


def _at_splits(
    splits: Splits, some: slice, at_marks: np.ndarray, missing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What comes to some splits, and what goes left."""
    below = at_marks[splits.lower[some]]
    whole, left = at_marks[splits.upper[some]], at_marks[splits.test[some]]
    whole -= below
    left -= below
    can_miss = np.flatnonzero(splits.missing[some] >= 0)
    if len(can_miss):
        come = missing[splits.column[some][can_miss]]
        whole[can_miss] += come
        left[can_miss] += np.where(splits.missing[some][can_miss] == 1, come, 0)
    return whole, left


def _upwards(
    splits: Splits, goes_left: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means of outputs at the roots, and by how much they differ left and right of each split."""
    step = np.empty((len(value), len(splits)))
    below = value[:, splits.nodes[-2] : splits.nodes[-1]]
    for level in reversed(range(len(splits.inner))):
        inner, part = splits.inner[level], slice(*splits.start[level : level + 2])
        left, right = below[:, : len(inner)], below[:, len(inner) :]
        step[:, part] = left - right
        below = value[:, splits.nodes[level] : splits.nodes[level + 1]].copy()
        below[:, inner] = right + goes_left[part] * step[:, part]
    return below, step


def _downwards(splits: Splits, goes_left: np.ndarray) -> np.ndarray:
    """Share of samples that reach each split."""
    reach = np.empty(len(splits))
    come = np.ones(splits.nodes[1])
    for level, inner in enumerate(splits.inner):
        part = slice(*splits.start[level : level + 2])
        reach[part] = come[inner]
        left = reach[part] * goes_left[part]
        come = np.concatenate([left, reach[part] - left])
    return reach


@pytree
class PassRows:
    """Rows with the sums that their passes made, of the outputs that are asked for."""

    instances: TabularInstance
    mean: Float[Any, "rows labels"]
    coef: Float[Any, "rows labels features"]


def sum_rows(
    passes: TreePasses,
    instances: TabularInstance,
    values: Float64[np.ndarray, "rows features"],
    width: float,
    labels: Int[np.ndarray, "rows labels"],
) -> PassRows:
    """The sums of some rows, each by itself.

    Args:
        values: the rows as the model takes them.
        width: of the kernel.
    """

    def sums(x: np.ndarray, bins: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return passes.sums(x, bins, width, asked)

    mean, coef = zip(*one_by_one(sums, values, instances.bins, labels), strict=True)
    float_ = jnp.result_type(float)
    return PassRows(instances, np.stack(mean).astype(float_), np.stack(coef).astype(float_))


@pytree
class PassForm:
    """What is left to do where the sums are known; see `ClosedForm`."""

    setting: Setting

    @property
    def rows_at_once(self) -> int:
        """See `ClosedForm`."""
        return 8

    def explain_block(
        self,
        instances: PassRows,
        labels: Int[Array, "rows labels"],
        variance: Float[Array, "rows labels"] | None = None,
    ) -> LinearFit:
        """Explanations of a block of rows; see `ClosedForm`."""
        every = jnp.broadcast_to(jnp.arange(labels.shape[1]), labels.shape)
        columns = columns_of(instances.instances, self.setting)
        mean, coef = instances.mean, instances.coef
        return assemble(mean, coef, columns, every, variance, self.setting)
