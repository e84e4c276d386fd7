"""Files by suffix, checked before the work starts and written whole or not at all."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lime_jax.cli.errors import InputError
from lime_jax.optional import require
from lime_jax.results.whole_files import replacing

if TYPE_CHECKING:
    from lime_jax.results.explanations import Explanations

TABLE_SUFFIXES = (".parquet", ".csv", ".npz")


def known_suffix(path: Path, known: Sequence[str], argument: str) -> str:
    """The suffix of a path, in lower case."""
    suffix = path.suffix.lower()
    if suffix not in known:
        raise InputError(
            f"{argument}: expected a file that ends in {', '.join(known)}, got {str(path)!r}"
        )
    return suffix


def is_folder(path: str) -> bool:
    """Whether `--out` names a folder: it is one, ends in a slash, or has no suffix."""
    return path.endswith(("/", os.sep)) or Path(path).is_dir() or not Path(path).suffix


def make_folder(path: str) -> Path:
    """Make the folder of `--out`, with those above it."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out: cannot make the folder {folder} ({error.strerror})") from error
    return folder


def check_writable(path: str | Path, known: Sequence[str], argument: str) -> Path:
    """See that a file can be written, before long work is done for it; of a link, the target."""
    path = Path(path)
    suffix = known_suffix(path, known, argument)
    if suffix == ".parquet":
        needed_by = f"{argument}: a .parquet file"
        require("pyarrow", extra="cli", needed_by=needed_by, alternative=", or write .csv")
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise InputError(f"{argument}: {path} is a folder")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(
            f"{argument}: cannot write to the folder {path.parent} ({error.strerror})"
        ) from error
    return path


def write_explanations(explanations: Explanations, path: Path) -> None:
    """Write the tidy table as `.parquet` or `.csv`, or everything as `.npz`: whole, or no file."""
    with replacing(path) as aside:
        suffix = path.suffix.lower()
        if suffix == ".npz":
            explanations.save(aside)
        elif suffix == ".csv":
            _write_csv(explanations, aside)
        else:
            _write_parquet(explanations, aside)


def _write_csv(explanations: Explanations, path: Path) -> None:
    table = explanations.to_dict()
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))


def _write_parquet(explanations: Explanations, path: Path) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(explanations.to_arrow(), path)
