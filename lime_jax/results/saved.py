"""Files of explanations: read back as what they were written from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lime_jax.results.arrow import KINDS
from lime_jax.results.explanations import Explanations
from lime_jax.results.parts import StoredExplanations, read_part
from lime_jax.results.row_index import restore_ids

__all__ = ["load"]


def load(path: str | Path) -> Explanations | StoredExplanations:
    """Read what `Explanations.save` or a job wrote.

    Args:
        path: of the file, of a job's folder, or of one of its parts (`.parquet`), which may be
            read before the job is finished.

    Returns:
        The explanations; `ImageExplanations` where images were explained; for a folder
        `StoredExplanations`, which read when they are asked.

    Raises:
        ValueError: if the file is something else, or the job is not finished.
        ImportError: if a job's folder is read and pyarrow is missing.
    """
    if Path(path).is_dir():
        return StoredExplanations(path)
    if Path(path).suffix.lower() == ".parquet":
        return read_part(path)
    try:
        opened = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"`path`: expected a file of `Explanations.save`, got {path}") from error
    with opened as file:
        try:
            facts = json.loads(str(file["meta"]))
            kind = KINDS[facts.get("kind", Explanations.kind)]
            fields = kind._restored(file, facts)
            return kind(**fields, row_ids=restore_ids(file, fields["row_names"]))
        except KeyError as error:
            raise ValueError(
                f"`path`: expected a file of `Explanations.save`, but {path} lacks what such a "
                f"file holds ({error.args[0]})"
            ) from error
