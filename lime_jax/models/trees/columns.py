"""The columns that trees test, made such that every test is `value <= threshold`.

A missing value goes right by itself, since NaN is never `<=` anything. Where it goes left there is
a second column with -inf in its place. Each set of levels is a column of its own: 0 for the levels
in it, 1 for all others.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int64

from lime_jax.models.structure import TreeSum
from lime_jax.models.trees.thresholds import round_down
from lime_jax.placing import placed
from lime_jax.typing import AnyArray, Array, pytree, static

_NOT_IN_SET = 0.5


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
    plain: bool = static()  # the number columns are the raw ones, all and in order
    any_missing_left: bool = static()  # otherwise there is nothing to replace

    def __len__(self) -> int:
        """Number of columns."""
        return len(self.number) + len(self.set_column)

    def __call__(self, inputs: AnyArray) -> Array:
        """The columns (columns, rows) of raw ones (rows, raw columns)."""
        if not len(self):  # leaves alone; nodes that pad them look at one all the same
            return jnp.zeros((1, len(inputs)), jnp.result_type(float))
        raw = jnp.asarray(inputs).T
        numbers = raw if self.plain else raw[self.number]
        if self.any_missing_left:
            goes_left = self.missing_left[:, None] & jnp.isnan(numbers)
            numbers = jnp.where(goes_left, -jnp.inf, numbers)
        if not len(self.set_column):
            return numbers
        code = raw[self.set_column]
        known = (code >= 0) & (code < self.set_length[:, None])
        entry = jnp.where(known, code, 0).astype(jnp.int32) + self.set_first[:, None]
        flag = self.flags[jnp.where(known, entry, len(self.flags) - 1)]
        flag = jnp.where(jnp.isnan(code), self.set_missing[:, None], flag)
        return jnp.concatenate([numbers, flag.astype(numbers.dtype)])


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
    plain = set(wanted) <= set(range(count)) and len(wanted) > count // 2
    plain |= not inner.any()  # there has to be a column, even if nothing is tested
    if plain:
        wanted = np.arange(count)
    kinds = (trees.level_set.astype(np.int64) * 2 + side) * count + trees.column
    sets = np.unique(kinds[inner & by_set])
    column = np.zeros(len(inner), np.int64)
    column[numeric] = np.searchsorted(wanted, (side * count + trees.column)[numeric])
    column[inner & by_set] = len(wanted) + np.searchsorted(sets, kinds[inner & by_set])
    threshold = round_down(np.where(by_set, _NOT_IN_SET, trees.threshold), dtype)
    chosen = [np.asarray(trees.level_sets[k], bool) for k in sets // max(2 * count, 1)]
    length = np.array([len(flags) for flags in chosen], np.int32)
    columns = Columns(
        number=placed(wanted % max(count, 1), jnp.int32),
        missing_left=placed(wanted >= count),
        set_column=placed(sets % max(count, 1), jnp.int32),
        set_first=placed(np.cumsum(length) - length, jnp.int32),
        set_length=placed(length),
        set_missing=placed(1 - sets // max(count, 1) % 2, jnp.uint8),
        flags=placed(~np.concatenate([*chosen, [False]]), jnp.uint8),
        plain=plain,
        any_missing_left=bool((wanted >= count).any()),
    )
    return columns, column, threshold
