"""The columns that trees test, made such that every test is `value <= threshold`.

A missing value goes right by itself, since NaN is never `<=` anything. Where it goes left there is
a second column with -inf in its place. Each set of levels is a column of its own: 0 for the levels
in it, 1 for all others.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int64

from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.thresholds import round_down
from lime_jax.placing import placed
from lime_jax.sizes import size_for
from lime_jax.typing import AnyArray, Array, pytree, static

_NOT_IN_SET = 0.5

_SETS_TOGETHER = 8
"""Sets in one pass over the rows of a block."""


@pytree
class Columns:
    """What nodes compare with their thresholds, for a block of rows."""

    number: Array
    missing_left: Array  # of these, whether a missing one is -inf here
    set_column: Array  # raw column of each set of levels
    set_first: Array
    set_length: Array  # how many it has; other codes are not in the set
    set_missing: Array  # 0 where a missing code (NaN) goes left all the same, else 1
    # 0 by code for levels in the set, 1 for others; at the very end a 1 for other codes
    flags: Array
    num_sets: Array  # arrays have room for more
    any_missing_left: bool = static()  # otherwise there is nothing to replace

    def __len__(self) -> int:
        """Number of columns."""
        return len(self.number) + len(self.set_column)

    def __call__(self, inputs: AnyArray) -> Array:
        """The columns (columns, rows) of raw ones (rows, raw columns)."""
        if not inputs.shape[1]:  # leaves alone; nodes that pad them look at one all the same
            inputs = jnp.zeros((len(inputs), 1), jnp.result_type(float))
        raw = jnp.asarray(inputs).T
        numbers = raw[self.number]
        if self.any_missing_left:
            goes_left = self.missing_left[:, None] & jnp.isnan(numbers)
            numbers = jnp.where(goes_left, -jnp.inf, numbers)
        if not len(self.set_column):
            return numbers

        def some_sets(i: Array, made: Array) -> Array:
            flags = self._in_sets(raw, i * _SETS_TOGETHER).astype(made.dtype)
            start = len(self.number) + i * _SETS_TOGETHER
            return jax.lax.dynamic_update_slice_in_dim(made, flags, start, 0)

        made = jnp.pad(numbers, ((0, len(self.set_column)), (0, 0)))
        passes = (self.num_sets + _SETS_TOGETHER - 1) // _SETS_TOGETHER
        return jax.lax.fori_loop(0, passes, some_sets, made)

    def _in_sets(self, raw: Array, start: Array) -> Array:
        """0 where a code is in each of some sets, else 1."""
        column, first, length, missing = (
            jax.lax.dynamic_slice_in_dim(part, start, _SETS_TOGETHER)[:, None]
            for part in (self.set_column, self.set_first, self.set_length, self.set_missing)
        )
        code = raw[column[:, 0]]
        known = (code >= 0) & (code < length)
        entry = jnp.where(known, code, 0).astype(jnp.int32) + first
        flag = self.flags[jnp.where(known, entry, len(self.flags) - 1)]
        return jnp.where(jnp.isnan(code), missing, flag)


def columns_of(
    trees: TreeSum,
) -> tuple[Columns, Int64[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """The columns that trees need; which of them each node tests (0 at leaves), and where."""
    dtype = np.dtype(jnp.result_type(float))
    count = trees.num_features
    inner, by_set = trees.column >= 0, trees.level_set >= 0
    numeric = inner & ~by_set
    side = trees.missing_left.astype(np.int64)
    wanted = np.unique((side * count + trees.column)[numeric])
    # There has to be a column, even if nothing is tested.
    room = size_for(max(len(wanted), 1))
    kinds = (trees.level_set.astype(np.int64) * 2 + side) * count + trees.column
    sets = np.unique(kinds[inner & by_set])
    column = np.zeros(len(inner), np.int64)
    column[numeric] = np.searchsorted(wanted, (side * count + trees.column)[numeric])
    column[inner & by_set] = room + np.searchsorted(sets, kinds[inner & by_set])
    threshold = round_down(np.where(by_set, _NOT_IN_SET, trees.threshold), dtype)
    chosen = [np.asarray(trees.level_sets[k], bool) for k in sets // max(2 * count, 1)]
    length = np.array([len(flags) for flags in chosen], np.int32)
    flags = ~np.concatenate([*chosen, [False]])
    more, more_sets = room - len(wanted), size_for(len(sets), least=16, parts=1) - len(sets)
    more_flags = size_for(len(flags), least=1024, parts=1) - len(flags) if len(sets) else 0

    def pad(values: np.ndarray, more: int, dtype: object) -> Array:
        return placed(np.pad(values, (0, more)), dtype)

    columns = Columns(
        number=pad(wanted % max(count, 1), more, jnp.int32),
        missing_left=pad(wanted >= count, more, bool),
        set_column=pad(sets % max(count, 1), more_sets, jnp.int32),
        set_first=pad(np.cumsum(length) - length, more_sets, jnp.int32),
        set_length=pad(length, more_sets, jnp.int32),
        set_missing=pad(1 - sets // max(count, 1) % 2, more_sets, jnp.uint8),
        flags=placed(np.pad(flags, (0, more_flags), constant_values=True), jnp.uint8),
        num_sets=placed(len(sets), jnp.int32),
        any_missing_left=bool((wanted >= count).any()),
    )
    return columns, column, threshold
