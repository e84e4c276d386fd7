"""The outputs that rows ask for: tables are of those, where a model has many."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from lime_jax.engine.asked import MANY
from lime_jax.models.convert.sums import parts_of
from lime_jax.models.structure import Structure

Outputs = tuple[int, ...]


def of_asked_outputs(
    structure: Structure, labels: Int[np.ndarray, "rows labels"]
) -> tuple[Structure, Int[np.ndarray, "rows labels"], Outputs | None]:
    """What a model says of the outputs that some row asks for.

    Returns:
        The model of these outputs, the labels among them, and which they are; all as it was, and
        None, where the model has few outputs or most are asked for.
    """
    count, outputs = structure.num_outputs, np.unique(labels)
    trees, _ = parts_of(structure)
    together = trees is not None and trees.value.shape[1] not in (1, count)
    if count < MANY or not 0 < len(outputs) <= count // 2 or together:
        return structure, labels, None
    return structure.of_outputs(outputs), np.searchsorted(outputs, labels), tuple(outputs.tolist())
