"""Exact LIME for a sum over columns: each column's function is explained by itself.

Under a product kernel columns stay independent, so the coefficient of a column is the regression
of that column's own function, and the variance of the model is the sum of the columns' variances.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Float64
from scipy.special import ndtr

from lime_jax.engine import budget
from lime_jax.models.structure import Additive
from lime_jax.placing import placed
from lime_jax.tabular.domain import TabularInstance
from lime_jax.tabular.exact.lime.assemble import assemble
from lime_jax.tabular.exact.lime.columns import Columns, Setting, columns_of
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import Array, Float, Int, LinearFit, pytree

MANY_STEPS = 100
"""Standard deviations of so many steps are those of a law without steps, but for a constant."""


@pytree
class AdditiveTables:
    """What depends on the model and the table only, built in float64.

    One entry per flat bin, then one per column for values without a bin: there a column's function
    stands at its mean over all bins, which is 0 here.

    Attributes:
        effect: mean of the column's function in each bin, less its mean over all bins.
        square: mean of its square there.
        constant: the columns' means over all bins and the intercept.
        slope: of numeric columns, per unit.
        at_center: what a numeric column adds at its `center`, less its mean over all bins.
    """

    effect: Float[Array, "bins_and_columns outputs"]
    square: Float[Array, "bins_and_columns outputs"]
    constant: Float[Array, " outputs"]
    slope: Float[Array, "features outputs"]
    at_center: Float[Array, "features outputs"]


def additive_tables(model: Additive, stats: TabularStats) -> AdditiveTables:
    """Tables for a model and a table."""
    mean, variance = _moments_in_bins(stats)
    feature, slope = stats.bin_feature, model.slope
    at_center = (stats.center - model.shift)[:, None] * slope
    line = mean[:, None] * slope[feature] + at_center[feature]
    spread = variance[:, None] * slope[feature] ** 2
    missing = stats.missing_bin[(stats.missing_bin >= 0) & ~stats.categorical]
    line[missing], spread[missing] = model.missing[feature[missing]], 0
    for k in np.flatnonzero(stats.categorical):
        bins = np.arange(stats.offsets[k], stats.offsets[k + 1])
        if model.level_offsets[k] == model.level_offsets[k + 1]:
            continue  # numbers to the model: a line through the levels
        level = model.level_offsets[k] + bins - bins[0]
        line[bins], spread[bins] = model.level_value[level], 0
    probability = stats.probability[:, None]
    whole = np.zeros((stats.num_features, model.num_outputs))
    np.add.at(whole, feature, np.where(probability > 0, probability * line, 0))
    effect = np.where(probability > 0, line - whole[feature], 0)
    square = effect**2 + spread
    total = np.zeros_like(whole)
    np.add.at(total, feature, probability * square)
    float_ = jnp.result_type(float)
    return AdditiveTables(
        effect=placed(np.concatenate([effect, np.zeros_like(whole)]), float_),
        square=placed(np.concatenate([square, total]), float_),
        constant=placed(model.intercept + whole.sum(0), float_),
        slope=placed(slope, float_),
        at_center=placed(at_center - whole, float_),
    )


def _moments_in_bins(
    stats: TabularStats,
) -> tuple[Float64[np.ndarray, " bins"], Float64[np.ndarray, " bins"]]:
    """Mean and variance of the samples of every bin, relative to `center`.

    Of the truncated normal; and of what it is rounded to where the column has a step.
    """
    wide, step = stats.bin_std > 0, stats.step[stats.bin_feature]
    std = np.where(wide, stats.bin_std, 1.0)
    ends = stats.bin_lower - step / 2, stats.bin_upper + step / 2
    low, high = ((v - stats.bin_mean) / std for v in ends)
    low, high = np.where(wide, low, -1.0), np.where(wide, high, 1.0)
    mass = ndtr(high) - ndtr(low)
    wide &= mass > 0  # a mean far outside its bin leaves nothing to average
    mass = np.where(mass > 0, mass, 1.0)
    at_low, at_high = (np.exp(-0.5 * t**2) / np.sqrt(2 * np.pi) for t in (low, high))
    shift = (at_low - at_high) / mass
    shrink = 1 + (low * at_low - high * at_high) / mass - shift**2
    mean = np.where(wide, stats.bin_mean + std * shift, stats.bin_mean)
    variance = np.where(wide, std**2 * shrink, 0.0)
    for b in np.flatnonzero(wide & (step > 0)):
        if std[b] < MANY_STEPS * step[b]:
            mean[b], variance[b] = _rounded_moments(stats, int(b), float(step[b]))
        else:
            # Euler and Maclaurin's first terms; of the variance Sheppard's correction.
            mean[b] -= step[b] ** 2 / 12 * (at_high - at_low)[b] / (mass * std)[b]
            variance[b] += step[b] ** 2 / 12
    return mean, variance


def _rounded_moments(stats: TabularStats, b: int, step: float) -> tuple[float, float]:
    """Mean and variance of one bin's multiples of `step`, one by one."""
    middle, std = stats.bin_mean[b], stats.bin_std[b]
    first, last = (np.rint(ends[b] / step) for ends in (stats.bin_lower, stats.bin_upper))
    reach = 9 * std / step  # there is nothing beyond
    first = min(max(first, np.floor(middle / step - reach)), last)
    last = max(min(last, np.ceil(middle / step + reach)), first)
    values = step * np.arange(first, last + 1)
    cuts = (np.append(values, values[-1] + step) - step / 2 - middle) / std
    below, above = ndtr(cuts), ndtr(-cuts)
    # Far in a tail differences of chances only keep their digits on the side near 0.
    mass = np.where(cuts[:-1] > 0, above[:-1] - above[1:], below[1:] - below[:-1])
    mass = mass / mass.sum()
    mean = float(mass @ values)
    return mean, float(mass @ np.square(values - mean))


@pytree
class AdditiveForm:
    """A sum over columns, explained in closed form; see `ClosedForm`."""

    tables: AdditiveTables
    setting: Setting

    @property
    def rows_at_once(self) -> int:
        """See `ClosedForm`."""
        numbers = max(self.tables.slope.size, 1)
        return budget.rows_of_formulas(min(128, 2**15 // numbers), 64 * numbers, most=2**14)

    def explain_block(
        self,
        instances: TabularInstance,
        labels: Int[Array, "rows labels"],
        variance: Float[Array, "rows labels"] | None = None,
    ) -> LinearFit:
        """Explanations of a block of rows; see `ClosedForm`."""
        del variance
        columns = columns_of(instances, self.setting)
        mean, coef, spread = self.before_selection(instances, columns)
        variance = jnp.take_along_axis(spread, labels, 1)
        return assemble(mean, coef, columns, labels, variance, self.setting)

    def before_selection(
        self, instances: TabularInstance, columns: Columns
    ) -> tuple[
        Float[Array, "rows outputs"],
        Float[Array, "rows outputs features"],
        Float[Array, "rows outputs"],
    ]:
        """Means of the outputs, coefficients of the regression on all columns, and variances."""
        coef, mean, spread = self._drawn_from_bins(instances, columns)
        if self.setting.config.sampling != "bins":
            numeric = ~jnp.asarray(self.setting.stats.drawn_by_frequency)[:, None]
            lines = self._drawn_from_a_normal(columns)
            coef, mean, spread = (
                jnp.where(numeric, of_line, of_bins)
                for of_line, of_bins in zip(lines, (coef, mean, spread), strict=True)
            )
        varies = self.setting.perturbed[:, None]
        mean = jnp.where(varies, mean, self._at(instances))
        spread = jnp.where(varies, jnp.maximum(spread, 0), 0)
        mean = self.tables.constant + mean.sum(1)
        return mean, jnp.swapaxes(coef, 1, 2), spread.sum(1)

    def _slots(self, instances: TabularInstance) -> Int[Array, "rows features"]:
        count = self.setting.stats.num_features
        none = self.tables.effect.shape[0] - count + jnp.arange(count)
        return jnp.where(instances.bins < 0, none, instances.bins)

    def _at(self, instances: TabularInstance) -> Float[Array, "rows features outputs"]:
        """The columns' functions at x itself."""
        values = instances.values[:, :, None]
        line = values * self.tables.slope + self.tables.at_center
        by_bin = jnp.asarray(self.setting.stats.categorical)[:, None] | jnp.isnan(values)
        return jnp.where(by_bin, self.tables.effect[self._slots(instances)], line)

    def _drawn_from_bins(
        self, instances: TabularInstance, columns: Columns
    ) -> tuple[Array, Array, Array]:
        """Coefficient, mean and variance of every column's function, (rows, features, outputs)."""
        slot = self._slots(instances)
        effect, square = self.tables.effect[slot], self.tables.square[slot]
        total = self.tables.square[-self.setting.stats.num_features :]
        p, q = columns.untilted[:, :, None], columns.mean[:, :, None]
        rest = jnp.where(p < 1, 1 - p, 1)
        other = -p * effect / rest
        mean = q * effect + (1 - q) * other
        variance = q * square + (1 - q) * (total - p * square) / rest - mean**2
        return effect - other, mean, variance

    def _drawn_from_a_normal(self, columns: Columns) -> tuple[Array, Array, Array]:
        """The same for numeric columns; a function is a line in the standardized value s."""
        stats, middle, std = self.setting.stats, columns.normal_mean, columns.normal_std
        scale = jnp.asarray(stats.scale)[:, None] * self.tables.slope
        origin = jnp.asarray(stats.mean)[:, None] * self.tables.slope + self.tables.at_center
        if self.setting.config.encoding == "standardized":
            one = jnp.ones_like(middle)[:, :, None]
            return scale * one, scale * middle[:, :, None] + origin, (scale * std[:, :, None]) ** 2
        a, b = ((edge - middle) / std for edge in (columns.low, columns.high))
        p, q = columns.untilted, columns.mean
        at_a, at_b = norm.pdf(a), norm.pdf(b)
        some, rest = jnp.where(p > 0, p, 1), jnp.where(p < 1, 1 - p, 1)
        # Means of (s - middle) / std and of its square, inside x's bin and outside.
        first = (at_a - at_b) / some
        second = 1 + (jnp.where(at_a > 0, a, 0) * at_a - jnp.where(at_b > 0, b, 0) * at_b) / some
        first, second = jnp.where(p > 0, first, 0), jnp.where(p > 0, second, 1)
        outside, square = -p * first / rest, (1 - p * second) / rest
        mean = q * first + (1 - q) * outside
        variance = q * second + (1 - q) * square - mean**2
        gain, mean, std = (v[:, :, None] for v in (std * (first - outside), mean * std, std))
        level = scale * (middle[:, :, None] + mean) + origin
        return scale * gain, level, (scale * std) ** 2 * variance[:, :, None]
