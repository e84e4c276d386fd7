"""Where a seed becomes keys."""

from __future__ import annotations

import jax
import numpy as np

from lime_jax.placing import placed
from lime_jax.typing import Array


def keys_of(seed: int) -> tuple[Array, Array]:
    """The only place where a seed becomes keys.

    Args:
        seed: of the explainer, from 0 to 2**32 - 1.

    Returns:
        The key of the shared neighborhood, and the key that rows fold their ids into.
    """
    # A key is two words; the first says what it is for. Nothing to run, so nothing to compile.
    shared, rows = (
        jax.random.wrap_key_data(placed([use, seed], np.uint32), impl="threefry2x32")
        for use in (1, 2)
    )
    return shared, rows
