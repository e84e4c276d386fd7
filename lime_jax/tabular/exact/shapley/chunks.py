"""What the device holds of the boxes of a game: arrays with a leading axis of chunks."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lime_jax.typing import Array, Bool, Float, Int, UInt32, pytree, static


@pytree
class LevelColumns:
    """Conditions on levels as columns of 0 and 1, which come after the raw ones.

    Attributes:
        flags: by code; the last one is for levels that no condition knows.
    """

    column: Int[Any, " sets"]
    flags: Any

    def __call__(self, raw: Float[Array, "features rows"]) -> Float[Array, "columns rows"]:
        """All columns of some rows."""
        if not self.column.shape[0]:
            return raw
        code, last = raw[self.column], self.flags.shape[1] - 1
        code = jnp.where((code >= 0) & (code < last), code, last).astype(jnp.int32)
        flag = self.flags[jnp.arange(len(self.column))[:, None], code]
        return jnp.concatenate([raw, flag.astype(raw.dtype)])


@pytree
class Tests:
    """Conditions of boxes: `not value <= low and value <= high`, or missing where that is allowed.

    Attributes:
        missing: whether a missing number passes.
        flag: bit of the position that fails with it, by word; 0 for padding.
    """

    column: Int[Any, "*chunks tests boxes"]
    low: Float[Any, "*chunks tests boxes"]
    high: Float[Any, "*chunks tests boxes"]
    missing: Bool[Any, "*chunks tests boxes"]
    flag: UInt32[Any, "*chunks tests words boxes"]

    def missed(self, columns: Float[Array, "columns rows"]) -> list[Array]:
        """The positions that rows miss in each box of one chunk, (boxes, rows), by word."""
        none = jnp.zeros((*self.flag.shape[1:], columns.shape[1]), jnp.uint32)

        # A loop, because its result is not fused into the many places that read it.
        def fail(missed: Array, test: Tests) -> tuple[Array, None]:
            value = columns[test.column]
            met = ~(value <= test.low[:, None]) & (value <= test.high[:, None])
            met |= jnp.isnan(value) & test.missing[:, None]
            return missed | jnp.where(met, jnp.uint32(0), test.flag[..., None]), None

        return list(jax.lax.scan(fail, none, self)[0])


@pytree
class Tiles:
    """Positions sorted by player, in tiles that each belong to one.

    Attributes:
        source: of a table's tiles the box, of others the place of the position.
        value: of their boxes; 0 for padding.
    """

    source: Int[Any, "*chunks tiles slots"]
    value: Float[Any, "*chunks tiles outputs slots"]
    player: Int[Any, "*chunks tiles"]


@pytree
class Short:
    """Boxes with tables.

    Attributes:
        tests: of boxes of one length each.
        lines: Shapley values by missed set, position after position, box after box.
        first: where the line of each position in the tiles begins.
    """

    tests: tuple[Tests, ...]
    value: tuple[Float[Any, "*chunks outputs _"], ...]
    lines: Float[Any, "*chunks cells"]
    tiles: Tiles
    first: Int[Any, "*chunks tiles slots"]


@pytree
class Long:
    """Boxes with the patterns of the background.

    Attributes:
        missed: sets that background rows miss, by word.
        weight: of these rows; 0 for padding.
        held: 1 for a box whose last position belongs to no player.
        tiles: of all; the place of a position is `positions` times its box, plus its own.
        positions: of the longest box (static).
    """

    tests: Tests
    value: Float[Any, "*chunks outputs boxes"]
    missed: UInt32[Any, "*chunks words boxes patterns"]
    weight: Float[Any, "*chunks boxes patterns"]
    held: Int[Any, "*chunks boxes"]
    tiles: Tiles
    positions: int = static()
