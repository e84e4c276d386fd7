"""Files of explanations: read back as what they were written from."""

from __future__ import annotations

from pathlib import Path

from lime_jax.results.explanations import Explanations
from lime_jax.results.parts import StoredExplanations, read_part
from lime_jax.results.saved import read


def load(path: str | Path) -> Explanations | StoredExplanations:
    """Read what `Explanations.save` or a job wrote.

    Args:
        path: of the file, of a job's folder, or of one of its parts (`.parquet`), which may be
            read before the job is finished.

    Returns:
        `Explanations`, `ImageExplanations` or those of another kind; for a folder
        `StoredExplanations`, which read when they are asked.

    Raises:
        ValueError: if the file is something else, or the job is not finished.
        ImportError: if a job's folder is read and pyarrow is missing.

    Example:
        >>> explanations.save(folder / "explanations.npz")
        >>> lime_jax.load(folder / "explanations.npz").coef.shape
        (4, 1, 2)
    """
    path = Path(path)
    if path.is_dir():
        return StoredExplanations(path)
    return read_part(path) if path.suffix.lower() == ".parquet" else read(path)
