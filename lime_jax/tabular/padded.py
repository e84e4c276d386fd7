"""A table as programs have it: with more columns and bins, so that similar tables have one shape.

A column more is a column of one level, which every row has: no sample differs from x there, and it
has no weight. A bin more belongs to no column. What is said of the table's own columns stays.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from lime_jax.fits.independent import IndependentMethod
from lime_jax.fits.linear import LinearMethod
from lime_jax.models.predict import DevicePredict
from lime_jax.models.structure import Additive, MixedSum, Structure
from lime_jax.placing import placed
from lime_jax.sizes import size_for
from lime_jax.tabular.config import WIDE_COLUMN
from lime_jax.tabular.domain import TabularDomain, TabularInstance
from lime_jax.tabular.stats import TabularStats
from lime_jax.typing import AnyArray, Array, LinearFit, PredictFn, pytree, replaced, static

_Method = TypeVar("_Method", IndependentMethod, LinearMethod)

_OF_COLUMNS = {"scale": 1, "categorical": True, "lowest": -np.inf, "highest": np.inf}
_OF_COLUMNS |= {"drawn_by_frequency": True, "missing_bin": -1, "center": 0, "mean": 0, "step": 0}
"""What a column more has in `TabularStats`."""

_OF_BINS = {"upper_edge": 0, "bin_mean": 0, "bin_std": 0, "bin_lower": 0, "bin_upper": 0}
_OF_BINS |= {"bin_value": 0, "is_spike": False, "cdf_lower": 0, "cdf_upper": 1, "cumulative": 1}
"""What its bin has, and one of no column."""


@dataclasses.dataclass(frozen=True, eq=False)
class PaddedTable:
    """A table, and what programs have of it."""

    table: TabularStats

    @cached_property
    def wide(self) -> np.ndarray:
        """(columns,) which have many bins, also of those that were added."""
        wide = np.diff(self.table.offsets) > WIDE_COLUMN
        count = int(wide.sum())
        more = size_for(count, least=1, parts=1) - count
        added = size_for(len(wide) + more) - len(wide)
        return np.append(wide, np.arange(added) < more)

    @property
    def num_features(self) -> int:
        """Columns, with those that were added."""
        return len(self.wide)

    @cached_property
    def stats(self) -> TabularStats:
        """Of all columns. Static facts are the same for all tables: the arrays have them too."""
        table = self.table
        more = self.num_features - table.num_features
        bins = size_for(table.num_bins + more + 1, least=64, parts=1) - table.num_bins

        def pad(name: str, value: Any, count: int) -> np.ndarray:
            return np.pad(getattr(table, name), (0, count), constant_values=value)

        probability = np.zeros(bins)
        probability[:more] = 1
        feature = np.minimum(table.num_features + np.arange(bins), self.num_features - 1)
        return replaced(
            table,
            **{name: pad(name, value, more) for name, value in _OF_COLUMNS.items()},
            **{name: pad(name, value, bins) for name, value in _OF_BINS.items()},
            probability=np.append(table.probability, probability),
            bin_feature=np.append(table.bin_feature, feature.astype(np.int32)),
            offsets=np.append(table.offsets, table.num_bins + 1 + np.arange(more, dtype=np.int32)),
            max_bins=size_for(table.max_bins, least=32, parts=1),
            categorical_columns=(),
            discrete_columns=(),
            valued_columns=(),
            whole_columns=(0,),
        )

    @cached_property
    def narrow_bins(self) -> np.ndarray:
        """Bins of the columns with few of them, then some that belong to no column."""
        owned = self.table.num_bins + self.num_features - self.table.num_features
        few = ~self.wide[self.stats.bin_feature]
        few[owned:] = False
        narrow = np.flatnonzero(few)
        # Products with many bins take most of the time of many rows: those get little room.
        parts = 2 if len(narrow) <= 64 else 16
        more = size_for(len(narrow), least=32, parts=parts) - len(narrow)
        return np.pad(narrow, (0, more), constant_values=len(few) - 1)

    def domain(self, domain: TabularDomain) -> TabularDomain:
        """The domain of all columns."""
        return dataclasses.replace(
            domain, stats=self.stats, perturbed=self.perturbed(domain.perturbed), has_levels=True
        )

    def perturbed(self, perturbed: AnyArray) -> Array:
        """Which columns vary."""
        more = self.num_features - self.table.num_features
        return placed(np.pad(np.asarray(perturbed), (0, more), constant_values=True))

    def method(self, method: _Method) -> _Method:
        """The method of all columns."""
        design = method.design.with_columns(self.num_features)
        if not isinstance(method, IndependentMethod):
            return dataclasses.replace(method, design=design)
        return dataclasses.replace(
            method,
            design=design,
            probability=placed(self.stats.probability, method.probability.dtype),
            bin_feature=placed(self.stats.bin_feature),
            narrow_columns=placed(np.flatnonzero(~self.wide), np.int32),
            wide_columns=placed(np.flatnonzero(self.wide), np.int32),
            narrow_bins=placed(self.narrow_bins, np.int32),
        )

    def instances(self, rows: TabularInstance) -> TabularInstance:
        """Rows of all columns."""
        more = self.num_features - self.table.num_features
        bins = self.table.num_bins + np.arange(more, dtype=np.int32)
        shape = (len(rows.bins), more)
        return TabularInstance(
            np.concatenate([rows.bins, np.broadcast_to(bins, shape)], 1),
            np.concatenate([rows.values, np.zeros(shape, rows.values.dtype)], 1),
        )

    def structure(self, structure: Structure) -> Structure:
        """A model that looks at its own columns only."""
        more = self.num_features - self.table.num_features
        if isinstance(structure, MixedSum):
            trees, columns = self.structure(structure.trees), self.structure(structure.columns)
            return MixedSum(trees, columns)  # pyright: ignore[reportArgumentType]
        if not isinstance(structure, Additive):
            return dataclasses.replace(structure, num_features=self.num_features)
        rows = ((0, more), (0, 0))
        return dataclasses.replace(
            structure,
            shift=np.pad(structure.shift, (0, more)),
            slope=np.pad(structure.slope, rows),
            missing=np.pad(structure.missing, rows),
            level_offsets=np.pad(structure.level_offsets, (0, more), mode="edge"),
        )

    def of_own_columns(self, model: DevicePredict[Any]) -> DevicePredict[Any]:
        """A JAX model that does not see what was added."""
        return DevicePredict(_OfFirstColumns(model, self.table.num_features))

    def cut(self, fit: LinearFit) -> LinearFit:
        """Fits of the table's own columns."""
        names, count = ("coef", "std_error", "selected", "support"), self.table.num_features
        return replaced(fit, **{name: getattr(fit, name)[..., :count] for name in names})


@pytree
class _OfFirstColumns:
    """A JAX model of the first columns."""

    model: PredictFn
    count: int = static()

    def __call__(self, inputs: Array) -> Any:
        """Call the model on a batch."""
        return self.model(inputs[:, : self.count])
