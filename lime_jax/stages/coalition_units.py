"""How many coalitions KernelSHAP asks for, and in which units."""

from __future__ import annotations

import numpy as np

from lime_jax.typing import pytree, static

_UNIT_SIZE = 64  # coalitions of a unit, at most
_FEW = 128  # coalitions of seven players: all of them are asked


@pytree
class ShapleyDesign:
    """How many coalitions there are, in which units.

    Attributes:
        num_replicates: units, each asked for on its own.
        block_size: coalitions in each, an even number.
    """

    num_replicates: int = static()
    block_size: int = static()

    @property
    def num_blocks(self) -> int:
        """Blocks in one unit."""
        return 1

    @property
    def num_samples(self) -> int:
        """Coalitions in all units together."""
        return self.num_replicates * self.block_size

    @property
    def num_groups(self) -> int:
        """Parts that standard errors come from: complementary pairs."""
        return self.num_samples // 2


def make_shapley_design(num_players: int, num_samples: int | str = "auto") -> ShapleyDesign:
    """Plan the coalitions of a budget; "auto" is `2 * num_players + 2048`.

    All `2**num_players` coalitions where that is not more, and where they are 128 at most: so few
    that a drawn part of them says little of its own error. Otherwise `num_samples`, or a few more
    to fill the last unit: a function of `num_samples` alone.
    """
    if num_players < 1:
        raise ValueError(f"`num_players` must be at least 1, got {num_players}.")
    needed = fewest_coalitions(num_players)
    if num_samples == "auto":
        num_samples = 2 * num_players + max(2048, num_players + 2)
    elif isinstance(num_samples, str) or num_samples < needed:
        raise ValueError(
            f'`num_samples` must be "auto" or at least {needed} for {num_players} players, got '
            f"{num_samples!r}. Ask for more coalitions, or make groups of players."
        )
    design = _in_units(num_samples)
    everything = 2 ** min(num_players, 62)
    return _in_units(everything) if everything <= max(design.num_samples, _FEW) else design


def spread_coalitions(num_players: int, num_background: float | int) -> int:
    """Coalitions of each background row by default, where every row has its own.

    About so many that the values are as sure as those of `2 * num_players + 2048` that all rows
    share: the errors of many rows average out, but for few players 2,048 shared coalitions are
    nearly all there are. Measured on the probabilities of boosted trees of 20 to 60 columns and on
    the exponential of a sum of trees of 15, with 10 and with 100 background rows: 0.7 to 1.2 times
    their error.

    Args:
        num_background: rows; as many equal ones as weigh as much, where they count unequally.

    Example:
        >>> spread_coalitions(30, 100), spread_coalitions(30, 10), spread_coalitions(15, 100)
        (401, 1090, 1054)
    """
    share = max(1 / 6, (1 + (num_background - 1) / 6) ** -0.75, 2 ** (-(num_players - 11) / 4))
    return 2 * num_players + max(round(2048 * min(share, 1)), num_players + 2)


def in_even_parts(num_samples: int, most: int = 1024) -> ShapleyDesign:
    """Units of one size, as large as they can be, that hold so many coalitions and no more.

    Example:
        >>> in_even_parts(32_000)
        ShapleyDesign(num_replicates=32, block_size=1000)
    """
    sizes = np.arange(1, min(num_samples, most) + 1)
    size = int(sizes[num_samples % sizes == 0].max())
    return ShapleyDesign(num_replicates=num_samples // size, block_size=size)


def fewest_coalitions(num_players: int) -> int:
    """Coalitions that a fit needs: half as many pairs again as there are players, or all."""
    return min(3 * num_players + 2, 2 ** min(num_players, 62))


def _in_units(num_samples: int) -> ShapleyDesign:
    """Units of one size that hold the coalitions with the fewest to spare."""
    pairs = -(-num_samples // 2)
    fewest = -(-2 * pairs // _UNIT_SIZE)
    plans = [(-(-pairs // units) * units, units) for units in range(fewest, 2 * fewest)]
    filled, units = min(plans)
    return ShapleyDesign(num_replicates=units, block_size=2 * filled // units)
