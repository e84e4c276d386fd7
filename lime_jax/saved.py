"""Files of explanations: read back as what they were written from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lime_jax.explanations import Explanations
from lime_jax.image_explanations import ImageExplanations

__all__ = ["load"]

_KINDS = {one.kind: one for one in (Explanations, ImageExplanations)}


def load(path: str | Path) -> Explanations:
    """Read what `Explanations.save` wrote.

    Args:
        path: of the file.

    Returns:
        The explanations; `ImageExplanations` where images were explained.

    Raises:
        ValueError: if the file is something else.
    """
    try:
        opened = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"`path`: expected a file of `Explanations.save`, got {path}") from error
    with opened as file:
        try:
            facts = json.loads(str(file["meta"]))
            kind = _KINDS[facts.get("kind", Explanations.kind)]
            return kind(**kind._restored(file, facts))
        except KeyError as error:
            raise ValueError(
                f"`path`: expected a file of `Explanations.save`, but {path} lacks what such a "
                f"file holds ({error.args[0]})"
            ) from error
