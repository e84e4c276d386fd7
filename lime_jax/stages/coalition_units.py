"""How many coalitions KernelSHAP asks for, and in which units."""

from __future__ import annotations

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
