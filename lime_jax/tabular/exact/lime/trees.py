"""Exact LIME for sums of trees.

The chance of a box is a product over columns, and a column's coefficient is the derivative of that
product in its own factor, times the coefficient of the factor: β = Σ value · d · Π others. No
factor is ever divided by, because it may be 0.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from lime_jax.engine import budget
from lime_jax.tabular.domain import TabularInstance
from lime_jax.tabular.exact.lime.assemble import assemble
from lime_jax.tabular.exact.lime.columns import Columns, Setting, columns_of, interval
from lime_jax.tabular.exact.lime.tree_tables import Chunk, Interval, TreeTables
from lime_jax.typing import Array, Float, Int, LinearFit, Pytree, pytree

UNROLLED = 16
"""Longer products are made in a loop, which compiles faster."""


@pytree
class _Rows:
    """What conditions ask of some rows, rows on the last axis.

    Attributes:
        code: x's bin within its column, -1 for none.
        step: how much the kernel adds to the chance of x's own bin.
        values: x's own, relative to `center`.
    """

    code: Int[Array, "features rows"]
    step: Float[Array, "features rows"]
    columns: Columns
    values: Float[Array, "features rows"]


@pytree
class TreeForm:
    """A sum of trees, explained in closed form; see `ClosedForm`."""

    tables: TreeTables
    setting: Setting

    @property
    def rows_at_once(self) -> int:
        """See `ClosedForm`."""
        entries = sum(math.prod(bucket.shape[1:]) for bucket in self.tables.chunks.buckets)
        return budget.rows_of_formulas(128, 32 * max(entries, 1))

    def explain_block(
        self,
        instances: TabularInstance,
        labels: Int[Array, "rows labels"],
        variance: Float[Array, "rows labels"] | None = None,
    ) -> LinearFit:
        """Explanations of a block of rows; see `ClosedForm`."""
        columns = columns_of(instances, self.setting)
        mean, coef = self.before_selection(instances, columns)
        return assemble(mean, coef, columns, labels, variance, self.setting)

    def before_selection(
        self, instances: TabularInstance, columns: Columns
    ) -> tuple[Float[Array, "rows outputs"], Float[Array, "rows outputs features"]]:
        """Means of the outputs, and the coefficients of the regression on all columns."""
        mean, coef = self._sums(self._rows(instances, columns))
        mean = mean + self.tables.base[:, None]
        if self.tables.rest_is_last:
            rest = self.tables.total - mean.sum(0)
            mean = jnp.concatenate([mean, rest[None]])
            coef = jnp.concatenate([coef, -coef.sum(1, keepdims=True)], 1)
        return mean.T, jnp.transpose(coef, (2, 1, 0))

    def _rows(self, instances: TabularInstance, columns: Columns) -> _Rows:
        by_column: Columns = jax.tree.map(jnp.transpose, columns)
        first = jnp.asarray(self.setting.stats.offsets)[:-1]
        code = jnp.where(instances.bins < 0, -1, instances.bins - first)
        # A held column's table says whether x meets a condition, not by how much more likely.
        step = jnp.where(self.setting.perturbed[:, None], by_column.mean - by_column.untilted, 1)
        return _Rows(code.T, step, by_column, instances.values.T)

    def _sums(self, rows: _Rows) -> tuple[Array, Array]:
        """Mean of the outputs (outputs, rows) and coefficients (features, outputs, rows)."""
        chunks, wide_gain = self.tables.chunks, self.tables.wide_gain
        if chunks.source.shape[0] == 1:
            only = jax.tree.map(lambda leaf: leaf[0], chunks)
            return self._chunk_sums(only, wide_gain, rows)
        outputs, (features, count) = self.tables.base.shape[0], rows.code.shape
        mean = jnp.zeros((outputs, count), rows.step.dtype)
        coef = jnp.zeros((features, outputs, count), rows.step.dtype)

        def add(total: Pytree, chunk: Chunk) -> tuple[Pytree, None]:
            return jax.tree.map(jnp.add, total, self._chunk_sums(chunk, wide_gain, rows)), None

        return jax.lax.scan(add, (mean, coef), chunks)[0]

    def _chunk_sums(self, chunk: Chunk, wide_gain: Array, rows: _Rows) -> tuple[Array, Array]:
        chance, slope = self._conditions(chunk, wide_gain, rows)
        mean, others = jnp.zeros((self.tables.base.shape[0], chance.shape[1]), chance.dtype), []
        for bucket, value in zip(chunk.buckets, chunk.bucket_values, strict=True):
            factors = chance[bucket]  # in one go: a gather for each position compiles for longer
            without = leave_one_out(factors)
            others += without
            mean += jnp.matmul(value, without[0] * factors[0], precision="highest")
        features = rows.code.shape[0]
        if not others:
            return mean, jnp.zeros((features, *mean.shape), mean.dtype)
        terms = jnp.concatenate(others)[chunk.source] * slope[chunk.tile_condition]
        by_tile = jnp.matmul(chunk.tile_value, terms, precision="highest")
        coef = jax.ops.segment_sum(by_tile, chunk.tile_column, features, indices_are_sorted=True)
        return mean, coef

    def _conditions(self, chunk: Chunk, wide_gain: Array, rows: _Rows) -> tuple[Array, Array]:
        """Chance of each condition, and the coefficient of its column in it; 1 at the end."""
        narrow, wide = chunk.narrow, chunk.wide
        chances, slopes = [], []
        if narrow.column.size:
            code = rows.code[narrow.column]
            slope = jnp.zeros(code.shape, rows.step.dtype)
            for number, gain in enumerate(narrow.gain):
                slope = jnp.where(code == number, gain[:, None], slope)
            chances.append(narrow.mean[:, None] + rows.step[narrow.column] * slope)
            slopes.append(slope)
        if wide.column.size:
            code = rows.code[wide.column]
            slope = jnp.where(code < 0, 0, wide_gain[wide.first[:, None] + jnp.maximum(code, 0)])
            chances.append(wide.mean[:, None] + rows.step[wide.column] * slope)
            slopes.append(slope)
        if chunk.drawn.column.size:
            of_normal = (
                self._matched if self.setting.config.encoding == "same_bin" else self._normal
            )
            chance, slope = of_normal(chunk.drawn, rows)
            chances.append(chance)
            slopes.append(slope)
        if chunk.held.column.size:
            held = chunk.held
            x = rows.values[held.column]
            meets = (held.low[:, None] < x) & (x <= held.high[:, None])
            meets |= jnp.isnan(x) & held.missing[:, None]
            chances.append(meets.astype(rows.step.dtype))
            slopes.append(jnp.zeros(x.shape, rows.step.dtype))
        chances.append(jnp.ones((1, rows.code.shape[1]), rows.step.dtype))
        slopes.append(jnp.zeros_like(chances[-1]))
        return jnp.concatenate(chances), jnp.concatenate(slopes)

    def _normal(self, drawn: Interval, rows: _Rows) -> tuple[Array, Array]:
        """For variables in standard deviations, under a normal law."""
        mean, std = rows.columns.normal_mean[drawn.column], rows.columns.normal_std[drawn.column]
        low, high = (drawn.low[:, None] - mean) / std, (drawn.high[:, None] - mean) / std
        density = (jnp.exp(-0.5 * low**2) - jnp.exp(-0.5 * high**2)) / (2 * jnp.pi) ** 0.5
        return interval(low, high), density / std

    def _matched(self, drawn: Interval, rows: _Rows) -> tuple[Array, Array]:
        """For matches with x's own bin, of numbers under a normal law."""
        columns, k = rows.columns, drawn.column
        mean, std = columns.normal_mean[k], columns.normal_std[k]
        low, high = (drawn.low[:, None] - mean) / std, (drawn.high[:, None] - mean) / std
        own_low, own_high = (columns.low[k] - mean) / std, (columns.high[k] - mean) / std
        p = columns.untilted[k]
        whole = interval(low, high)
        inside = interval(jnp.maximum(low, own_low), jnp.minimum(high, own_high))
        varied = (p > 0) & (p < 1)
        slope = jnp.where(varied, inside / jnp.where(p > 0, p, 1) - whole, 0)
        slope = slope / jnp.where(varied, 1 - p, 1)
        return whole + rows.step[k] * slope, slope


def leave_one_out(factors: Float[Array, "positions boxes rows"]) -> list[Array]:
    """For each position of some boxes the product of the factors at all others.

    Returns:
        One (boxes, rows) per position: what comes before times what comes after. No division,
        because factors can be 0.

    Example:
        >>> [float(a[0, 0]) for a in leave_one_out(jnp.array([[[2.0]], [[3.0]], [[0.0]]]))]
        [0.0, 0.0, 6.0]
    """
    one = jnp.ones_like(factors[0])
    if len(factors) > UNROLLED:

        def step(product: Array, factor: Array) -> tuple[Array, Array]:
            return product * factor, product

        before = jax.lax.scan(step, one, factors)[1]
        after = jax.lax.scan(step, one, factors, reverse=True)[1]
        return list(before * after)
    before, after = [one], [one]
    for factor in factors[:-1]:
        before.append(before[-1] * factor)
    for factor in factors[:0:-1]:
        after.append(after[-1] * factor)
    return [a * b for a, b in zip(before, reversed(after), strict=True)]
