"""What explanations hold whose features are each row's own players."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from lime_jax.results.arrays import ExplanationArrays


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MaskedArrays(ExplanationArrays):
    """Explanations by masks of players that are a row's own, and have no names but in it."""

    features_by_row: ClassVar[bool] = True
    named_by_row: ClassVar[bool] = True

    def replicates_of(self, row: int) -> int:
        """Replicates that an instance's standard errors come from; 0 where all masks were asked.

        Args:
            row: its number.

        Returns:
            As in `Explanations.replicates_of`.

        Example:
            >>> text_explanations.replicates_of(0)
            0
        """
        return 0 if self.asked_all(row) else super().replicates_of(row)

    def asked_all(self, row: int) -> bool:
        """Whether all masks of an instance were asked, so that there is no noise.

        Args:
            row: its number.

        Returns:
            True for instances of few players, also of none.

        Example:
            >>> text_explanations.asked_all(0)
            True
        """
        players = int(self.present[row].sum())
        return players <= 62 and int(self.samples_used[row]) in (0, 2**players)

    def notes_of_errors(self, row: int, players: str) -> tuple[str, ...]:
        """What a page says where weights of an instance are not clear of their noise."""
        weights, errors = self.coef[row], self.std_error[row]
        known = ~np.isnan(errors)
        unclear = int((known & (np.abs(weights) < 2 * errors)).sum(1).max(initial=0))
        if not unclear:
            return ()
        return (
            f"{unclear:,} of {int(known.sum(1).max())} {players} weigh less than twice their "
            "standard error: with other samples they may weigh nothing, or the opposite.",
        )
